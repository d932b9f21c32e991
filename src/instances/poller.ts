/**
 * `event.poller.configuration`: which resources an instance watches and how (docs/contract.md §2, §3). What clients send
 * as an object, as that object's JSON, or with numbers and booleans as text is brought into one form; what a url and
 * its dates mean is the element's to say.
 */
import type { Element } from '../elements/element.ts'
import { expectedAtMost, LIMITS } from '../lib/limits.ts'
import { parseBoolean, parseNumber, type FieldProblem } from '../lib/values.ts'
import type { PollerResource } from '../elements/form.ts'

/** The key's name, the first part of every field name in its errors. */
export const POLLER_KEY = 'event.poller.configuration'

/**
 * Labels that would collide with the other keys of a notification's `raw` (docs/contract.md §4), or with JavaScript's
 * own.
 */
const RESERVED_LABELS = new Set(['pollDate', 'objectType', '__proto__', 'constructor', 'prototype'])

/** A parsed poller configuration, or everything that is wrong with it. */
export type PollerResult =
	| { ok: true; resources: Record<string, PollerResource> | null }
	| { ok: false; problems: FieldProblem[] }

const TEXT_SETTINGS = ['idField'] as const
const BOOLEAN_SETTINGS = ['filterByUpdatedDate', 'filterByCurrentDate'] as const
const NUMBER_SETTINGS = ['createdCheckTolerance', 'pageSize', 'pollDelay'] as const
const DATE_SETTINGS = [
	'updatedDateField',
	'updatedDateFormat',
	'updatedDateTimezone',
	'createdDateField',
	'createdDateFormat',
	'createdDateTimezone',
] as const

/**
 * Understands the value of `event.poller.configuration`. `resources: null` when it is absent, empty or names no
 * resource: then the defaults hold. Unknown settings of a resource are kept.
 */
export function parsePoller(value: unknown): PollerResult {
	const problems: FieldProblem[] = []
	const given = parseObject(value)
	if (given === undefined)
		return {
			ok: false,
			problems: [{ field: POLLER_KEY, message: 'expected an object of resources, or that object as a JSON string' }],
		}
	if (given === null) return { ok: true, resources: null }
	const entries = Object.entries(given)
	if (entries.length === 0) return { ok: true, resources: null }
	if (entries.length > LIMITS.resources.value)
		return {
			ok: false,
			problems: [{ field: POLLER_KEY, message: `${expectedAtMost('resources')}, found ${entries.length}` }],
		}
	const resources: Record<string, PollerResource> = {}
	for (const [label, settings] of entries) {
		if (label.trim() === '' || label.length > LIMITS.resourceLabel.value || RESERVED_LABELS.has(label)) {
			problems.push({
				field: `${POLLER_KEY}.${label.slice(0, LIMITS.resourceLabel.value)}`,
				message: `expected another label: ${expectedAtMost('resourceLabel')}, not blank, pollDate, objectType or a word of the language`,
			})
			continue
		}
		const resource = parsePollerResource(`${POLLER_KEY}.${label}`, settings, problems)
		if (resource !== null) resources[label] = resource
	}
	return problems.length > 0 ? { ok: false, problems } : { ok: true, resources }
}

/**
 * The resources that an instance watches: those of its poller configuration, else those of the older
 * `event.poller.urls` (`customers|orders`), else the element's defaults. `configuration` is the flat map as stored.
 */
export function getEffectivePoller(
	configuration: Readonly<Record<string, string | null>>,
	element: Element,
): Record<string, PollerResource> {
	const configured = parsePoller(configuration[POLLER_KEY])
	if (configured.ok && configured.resources !== null) return configured.resources
	const names = parsePollerUrls(configuration['event.poller.urls'], element)
	if (names.ok && names.names !== null)
		return Object.fromEntries(names.names.map((name) => [name, element.defaultPoller[name]!]))
	return element.defaultPoller
}

/** `event.poller.urls`: names of default resources joined with `|`; null when absent. */
export function parsePollerUrls(
	value: string | null | undefined,
	element: Element,
): { ok: true; names: string[] | null } | { ok: false; problem: FieldProblem } {
	const names = [
		...new Set(
			(value ?? '')
				.split('|')
				.map((name) => name.trim())
				.filter((name) => name !== ''),
		),
	]
	if (names.length === 0) return { ok: true, names: null }
	const unknown = names.filter((name) => !Object.hasOwn(element.defaultPoller, name))
	if (unknown.length === 0) return { ok: true, names }
	return {
		ok: false,
		problem: {
			field: 'event.poller.urls',
			message: `expected names out of ${Object.keys(element.defaultPoller).join(', ')}, joined with |; ${POLLER_KEY} watches any other collection`,
		},
	}
}

/** The hub path that a resource's url names: `/hubs/ecommerce/orders?where=…` → `orders`; null when there is none. */
export function getHubPath(url: string): string | null {
	const path = url
		.trim()
		.replace(/[?#].*$/s, '')
		.replace(/^https?:\/\/[^/]+/i, '')
		.replace(/^\/+/, '')
		.replace(/^elements\/api-v2\//, '')
		.replace(/^hubs\/[^/]+\//, '')
		.replace(/(?<!\/)\/+$/, '')
	return path === '' || path === 'hubs' || /^hubs\/[^/]*$/.test(path) ? null : path
}

/** The object in a value; null when absent or blank, undefined when it is something else. */
function parseObject(value: unknown): object | null | undefined {
	if (value === null || value === undefined) return null
	let parsed = value
	if (typeof value === 'string') {
		if (value.trim() === '') return null
		try {
			parsed = JSON.parse(value)
		} catch {
			return undefined
		}
	}
	if (parsed === null) return null
	return typeof parsed === 'object' && !Array.isArray(parsed) ? parsed : undefined
}

/** One resource with its types put right; problems are added to the list. */
function parsePollerResource(field: string, value: unknown, problems: FieldProblem[]): PollerResource | null {
	const addProblem = (name: string, message: string) => void problems.push({ field: `${field}.${name}`, message })
	if (typeof value !== 'object' || value === null || Array.isArray(value)) {
		problems.push({ field, message: 'expected an object with at least a url' })
		return null
	}
	const given = new Map<string, unknown>(Object.entries(value))
	const url = given.get('url')
	if (typeof url !== 'string' || getHubPath(url) === null) {
		addProblem('url', 'expected the address of a collection such as /hubs/ecommerce/orders')
		return null
	}
	const normalized: Record<string, unknown> = {}
	// What is unknown is kept, as everywhere in a configuration.
	for (const [name, item] of given) if (name !== '__proto__' && item !== null) normalized[name] = item
	for (const name of TEXT_SETTINGS) if (normalized[name] !== undefined) requireText(normalized, name, addProblem, name)
	for (const name of BOOLEAN_SETTINGS) {
		if (normalized[name] === undefined) continue
		const parsed = parseBoolean(String(normalized[name]))
		if (parsed === null) addProblem(name, 'expected true or false')
		normalized[name] = parsed
	}
	for (const name of NUMBER_SETTINGS) {
		if (normalized[name] === undefined) continue
		const parsed =
			typeof normalized[name] === 'number' || typeof normalized[name] === 'string'
				? parseNumber(String(normalized[name]))
				: null
		const min = name === 'pageSize' ? 1 : 0
		if (
			parsed === null ||
			parsed < min ||
			(name === 'pageSize' ? !Number.isInteger(parsed) : parsed > LIMITS.resourceSeconds.value)
		)
			addProblem(
				name,
				name === 'pageSize'
					? 'expected a whole number from 1'
					: `expected a number of seconds, 0 to ${LIMITS.resourceSeconds.value} (a year)`,
			)
		normalized[name] = parsed
	}
	if (normalized['datesConfiguration'] !== undefined)
		normalized['datesConfiguration'] = parseDatesConfiguration(normalized['datesConfiguration'], addProblem)
	return normalized as unknown as PollerResource
}

function parseDatesConfiguration(value: unknown, addProblem: (name: string, message: string) => void): unknown {
	if (typeof value !== 'object' || value === null || Array.isArray(value)) {
		addProblem('datesConfiguration', 'expected an object')
		return undefined
	}
	const dates: Record<string, unknown> = {}
	for (const [name, item] of Object.entries(value))
		if (name !== '__proto__' && item !== null && item !== '') dates[name] = item
	for (const name of DATE_SETTINGS)
		if (dates[name] !== undefined) requireText(dates, name, addProblem, `datesConfiguration.${name}`)
	return dates
}

function requireText(
	holder: Record<string, unknown>,
	name: string,
	addProblem: (name: string, message: string) => void,
	fieldName: string,
): void {
	if (typeof holder[name] !== 'string') addProblem(fieldName, 'expected text')
}
