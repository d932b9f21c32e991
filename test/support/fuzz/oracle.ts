/** What is wrong with an answer to a call, however broken that is. Pure. */
import { BASE_PATH } from '../../../src/lib/base-path.ts'
import { MAX_MESSAGE_CHARACTERS } from '../../../src/lib/errors.ts'
import type { DocumentCheck } from '../document.ts'
import type { Actor, FuzzCall } from './calls.ts'

/** An answer. */
export interface FuzzAnswer {
	status: number
	headers: Headers
	/** Of a stream, its first chunk. */
	text: string
}

/** A text that only some may be shown. */
export interface PlantedSecret {
	text: string
	/** Who may see it, in an answer that is no error. */
	readers: readonly Actor[]
}

/** What only an implementation says. None of it is in what calls are made of. */
const INTERNAL =
	/\bat (async )?[\w.<>]+ \(|node_modules|\.ts:\d|SQLITE_|D1_ERROR|no such (table|column)|UNIQUE constraint|(Type|Range|Reference|Syntax|Zod)Error|Unexpected (token|end of)|is not a function|Cannot read propert|Durable ?Object|workerd|miniflare/i

/** What is wrong; null: nothing. */
export function findFault(
	call: FuzzCall,
	answer: FuzzAnswer,
	check: DocumentCheck,
	secrets: readonly PlantedSecret[],
): string | null {
	return findLeak(call, answer, secrets) ?? findUndeclared(call, answer, check)
}

/** Text of the implementation, or a secret of somebody else. */
function findLeak(
	call: FuzzCall,
	{ status, headers, text }: FuzzAnswer,
	secrets: readonly PlantedSecret[],
): string | null {
	const shown = `${[...headers].map((pair) => pair.join(': ')).join('\n')}\n${text}`
	const sent = `${call.target}\n${call.headers.map((pair) => pair.join(': ')).join('\n')}\n${call.body === null ? '' : Buffer.from(call.body).toString()}`
	for (const secret of secrets) {
		const mayRead = status < 400 && secret.readers.includes(call.actor)
		if (!mayRead && shown.includes(secret.text) && !sent.includes(secret.text))
			return `it shows ${call.actor} a secret: ${secret.text.slice(0, 6)}…`
	}
	const internal = status >= 400 ? INTERNAL.exec(text) : null
	return internal === null || sent.includes(internal[0]) ? null : `it shows its implementation: ${internal[0]}`
}

function findUndeclared(call: FuzzCall, answer: FuzzAnswer, check: DocumentCheck): string | null {
	const { status, headers, text } = answer
	const method = call.method === 'HEAD' ? 'GET' : call.method
	const media = headers.get('Content-Type')
	const path = findDeclaredPath(method, call.target, check)
	if (status >= 500 && (path === null || ![502, 503].includes(status))) return `${status}`
	if (call.method === 'HEAD') return text === '' ? null : 'an answer to HEAD has a body'
	let body: unknown = text
	if (media?.startsWith('application/json') === true) {
		try {
			// The validator takes no lone surrogates, which records of a store may have.
			body = text === '' ? null : JSON.parse(text.replaceAll(/\\ud[89a-f][\da-f]{2}/gi, '?'))
		} catch {
			return 'its body is not the JSON that it declares'
		}
	}
	if (path !== null) {
		const violation = check.findViolation(method, path, status, media, body)
		if (violation !== null && !isFrameworkRefusal(call, status)) return violation
	}
	return status >= 400 ? findErrorFault(call, answer, body) : null
}

/** A path that is routed otherwise than it reads: what has no operation is 404 or 405. */
function isFrameworkRefusal({ changes }: FuzzCall, status: number): boolean {
	return changes.length > 0 && (status === 404 || status === 405)
}

/** The path of the operation that a target means; null: there is none. */
function findDeclaredPath(method: string, target: string, check: DocumentCheck): string | null {
	let path: string
	try {
		path = new URL(`http://x${target}`).pathname
	} catch {
		return null
	}
	// As the app routes: decoded.
	const candidates = [decode(path), path]
	// Without a hub, a path is that of the only one.
	for (const one of [...candidates])
		if (one.startsWith(`${BASE_PATH}/`)) candidates.push(one.replace(BASE_PATH, `${BASE_PATH}/hubs/ecommerce`))
	return candidates.find((candidate) => check.findDeclared(method, candidate) !== null) ?? null
}

function decode(path: string): string {
	try {
		return decodeURI(path)
	} catch {
		return path
	}
}

/** What every error has (docs/contract.md §1). */
function findErrorFault(call: FuzzCall, { status, headers }: FuzzAnswer, body: unknown): string | null {
	const { message, requestId } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
	if (typeof message !== 'string' || message === '' || typeof requestId !== 'string')
		return `${status} without a message and a requestId`
	if (headers.get('Elements-Request-Id') !== requestId) return 'Elements-Request-Id is not the requestId of the body'
	if (message.length > MAX_MESSAGE_CHARACTERS) return `a message of ${message.length} characters`
	if (status === 400 && !('providerMessage' in (body as object)) && !/\S: \S/.test(message))
		return `400 names no field: ${message.slice(0, 100)}`
	if (status === 405 && headers.get('Allow') === null) return '405 without Allow'
	if (status === 429 && headers.get('Retry-After') === null) return '429 without Retry-After'
	return call.actor === 'nobody' && status === 403 ? '403 for nobody' : null
}
