/**
 * The JSON of a store's answer, whatever stands around it: byte order marks, comments of caches, notices of PHP
 * (docs/woocommerce.md 2.2). It is taken only if it is certain which JSON is meant.
 */
import { parseExact } from '../json.ts'
import { isRecord } from '../values.ts'
import type { VendorRecord } from '../store.ts'
import { toPlainText } from './page-text.ts'

/** The JSON of an answer. `around`: the text that stands around it, without comments and markup; null: none. */
export interface AnswerJson {
	value: unknown
	/** Its text. */
	json: string
	around: string | null
}

/** Where the text around JSON may end; later JSON is part of a page. */
const MAX_TEXT_BEFORE = 65_536
const MAX_SHOWN_AROUND = 200

/** The JSON of an answer's text; null: it has none, or it is not certain which JSON is meant. */
export function parseAnswer(text: string): AnswerJson | null {
	const value = tryParse(text)
	if (value !== undefined) return { value, json: text, around: null }
	const trimmed = trimInvisible(text)
	const trimmedValue = trimmed.length === text.length ? undefined : tryParse(trimmed)
	return trimmedValue === undefined ? findOnlyDocument(trimmed) : { value: trimmedValue, json: trimmed, around: null }
}

/** The value of an answer's JSON; undefined: as `parseAnswer` null. */
export function parseJson(text: string): unknown {
	return parseAnswer(text)?.value
}

/**
 * The entries of a list. PHP writes a list whose keys have gaps as an object (`{"1": {…}, "2": {…}}`); its order is
 * that of the text. `isEmpty`: the store counts none there, so that `{}` is a list. Null: it is no list.
 */
export function getEntries({ value, json }: AnswerJson, isEmpty: boolean): unknown[] | null {
	if (Array.isArray(value)) return value
	return isRecord(value) ? listEntries(value, json, isEmpty) : null
}

/** Names under which plugins and proxies put a list or an object that WooCommerce gives as it is. */
const WRAPPERS = new Set(['data', 'items', 'results', 'records', 'rows', 'body', 'response'])

/** What stands under the only such name, and the name; null: there is none, or the value is an object or an error. */
function getWrapped(value: unknown): { name: string; value: unknown } | null {
	if (!isRecord(value) || ['id', 'code', 'error', 'message'].some((name) => Object.hasOwn(value, name))) return null
	const status = value['status']
	const names = Object.keys(value).filter((name) => WRAPPERS.has(name))
	if (names.length !== 1 || (typeof status === 'number' && status !== 200)) return null
	const isOnly = Object.entries(value).every(([name, other]) => name === names[0] || !Array.isArray(other))
	return isOnly ? { name: names[0]!, value: value[names[0]!] } : null
}

/**
 * The rows of a list of objects, also where they stand under a name, as in `{"data": […]}`; `wrapper`: this name. A row
 * that is `null` is an object without fields. null: it is no list of objects.
 */
export function toRows(answer: AnswerJson, isEmpty: boolean): { rows: VendorRecord[]; wrapper: string | null } | null {
	const entries = getEntries(answer, isEmpty)
	const wrapped = entries === null ? getWrapped(answer.value) : null
	const list = entries ?? (Array.isArray(wrapped?.value) ? (wrapped.value as unknown[]) : null)
	if (list === null || !list.every((row) => row === null || isRecord(row))) return null
	// A list of nothing but nulls is none, and one that is empty under a name may be something else.
	if (!list.some(isRecord) && (list.length > 0 || (wrapped !== null && !isEmpty))) return null
	return { rows: list.map((row) => row ?? {}), wrapper: wrapped?.name ?? null }
}

/** The object of an answer, also where it stands under a name; null: there is none. */
export function toObject(value: unknown): VendorRecord | null {
	const wrapped = getWrapped(value)?.value
	if (isRecord(wrapped)) return wrapped
	return isRecord(value) ? value : null
}

/** A list, or an object with numeric keys as the list that PHP meant, in the order of its keys; null: neither. */
export function toList(value: unknown): unknown[] | null {
	if (Array.isArray(value)) return value
	return isRecord(value) && hasListKeys(value) ? Object.values(value) : null
}

function hasListKeys(value: Readonly<Record<string, unknown>>): boolean {
	const keys = Object.keys(value)
	return keys.length > 0 && keys.every((key) => /^(0|[1-9]\d*)$/.test(key))
}

/** JavaScript sorts numeric keys: the text has them in the order of the list. */
function listEntries(value: Readonly<Record<string, unknown>>, json: string, isEmpty: boolean): unknown[] | null {
	if (isEmpty && Object.keys(value).length === 0) return []
	if (!hasListKeys(value)) return null
	const keys = [...listTopKeys(json)]
	// A key that stands twice leaves one entry out.
	const isWhole = keys.length === Object.keys(value).length && keys.every((key) => Object.hasOwn(value, key))
	return isWhole ? keys.map((key) => value[key]) : null
}

/** The keys of an object's text, whose keys have no escapes. */
function* listTopKeys(json: string): Generator<string> {
	let depth = 0
	for (const mark of listMarks(json, 0)) {
		if (mark.text === '"') {
			if (depth === 1 && /^\s*:/.test(json.slice(mark.end, mark.end + 100))) yield json.slice(mark.at + 1, mark.end - 1)
		} else depth += mark.text === '{' || mark.text === '[' ? 1 : -1
	}
}

/** The brackets and strings of JSON from a place on. `end`: after it. A string that does not end is the last one. */
function* listMarks(text: string, from: number): Generator<{ text: string; at: number; end: number }> {
	const pattern = /["[\]{}]/g
	pattern.lastIndex = from
	for (let found = pattern.exec(text); found !== null; found = pattern.exec(text)) {
		if (found[0] === '"') pattern.lastIndex = findStringEnd(text, found.index)
		yield { text: found[0], at: found.index, end: pattern.lastIndex }
	}
}

function findStringEnd(text: string, start: number): number {
	for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
		let backslashes = 0
		while (text[at - 1 - backslashes] === '\\') backslashes++
		if (backslashes % 2 === 0) return at + 1
	}
	return text.length
}

/** The end of the list or object that begins at a place; null: it does not end. */
function findEnd(text: string, start: number): number | null {
	let depth = 0
	for (const mark of listMarks(text, start)) {
		if (mark.text === '"') continue
		depth += mark.text === '{' || mark.text === '[' ? 1 : -1
		if (depth === 0) return mark.end
	}
	return null
}

/** Places where JSON may begin, and what is skipped whole: comments and scripts hold JSON that is no answer. */
const BEGINNINGS = /<!--|<(script|style)\b|[[{]/gi
/** Short lists as they stand in prose too: `[]`, `{}`, `[0]`, `["key"]`. */
const SHORT_LIST = /\{\s*\}|\[\s*(?:"[^"\\\n]{0,200}"|-?\d[\d.]{0,30})?\s*\]/y
/** How other JSON begins. What begins so and cannot be read was cut off, or has text in its middle. */
const JSON_BEGINNING = /\{\s*"|\[\s*(?:[[{"]|(?:-?\d[\d.eE+-]{0,40}|true|false|null)\s*,)/y
/** What begins a page; JSON inside of one is not an answer. */
const PAGE = /<(?:!doctype|html|head|body|title|form)\b/i

function findOnlyDocument(text: string): AnswerJson | null {
	const found: { value: unknown; json: string }[] = []
	const outside: string[] = []
	let at = 0
	for (let begin = findBeginning(text, 0); begin !== null; begin = findBeginning(text, at)) {
		if (found.length === 0 && (begin.at > MAX_TEXT_BEFORE || PAGE.test(text.slice(at, begin.at)))) return null
		outside.push(text.slice(at, begin.at))
		at = begin.at
		if (begin.kind === 'skipped') {
			outside.push(' ')
			at = findSkippedEnd(text, begin)
		} else {
			const json = readDocument(text, at)
			if (json === null) outside.push(text[at++]!)
			else {
				const value = tryParse(json)
				if (value === undefined || found.length > 0) return null
				found.push({ value, json })
				outside.push(' ')
				at += json.length
			}
		}
	}
	outside.push(text.slice(at))
	const [only] = found
	return only === undefined
		? null
		: { ...only, around: toPlainText(outside.join(''))?.slice(0, MAX_SHOWN_AROUND) ?? null }
}

/** The text of the JSON that begins at a place, which may be broken; null: the bracket is part of other text. */
function readDocument(text: string, at: number): string | null {
	const short = matchAt(SHORT_LIST, text, at)
	if (short !== null) return isOnItsOwn(text, at, at + short.length) ? short : null
	return matchAt(JSON_BEGINNING, text, at) === null ? null : text.slice(at, findEnd(text, at) ?? text.length)
}

interface Beginning {
	kind: 'json' | 'skipped'
	at: number
	/** The name of the element that is skipped; absent: a comment. */
	element?: string
}

function findBeginning(text: string, from: number): Beginning | null {
	BEGINNINGS.lastIndex = from
	const match = BEGINNINGS.exec(text)
	if (match === null) return null
	const [mark, element] = match
	return mark.startsWith('<')
		? { kind: 'skipped', at: match.index, ...(element !== undefined && { element }) }
		: { kind: 'json', at: match.index }
}

/** What does not end takes the rest of the text. */
function findSkippedEnd(text: string, { at, element }: Beginning): number {
	const pattern = element === undefined ? /-->/g : new RegExp(`</${element}\\s*>`, 'gi')
	pattern.lastIndex = at
	return pattern.exec(text) === null ? text.length : pattern.lastIndex
}

function matchAt(pattern: RegExp, text: string, at: number): string | null {
	pattern.lastIndex = at
	return pattern.exec(text)?.[0] ?? null
}

/** Whether nothing else is on its line: it is no part of a sentence, nor of a dump of PHP (`["key"] => 1`). */
function isOnItsOwn(text: string, start: number, end: number): boolean {
	return (
		/(?:^|[\n\r>])[ \t]*$/.test(text.slice(Math.max(0, start - 100), start)) &&
		/^[ \t]*(?:$|[\n\r<])/.test(text.slice(end, end + 100))
	)
}

function tryParse(text: string): unknown {
	try {
		return parseExact(text)
	} catch {
		return undefined
	}
}

/** Without what does not show at its ends: white space, NULs, byte order marks, zero-width characters. */
function trimInvisible(text: string): string {
	let [start, end] = [0, text.length]
	while (start < end && INVISIBLE.test(text[start]!)) start++
	while (end > start && INVISIBLE.test(text[end - 1]!)) end--
	return text.slice(start, end)
}

// oxlint-disable-next-line no-control-regex -- NULs are what it is about.
const INVISIBLE = /[\s\0\uFEFF\u200B-\u200D\u2060]/
