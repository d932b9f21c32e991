/**
 * Schemas of values that are stored as text: configuration keys of instances and settings of accounts. Each takes a
 * text and returns the text to store; messages of its issues name what was expected.
 */
import * as z from 'zod'
import { expectedAtMost, LIMITS, type LimitName } from './limits.ts'
import { checkUrl } from './urls.ts'
import { parseBoolean, parseNumber, type FieldProblem } from './values.ts'

/** A schema of a stored text. */
export type TextSchema = z.ZodType<string, string>

/** The result of a parser of one value. */
export type ParsedText<Kept = string> = { ok: true; text: Kept } | { ok: false; message: string }

/** A schema from a parser that returns its own message. */
export function parsedBy<Given, Kept = string>(parse: (given: Given) => ParsedText<Kept>): z.ZodType<Kept, Given> {
	return z.custom<Given>().transform((given, context) => {
		const parsed = parse(given)
		if (parsed.ok) return parsed.text
		context.addIssue({ code: 'custom', message: parsed.message })
		return z.NEVER
	})
}

/** Text up to a length, trimmed. */
export function trimmedText(limit: LimitName): TextSchema {
	return z.string().trim().max(LIMITS[limit].value, expectedAtMost(limit))
}

/** Text up to a length, not trimmed: whitespace is part of a password. */
export function verbatimText(limit: LimitName): z.ZodString {
	return z.string().max(LIMITS[limit].value, expectedAtMost(limit))
}

/** `true` or `false` in any case. */
export const booleanText: TextSchema = parsedBy((text: string) => {
	const parsed = parseBoolean(text)
	return parsed === null ? { ok: false, message: 'expected true or false' } : { ok: true, text: String(parsed) }
})

/** One of some words, in any case. */
export function wordText(...words: readonly string[]): TextSchema {
	const last = words.at(-1)
	const message = `expected ${words.slice(0, -1).join(', ')} or ${last}`
	return z.string().trim().toLowerCase().pipe(z.enum(words, message))
}

/** A decimal number that `isValid` accepts, stored as it was written. */
export function numberText(expected: string, isValid: (value: number) => boolean): TextSchema {
	return z
		.string()
		.trim()
		.refine((text) => {
			const parsed = parseNumber(text)
			return parsed !== null && isValid(parsed)
		}, `expected ${expected}`)
}

/** A URL that Shopbell may reach (lib/urls.ts). */
export function reachableUrl(allowPrivateNetwork: boolean): TextSchema {
	return parsedBy((text: string) => {
		const checked = checkUrl(text, allowPrivateNetwork)
		return checked.ok ? { ok: true, text: text.trim() } : checked
	})
}

/** A schema's issues as problems of a field; a path inside the value follows the field's name. */
export function toFieldProblems(field: string, error: z.ZodError): FieldProblem[] {
	return error.issues.map(({ path, message }) => ({ field: [field, ...path.map(String)].join('.'), message }))
}
