/** What the buttons of the form do to what was typed, without asking the store. Pure. */
import { getLocation } from './model/json.ts'
import { parseObject, toPollerJson, toRow, toRows, type CatalogResource, type InstanceForm } from './model/form.ts'

/** A changed form. `openRow`: the row to open. */
export interface ActResult {
	form: InstanceForm
	openRow: number | null
}

/** The rows as JSON. */
export function editAsJson(form: InstanceForm): InstanceForm {
	return form.json === null ? { ...form, json: toPollerJson(form.rows) } : form
}

/** The JSON as rows again; JSON that cannot be read stays. */
export function editAsRows(form: InstanceForm, resources: readonly CatalogResource[]): InstanceForm {
	if (form.json === null || !getLocation(form.json).ok) return form
	return { ...form, json: null, rows: toRows(parseObject(form.json) ?? {}, resources) }
}

/** Adds a resource for a collection, like the default ones. */
export function addResource(
	form: InstanceForm,
	collection: { label: string; url: string; idField: string },
): ActResult {
	const isTaken = (label: string): boolean => form.rows.some((row) => row.label.trim() === label)
	let label = collection.label
	for (let number = 2; isTaken(label); number++) label = `${collection.label}-${number}`
	const row = toRow(label, { url: collection.url, idField: collection.idField, datesConfiguration: {} }, true)
	return { form: { ...form, rows: [...form.rows, row] }, openRow: form.rows.length }
}

/** Removes a row. */
export function removeRow(form: InstanceForm, index: number): InstanceForm {
	return { ...form, rows: form.rows.filter((_row, at) => at !== index) }
}
