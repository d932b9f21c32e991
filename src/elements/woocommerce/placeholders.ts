/**
 * Placeholders in a poller's url, filled with the last poll's time (docs/contract.md §3):
 * `${gmtDate:FORMAT}`, `${date:FORMAT}`, `${dateTimeZone:ZONE:FORMAT}`, `${epoch}` (ms), `${epoch:s}`, `${epoch:ms}`,
 * `${epoch:us}`. `date` is UTC too, as on the platform, whose servers ran in UTC.
 */
import { parseIso } from '../values.ts'
import { isKnownFormat, formatDateValue, normalizeZone } from './dates.ts'

const PLACEHOLDER = /\$\{([^{}]*)\}/g

/** Whether a text holds a placeholder. */
export function hasPlaceholders(text: string): boolean {
	return text.search(PLACEHOLDER) >= 0
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
	const kind = /^([A-Za-z]+)(?::([\s\S]*))?$/.exec(inner.trim())
	if (kind === null) return null
	const rest = kind[2] ?? ''
	switch (kind[1]) {
		case 'epoch':
			if (rest === '' || rest === 'ms') return String(ms)
			if (rest === 's') return String(Math.floor(ms / 1000))
			return rest === 'us' ? `${ms}000` : null
		case 'gmtDate':
		case 'date':
			return formatPlaceholder(ms, rest, 'UTC')
		case 'dateTimeZone': {
			// The zone may itself have a colon: `GMT+05:30:yyyy-MM-dd`.
			const parts = /^((?:GMT|UTC)?[+-]\d{1,2}:\d{2}|[^:]+):([\s\S]+)$/i.exec(rest)
			const zone = parts === null ? null : normalizeZone(parts[1] ?? '')
			return parts === null || zone === null ? null : formatPlaceholder(ms, parts[2] ?? '', zone)
		}
		default:
			return null
	}
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
