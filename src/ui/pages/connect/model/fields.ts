/** The form as an HTML form posts it, and back: flat names and texts. Pure. */
import { BACKFILL, ENABLED, POLLER, ROW_FIELDS, type InstanceForm, type ResourceRow } from './form.ts'

/** Names of fields that are no configuration keys. */
export const FIELD_NAMES = { delivery: 'delivery', since: 'existing.since', tags: 'tags', name: 'name' } as const

/** What a form posts. */
export type PostedFields = Iterable<readonly [name: string, value: string]>

const ROW_NAME = /^resource\.(\d{1,3})\.(\w+)$/

/** The name of a row's field. */
export function toRowName(index: number, field: keyof ResourceRow): string {
	return `resource.${index}.${field}`
}

/** Parses what was posted. Unknown configuration keys are kept; names that are no keys are ignored. */
export function readInstanceForm(fields: PostedFields): InstanceForm {
	const posted = new Map([...fields].map(([name, value]) => [name, value.replace(/\r\n?/g, '\n')]))
	const keys: Record<string, string> = {}
	for (const [name, value] of posted) if (isKey(name)) keys[name] = value
	const existing = posted.get(BACKFILL)
	return {
		name: posted.get(FIELD_NAMES.name) ?? '',
		tags: toTags(posted.get(FIELD_NAMES.tags) ?? ''),
		keys,
		eventsEnabled: posted.get(ENABLED) === 'true',
		delivery: posted.get(FIELD_NAMES.delivery) === 'log' ? 'log' : 'callback',
		existing: existing === 'all' || existing === 'since' ? existing : 'none',
		existingSince: existing === 'since' ? (posted.get(FIELD_NAMES.since) ?? '').trim() : '',
		rows: readRows(posted),
		json: posted.get(POLLER) ?? null,
	}
}

/** What the form posts. */
export function toFields(form: InstanceForm): [name: string, value: string][] {
	return [
		[FIELD_NAMES.name, form.name],
		[FIELD_NAMES.tags, form.tags.join('\n')],
		...Object.entries(form.keys),
		...(form.eventsEnabled ? [[ENABLED, 'true'] as [string, string]] : []),
		[FIELD_NAMES.delivery, form.delivery],
		[BACKFILL, form.existing],
		[FIELD_NAMES.since, form.existingSince],
		...(form.json === null ? form.rows.flatMap(toRowFields) : [[POLLER, form.json] as [string, string]]),
	]
}

function toRowFields(row: ResourceRow, index: number): [string, string][] {
	const texts = ROW_FIELDS.map((field): [string, string] => [toRowName(index, field), row[field]])
	return row.on ? [[toRowName(index, 'on'), 'true'], ...texts] : texts
}

function readRows(posted: ReadonlyMap<string, string>): ResourceRow[] {
	const indexes = new Set<number>()
	for (const name of posted.keys()) {
		const match = ROW_NAME.exec(name)
		if (match !== null) indexes.add(Number(match[1]))
	}
	return [...indexes]
		.sort((a, b) => a - b)
		.map((index) => {
			const texts = ROW_FIELDS.map((field) => [field, posted.get(toRowName(index, field)) ?? ''])
			const row = Object.fromEntries(texts) as Omit<ResourceRow, 'on'>
			return { ...row, on: posted.get(toRowName(index, 'on')) === 'true' }
		})
}

/** Tags are written one on a line: a tag may contain a comma. */
function toTags(text: string): string[] {
	return text
		.split('\n')
		.map((tag) => tag.trim())
		.filter((tag) => tag !== '')
}

/** Configuration keys have dots; `password` is the one that has none. */
function isKey(name: string): boolean {
	const isOwn = name === ENABLED || name === BACKFILL || name === POLLER || name === FIELD_NAMES.since
	return !isOwn && !ROW_NAME.test(name) && /^[a-z][\w-]*(\.[\w-]+)+$/i.test(name)
}
