/**
 * `event.notification.callback.headers`: additional headers of notifications, as a JSON object or as `Name: value`
 * lines (docs/contract.md §3).
 */
import { findHeaderProblem, parseHeaderPairs } from '../delivery/headers.ts'
import { expectedAtMost, LIMITS } from '../lib/limits.ts'
import type { ParsedText } from '../lib/text-schemas.ts'

/** The key's name. */
export const HEADERS_KEY = 'event.notification.callback.headers'

/** Parses the value; the result is the headers as JSON text, null if there are none. */
export function parseCallbackHeaders(value: unknown): ParsedText<string | null> {
	const { pairs, complete } = parseHeaderPairs(value)
	if (!complete) return reject('expected a JSON object of texts, or lines such as Name: value')
	if (pairs.length > LIMITS.callbackHeaders.value)
		return reject(`${expectedAtMost('callbackHeaders')}, got ${pairs.length}`)
	const names = new Set<string>()
	for (const [name, value] of pairs) {
		const problem = findHeaderProblem([name, value])
		if (problem !== null) return reject(problem)
		if (names.has(name.toLowerCase())) return reject(`expected each header once, got ${name} again`)
		names.add(name.toLowerCase())
	}
	return { ok: true, text: pairs.length === 0 ? null : JSON.stringify(Object.fromEntries(pairs)) }
}

function reject(message: string): { ok: false; message: string } {
	return { ok: false, message }
}
