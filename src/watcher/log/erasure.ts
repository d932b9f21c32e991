/**
 * Erasing an object: what is kept of its content goes, that it changed stays (docs/delivery.md, Erasing; users' right
 * to be forgotten).
 */
import { parseMembers } from '../../events/notification-members.ts'
import { eraseResponses } from './attempts.ts'
import type { Core } from '../core/core.ts'
import { toStoredIds } from './event-log.ts'
import type { AttemptOutcome } from '../../rpc/delivery.ts'
import { clearRejectionSamples } from './rejections.ts'

/**
 * No attempt is settled longer than this after it began: a claim's lease, the time that a consumer takes for it, and
 * more.
 */
const MAX_IN_FLIGHT_MS = 10 * 60_000

/**
 * Erases the records of an object's events, what callbacks answered to notifications that carried them, and samples of
 * refused deliveries, which may quote it. Ids, types and times stay; what is under way is sent without the record from
 * now on. Returns how many events.
 */
export function eraseObjectContent(core: Core, resource: string, objectId: string): number {
	const { sql } = core.ports
	return core.commit((tx) => {
		const events = sql.all<{
			sequence: number
			resource: number
			object_id: number | string
			notifications: string | null
		}>(
			`SELECT sequence, resource, object_id, notifications FROM events WHERE (object_type = ? OR resource = ?) AND object_id IN (SELECT value FROM json_each(?))`,
			resource,
			// Under an older label too.
			core.state.resources.find((resourceState) => resourceState.objectType === resource)?.number ?? -1,
			toStoredIds(objectId),
		)
		for (const event of events) {
			sql.run(
				`UPDATE events SET record = NULL, flags = json_remove(flags, '$.large') WHERE sequence = ?`,
				event.sequence,
			)
			for (const id of event.notifications === null ? [] : (JSON.parse(event.notifications) as number[]))
				eraseResponses(tx, core, id)
		}
		clearRejectionSamples(core)
		core.state.erasedMs = core.ports.now()
		return events.length
	})
}

/**
 * An outcome as it may be kept: of an attempt that was under way while an object of its notification was erased without
 * the answer, which may quote it.
 */
export function redactOutcome(core: Core, members: string, outcome: AttemptOutcome): AttemptOutcome {
	const { erasedMs } = core.state
	if (outcome.body === '' || erasedMs === null || core.ports.now() - erasedMs > MAX_IN_FLIGHT_MS) return outcome
	const erasedEvents = core.ports.sql.all(
		`SELECT sequence FROM events WHERE sequence IN (SELECT value FROM json_each(?)) AND record IS NULL AND json_extract(flags, '$.large') IS NULL LIMIT 1`,
		JSON.stringify(parseMembers(members).map(([sequence]) => sequence)),
	)
	return erasedEvents.length > 0 ? { ...outcome, body: '' } : outcome
}
