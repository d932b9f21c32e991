/** Time zones as configurations and sites name them. */
import type { Connection } from '../store.ts'

/**
 * A zone's name as the runtime wants it, null when it is unknown: IANA names, `UTC`, `GMT`, `Z`, and offsets such as
 * `GMT-7` or `+05:30`.
 */
export function normalizeZone(zone: string): string | null {
	const text = zone.trim()
	if (/^(utc|gmt|z|etc\/utc|etc\/gmt)$/i.test(text)) return 'UTC'
	const offset = /^(?:GMT|UTC)?([+-])(\d{1,2})(?::?(\d{2}))?$/i.exec(text)
	if (offset !== null) {
		const hours = Number(offset[2])
		const minutes = Number(offset[3] ?? 0)
		return hours > 14 || minutes > 59
			? null
			: `${offset[1]}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`
	}
	const known = zoneCache.get(text)
	if (known !== undefined) return known
	const name = resolveZone(text)
	if (zoneCache.size < MAX_CACHED_ZONES) zoneCache.set(text, name)
	return name
}

/** Looking up a zone is slow and every record needs one, so results are cached for a bounded number of names. */
const zoneCache = new Map<string, string | null>()
const MAX_CACHED_ZONES = 1_000

function resolveZone(text: string): string | null {
	try {
		return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone
	} catch {
		return null
	}
}

/** The zone of a site: its IANA name, or its offset where it has only that (docs/woocommerce.md 1.1). */
export function getSiteZone(connection: Pick<Connection, 'timeZone' | 'gmtOffset'>): string {
	const named = connection.timeZone === '' ? null : normalizeZone(connection.timeZone)
	if (named !== null) return named
	const minutes = Math.round(Math.abs(connection.gmtOffset) * 60)
	const toTwoDigits = (value: number): string => String(value).padStart(2, '0')
	return `${connection.gmtOffset < 0 ? '-' : '+'}${toTwoDigits(Math.floor(minutes / 60))}:${toTwoDigits(minutes % 60)}`
}
