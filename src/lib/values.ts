/**
 * Configuration values as documents, forms and clients send them: everything may be text, and documentation's
 * placeholders are left in (docs/contract.md §2). Pure helpers that read them.
 */

/** What stands for a secret in every answer; sent back, it means "unchanged". */
export const SECRET_MASK = '********'

/** A key that was not understood: `field` is its full name, `message` what was expected. */
export interface FieldProblem {
	field: string
	message: string
}

/**
 * Whether a text is a placeholder that documentation left: `<CONSUMER_KEY>`, `<minutes>`, `xxxxxx…`. An address in
 * brackets is none.
 */
export function isPlaceholder(text: string): boolean {
	const trimmed = text.trim()
	if (/^x{4,}$/i.test(trimmed)) return true
	const inside = /^<([^<>]*)>$/.exec(trimmed)?.[1]
	return inside !== undefined && !looksLikeAddress(inside)
}

/** `<http://shop.example>` → `http://shop.example`. */
export function stripBrackets(text: string): string {
	return text
		.trim()
		.replace(/^<([^<>]*)>$/, '$1')
		.trim()
}

/** `true`, `"true"`, `false`, `"false"` in any case; null when it is neither. */
export function parseBoolean(text: string): boolean | null {
	const lower = text.trim().toLowerCase()
	return lower === 'true' ? true : lower === 'false' ? false : null
}

/** A finite decimal number written as people do; null when it is none. */
export function parseNumber(text: string): number | null {
	const trimmed = text.trim()
	return /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(trimmed) && Number.isFinite(Number(trimmed))
		? Number(trimmed)
		: null
}

/** A value of a configuration as it is kept: text or null. Objects become their JSON. */
export function toText(value: unknown): string | null {
	if (value === null || value === undefined) return null
	if (typeof value === 'string') return value
	return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/**
 * Takes HTML tags out of a name or tag (docs/contract.md §2): what is left is shown to people. Every `>` goes with the
 * nearest `<` before it and all between them, so that no tag is made by taking one out. One pass: the text may be as
 * long as a body.
 */
export function stripHtml(text: string): string {
	const kept: string[] = []
	const open: number[] = []
	for (const part of text.split(/([<>])/)) {
		const from = part === '>' ? open.pop() : undefined
		if (from !== undefined) kept.length = from
		else {
			if (part === '<') open.push(kept.length)
			kept.push(part)
		}
	}
	return kept
		.join('')
		.replace(/[\p{Cc}]+/gu, ' ')
		.trim()
}

function looksLikeAddress(text: string): boolean {
	const trimmed = text.trim()
	return /^https?:\/\/\S/i.test(trimmed) || /^[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?(\/\S*)?$/i.test(trimmed)
}
