/**
 * The form of an instance: what people fill in, and the body of the API that it means. Names of fields are the names
 * of configuration keys, so that an error of the API finds its field. Pure.
 */

/** One row of Configure Polling. All texts as they were typed. */
export interface ResourceRow {
	on: boolean
	label: string
	url: string
	idField: string
	updatedDateField: string
	updatedDateFormat: string
	updatedDateTimezone: string
	createdDateField: string
	createdDateFormat: string
	createdDateTimezone: string
	/** Settings without a field of their own, as JSON; '': none. */
	more: string
}

/** The texts of a row that have a field. */
export const ROW_FIELDS = [
	'label',
	'url',
	'idField',
	'updatedDateField',
	'updatedDateFormat',
	'updatedDateTimezone',
	'createdDateField',
	'createdDateFormat',
	'createdDateTimezone',
	'more',
] as const

/** Fields of `datesConfiguration`, in the order in which they are sent. */
export const DATE_FIELDS = [
	'updatedDateField',
	'updatedDateFormat',
	'updatedDateTimezone',
	'createdDateField',
	'createdDateFormat',
	'createdDateTimezone',
] as const

/** What is typed into the form. */
export interface InstanceForm {
	name: string
	tags: string[]
	/** The values of configuration keys, without those of the fields below; '' or absent: not filled in. */
	keys: Record<string, string>
	eventsEnabled: boolean
	/** Where events go: to a callback, or into the log only. */
	delivery: 'callback' | 'log'
	/** Which existing objects are sent at the start. */
	existing: 'none' | 'all' | 'since'
	/** A date in ISO 8601, with `since`. */
	existingSince: string
	rows: ResourceRow[]
	/** The poller configuration as JSON that is being edited; null: the rows are. */
	json: string | null
}

/** A resource of the catalog (`GET /elements/{keyOrId}`). */
export interface CatalogResource {
	name: string
	preset: boolean
	settings: Readonly<Record<string, unknown>>
}

/** The part of an instance's body that the form fills in. */
export interface FormBody {
	name?: string | undefined
	tags?: string[] | undefined
	configuration: Record<string, unknown>
}

export const POLLER = 'event.poller.configuration'
export const CALLBACK = 'event.notification.callback.url'
export const ENABLED = 'event.notification.enabled'
export const EVENT_TYPE = 'event.vendor.type'
export const BACKFILL = 'event.poller.backfill'
export const VARIATIONS = 'event.poller.variations'
export const INTERVAL = 'event.poller.refresh_interval'
export const RECONCILE = 'event.reconcile.interval'
const POLLER_URLS = 'event.poller.urls'

/** Keys that have fields of another form than text. */
const OWN_KEYS: ReadonlySet<string> = new Set([POLLER, POLLER_URLS, CALLBACK, ENABLED, BACKFILL])

/** Keys of the form that apply to one event type only: the others do not send them. */
const TYPES_BY_KEY: Readonly<Record<string, readonly string[]>> = {
	[INTERVAL]: ['polling', 'hybrid'],
	[RECONCILE]: ['webhook'],
}

/** The form as it is first shown: hybrid, with the default resources, every 5 minutes. */
export function toBlankForm(resources: readonly CatalogResource[]): InstanceForm {
	return {
		name: '',
		tags: [],
		keys: { [EVENT_TYPE]: 'hybrid', [INTERVAL]: '5' },
		eventsEnabled: true,
		delivery: 'callback',
		existing: 'none',
		existingSince: '',
		rows: toDefaultRows(resources, true),
		json: null,
	}
}

/** The body that the form means. What is not filled in is left out, as are resources that are the default ones. */
export function toFormBody(form: InstanceForm, resources: readonly CatalogResource[]): FormBody {
	const type = form.keys[EVENT_TYPE] ?? ''
	const isSent = (key: string, value: string): boolean =>
		value.trim() !== '' && !OWN_KEYS.has(key) && (TYPES_BY_KEY[key]?.includes(type) ?? true)
	const callback = form.keys[CALLBACK] ?? ''
	const backfill = form.existing === 'since' ? form.existingSince : form.existing
	const poller = toPollerValue(form, resources)
	const name = form.name.trim()
	return {
		...(name === '' ? {} : { name }),
		...(form.tags.length === 0 ? {} : { tags: form.tags }),
		configuration: {
			...Object.fromEntries(Object.entries(form.keys).filter(([key, value]) => isSent(key, value))),
			[ENABLED]: form.eventsEnabled,
			...(form.delivery === 'callback' && callback.trim() !== '' ? { [CALLBACK]: callback } : {}),
			...(backfill === 'none' || backfill === '' ? {} : { [BACKFILL]: backfill }),
			...(poller === null ? {} : { [POLLER]: poller }),
		},
	}
}

/** The form that means a body, or an instance as the API shows it. */
export function toInstanceForm(body: FormBody, resources: readonly CatalogResource[]): InstanceForm {
	const { configuration } = body
	const texts = Object.entries(configuration).flatMap(([key, value]) =>
		value === null || value === undefined ? [] : [[key, toText(value)] as const],
	)
	const keys = Object.fromEntries(texts.filter(([key]) => !OWN_KEYS.has(key) || key === CALLBACK))
	const backfill = toText(configuration[BACKFILL] ?? 'none')
	const poller = readPoller(configuration[POLLER], resources)
	return {
		name: body.name ?? '',
		tags: body.tags ?? [],
		keys,
		eventsEnabled: toText(configuration[ENABLED] ?? '').toLowerCase() === 'true',
		delivery: (keys[CALLBACK] ?? '') === '' ? 'log' : 'callback',
		existing: backfill === 'none' || backfill === 'all' ? backfill : 'since',
		existingSince: backfill === 'none' || backfill === 'all' ? '' : backfill,
		...poller,
	}
}

/** The rows of a poller configuration, and default resources that it does not have, switched off. */
export function toRows(
	poller: Readonly<Record<string, unknown>>,
	resources: readonly CatalogResource[],
): ResourceRow[] {
	const rows = Object.entries(poller).map(([label, settings]) => toRow(label, settings, true))
	const isThere = (row: ResourceRow): boolean => rows.some(({ url }) => url === row.url)
	return [...rows, ...toDefaultRows(resources, false).filter((row) => !isThere(row))]
}

/** A row of a resource. */
export function toRow(label: string, settings: unknown, on: boolean): ResourceRow {
	const { url, idField, datesConfiguration, ...others } = isObject(settings) ? settings : {}
	const dates = isObject(datesConfiguration) ? datesConfiguration : {}
	const otherDates = Object.fromEntries(Object.entries(dates).filter(([name]) => !isDateField(name)))
	const more = {
		...others,
		...(Object.keys(otherDates).length === 0 ? {} : { datesConfiguration: otherDates }),
	}
	const dateTexts = Object.fromEntries(DATE_FIELDS.map((name) => [name, toText(dates[name] ?? '')]))
	return {
		on,
		label,
		url: toText(url ?? ''),
		idField: toText(idField ?? ''),
		...(dateTexts as Pick<ResourceRow, (typeof DATE_FIELDS)[number]>),
		more: Object.keys(more).length === 0 ? '' : JSON.stringify(more),
	}
}

/** The poller configuration that the rows mean: those that are on. */
export function toPoller(rows: readonly ResourceRow[]): Record<string, Record<string, unknown>> {
	return Object.fromEntries(rows.filter(({ on }) => on).map((row) => [row.label.trim(), toSettings(row)]))
}

/** The poller configuration as JSON for people. */
export function toPollerJson(rows: readonly ResourceRow[]): string {
	return JSON.stringify(toPoller(rows), null, 2)
}

function toSettings(row: ResourceRow): Record<string, unknown> {
	const { datesConfiguration: otherDates, ...others } = parseMore(row.more)
	const dates = DATE_FIELDS.filter((name) => row[name].trim() !== '').map((name) => [name, row[name]])
	return {
		url: row.url,
		...(row.idField.trim() === '' ? {} : { idField: row.idField }),
		datesConfiguration: { ...Object.fromEntries(dates), ...(isObject(otherDates) ? otherDates : {}) },
		...others,
	}
}

/** The value of the key; null: the default resources. Text that is no JSON is sent as it is, for the API's answer. */
function toPollerValue(
	{ rows, json }: InstanceForm,
	resources: readonly CatalogResource[],
): Record<string, unknown> | string | null {
	if (json !== null) {
		const parsed = parseObject(json)
		return parsed ?? json
	}
	const poller = toPoller(rows)
	const defaults = toPoller(toDefaultRows(resources, true))
	return JSON.stringify(poller) === JSON.stringify(defaults) ? null : poller
}

function readPoller(value: unknown, resources: readonly CatalogResource[]): Pick<InstanceForm, 'rows' | 'json'> {
	if (value === null || value === undefined || value === '') return { rows: toDefaultRows(resources, true), json: null }
	const poller = typeof value === 'string' ? parseObject(value) : isObject(value) ? value : null
	return poller === null
		? { rows: toDefaultRows(resources, false), json: toText(value) }
		: { rows: toRows(poller, resources), json: null }
}

function toDefaultRows(resources: readonly CatalogResource[], on: boolean): ResourceRow[] {
	return resources.filter(({ preset }) => preset).map(({ name, settings }) => toRow(name, settings, on))
}

function isDateField(name: string): boolean {
	return (DATE_FIELDS as readonly string[]).includes(name)
}

/** A JSON object; null: the text is none. */
export function parseObject(text: string): Record<string, unknown> | null {
	try {
		const value: unknown = JSON.parse(text)
		return isObject(value) ? value : null
	} catch {
		return null
	}
}

function parseMore(text: string): Record<string, unknown> {
	return text.trim() === '' ? {} : (parseObject(text) ?? {})
}

function toText(value: unknown): string {
	return typeof value === 'string' ? value : JSON.stringify(value)
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value)
}
