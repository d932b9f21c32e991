/**
 * A body as it may have been before somebody rewrote it, or as it was rewritten before somebody signed it: the usual
 * ways in which bytes get lost.
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
const MAX_RESHAPED_LENGTH = 65_536
const MAX_RESHAPED_DEPTH = 32

const BOM = '\ufeff'

/** The order in which an envelope has its keys, and its message. */
const ENVELOPE_KEYS = ['severity', 'createdDate', 'topic', 'action', 'id', 'message', 'user']
const MESSAGE_KEYS = [
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

/**
 * The variants of a body, those that explain it most simply first. None twice, and not the body itself. One at a time,
 * since bodies may be large.
 */
export function* generateBodyVariants(body: string): Iterable<BodyVariant> {
	const seen = new Set([toDigest(Buffer.from(body, 'utf8'))])
	for (const variant of generateAllVariants(body)) {
		const digest = toDigest(variant.bytes)
		if (seen.has(digest)) continue
		seen.add(digest)
		yield variant
	}
}

function* generateAllVariants(body: string): Iterable<BodyVariant> {
	const toVariant = (text: string, reason: BodyReason): BodyVariant => ({
		bytes: Buffer.from(text, 'utf8'),
		reasons: () => [reason],
	})
	yield toVariant(body.startsWith(BOM) ? body.slice(1) : BOM + body, 'body-bom')
	if (/[\r\n]$/.test(body)) yield toVariant(body.replace(/\r?\n$/, ''), 'body-trailing-newline')
	else for (const end of ['\n', '\r\n']) yield toVariant(body + end, 'body-trailing-newline')
	yield toVariant(trimWhitespace(body), 'body-blanks')
	yield toVariant(
		body.includes('\r\n') ? body.replaceAll('\r\n', '\n') : body.replaceAll('\n', '\r\n'),
		'body-line-ends',
	)
	if (/[\x80-\xff]/.test(body) && /^[\0-\xff]*$/.test(body))
		yield { bytes: Buffer.from(body, 'latin1'), reasons: () => ['body-encoding'] }

	const json = body.trim()
	if (!isJson(json)) return
	for (const form of generateJsonForms(json)) {
		const getReasons = (): BodyReason[] =>
			body.startsWith(BOM) ? ['body-bom', ...findDifferences(json, form)] : findDifferences(json, form)
		yield { bytes: Buffer.from(form, 'utf8'), reasons: getReasons }
	}
}

function toDigest(bytes: Uint8Array): string {
	return createHash('sha256').update(bytes).digest('base64')
}

/** Whether a body is a notification whose keys stand in another order than we send them. */
export function hasReorderedKeys(body: string): boolean {
	let envelope: unknown
	try {
		envelope = JSON.parse(body.trim())
	} catch {
		return false
	}
	if (!isRecord(envelope) || !isRecord(envelope['message'])) return false
	return !isInOrder(Object.keys(envelope), ENVELOPE_KEYS) || !isInOrder(Object.keys(envelope['message']), MESSAGE_KEYS)
}

/** The ways in which serializers write a JSON text. */
function* generateJsonForms(json: string): Iterable<string> {
	const segments = splitAtStrings(json)
	const rewrite = (mapOutside: (text: string) => string, mapString: (literal: string) => string): string =>
		segments.map((piece, index) => (index % 2 === 0 ? mapOutside(piece) : mapString(piece))).join('')
	const compact = (text: string): string => text.replace(/[ \t\r\n]+/g, '')
	// Python's way.
	const withSpaces = (text: string): string => compact(text).replace(/[,:]/g, '$& ')
	const normalizeString = (literal: string): string => JSON.stringify(JSON.parse(literal))
	const escapeNonAscii = (literal: string): string =>
		normalizeString(literal).replace(
			/[^\x20-\x7e]/g,
			(char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
		)
	const escapeSlashes = (literal: string): string => literal.replaceAll('/', '\\/')
	yield rewrite(compact, (literal) => literal)
	yield rewrite(compact, normalizeString)
	yield rewrite(withSpaces, (literal) => literal)
	yield rewrite(withSpaces, normalizeString)
	yield rewrite(withSpaces, escapeNonAscii)
	yield rewrite(compact, escapeNonAscii)
	// PHP's way.
	yield rewrite(compact, (literal) => escapeSlashes(escapeNonAscii(literal)))
	yield rewrite(compact, (literal) => escapeSlashes(normalizeString(literal)))
	if (json.length > MAX_RESHAPED_LENGTH || getDepth(segments) > MAX_RESHAPED_DEPTH) return
	const value: unknown = JSON.parse(json)
	yield JSON.stringify(value)
	for (const indent of [2, 4, '\t']) yield JSON.stringify(value, null, indent)
	const sortedValue = sortKeys(value)
	yield JSON.stringify(sortedValue)
	yield JSON.stringify(sortedValue, null, 2)
}

/** A JSON text as what stands outside of texts (even places) and texts with their quotes (odd places). */
function splitAtStrings(json: string): string[] {
	const segments: string[] = []
	let from = 0
	for (;;) {
		const start = json.indexOf('"', from)
		if (start < 0) break
		let end = start + 1
		while (json[end] !== '"') end += json[end] === '\\' ? 2 : 1
		segments.push(json.slice(from, start), json.slice(start, end + 1))
		from = end + 1
	}
	segments.push(json.slice(from))
	return segments
}

/** What tells two ways of writing a value from each other. */
function findDifferences(given: string, form: string): BodyReason[] {
	const [givenSegments, formSegments] = [splitAtStrings(given), splitAtStrings(form)]
	const withoutWhitespace = (pieces: string[]): string =>
		pieces.map((piece, index) => (index % 2 === 0 ? piece.replace(/[ \t\r\n]+/g, '') : piece)).join('')
	const normalize = (pieces: string[]): string =>
		withoutWhitespace(pieces.map((piece, index) => (index % 2 === 0 ? piece : JSON.stringify(JSON.parse(piece)))))
	if (normalize(givenSegments) !== normalize(formSegments))
		return [JSON.stringify(JSON.parse(given)) === JSON.stringify(JSON.parse(form)) ? 'body-numbers' : 'body-key-order']
	const getLayout = (pieces: string[]): string => pieces.filter((_, index) => index % 2 === 0).join('"')
	return [
		...(getLayout(givenSegments) === getLayout(formSegments) ? [] : (['body-whitespace'] as const)),
		...(withoutWhitespace(givenSegments) === withoutWhitespace(formSegments) ? [] : (['body-escapes'] as const)),
	]
}

function getDepth(pieces: readonly string[]): number {
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

function sortKeys(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(sortKeys)
	if (!isRecord(value)) return value
	return Object.fromEntries(
		Object.keys(value)
			.sort()
			.map((key) => [key, sortKeys(value[key])]),
	)
}

/** Whether the known ones among some keys stand in a certain order. */
function isInOrder(keys: readonly string[], order: readonly string[]): boolean {
	const known = keys.map((key) => order.indexOf(key)).filter((index) => index >= 0)
	return known.every((index, at) => at === 0 || known[at - 1]! < index)
}

/** Without blanks at the ends; a byte order mark stays. */
function trimWhitespace(text: string): string {
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
