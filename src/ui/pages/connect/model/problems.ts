/** Errors of the API at the fields of the form. Pure. */
import type { FieldProblem } from '../../../../lib/values.ts'
import { findJsonErrors, toLine } from './json.ts'
import { FIELD_NAMES, toRowName } from './fields.ts'
import {
	BACKFILL,
	CALLBACK,
	DATE_FIELDS,
	EVENT_TYPE,
	INTERVAL,
	POLLER,
	type InstanceForm,
	type ResourceRow,
} from './form.ts'

/** The API's problems at the fields that are shown; '': about the whole. In JSON they name the line. */
export function toFormProblems(problems: readonly FieldProblem[], form: InstanceForm): FieldProblem[] {
	return problems.map(({ field, message }) => {
		if (field === POLLER || field.startsWith(`${POLLER}.`)) return toPollerProblem(field, message, form)
		if (field.startsWith('tags')) return { field: FIELD_NAMES.tags, message }
		// The date has a field only while it is chosen.
		if (field === BACKFILL) return { field: form.existing === 'since' ? FIELD_NAMES.since : BACKFILL, message }
		return { field: field === 'name' || field.includes('.') ? field : '', message }
	})
}

/** What is missing or contradicts itself, before the API is asked. */
export function findFormProblems(form: InstanceForm): FieldProblem[] {
	const problems: FieldProblem[] = []
	const mustHave = (field: string, message: string): void => {
		if ((form.keys[field] ?? '').trim() === '') problems.push({ field, message })
	}
	mustHave('store.url', 'Enter the address of the store, such as https://shop.example.')
	mustHave('oauth.api.key', 'Enter the consumer key, or connect with WooCommerce without one.')
	mustHave('oauth.api.secret', 'Enter the consumer secret that belongs to the key.')
	if (!form.eventsEnabled) return problems
	mustHave(EVENT_TYPE, 'Choose how changes are detected.')
	if (form.delivery === 'callback')
		mustHave(CALLBACK, 'Enter the URL that events are sent to, or store them in the log only.')
	if (form.keys[EVENT_TYPE] !== 'webhook') mustHave(INTERVAL, 'Enter how often the store is checked, in minutes.')
	if (form.existing === 'since' && form.existingSince === '')
		problems.push({ field: FIELD_NAMES.since, message: 'Enter a date such as 2026-01-31.' })
	return [...problems, ...findPollerProblems(form)]
}

/** What is wrong with the rows or the JSON. */
export function findPollerProblems({ json, rows }: InstanceForm): FieldProblem[] {
	if (json !== null)
		return findJsonErrors(json).map(({ line, message }) => ({ field: POLLER, message: `Line ${line}: ${message}` }))
	const on = rows.filter((row) => row.on)
	if (on.length === 0) return [{ field: POLLER, message: 'Select at least one resource, or switch events off.' }]
	return rows.flatMap((row, index): FieldProblem[] => {
		if (!row.on) return []
		const label = row.label.trim()
		if (label === '') return [{ field: toRowName(index, 'label'), message: 'Enter a name for this resource.' }]
		const isTaken = rows.findIndex((other) => other.on && other.label.trim() === label) < index
		return isTaken
			? [{ field: toRowName(index, 'label'), message: `Another resource is named ${label}. Choose another name.` }]
			: []
	})
}

function toPollerProblem(field: string, message: string, { json, rows }: InstanceForm): FieldProblem {
	const rest = field.slice(POLLER.length + 1)
	if (json !== null) {
		const line = toLine(json, rest)
		return { field: POLLER, message: line === null ? message : `Line ${line}: ${message}` }
	}
	if (rest === '') return { field: POLLER, message }
	const found = rows
		.map((row, index) => ({ row, index }))
		.filter(({ row }) => row.on && (rest === row.label.trim() || rest.startsWith(`${row.label.trim()}.`)))
		.sort((a, b) => b.row.label.length - a.row.label.length)[0]
	if (found === undefined) return { field: POLLER, message }
	const { field: name, message: text } = toRowField(rest.slice(found.row.label.trim().length + 1), message)
	return { field: toRowName(found.index, name), message: text }
}

/** The field of a row for a setting; settings without one are named in the message. */
function toRowField(setting: string, message: string): { field: keyof ResourceRow; message: string } {
	if (setting === '') return { field: 'label', message }
	if (setting === 'url' || setting === 'idField') return { field: setting, message }
	const date = DATE_FIELDS.find((name) => setting === `datesConfiguration.${name}`)
	return date === undefined ? { field: 'more', message: `${setting}: ${message}` } : { field: date, message }
}
