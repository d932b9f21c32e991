/** `event.notification.callback.headers`: extra headers of a notification, as a JSON object or as `Name: value` lines (contract, section 3). */
import type { FieldProblem } from './values.ts'

/** The key's name. */
export const HEADERS_KEY = 'event.notification.callback.headers'

/** Most headers that an instance can add. */
export const MOST_HEADERS = 5

/** Names that are ours or the connection's. */
const RESERVED =
	/^(host|content-length|content-type|content-encoding|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|date|user-agent|accept-encoding|(elements|webhook|shopbell|cf|sec|proxy)-.*)$/i

/** Understands the value; the answer is the headers as a JSON object's text, null when there is none. */
export function readHeaders(value: unknown): { ok: true; text: string | null } | { ok: false; problem: FieldProblem } {
	const pairs = pairsOf(value)
	if (pairs === null) return refuse('expected a JSON object of texts, or lines such as Name: value')
	if (pairs.length > MOST_HEADERS) return refuse(`expected at most ${MOST_HEADERS} headers, found ${pairs.length}`)
	for (const [name, content] of pairs) {
		if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}$/.test(name)) return refuse('expected header names of letters, digits and hyphens')
		if (RESERVED.test(name)) return refuse(`expected another header than ${name}, which is not open to callers`)
		if (!/^[\t\x20-\x7e\xa0-\xff]{0,1000}$/.test(content)) return refuse(`expected at most 1000 plain characters in the header ${name}`)
	}
	return { ok: true, text: pairs.length === 0 ? null : JSON.stringify(Object.fromEntries(pairs)) }
}

function pairsOf(value: unknown): [string, string][] | null {
	if (value === null || value === undefined) return []
	if (typeof value === 'string') {
		const trimmed = value.trim()
		if (trimmed === '') return []
		if (trimmed.startsWith('{')) {
			try {
				return pairsOf(JSON.parse(trimmed))
			} catch {
				return null
			}
		}
		const lines = trimmed.split(/\r\n|\r|\n/).filter((line) => line.trim() !== '')
		const pairs = lines.map((line): [string, string] => [line.slice(0, line.indexOf(':')).trim(), line.slice(line.indexOf(':') + 1).trim()])
		return lines.every((line) => line.indexOf(':') > 0) ? pairs : null
	}
	if (typeof value !== 'object' || Array.isArray(value)) return null
	const entries = Object.entries(value)
	if (!entries.every(([, item]) => typeof item === 'string' || typeof item === 'number' || typeof item === 'boolean')) return null
	return entries.map(([name, item]) => [name.trim(), String(item).trim()])
}

function refuse(message: string): { ok: false; problem: FieldProblem } {
	return { ok: false, problem: { field: HEADERS_KEY, message } }
}
