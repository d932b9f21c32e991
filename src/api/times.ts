/** Moments as the contract writes and reads them. */
import { BadRequest } from '../errors.ts'

/** `yyyy-MM-ddTHH:mm:ssZ` (contract, section 2). */
export function toIsoSeconds(ms: number): string {
	return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

/** A moment of a query: ISO 8601 (UTC unless it says otherwise) or epoch milliseconds; null when absent, 400 when unreadable. */
export function readMoment(name: string, text: string | undefined): number | null {
	if (text === undefined || text === '') return null
	const zoneless = /^\d{4}-\d{2}-\d{2}T[\d:.]+$/.test(text)
	const ms = /^\d{10,15}$/.test(text)
		? Number(text)
		: /^\d{4}-\d{2}-\d{2}/.test(text)
			? Date.parse(zoneless ? `${text}Z` : text)
			: Number.NaN
	if (Number.isNaN(ms)) throw new BadRequest(`${name}: expected a time such as 2026-01-31T12:00:00Z`)
	return ms
}
