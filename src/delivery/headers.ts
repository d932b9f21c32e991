/** The headers of a POST to a callback: a customer's own, checked, and ours over them (contract, sections 3, 4 and 11). */

/** Names that a customer's headers cannot set: the connection's, the body's, and those that receivers trust as ours. */
const RESERVED = new Set([
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
const RESERVED_PREFIXES = ['elements-', 'webhook-', 'shopbell-', 'cf-', 'sec-', 'proxy-']

/** Most headers that a customer can add. */
const MOST_HEADERS = 50

/**
 * Reads `event.notification.callback.headers`: a JSON object, or lines `Name: value`. What no header can be, and every name that is not
 * the customer's to set, is left out: a mistake there must not hold up notifications.
 */
export function parseStaticHeaders(text: string | null | undefined): [name: string, value: string][] {
	const trimmed = text?.trim() ?? ''
	const pairs = trimmed.startsWith('{') ? fromJson(trimmed) : fromLines(trimmed)
	return pairs.filter(([name, value]) => isOpenName(name) && isHeader(name, value)).slice(0, MOST_HEADERS)
}

/** `Authorization` for `event.notification.basic.username` and `.password` (UTF-8, RFC 7617); null when neither is set. */
export function basicAuthorization(username: string | null | undefined, password: string | null | undefined): string | null {
	if (!username && !password) return null
	return `Basic ${Buffer.from(`${username ?? ''}:${password ?? ''}`, 'utf8').toString('base64')}`
}

function fromJson(text: string): [string, string][] {
	let value: unknown
	try {
		value = JSON.parse(text)
	} catch {
		return []
	}
	return Object.entries(value as object).flatMap(([name, given]): [string, string][] =>
		typeof given === 'string' || typeof given === 'number' || typeof given === 'boolean' ? [[name.trim(), String(given).trim()]] : [],
	)
}

function fromLines(text: string): [string, string][] {
	return text.split(/\r\n|\r|\n/).flatMap((line): [string, string][] => {
		const colon = line.indexOf(':')
		return colon < 1 ? [] : [[line.slice(0, colon).trim(), line.slice(colon + 1).trim()]]
	})
}

function isOpenName(name: string): boolean {
	const lower = name.toLowerCase()
	return !RESERVED.has(lower) && !RESERVED_PREFIXES.some((prefix) => lower.startsWith(prefix))
}

function isHeader(name: string, value: string): boolean {
	// Latin-1 without control characters: what Node and workerd both send as it is.
	return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}$/.test(name) && /^[\t\x20-\x7e\xa0-\xff]{0,4000}$/.test(value)
}
