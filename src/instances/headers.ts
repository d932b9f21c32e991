/** `event.notification.callback.headers`: extra headers of a notification, as a JSON object or as `Name: value` lines (contract, section 3). */
import { headerProblem, readPairs } from '../delivery/headers.ts'
import { atMost, LIMITS } from '../lib/limits.ts'
import type { FieldProblem } from '../lib/values.ts'

/** The key's name. */
export const HEADERS_KEY = 'event.notification.callback.headers'

/** Understands the value; the answer is the headers as a JSON object's text, null when there is none. */
export function readHeaders(value: unknown): { ok: true; text: string | null } | { ok: false; problem: FieldProblem } {
	const { pairs, whole } = readPairs(value)
	if (!whole) return refuse('expected a JSON object of texts, or lines such as Name: value')
	if (pairs.length > LIMITS.callbackHeaders.value) return refuse(`${atMost('callbackHeaders')}, found ${pairs.length}`)
	for (const pair of pairs) {
		const problem = headerProblem(pair)
		if (problem !== null) return refuse(problem)
	}
	return { ok: true, text: pairs.length === 0 ? null : JSON.stringify(Object.fromEntries(pairs)) }
}

function refuse(message: string): { ok: false; problem: FieldProblem } {
	return { ok: false, problem: { field: HEADERS_KEY, message } }
}
