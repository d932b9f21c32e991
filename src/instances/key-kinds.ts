/** Kinds of configuration keys: the values that each accepts, and its form field. */
import * as z from 'zod'
import type { Element } from '../elements/element.ts'
import type { ConfigurationForm } from '../elements/form.ts'
import { LIMITS, type LimitName } from '../lib/limits.ts'
import {
	booleanText,
	numberText,
	parsedBy,
	trimmedText,
	wordText,
	type ParsedText,
	type TextSchema,
} from '../lib/text-schemas.ts'
import { checkTarget, checkUrl, isLogOnlyUrl, parseWebUrl, toStoreBase } from '../lib/urls.ts'
import { parseNumber, stripBrackets, toText } from '../lib/values.ts'

/** Context of checking a value. */
export interface KeyOptions {
	element: Element
	publicUrl: string
	allowPrivateNetwork: boolean
	/** The operator's minimum of every interval. */
	floorSeconds: number
}

/** The schema and the form field of a kind of key. */
export interface KeyKind extends Partial<Omit<ConfigurationForm, 'key' | 'name' | 'description'>> {
	/** Parses a value that is not blank into the value to store. */
	schema: (options: KeyOptions) => z.ZodType<string | null>
}

/** Text, or a value that can be converted to text. */
export function text(schema: (options: KeyOptions) => TextSchema, limit?: LimitName): KeyKind {
	return {
		schema: (options) => z.preprocess(toText, schema(options)),
		...(limit === undefined ? {} : { maximumLength: LIMITS[limit].value }),
	}
}

export function trimmed(limit: LimitName): KeyKind {
	return text(() => trimmedText(limit), limit)
}

export function boolean(): KeyKind {
	return { type: 'BOOLEAN', ...text(() => booleanText) }
}

/** One of some words with their titles; `aliases` are other accepted words. */
export function choice(
	titles: Readonly<Record<string, string>>,
	aliases: Readonly<Record<string, string>> = {},
): KeyKind {
	const words = wordText(...Object.keys(titles))
	return {
		type: 'SELECT',
		options: Object.entries(titles).map(([value, name]) => ({ value, name })),
		...text(() => z.string().transform(toAliased).pipe(words)),
	}
	function toAliased(sent: string): string {
		const word = sent.trim().toLowerCase()
		return Object.hasOwn(aliases, word) ? aliases[word]! : word
	}
}

export function number({ minimum, maximum, whole }: { minimum: number; maximum: number; whole: boolean }): KeyKind {
	const expected = `a ${whole ? 'whole ' : ''}number from ${minimum} to ${maximum}`
	const isValid = (value: number): boolean =>
		value >= minimum && value <= maximum && (!whole || Number.isInteger(value))
	return { type: 'NUMBER', minimum, maximum, ...text(() => numberText(expected, isValid)) }
}

/** A duration, with decimals, at least the operator's minimum; 0 turns an optional one off. */
export function interval(unit: 'minutes' | 'hours', need: 'required' | 'optional'): KeyKind {
	const unitSeconds = unit === 'minutes' ? 60 : 3600
	const isOff = (value: number | null): boolean => need === 'optional' && value === 0
	return {
		type: 'NUMBER',
		interval: unit,
		...(need === 'optional' ? { minimum: 0 } : {}),
		...text(({ floorSeconds }) => {
			const minimum = Number((floorSeconds / unitSeconds).toPrecision(4))
			const expected = `a number of ${unit}, at least ${minimum}${need === 'optional' ? ', or 0 for off' : ''}`
			return numberText(expected, (value) => isOff(value) || value * unitSeconds >= floorSeconds).transform((sent) =>
				isOff(parseNumber(sent)) ? '0' : sent,
			)
		}),
	}
}

/**
 * The store's address, shortened to the site. A URL without a scheme is stored without one; connecting finds https or
 * http.
 */
export function storeUrl(): KeyKind {
	return text(
		({ allowPrivateNetwork }) =>
			parsedBy((sent: string): ParsedText => {
				const base = toStoreBase(sent)
				const checked = checkUrl(base, allowPrivateNetwork)
				if (!checked.ok) return checked
				const hasScheme = /^<?\s*[a-z][a-z0-9+.-]*:\/\//i.test(sent.trim())
				return { ok: true, text: hasScheme ? base : base.replace(/^https:\/\//, '') }
			}),
		'url',
	)
}

/** A callback that Shopbell may call, or one that means "log only". */
export function callbackUrl(): KeyKind {
	return text(
		({ publicUrl, allowPrivateNetwork }) =>
			parsedBy((sent: string): ParsedText => {
				const address = stripBrackets(sent)
				const parsed = parseWebUrl(address)
				if (!parsed.ok) return parsed
				if (isLogOnlyUrl(parsed.url, publicUrl)) return { ok: true, text: address }
				const checked = checkTarget(parsed.url, allowPrivateNetwork)
				return checked.ok ? { ok: true, text: address } : checked
			}),
		'url',
	)
}
