/**
 * `event.poller.configuration`: which resources an instance watches and how (contract, sections 2 and 3). What clients send
 * as an object, as that object's JSON, or with numbers and booleans as text is brought into one form; what a url and its dates
 * mean is the element's to say.
 */
import type { Element } from '../elements/element.ts'
import { atMost, LIMITS } from '../lib/limits.ts'
import { readBoolean, readNumber, type FieldProblem } from '../lib/values.ts'
import type { PollerResource } from '../elements/form.ts'

/** The key's name, the first part of every field name in its errors. */
export const POLLER_KEY = 'event.poller.configuration'

/** Labels that would collide with the other keys of a notification's `raw` (contract, section 4), or with JavaScript's own. */
const RESERVED_LABELS = new Set(['pollDate', 'objectType', '__proto__', 'constructor', 'prototype'])

/** A parsed poller configuration, or everything that is wrong with it. */
export type PollerResult = { ok: true; resources: Record<string, PollerResource> | null } | { ok: false; problems: FieldProblem[] }

const TEXTS = ['idField'] as const
const BOOLEANS = ['filterByUpdatedDate', 'filterByCurrentDate'] as const
const NUMBERS = ['createdCheckTolerance', 'pageSize', 'pollDelay'] as const
const DATES = [
	'updatedDateField',
	'updatedDateFormat',
	'updatedDateTimezone',
	'createdDateField',
	'createdDateFormat',
	'createdDateTimezone',
] as const

/** Understands the value of `event.poller.configuration`. `resources: null` when it is absent, empty or names no resource: then the defaults hold. Unknown settings of a resource are kept. */
export function readPoller(value: unknown): PollerResult {
	const problems: FieldProblem[] = []
	const given = parse(value)
	if (given === undefined)
		return { ok: false, problems: [{ field: POLLER_KEY, message: 'expected an object of resources, or that object as a JSON string' }] }
	if (given === null) return { ok: true, resources: null }
	const entries = Object.entries(given)
	if (entries.length === 0) return { ok: true, resources: null }
	if (entries.length > LIMITS.resources.value)
		return {
			ok: false,
			problems: [{ field: POLLER_KEY, message: `${atMost('resources')}, found ${entries.length}` }],
		}
	const resources: Record<string, PollerResource> = {}
	for (const [label, settings] of entries) {
		if (label.trim() === '' || label.length > LIMITS.resourceLabel.value || RESERVED_LABELS.has(label)) {
			problems.push({
				field: `${POLLER_KEY}.${label.slice(0, LIMITS.resourceLabel.value)}`,
				message: `expected another label: ${atMost('resourceLabel')}, not blank, pollDate, objectType or a word of the language`,
			})
			continue
		}
		const resource = readResource(`${POLLER_KEY}.${label}`, settings, problems)
		if (resource !== null) resources[label] = resource
	}
	return problems.length > 0 ? { ok: false, problems } : { ok: true, resources }
}

/**
 * The resources that an instance watches: those of its poller configuration, else those of the older `event.poller.urls`
 * (`customers|orders`), else the element's defaults. `configuration` is the flat map as stored.
 */
export function effectivePoller(configuration: Readonly<Record<string, string | null>>, element: Element): Record<string, PollerResource> {
	const own = readPoller(configuration[POLLER_KEY])
	if (own.ok && own.resources !== null) return own.resources
	const names = readPollerUrls(configuration['event.poller.urls'], element)
	if (names.ok && names.names !== null) return Object.fromEntries(names.names.map((name) => [name, element.defaultPoller[name]!]))
	return element.defaultPoller
}

/** `event.poller.urls`: names of default resources joined with `|`; null when absent. */
export function readPollerUrls(
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
export function hubPathOf(url: string): string | null {
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
function parse(value: unknown): object | null | undefined {
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
function readResource(field: string, value: unknown, problems: FieldProblem[]): PollerResource | null {
	const expect = (name: string, message: string) => void problems.push({ field: `${field}.${name}`, message })
	if (typeof value !== 'object' || value === null || Array.isArray(value)) {
		problems.push({ field, message: 'expected an object with at least a url' })
		return null
	}
	const given = new Map<string, unknown>(Object.entries(value))
	const url = given.get('url')
	if (typeof url !== 'string' || hubPathOf(url) === null) {
		expect('url', 'expected the address of a collection such as /hubs/ecommerce/orders')
		return null
	}
	const clean: Record<string, unknown> = {}
	// What is unknown is kept, as everywhere in a configuration.
	for (const [name, item] of given) if (name !== '__proto__' && item !== null) clean[name] = item
	for (const name of TEXTS) if (clean[name] !== undefined) text(clean, name, expect, name)
	for (const name of BOOLEANS) {
		if (clean[name] === undefined) continue
		const read = readBoolean(String(clean[name]))
		if (read === null) expect(name, 'expected true or false')
		clean[name] = read
	}
	for (const name of NUMBERS) {
		if (clean[name] === undefined) continue
		const read = typeof clean[name] === 'number' || typeof clean[name] === 'string' ? readNumber(String(clean[name])) : null
		const least = name === 'pageSize' ? 1 : 0
		if (read === null || read < least || (name === 'pageSize' ? !Number.isInteger(read) : read > LIMITS.resourceSeconds.value))
			expect(
				name,
				name === 'pageSize'
					? 'expected a whole number from 1'
					: `expected a number of seconds, 0 to ${LIMITS.resourceSeconds.value} (a year)`,
			)
		clean[name] = read
	}
	if (clean['datesConfiguration'] !== undefined) clean['datesConfiguration'] = readDates(clean['datesConfiguration'], expect)
	return clean as unknown as PollerResource
}

function readDates(value: unknown, expect: (name: string, message: string) => void): unknown {
	if (typeof value !== 'object' || value === null || Array.isArray(value)) {
		expect('datesConfiguration', 'expected an object')
		return undefined
	}
	const dates: Record<string, unknown> = {}
	for (const [name, item] of Object.entries(value)) if (name !== '__proto__' && item !== null && item !== '') dates[name] = item
	for (const name of DATES) if (dates[name] !== undefined) text(dates, name, expect, `datesConfiguration.${name}`)
	return dates
}

function text(holder: Record<string, unknown>, name: string, expect: (name: string, message: string) => void, shown: string): void {
	if (typeof holder[name] !== 'string') expect(shown, 'expected text')
}
