/**
 * Placeholders in a poller's url, filled with the last poll's time (docs/contract.md §3):
 * `${gmtDate:FORMAT}`, `${date:FORMAT}`, `${dateTimeZone:ZONE:FORMAT}`, `${epoch}` (ms), `${epoch:s}`, `${epoch:ms}`,
 * `${epoch:us}`. `date` is UTC too, as on the platform, whose servers ran in UTC.
 */
import { parseIso } from '../values.ts'
import { findPatternProblem } from './date-patterns.ts'
import { isKnownFormat, formatDateValue } from './dates.ts'
import { normalizeZone } from './zones.ts'

const PLACEHOLDER = /\$\{([^{}]*)\}/g

/** Whether a text holds a placeholder. */
export function hasPlaceholders(text: string): boolean {
	return text.search(PLACEHOLDER) >= 0
}

/** Why a placeholder of a text would write something else than was meant; null: none would. */
export function findPlaceholderProblem(text: string): string | null {
	for (const [whole, inner = ''] of text.matchAll(PLACEHOLDER)) {
		const { kind, rest } = parsePlaceholder(inner)
		const format =
			kind === 'dateTimeZone'
				? parseZonedFormat(rest)?.format
				: kind === 'gmtDate' || kind === 'date'
					? rest
					: undefined
		const isPattern = format !== undefined && format !== '' && format !== 'milliseconds'
		const problem = isPattern ? findPatternProblem(format, 'write') : null
		if (problem !== null) return `${whole.slice(0, 100)} is not understood: ${problem}`
	}
	return null
}

/** Fills every placeholder with a time (epoch ms); an error quotes the invalid placeholder. */
export function fillPlaceholders(
	text: string,
	ms: number,
): { ok: true; text: string } | { ok: false; message: string } {
	const unknown: string[] = []
	const filled = text.replace(PLACEHOLDER, (whole, inner: string) => {
		const value = fillPlaceholder(inner, ms)
		if (value === null) unknown.push(whole)
		return value ?? whole
	})
	if (unknown.length > 0)
		return {
			ok: false,
			message:
				`${unknown[0]} is not understood: expected \${gmtDate:FORMAT}, \${date:FORMAT}, ` +
				'${dateTimeZone:ZONE:FORMAT}, ${epoch}, ${epoch:s}, ${epoch:ms} or ${epoch:us}',
		}
	return { ok: true, text: filled }
}

function fillPlaceholder(inner: string, ms: number): string | null {
	const { kind, rest } = parsePlaceholder(inner)
	switch (kind) {
		case 'epoch':
			if (rest === '' || rest === 'ms') return String(ms)
			if (rest === 's') return String(Math.floor(ms / 1000))
			return rest === 'us' ? `${ms}000` : null
		case 'gmtDate':
		case 'date':
			return formatPlaceholder(ms, rest, 'UTC')
		case 'dateTimeZone': {
			const parts = parseZonedFormat(rest)
			const zone = parts === null ? null : normalizeZone(parts.zone)
			return parts === null || zone === null ? null : formatPlaceholder(ms, parts.format, zone)
		}
		default:
			return null
	}
}

/** The kind of a placeholder, '' if it has none, and what follows it. */
function parsePlaceholder(inner: string): { kind: string; rest: string } {
	const [, kind = '', rest = ''] = /^([A-Za-z]+)(?::([\s\S]*))?$/.exec(inner.trim()) ?? []
	return { kind, rest }
}

/** `ZONE:FORMAT`. The zone may itself have a colon: `GMT+05:30:yyyy-MM-dd`. */
function parseZonedFormat(text: string): { zone: string; format: string } | null {
	const parts = /^((?:GMT|UTC)?[+-]\d{1,2}:\d{2}|[^:]+):([\s\S]+)$/i.exec(text)
	return parts === null ? null : { zone: parts[1] ?? '', format: parts[2] ?? '' }
}

/**
 * The moment in a format. A full local date and time gets its offset behind it, for the format drops the zone that the
 * placeholder names, and WooCommerce would read the rest in the site's own (docs/woocommerce.md 3.2).
 */
function formatPlaceholder(ms: number, format: string, zone: string): string | null {
	if (format === '' || !isKnownFormat(format)) return null
	const text = formatDateValue(ms, format, zone)
	if (text === null || !/^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?$/.test(text)) return text
	const offset = formatDateValue(ms, 'XXX', zone)
	return parseIso(text + offset, 'UTC') === null ? text : text + offset
}
