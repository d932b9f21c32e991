/** Times as the contract writes and reads them. */
import { parseTime } from '../../elements/values.ts'
import { BadRequest } from '../../lib/errors.ts'

/** `yyyy-MM-ddTHH:mm:ssZ` (docs/contract.md §2). */
export function toIsoSeconds(ms: number): string {
	return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

/** How a time parameter is written, for the reference. */
export const TIME_FORMATS =
	'ISO 8601 (UTC by default), or epoch time in seconds (9 or 10 digits) or milliseconds (13 or more)'

/** `toIsoSeconds`, or null for null. */
export function toIsoSecondsOrNull(ms: number | null): string | null {
	return ms === null ? null : toIsoSeconds(ms)
}

/**
 * A time of a query (`TIME_FORMATS`) in epoch ms; null when absent; 400 for anything else, and for times before 1970.
 */
export function parseTimeParameter(name: string, text: string | undefined): number | null {
	if (text === undefined || text === '') return null
	const ms = parseTime(text, 'UTC')
	if (ms === null || ms < 0)
		throw new BadRequest(`${name}: expected a time such as 2026-01-31T12:00:00Z, between 1970 and 9999`)
	return ms
}
