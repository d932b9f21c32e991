/**
 * Hides secret values in a text that somebody else wrote, such as a callback's response: also parts of them, in other
 * letter case, and escaped as in URLs, HTML or JSON. Pure.
 */
import { SECRET_MASK } from './values.ts'

/** Shorter values are not searched: they are words such as `v=1`, and no secrets. */
const MIN_VALUE_LENGTH = 6
/** A part of a value is hidden from this length on, bytes. */
const MIN_PART_LENGTH = 8

/** One character of the text, however it is escaped; percent-encoding may be repeated. */
const ESCAPES = new RegExp(
	[
		'%(?:25)*(?<percent>[0-9a-f]{2})',
		'&#x(?<hex>[0-9a-f]{1,6});',
		'&#(?<decimal>\\d{1,7});',
		'&(?<entity>amp|lt|gt|quot|apos);',
		'\\\\u(?<unicode>[0-9a-f]{4})',
		'\\\\x(?<byte>[0-9a-f]{2})',
		`\\\\(?<other>["'\\\\/])`,
		'(?<plain>.)',
	].join('|'),
	'gisu',
)
const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
/** The start of an escape, or of a character, at which a text was cut. */
const CUT_ESCAPE = /(?:%(?:25)*[0-9a-f]?|&#?\w{0,7}|\\(?:u[0-9a-f]{0,3}|x[0-9a-f]?)?|\uFFFD+)$/i

/** A text as the UTF-8 bytes that it means, in lower case, one character each, with the place of each in the text. */
interface PlainBytes {
	bytes: string
	starts: number[]
	ends: number[]
}

/**
 * The text with `********` in place of the values and of long parts of them. `cutAtBytes`: a text of so many bytes may
 * have been cut, so that it ends with the beginning of a value.
 */
export function maskValues(text: string, values: readonly string[], cutAtBytes: number): string {
	const secrets = values.map((value) => toPlainBytes(value).bytes).filter((bytes) => bytes.length >= MIN_VALUE_LENGTH)
	if (secrets.length === 0) return text
	const plain = toPlainBytes(text)
	const ranges = findParts(plain, secrets)
	// A character that was cut in two became U+FFFD, which is longer.
	if (Buffer.byteLength(text) >= cutAtBytes - 3) ranges.push(...findCutValue(text, secrets))
	return replaceRanges(text, ranges)
}

function toPlainBytes(text: string): PlainBytes {
	const found: PlainBytes = { bytes: '', starts: [], ends: [] }
	for (const match of text.matchAll(ESCAPES)) {
		const bytes = toBytes(match.groups as Record<string, string | undefined>)
		found.bytes += bytes
		for (let index = 0; index < bytes.length; index++) {
			found.starts.push(match.index)
			found.ends.push(match.index + match[0].length)
		}
	}
	return found
}

/** The bytes of one match of `ESCAPES`, as characters. */
function toBytes(groups: Record<string, string | undefined>): string {
	const { percent, hex, decimal, entity, unicode, byte, other, plain } = groups
	if (percent !== undefined) return toComparable(String.fromCharCode(Number.parseInt(percent, 16)))
	const code = hex ?? unicode ?? byte
	const codePoint = code !== undefined ? Number.parseInt(code, 16) : decimal === undefined ? null : Number(decimal)
	const character =
		codePoint === null
			? (ENTITIES[entity?.toLowerCase() ?? ''] ?? other ?? plain ?? '')
			: codePoint <= 0x10ffff
				? String.fromCodePoint(codePoint)
				: ''
	return toComparable(Buffer.from(character.toLowerCase()).toString('latin1'))
}

/** Bytes in lower case where they are ASCII. A form writes a space as `+`. */
function toComparable(bytes: string): string {
	return bytes.replace(/[A-Z]/g, (letter) => letter.toLowerCase()).replaceAll('+', ' ')
}

type Range = [start: number, end: number]

/** Where the text has a value, or a part of one. */
function findParts({ bytes, starts, ends }: PlainBytes, secrets: readonly string[]): Range[] {
	const ranges: Range[] = []
	for (const length of new Set(secrets.map((secret) => Math.min(secret.length, MIN_PART_LENGTH)))) {
		const parts = new Set<string>()
		for (const secret of secrets)
			if (Math.min(secret.length, MIN_PART_LENGTH) === length)
				for (let at = 0; at + length <= secret.length; at++) parts.add(secret.slice(at, at + length))
		for (let at = 0; at + length <= bytes.length; at++)
			if (parts.has(bytes.slice(at, at + length))) ranges.push([starts[at]!, ends[at + length - 1]!])
	}
	return ranges
}

/** The end of a text that was cut, if it is the beginning of a value: none or one range. */
function findCutValue(text: string, secrets: readonly string[]): Range[] {
	const { bytes, starts } = toPlainBytes(text.replace(CUT_ESCAPE, ''))
	for (let at = Math.max(0, bytes.length - MIN_PART_LENGTH); at < bytes.length; at++)
		if (secrets.some((secret) => secret.startsWith(bytes.slice(at)))) return [[starts[at]!, text.length]]
	return []
}

function replaceRanges(text: string, ranges: readonly Range[]): string {
	let masked = ''
	let done = 0
	let lastEnd = -1
	for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
		// Ranges that overlap or touch are one.
		if (start > lastEnd) masked += text.slice(done, start) + SECRET_MASK
		lastEnd = Math.max(lastEnd, end)
		done = lastEnd
	}
	return masked + text.slice(done)
}
