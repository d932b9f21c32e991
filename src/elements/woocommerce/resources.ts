/** Converts one resource of a poller configuration into what the watcher polls (docs/contract.md §3). */
import { toCanonicalWhere, type Condition, parseWhere } from '../where.ts'
import { type Collection, getCollection } from './collections.ts'
import { findPatternProblem } from './date-patterns.ts'
import { getStepSec, isKnownFormat, WOO_DATE_FORMAT } from './dates.ts'
import { getSiteZone, normalizeZone } from './zones.ts'
import { toHubName, toVendorPath } from './hub-paths.ts'
import { toIgnoredPaths } from './ignore.ts'
import { isListArgument, isReservedName, OWN_ARGUMENTS } from './list-arguments.ts'
import { fillPlaceholders, findPlaceholderProblem, hasPlaceholders } from './placeholders.ts'
import { splitConditions, isDateField } from './where.ts'
import { toObjectId } from '../values.ts'
import type { Connection, DateRule, ObjectId, Resource, VendorRecord } from '../store.ts'
import type { PollerResource } from '../form.ts'

/** A problem: the field's path in the resource's settings and what was expected. */
interface Refusal {
	ok: false
	field: string
	message: string
}

/** Parameters of a url that are ignored: those of the hub, and those that Shopbell sets. */
const IGNORED_PARAMETERS = new Set(['pageSize', 'nextPage', 'orderBy', 'fields', ...OWN_ARGUMENTS])

/**
 * Parses one resource for a store. `resolvePlaceholders` fills the placeholders of its `where` before each list.
 * Names that WordPress interprets itself stay in the identity, but are never sent.
 */
export function parseResource(
	objectType: string,
	settings: PollerResource,
	connection: Connection,
): { ok: true; resource: Resource } | Refusal {
	const target = parseResourceUrl(settings.url)
	if (!target.ok) return target
	const collection = getCollection(target.path, connection)
	// Without an offset nothing after the first page could be scanned, so it is refused.
	if (!collection.supportsOffset)
		return {
			ok: false,
			field: 'url',
			message: `expected a collection that supports offset; ${target.path} of this store has pages, but no offset`,
		}
	const zone = getSiteZone(connection)
	const placeholders =
		target.conditions.some(({ values }) => values.some(hasPlaceholders)) ||
		Object.values(target.extra).some(hasPlaceholders)
	// Filled with the time of the check, so that an invalid placeholder or date is refused now.
	const listFilter = toListFilter(target, collection, zone, placeholders ? connection.storeNowMs : null)
	if (!listFilter.ok) return listFilter
	const dates = parseDates(settings, collection, connection.storeNowMs)
	if (!dates.ok) return dates
	const numbers = parseNumbers(settings)
	if (!numbers.ok) return numbers
	const where = toCanonicalWhere(target.conditions)
	const extra = Object.entries(target.extra)
		.map(([name, value]) => `${name}=${value}`)
		.sort()
		.join('&')
	const postsStored = target.path === 'orders' ? connection.hpos !== true : collection.postsStored
	const ordersAsPosts = target.path === 'orders' && postsStored
	const idField = (settings.idField ?? '').trim().replace(/^\$\.?/, '')
	return {
		ok: true,
		resource: {
			objectType,
			path: target.path,
			query: placeholders ? {} : listFilter.query,
			identity: [target.path, where, extra].filter((part) => part !== '').join('?'),
			idField: idField === '' ? collection.idField : idField,
			identityField: collection.identityField,
			ignore: toIgnoredPaths(settings.ignore),
			modifiedFilter: collection.filtersByModified,
			trash: collection.hasTrash,
			postsStored,
			reliableDates: !ordersAsPosts && hasReliableDates(collection, dates.dates.updated),
			rereadHours: ordersAsPosts ? 24 : collection.rereadHours,
			recentHours: ordersAsPosts ? 1 : collection.recentHours,
			indexed: settings.filterByUpdatedDate !== false,
			...numbers.values,
			dates: dates.dates,
			placeholders,
			url: settings.url,
			filtered: target.conditions.length > 0 || extra !== '',
			...(listFilter.matches === undefined || placeholders ? {} : { matches: listFilter.matches }),
			...(target.path === 'orders' ? { relatedObjects: findRelatedCustomers } : {}),
		},
	}
}

/** Whether ordinary edits move the date: those of coupons do not (docs/woocommerce.md 4.3), and no list has others. */
function hasReliableDates(collection: Collection, updated: DateRule | null): boolean {
	const isListDate = updated?.field === 'date_modified' || updated?.field === 'date_modified_gmt'
	return collection.filtersByModified && collection.recentHours === 0 && isListDate
}

/** The resource with its placeholders filled with the last poll's time (epoch ms) less `pollDelay`. */
export function resolvePlaceholders(resource: Resource, lastPollMs: number, connection: Connection): Resource {
	if (!resource.placeholders) return resource
	const target = parseResourceUrl(resource.url ?? '')
	if (!target.ok) return resource
	const listFilter = toListFilter(
		target,
		getCollection(target.path, connection),
		getSiteZone(connection),
		lastPollMs - resource.pollDelaySec * 1000,
	)
	if (!listFilter.ok) return resource
	return {
		...resource,
		query: listFilter.query,
		...(listFilter.matches === undefined ? {} : { matches: listFilter.matches }),
	}
}

/**
 * The first argument of a url that the collection's list does not take, as a message; null: there is none.
 * `connection` null: the arguments of a plugin's list are not known yet.
 */
export function findUrlProblem(url: string, connection: Connection | null): string | null {
	if (!url.isWellFormed()) return 'expected text in Unicode, found half a character'
	const target = parseResourceUrl(url)
	if (!target.ok) return null
	const collection = getCollection(target.path, connection)
	const values = [...target.conditions.flatMap((condition) => condition.values), ...Object.values(target.extra)]
	const problem = values.map(findPlaceholderProblem).find((found) => found !== null)
	if (problem !== undefined) return problem
	const seen = new Set<string>()
	for (const name of target.names) {
		const found = `"${name.slice(0, 100)}"`
		if (isReservedName(name)) return `expected arguments of the list, found ${found}, which is never sent to a store`
		if (isDateField(name) || Object.hasOwn(collection.filters, name) || isIgnored(name)) continue
		if (seen.has(name)) return `expected ${found} once`
		seen.add(name)
		if (isListArgument(name, collection.args) || (connection === null && !collection.known)) continue
		const possible = collection.args.filter((arg) => isListArgument(arg, collection.args))
		const hint = possible.length === 0 ? '' : `, such as ${possible.slice(0, 12).join(', ')}`
		return `expected where or an argument that the list of ${toHubName(target.path)} takes${hint}; found ${found}`
	}
	return null
}

function isIgnored(name: string): boolean {
	return name === 'where' || IGNORED_PARAMETERS.has(name)
}

/** An order names the customer whose totals and address it may have changed; guests have the id 0. */
function findRelatedCustomers(order: VendorRecord): { path: string; id: ObjectId }[] {
	const id = toObjectId(order['customer_id'])
	return id === null || !/^[1-9]\d*$/.test(String(id)) ? [] : [{ path: 'customers', id }]
}

interface ResourceTarget {
	ok: true
	path: string
	conditions: Condition[]
	/** Other parameters; only arguments of the list are sent. */
	extra: Record<string, string>
	/** The names of all parameters, in order. */
	names: string[]
}

/** The collection and conditions of a url: `/hubs/ecommerce/orders?where=…`, with or without host and prefix. */
function parseResourceUrl(url: string): ResourceTarget | Refusal {
	const refuse = (message: string): Refusal => ({ ok: false, field: 'url', message })
	const [address = '', search = ''] = splitOnce(url.trim(), '?')
	const hubPath = address
		.replace(/^https?:\/\/[^/]+/i, '')
		.replace(/^\/*elements\/api-v2(?=\/)/, '')
		.replace(/^\/*hubs\/[^/]+(?=\/)/, '')
	const path = toVendorPath(hubPath)
	if (path === null || /(^|\/)\d+$/.test(path))
		return refuse(`expected the address of a collection such as /hubs/ecommerce/orders, found "${address}"`)
	const conditions: Condition[] = []
	const extra: Record<string, string> = {}
	const names: string[] = []
	for (const part of splitParameters(search)) {
		const [rawName = '', rawValue = ''] = splitOnce(part, '=')
		const name = decodeParameter(rawName)
		const value = decodeParameter(rawValue)
		if (name !== '') names.push(name)
		if (name === 'where') {
			const parsed = parseWhere(value)
			if (!parsed.ok) return refuse(`where: ${parsed.message}`)
			conditions.push(...parsed.conditions)
		} else if (isDateField(name) || Object.hasOwn(getCollection(path, null).filters, name))
			conditions.push({ field: name, operator: '=', values: [value] })
		else if (name !== '' && !isIgnored(name)) extra[name] = value
	}
	return { ok: true, path, conditions, extra, names }
}

function toListFilter(
	target: ResourceTarget,
	collection: Collection,
	zone: string,
	placeholderMs: number | null,
): { ok: true; query: Record<string, string>; matches?: (record: VendorRecord) => boolean } | Refusal {
	let { conditions, extra } = target
	if (placeholderMs !== null) {
		let problem: string | null = null
		const fill = (text: string): string => {
			const filled = fillPlaceholders(text, placeholderMs)
			if (!filled.ok) problem ??= filled.message
			return filled.ok ? filled.text : text
		}
		conditions = conditions.map((condition) => ({ ...condition, values: condition.values.map(fill) }))
		extra = Object.fromEntries(Object.entries(extra).map(([name, value]) => [name, fill(value)]))
		if (problem !== null) return { ok: false, field: 'url', message: problem }
	}
	const split = splitConditions(conditions, collection, zone)
	if (!split.ok) return { ok: false, field: 'url', message: `where: ${split.message}` }
	const { query, rest, matches } = split.filter
	// Urls of earlier versions may have arguments that are refused today: without its filter a list would show more.
	const taken = Object.fromEntries(Object.entries(extra).filter(([name]) => !isReservedName(name)))
	return { ok: true, query: { ...taken, ...query }, ...(rest.length === 0 ? {} : { matches }) }
}

/** Splits a query at `&`, but not inside quotes or placeholders: urls in configurations are often not encoded. */
function splitParameters(search: string): string[] {
	return search.match(/(?:\$\{[^{}]*\}|'(?:\$\{[^{}]*\}|\$(?!\{[^{}]*\})|[^'$])*'|[^&])+/g) ?? []
}

function splitOnce(text: string, separator: string): [string, string] {
	const at = text.indexOf(separator)
	return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/** Percent-decodes a value that may be unencoded; a `+` is a space only if the rest is encoded. */
function decodeParameter(text: string): string {
	if (!/%[0-9a-f]{2}/i.test(text)) return text
	try {
		return decodeURIComponent(/\s/.test(text) ? text : text.replaceAll('+', ' '))
	} catch {
		return text
	}
}

/** How to read this resource's dates: as configured, otherwise WooCommerce's own fields. */
function parseDates(
	settings: PollerResource,
	collection: Collection,
	nowMs: number,
): { ok: true; dates: Resource['dates'] } | Refusal {
	const configured = settings.datesConfiguration ?? {}
	const updated = toDateRule(
		'updatedDate',
		configured.updatedDateField,
		configured.updatedDateFormat,
		configured.updatedDateTimezone,
		collection.dates === 'both' ? 'date_modified' : null,
		nowMs,
	)
	if (updated !== null && 'ok' in updated) return updated
	const created = toDateRule(
		'createdDate',
		configured.createdDateField,
		configured.createdDateFormat,
		configured.createdDateTimezone,
		collection.dates === 'none' ? null : 'date_created',
		nowMs,
	)
	if (created !== null && 'ok' in created) return created
	return { ok: true, dates: { updated, created } }
}

function toDateRule(
	name: string,
	field: string | undefined,
	format: string | undefined,
	zone: string | undefined,
	defaultField: string | null,
	nowMs: number,
): DateRule | Refusal | null {
	const refuse = (key: string, message: string): Refusal => ({
		ok: false,
		field: `datesConfiguration.${name}${key}`,
		message,
	})
	const chosenFormat = format === undefined || format.trim() === '' ? WOO_DATE_FORMAT : format.trim()
	if (!isKnownFormat(chosenFormat))
		return refuse(
			'Format',
			`expected a pattern such as yyyy-MM-dd'T'HH:mm:ss, or the word milliseconds; found "${chosenFormat}"`,
		)
	const chosenZone = zone === undefined || zone.trim() === '' ? 'UTC' : normalizeZone(zone)
	if (chosenZone === null)
		return refuse('Timezone', `expected a time zone such as America/Denver or UTC; found "${zone}"`)
	const chosenField = (field ?? '').trim().replace(/^\$\.?/, '') || defaultField
	if (chosenField === null) return null
	return {
		field: chosenField,
		format: chosenFormat,
		zone: chosenZone,
		gmtSibling: chosenZone === 'UTC',
		stepSec: getStepSec(chosenFormat),
		nowMs,
	}
}

/** The formats of `datesConfiguration` that read nothing, or something else than was meant. */
export function findDateProblems({ datesConfiguration }: PollerResource): { field: string; message: string }[] {
	return (['updatedDateFormat', 'createdDateFormat'] as const).flatMap((key) => {
		const format = datesConfiguration?.[key]?.trim() ?? ''
		const message = format === '' || format === 'milliseconds' ? null : findPatternProblem(format, 'read')
		return message === null ? [] : [{ field: `datesConfiguration.${key}`, message }]
	})
}

type Numbers = Pick<Resource, 'pageSize' | 'pollDelaySec' | 'createdToleranceSec'>

function parseNumbers(settings: PollerResource): { ok: true; values: Numbers } | Refusal {
	const { pageSize = 100, pollDelay = 0, createdCheckTolerance = 0 } = settings
	if (!(pageSize >= 1))
		return { ok: false, field: 'pageSize', message: `expected a number of 1 to 100, found ${pageSize}` }
	if (!(pollDelay >= 0))
		return { ok: false, field: 'pollDelay', message: `expected a number of seconds, found ${pollDelay}` }
	if (!(createdCheckTolerance >= 0))
		return {
			ok: false,
			field: 'createdCheckTolerance',
			message: `expected a number of seconds, found ${createdCheckTolerance}`,
		}
	return {
		ok: true,
		values: {
			pageSize: Math.min(100, Math.floor(pageSize)),
			pollDelaySec: pollDelay,
			createdToleranceSec: createdCheckTolerance,
		},
	}
}
