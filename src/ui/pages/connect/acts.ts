/** What the buttons of the form do to what was typed, without asking the store. Pure. */
import { findJsonErrors } from './model/json.ts'
import { parseObject, toPollerJson, toRow, toRows, type CatalogResource, type InstanceForm } from './model/form.ts'

/** A changed form. `openRow`: the row to open; null: none. */
export interface ActResult {
	form: InstanceForm
	openRow: number | null
}

/** Applies the button of this name; other names change nothing. `addUrl`: the collection to add. */
export function applyAct(
	form: InstanceForm,
	name: string,
	addUrl: string | null,
	resources: readonly CatalogResource[],
): ActResult {
	const removed = /^remove\.(\d+)$/.exec(name)?.[1]
	if (removed !== undefined) return { form: removeRow(form, Number(removed)), openRow: null }
	if (name === 'json') return { form: editAsJson(form), openRow: null }
	if (name === 'rows') return { form: editAsRows(form, resources), openRow: null }
	return name === 'add' && addUrl !== null && form.json === null
		? addResource(form, addUrl, resources)
		: { form, openRow: null }
}

function editAsJson(form: InstanceForm): InstanceForm {
	return form.json === null ? { ...form, json: toPollerJson(form.rows) } : form
}

/** The JSON as rows again; JSON that cannot be read stays. */
function editAsRows(form: InstanceForm, resources: readonly CatalogResource[]): InstanceForm {
	if (form.json === null || findJsonErrors(form.json).length > 0) return form
	return { ...form, json: null, rows: toRows(parseObject(form.json) ?? {}, resources) }
}

/** Adds a resource for a collection: a copy of its entry in the catalog, or of a default one with this url. */
function addResource(form: InstanceForm, url: string, resources: readonly CatalogResource[]): ActResult {
	const known = resources.find(({ settings }) => settings['url'] === url)
	const name = known?.name ?? url.replace(/^.*\//, '')
	const isTaken = (label: string): boolean => form.rows.some((row) => row.label.trim() === label)
	let label = name
	for (let number = 2; isTaken(label); number++) label = `${name}-${number}`
	const row = toRow(label, known?.settings ?? { ...resources[0]?.settings, url }, true)
	return { form: { ...form, rows: [...form.rows, row] }, openRow: form.rows.length }
}

function removeRow(form: InstanceForm, index: number): InstanceForm {
	return { ...form, rows: form.rows.filter((_row, at) => at !== index) }
}
