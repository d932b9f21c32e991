/**
 * Configuration values from documents, forms and clients: any value may be text, and placeholders of documentation may
 * remain (docs/contract.md §2). Pure.
 */

/** Replaces a secret in every response; in a request it means "unchanged". */
export const SECRET_MASK = '********'

/** An invalid key: `field` is its full name, `message` what was expected. */
export interface FieldProblem {
	field: string
	message: string
}

/**
 * Whether a text is a placeholder of documentation: `<CONSUMER_KEY>`, `<minutes>`, `xxxxxx…`. An address in brackets
 * is not.
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

/** `true`, `"true"`, `false`, `"false"` in any case; null for anything else. */
export function parseBoolean(text: string): boolean | null {
	const lower = text.trim().toLowerCase()
	return lower === 'true' ? true : lower === 'false' ? false : null
}

/** A finite decimal number; null for anything else. */
export function parseNumber(text: string): number | null {
	const trimmed = text.trim()
	return /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(trimmed) && Number.isFinite(Number(trimmed))
		? Number(trimmed)
		: null
}

/** A configuration value as it is stored: text or null. Objects become JSON. */
export function toText(value: unknown): string | null {
	if (value === null || value === undefined) return null
	if (typeof value === 'string') return value
	return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/**
 * A text of a store as one line for people: without control characters and without marks that reverse the direction of
 * what follows; cut to a number of characters.
 */
export function toPlainLine(text: string, maxCharacters: number): string {
	const line = text
		.replace(DIRECTION_MARKS, '')
		.replace(/[\p{Cc}\s]+/gu, ' ')
		.trim()
	return [...line.slice(0, 2 * maxCharacters)].slice(0, maxCharacters).join('').toWellFormed()
}

/** Whether a text holds control characters or marks that reverse its direction. */
export function hasHiddenCharacters(text: string): boolean {
	return /\p{Cc}/u.test(text) || text.search(DIRECTION_MARKS) >= 0
}

/** Invisible marks that change the direction of text, and the byte order mark. */
const DIRECTION_MARKS = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/g

/**
 * Removes HTML tags from a name or tag (docs/contract.md §2), since people see the rest. Each `>` is removed with the
 * nearest `<` before it and everything between them, so that no removal creates a tag. Takes one pass, because the
 * text may be as long as a body.
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
