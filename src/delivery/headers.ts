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
	if (!text.startsWith('{')) return pairsFromLines(value)
	try {
		return pairsFromObject(JSON.parse(text))
	} catch {
		return { pairs: [], complete: false }
	}
}

/**
 * Why a custom header is invalid, as what was expected; null: it is valid. A valid header is sent as given: workerd
 * cannot send characters above U+00FF, sends those above ASCII as UTF-8, and removes white space at the ends.
 */
export function findHeaderProblem([name, value]: HeaderPair): string | null {
	const problem = findNameProblem(name)
	if (problem !== null) return problem
	if (value.length > LIMITS.callbackHeader.value) return `${expectedAtMost('callbackHeader')} in the header ${name}`
	if (!/^[\t\x20-\x7e]*$/.test(value)) return `expected printable ASCII characters in the header ${name}`
	if (/^[\t ]|[\t ]$/.test(value)) return `expected a value without white space at its ends in the header ${name}`
	return null
}

/** The custom headers of a stored configuration. Those that cannot be sent are dropped: they must not hold it up. */
export function parseCustomHeaders(text: string | null | undefined): HeaderPair[] {
	return parseHeaderPairs(text).pairs.filter(isSendable).slice(0, LIMITS.callbackHeaders.value)
}

/** Whether a header can be sent. Configurations of earlier versions may have Latin-1, which is sent as UTF-8. */
function isSendable([name, value]: HeaderPair): boolean {
	if (findNameProblem(name) !== null || value.length > LIMITS.callbackHeader.value) return false
	return /^[\t\x20-\x7e\xa0-\xff]*$/.test(value)
}

function findNameProblem(name: string): string | null {
	if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}$/.test(name)) return 'expected header names of letters, digits and hyphens'
	const lower = name.toLowerCase()
	return RESERVED_HEADERS.has(lower) || RESERVED_HEADER_PREFIXES.some((prefix) => lower.startsWith(prefix))
		? `expected another header than ${name}, which is not open to callers`
		: null
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
		typeof value === 'string' || typeof value === 'boolean' || isExactNumber(value) ? [[name, String(value)]] : [],
	)
	return { pairs, complete: pairs.length === entries.length }
}

function pairsFromLines(text: string): { pairs: HeaderPair[]; complete: boolean } {
	const lines = text.split(/\r\n|\r|\n/).filter((line) => line.trim() !== '')
	const pairs = lines.flatMap((line): HeaderPair[] => {
		const colon = line.indexOf(':')
		return colon < 1 ? [] : [[trimBlanks(line.slice(0, colon)), trimBlanks(line.slice(colon + 1))]]
	})
	return { pairs, complete: pairs.length === lines.length }
}

/** Whether a number of JSON is written as it was read. */
function isExactNumber(value: unknown): value is number {
	return typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER
}

/** Removes what the syntax of header lines allows around a name and a value. */
function trimBlanks(text: string): string {
	return text.replace(/^[\t ]+/, '').replace(/(?<![\t ])[\t ]+$/, '')
}
