/**
 * The custom headers of a POST to a callback (docs/contract.md §3, §4, §11). Validation of a configuration and sending
 * share these rules.
 */

import { expectedAtMost, LIMITS } from '../lib/limits.ts'

/** Reserved names: headers of the connection and the body, and headers that receivers trust as Shopbell's. */
const RESERVED_HEADERS = new Set([
	'connection',
	'keep-alive',
	'te',
	'trailer',
	'transfer-encoding',
	'upgrade',
	'expect',
	'host',
	'content-length',
	'content-type',
	'content-encoding',
	'user-agent',
	'accept-encoding',
	'date',
])
const RESERVED_HEADER_PREFIXES = ['elements-', 'webhook-', 'shopbell-', 'cf-', 'sec-', 'proxy-']

/** A header as given: its name and its value. */
type HeaderPair = [name: string, value: string]

/**
 * Parses `event.notification.callback.headers`: a JSON object, its text, or lines `Name: value`. `complete`: false when
 * a part of it was none of these.
 */
export function parseHeaderPairs(value: unknown): { pairs: HeaderPair[]; complete: boolean } {
	if (value === null || value === undefined) return { pairs: [], complete: true }
	if (typeof value !== 'string') return pairsFromObject(value)
	const text = value.trim()
	if (!text.startsWith('{')) return pairsFromLines(text)
	try {
		return pairsFromObject(JSON.parse(text))
	} catch {
		return { pairs: [], complete: false }
	}
}

/** Why a custom header is invalid, as what was expected; null: it is valid. */
export function findHeaderProblem([name, value]: HeaderPair): string | null {
	if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}$/.test(name)) return 'expected header names of letters, digits and hyphens'
	const lower = name.toLowerCase()
	if (RESERVED_HEADERS.has(lower) || RESERVED_HEADER_PREFIXES.some((prefix) => lower.startsWith(prefix)))
		return `expected another header than ${name}, which is not open to callers`
	// Latin-1 without control characters: what Node and workerd both send as it is.
	if (value.length > LIMITS.callbackHeader.value || !/^[\t\x20-\x7e\xa0-\xff]*$/.test(value))
		return `${expectedAtMost('callbackHeader')} in the header ${name}`
	return null
}

/** The custom headers of a stored configuration. Invalid ones are dropped: they must not hold up notifications. */
export function parseCustomHeaders(text: string | null | undefined): HeaderPair[] {
	return parseHeaderPairs(text)
		.pairs.filter((pair) => findHeaderProblem(pair) === null)
		.slice(0, LIMITS.callbackHeaders.value)
}

/**
 * `Authorization` for `event.notification.basic.username` and `.password` (UTF-8, RFC 7617); null when neither is set.
 */
export function toBasicAuthorization(
	username: string | null | undefined,
	password: string | null | undefined,
): string | null {
	if (!username && !password) return null
	return `Basic ${Buffer.from(`${username ?? ''}:${password ?? ''}`, 'utf8').toString('base64')}`
}

function pairsFromObject(source: unknown): { pairs: HeaderPair[]; complete: boolean } {
	if (typeof source !== 'object' || source === null || Array.isArray(source)) return { pairs: [], complete: false }
	const entries = Object.entries(source)
	const pairs = entries.flatMap(([name, value]): HeaderPair[] =>
		typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
			? [[name.trim(), String(value).trim()]]
			: [],
	)
	return { pairs, complete: pairs.length === entries.length }
}

function pairsFromLines(text: string): { pairs: HeaderPair[]; complete: boolean } {
	const lines = text.split(/\r\n|\r|\n/).filter((line) => line.trim() !== '')
	const pairs = lines.flatMap((line): HeaderPair[] => {
		const colon = line.indexOf(':')
		return colon < 1 ? [] : [[line.slice(0, colon).trim(), line.slice(colon + 1).trim()]]
	})
	return { pairs, complete: pairs.length === lines.length }
}
