/** From one resource of a poller configuration to what the watcher polls (cloud-elements contract, section 3). */
import { canonicalWhere, type Condition, parseWhere } from '../where.ts'
import { type Collection, collectionAt } from './collections.ts'
import { knownFormat, siteZone, WOO_DATE_FORMAT, zoneName } from './dates.ts'
import { vendorPath } from './hub.ts'
import { fillPlaceholders, hasPlaceholders } from './placeholders.ts'
import { filterOf, isDateField } from './where.ts'
import type { Connection, DateRule, Resource, VendorRecord } from '../store.ts'
import type { PollerResource } from '../form.ts'

/** What was wrong: the field's path in the resource's settings and what was expected. */
interface Refusal {
	ok: false
	field: string
	message: string
}

/** Parameters of a list that are ours to set. */
const OURS = new Set([
	'page',
	'pageSize',
	'nextPage',
	'per_page',
	'offset',
	'order',
	'orderby',
	'orderBy',
	'fields',
	'_fields',
	'context',
	'dates_are_gmt',
	'where',
])

/** Understands one resource for a store. A `where` with placeholders is filled by `fillResource` before each list. */
export function resourceOf(
	objectType: string,
	settings: PollerResource,
	connection: Connection,
): { ok: true; resource: Resource } | Refusal {
	const place = placeOf(settings.url)
	if (!place.ok) return place
	const collection = collectionAt(place.path, connection)
	// Without an offset nothing behind the first page could be scanned: better refused than half seen.
	if (!collection.idOrder)
		return {
			ok: false,
			field: 'url',
			message: `expected a collection that can be read with an offset; ${place.path} of this store has pages, but no offset`,
		}
	const zone = siteZone(connection)
	const placeholders =
		place.conditions.some(({ values }) => values.some(hasPlaceholders)) || Object.values(place.extra).some(hasPlaceholders)
	// Filled with the time of the check, so that a placeholder or a date that is not understood is refused now.
	const narrowed = narrowing(place, collection, zone, placeholders ? connection.storeNowMs : null)
	if (!narrowed.ok) return narrowed
	const dates = datesOf(settings, collection)
	if (!dates.ok) return dates
	const numbers = numbersOf(settings)
	if (!numbers.ok) return numbers
	const where = canonicalWhere(place.conditions)
	const extra = Object.entries(place.extra)
		.map(([name, value]) => `${name}=${value}`)
		.sort()
		.join('&')
	const postsStored = place.path === 'orders' ? connection.hpos !== true : collection.posts
	const ordersAsPosts = place.path === 'orders' && postsStored
	const idField = (settings.idField ?? '').trim().replace(/^\$\.?/, '')
	return {
		ok: true,
		resource: {
			objectType,
			path: place.path,
			query: placeholders ? {} : narrowed.query,
			identity: [place.path, where, extra].filter((part) => part !== '').join('?'),
			idField: idField === '' ? collection.idField : idField,
			modifiedFilter: collection.modified,
			trash: collection.trash,
			postsStored,
			rereadHours: ordersAsPosts ? 24 : collection.rereadHours,
			recentHours: ordersAsPosts ? 1 : collection.recentHours,
			indexed: settings.filterByUpdatedDate !== false,
			...numbers.values,
			dates: dates.dates,
			placeholders,
			url: settings.url,
			filtered: place.conditions.length > 0 || extra !== '',
			...(narrowed.matches === undefined || placeholders ? {} : { matches: narrowed.matches }),
			...(place.path === 'orders' ? { touches: customerOf } : {}),
		},
	}
}

/** The resource with its placeholders filled with the last poll's time (epoch ms) less `pollDelay`. */
export function fillResource(resource: Resource, lastPollMs: number, connection: Connection): Resource {
	if (!resource.placeholders) return resource
	const place = placeOf(resource.url ?? '')
	if (!place.ok) return resource
	const narrowed = narrowing(place, collectionAt(place.path, connection), siteZone(connection), lastPollMs - resource.pollDelaySec * 1000)
	if (!narrowed.ok) return resource
	return { ...resource, query: narrowed.query, ...(narrowed.matches === undefined ? {} : { matches: narrowed.matches }) }
}

/** An order names the customer whose totals and address it may have changed; guests have the id 0. */
function customerOf(order: VendorRecord): { path: string; id: number }[] {
	const id = order['customer_id']
	return typeof id === 'number' && Number.isSafeInteger(id) && id > 0 ? [{ path: 'customers', id }] : []
}

interface Place {
	ok: true
	path: string
	conditions: Condition[]
	/** Parameters that are WooCommerce's own and no conditions. */
	extra: Record<string, string>
}

/** The collection and conditions that a url means: `/hubs/ecommerce/orders?where=…`, with or without host and prefix. */
function placeOf(url: string): Place | Refusal {
	const refuse = (message: string): Refusal => ({ ok: false, field: 'url', message })
	const [address = '', search = ''] = splitOnce(url.trim(), '?')
	const hubPath = address
		.replace(/^https?:\/\/[^/]+/i, '')
		.replace(/^\/*elements\/api-v2(?=\/)/, '')
		.replace(/^\/*hubs\/[^/]+(?=\/)/, '')
	const path = vendorPath(hubPath)
	if (path === null || /(^|\/)\d+$/.test(path))
		return refuse(`expected the address of a collection such as /hubs/ecommerce/orders, found "${address}"`)
	const conditions: Condition[] = []
	const extra: Record<string, string> = {}
	for (const part of splitParameters(search)) {
		const [rawName = '', rawValue = ''] = splitOnce(part, '=')
		const name = decode(rawName)
		const value = decode(rawValue)
		if (name === 'where') {
			const parsed = parseWhere(value)
			if (!parsed.ok) return refuse(parsed.message)
			conditions.push(...parsed.conditions)
		} else if (isDateField(name) || Object.hasOwn(collectionAt(path, null).filters, name))
			conditions.push({ field: name, operator: '=', values: [value] })
		else if (name !== '' && !OURS.has(name)) extra[name] = value
	}
	return { ok: true, path, conditions, extra }
}

function narrowing(
	place: Place,
	collection: Collection,
	zone: string,
	placeholderMs: number | null,
): { ok: true; query: Record<string, string>; matches?: (record: VendorRecord) => boolean } | Refusal {
	let { conditions, extra } = place
	if (placeholderMs !== null) {
		let wrong: string | null = null
		const fill = (text: string): string => {
			const filled = fillPlaceholders(text, placeholderMs)
			if (!filled.ok) wrong ??= filled.message
			return filled.ok ? filled.text : text
		}
		conditions = conditions.map((condition) => ({ ...condition, values: condition.values.map(fill) }))
		extra = Object.fromEntries(Object.entries(extra).map(([name, value]) => [name, fill(value)]))
		if (wrong !== null) return { ok: false, field: 'url', message: wrong }
	}
	const divided = filterOf(conditions, collection, zone)
	if (!divided.ok) return { ok: false, field: 'url', message: divided.message }
	const { query, rest, matches } = divided.filter
	return { ok: true, query: { ...extra, ...query }, ...(rest.length === 0 ? {} : { matches }) }
}

/** Splits a query at `&`, but not inside quotes or placeholders: urls in configurations are often not encoded. */
function splitParameters(search: string): string[] {
	return search.match(/(?:\$\{[^{}]*\}|'(?:\$\{[^{}]*\}|\$(?!\{[^{}]*\})|[^'$])*'|[^&])+/g) ?? []
}

function splitOnce(text: string, separator: string): [string, string] {
	const at = text.indexOf(separator)
	return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/** Percent-decoding for a value that may be written plainly; a `+` is a space only where the rest is encoded. */
function decode(text: string): string {
	if (!/%[0-9a-f]{2}/i.test(text)) return text
	try {
		return decodeURIComponent(/\s/.test(text) ? text : text.replaceAll('+', ' '))
	} catch {
		return text
	}
}

/** How this resource's dates are read: what is configured, else WooCommerce's own fields. */
function datesOf(settings: PollerResource, collection: Collection): { ok: true; dates: Resource['dates'] } | Refusal {
	const given = settings.datesConfiguration ?? {}
	const updated = ruleOf(
		'updatedDate',
		given.updatedDateField,
		given.updatedDateFormat,
		given.updatedDateTimezone,
		collection.dates === 'both' ? 'date_modified' : null,
	)
	if (updated !== null && 'ok' in updated) return updated
	const created = ruleOf(
		'createdDate',
		given.createdDateField,
		given.createdDateFormat,
		given.createdDateTimezone,
		collection.dates === 'none' ? null : 'date_created',
	)
	if (created !== null && 'ok' in created) return created
	return { ok: true, dates: { updated, created } }
}

function ruleOf(
	name: string,
	field: string | undefined,
	format: string | undefined,
	zone: string | undefined,
	usual: string | null,
): DateRule | Refusal | null {
	const refuse = (key: string, message: string): Refusal => ({ ok: false, field: `datesConfiguration.${name}${key}`, message })
	const chosenFormat = format === undefined || format.trim() === '' ? WOO_DATE_FORMAT : format.trim()
	if (!knownFormat(chosenFormat))
		return refuse('Format', `expected a pattern such as yyyy-MM-dd'T'HH:mm:ss, or the word milliseconds; found "${chosenFormat}"`)
	const chosenZone = zone === undefined || zone.trim() === '' ? 'UTC' : zoneName(zone)
	if (chosenZone === null) return refuse('Timezone', `expected a time zone such as America/Denver or UTC; found "${zone}"`)
	const chosen = (field ?? '').trim().replace(/^\$\.?/, '') || usual
	return chosen === null ? null : { field: chosen, format: chosenFormat, zone: chosenZone, gmtSibling: chosenZone === 'UTC' }
}

type Numbers = Pick<Resource, 'pageSize' | 'pollDelaySec' | 'createdToleranceSec'>

function numbersOf(settings: PollerResource): { ok: true; values: Numbers } | Refusal {
	const { pageSize = 100, pollDelay = 0, createdCheckTolerance = 0 } = settings
	if (!(pageSize >= 1)) return { ok: false, field: 'pageSize', message: `expected a number of 1 to 100, found ${pageSize}` }
	if (!(pollDelay >= 0)) return { ok: false, field: 'pollDelay', message: `expected a number of seconds, found ${pollDelay}` }
	if (!(createdCheckTolerance >= 0))
		return { ok: false, field: 'createdCheckTolerance', message: `expected a number of seconds, found ${createdCheckTolerance}` }
	return {
		ok: true,
		values: { pageSize: Math.min(100, Math.floor(pageSize)), pollDelaySec: pollDelay, createdToleranceSec: createdCheckTolerance },
	}
}
