/**
 * A body as it may have been before somebody rewrote it, or as it was rewritten before somebody signed it: the usual ways
 * in which bytes get lost.
 */
import { createHash } from 'node:crypto'

/** What can be wrong with a body. */
export type BodyReason =
	| 'body-bom'
	| 'body-trailing-newline'
	| 'body-blanks'
	| 'body-line-ends'
	| 'body-encoding'
	| 'body-whitespace'
	| 'body-escapes'
	| 'body-numbers'
	| 'body-key-order'

/** Another body, and what tells the given one from it. */
export interface BodyVariant {
	bytes: Uint8Array
	reasons: () => BodyReason[]
}

/** Indenting and sorting are tried up to this size and depth: both can make much out of little. */
const SHAPED_LIMIT = 65_536
const SHAPED_DEPTH = 32

const BOM = '\ufeff'

/** The order in which an envelope has its keys, and its message. */
const ENVELOPE = ['severity', 'createdDate', 'topic', 'action', 'id', 'message', 'user']
const MESSAGE = [
	'elementKey',
	'accountId',
	'companyId',
	'userId',
	'eventId',
	'instanceId',
	'instance_id',
	'instanceName',
	'instanceTags',
	'raw',
	'events',
]

/** The variants of a body, those that explain it most simply first. None twice, and not the body itself. One at a time, since bodies may be large. */
export function* bodyVariants(body: string): Iterable<BodyVariant> {
	const seen = new Set([digestOf(Buffer.from(body, 'utf8'))])
	for (const variant of allVariants(body)) {
		const digest = digestOf(variant.bytes)
		if (seen.has(digest)) continue
		seen.add(digest)
		yield variant
	}
}

function* allVariants(body: string): Iterable<BodyVariant> {
	const as = (text: string, reason: BodyReason): BodyVariant => ({ bytes: Buffer.from(text, 'utf8'), reasons: () => [reason] })
	yield as(body.startsWith(BOM) ? body.slice(1) : BOM + body, 'body-bom')
	if (/[\r\n]$/.test(body)) yield as(body.replace(/\r?\n$/, ''), 'body-trailing-newline')
	else for (const end of ['\n', '\r\n']) yield as(body + end, 'body-trailing-newline')
	yield as(trimEnds(body), 'body-blanks')
	yield as(body.includes('\r\n') ? body.replaceAll('\r\n', '\n') : body.replaceAll('\n', '\r\n'), 'body-line-ends')
	if (/[\x80-\xff]/.test(body) && /^[\0-\xff]*$/.test(body)) yield { bytes: Buffer.from(body, 'latin1'), reasons: () => ['body-encoding'] }

	const json = body.trim()
	if (!isJson(json)) return
	for (const form of jsonForms(json)) {
		const told = (): BodyReason[] => (body.startsWith(BOM) ? ['body-bom', ...differences(json, form)] : differences(json, form))
		yield { bytes: Buffer.from(form, 'utf8'), reasons: told }
	}
}

function digestOf(bytes: Uint8Array): string {
	return createHash('sha256').update(bytes).digest('base64')
}

/** Whether a body is a notification whose keys stand in another order than we send them. */
export function looksReordered(body: string): boolean {
	let envelope: unknown
	try {
		envelope = JSON.parse(body.trim())
	} catch {
		return false
	}
	if (!isRecord(envelope) || !isRecord(envelope['message'])) return false
	return !inOrder(Object.keys(envelope), ENVELOPE) || !inOrder(Object.keys(envelope['message']), MESSAGE)
}

/** The ways in which serializers write a JSON text. */
function* jsonForms(json: string): Iterable<string> {
	const pieces = piecesOf(json)
	const write = (outside: (text: string) => string, string: (literal: string) => string): string =>
		pieces.map((piece, index) => (index % 2 === 0 ? outside(piece) : string(piece))).join('')
	const compact = (text: string): string => text.replace(/[ \t\r\n]+/g, '')
	// Python's way.
	const spaced = (text: string): string => compact(text).replace(/[,:]/g, '$& ')
	const plain = (literal: string): string => JSON.stringify(JSON.parse(literal))
	const ascii = (literal: string): string =>
		plain(literal).replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
	const slashed = (literal: string): string => literal.replaceAll('/', '\\/')
	yield write(compact, (literal) => literal)
	yield write(compact, plain)
	yield write(spaced, (literal) => literal)
	yield write(spaced, plain)
	yield write(spaced, ascii)
	yield write(compact, ascii)
	// PHP's way.
	yield write(compact, (literal) => slashed(ascii(literal)))
	yield write(compact, (literal) => slashed(plain(literal)))
	if (json.length > SHAPED_LIMIT || depthOf(pieces) > SHAPED_DEPTH) return
	const value: unknown = JSON.parse(json)
	yield JSON.stringify(value)
	for (const indent of [2, 4, '\t']) yield JSON.stringify(value, null, indent)
	const ordered = sorted(value)
	yield JSON.stringify(ordered)
	yield JSON.stringify(ordered, null, 2)
}

/** A JSON text as what stands outside of texts (even places) and texts with their quotes (odd places). */
function piecesOf(json: string): string[] {
	const pieces: string[] = []
	let from = 0
	for (;;) {
		const start = json.indexOf('"', from)
		if (start < 0) break
		let end = start + 1
		while (json[end] !== '"') end += json[end] === '\\' ? 2 : 1
		pieces.push(json.slice(from, start), json.slice(start, end + 1))
		from = end + 1
	}
	pieces.push(json.slice(from))
	return pieces
}

/** What tells two ways of writing a value from each other. */
function differences(given: string, form: string): BodyReason[] {
	const [here, there] = [piecesOf(given), piecesOf(form)]
	const bare = (pieces: string[]): string =>
		pieces.map((piece, index) => (index % 2 === 0 ? piece.replace(/[ \t\r\n]+/g, '') : piece)).join('')
	const read = (pieces: string[]): string =>
		bare(pieces.map((piece, index) => (index % 2 === 0 ? piece : JSON.stringify(JSON.parse(piece)))))
	if (read(here) !== read(there))
		return [JSON.stringify(JSON.parse(given)) === JSON.stringify(JSON.parse(form)) ? 'body-numbers' : 'body-key-order']
	const layout = (pieces: string[]): string => pieces.filter((_, index) => index % 2 === 0).join('"')
	return [
		...(layout(here) === layout(there) ? [] : (['body-whitespace'] as const)),
		...(bare(here) === bare(there) ? [] : (['body-escapes'] as const)),
	]
}

function depthOf(pieces: readonly string[]): number {
	let [depth, deepest] = [0, 0]
	for (const [index, piece] of pieces.entries()) {
		if (index % 2 === 1) continue
		for (const char of piece) {
			if (char === '{' || char === '[') deepest = Math.max(deepest, ++depth)
			else if (char === '}' || char === ']') depth--
		}
	}
	return deepest
}

function sorted(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(sorted)
	if (!isRecord(value)) return value
	return Object.fromEntries(
		Object.keys(value)
			.sort()
			.map((key) => [key, sorted(value[key])]),
	)
}

/** Whether the known ones among some keys stand in a certain order. */
function inOrder(keys: readonly string[], order: readonly string[]): boolean {
	const known = keys.map((key) => order.indexOf(key)).filter((index) => index >= 0)
	return known.every((index, at) => at === 0 || known[at - 1]! < index)
}

/** Without blanks at the ends; a byte order mark stays. */
function trimEnds(text: string): string {
	return text.replace(/^[ \t\r\n]+/, '').replace(/(?<![ \t\r\n])[ \t\r\n]+$/, '')
}

function isJson(text: string): boolean {
	try {
		const value: unknown = JSON.parse(text)
		return typeof value === 'object' && value !== null
	} catch {
		return false
	}
}

function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value)
}
