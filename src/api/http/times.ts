/** Moments as the contract writes and reads them. */
import { parseTime } from '../../elements/values.ts'
import { BadRequest } from '../../lib/errors.ts'

/** `yyyy-MM-ddTHH:mm:ssZ` (docs/contract.md §2). */
export function toIsoSeconds(ms: number): string {
	return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

/**
 * A moment of a query in epoch ms: ISO 8601 (UTC unless it says otherwise), epoch milliseconds (13 digits or more) or
 * seconds (9 or 10); null when absent, 400 when it is none, or before 1970, when nothing was recorded yet.
 */
export function parseTimeParameter(name: string, text: string | undefined): number | null {
	if (text === undefined || text === '') return null
	const ms = parseTime(text, 'UTC')
	if (ms === null || ms < 0)
		throw new BadRequest(`${name}: expected a time such as 2026-01-31T12:00:00Z, of the years 1970 to 9999`)
	return ms
}
