/** Erasing an object: what is kept of its content goes, that it changed stays (design, State; users' right to be forgotten). */
import { eraseAnswers } from './attempts.ts'
import type { Core } from './core.ts'
import { storedIds } from './event-log.ts'
import { forgetSamples } from './hook-reports.ts'

/**
 * Erases the records of an object's events, what callbacks answered to notifications that carried them, and samples of refused deliveries,
 * which may quote it. Ids, types and times stay; what is under way is sent without the record from now on. Returns how many events.
 */
export function erase(core: Core, resource: string, objectId: string): number {
	const { sql } = core.ports
	return core.commit(() => {
		const events = sql.all<{ sequence: number; resource: number; object_id: number | string; notifications: string | null }>(
			`SELECT sequence, resource, object_id, notifications FROM events WHERE object_type = ? AND object_id IN (SELECT value FROM json_each(?))`,
			resource,
			storedIds(objectId),
		)
		for (const event of events) {
			sql.run(`UPDATE events SET record = NULL, flags = json_remove(flags, '$.large') WHERE sequence = ?`, event.sequence)
			for (const id of event.notifications === null ? [] : (JSON.parse(event.notifications) as number[])) eraseAnswers(sql, id)
		}
		forgetSamples(core)
		return events.length
	})
}
