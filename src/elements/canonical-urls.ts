/**
 * The canonical form of a value: its URLs without query and fragment, where signatures, expiry times and versions
 * stand. A value without a URL has none. Pure.
 */
import { isRecord } from './values.ts'

/** URLs inside a text: absolute ones, and those of attributes. They may be escaped as in JSON or HTML. */
const URLS_IN_TEXT = new RegExp(
	[
		String.raw`(?:\bhttps?:(?:\\?\/){2}|(?<=["'(])(?:\\?\/){1,2}(?=\w))`,
		String.raw`(?:(?!&(?:quot|#0?3[49]);|,\s*https?:)(?:[^\s"'<>\\]|\\\/))+`,
	].join(''),
	'gi',
)

/** The canonical form; null: there is none. Of lists and objects, the parts that have one. */
export function toCanonicalForm(value: unknown): unknown {
	if (typeof value === 'string') return toCanonicalText(value)
	if (Array.isArray(value)) {
		const parts = value.map(toCanonicalForm).filter((part) => part !== null)
		return parts.length === 0 ? null : parts
	}
	if (!isRecord(value)) return null
	const parts = Object.entries(value)
		.map(([name, part]) => [name, toCanonicalForm(part)] as const)
		.filter(([, part]) => part !== null)
	return parts.length === 0 ? null : Object.fromEntries(parts)
}

function toCanonicalText(text: string): unknown {
	const whole = text.trim()
	if (/^[[{]/.test(whole)) {
		const parsed = parseJson(whole)
		if (parsed !== null) return toCanonicalForm(parsed)
	}
	if (isUrlReference(whole)) return withoutQuery(whole)
	const canonical = text.replace(URLS_IN_TEXT, withoutQuery)
	return canonical === text && text.search(URLS_IN_TEXT) < 0 ? null : canonical
}

/** Whether a whole text is a URL that is not of http: relative (`a.jpg?sig=1`), or of another scheme. */
function isUrlReference(text: string): boolean {
	if (/\s|^https?:/i.test(text)) return false
	return (
		/^(?:[a-z][a-z0-9+.-]*:)?\/\/./i.test(text) ||
		/^\.{0,2}\/[\w%~.-]/.test(text) ||
		/^[\w%~./-]+\?[\w%.[\]-]+(?:=|$)/.test(text) ||
		/^[\w%~./-]+\.[a-z][a-z0-9]{1,4}(?:[?#]|$)/i.test(text)
	)
}

function withoutQuery(url: string): string {
	return url.replace(/[?#].*$/s, '')
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text)
	} catch {
		return null
	}
}
