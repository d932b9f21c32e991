/** Erases an object's content; the fact that it changed stays recorded (docs/delivery.md, Erasure). */
import { parseMembers } from '../../events/notification-members.ts'
import { eraseResponses } from './attempts.ts'
import type { Core } from '../core/core.ts'
import { eraseExample } from '../core/noise-examples.ts'
import { toStoredIds } from './event-log.ts'
import type { AttemptOutcome } from '../../rpc/delivery.ts'
import { clearRejectionSamples } from './rejections.ts'

/** Every attempt is settled within this time: a claim's lease, the consumer's time for it, and a margin. */
const MAX_IN_FLIGHT_MS = 10 * 60_000

/**
 * Erases the records of an object's events, the callbacks' answers to notifications with these events, samples of
 * rejected deliveries, which may quote them, payloads that wait for a read, and what examples of noise show. Ids, types
 * and times stay. Unsettled notifications are sent without the record from now on. Returns how many events.
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
			`SELECT sequence, resource, object_id, notifications FROM events
			WHERE (object_type = ? OR resource = ?) AND object_id IN (SELECT value FROM json_each(?))`,
			resource,
			// Events may have an older label.
			core.state.resources.find((resourceState) => resourceState.objectType === resource)?.number ?? null,
			toStoredIds(objectId),
		)
		for (const event of events) {
			sql.run(
				`UPDATE events SET record = NULL, variations = NULL, flags = json_remove(flags, '$.large') WHERE sequence = ?`,
				event.sequence,
			)
			for (const id of event.notifications === null ? [] : (JSON.parse(event.notifications) as number[]))
				eraseResponses(tx, core, id)
		}
		clearRejectionSamples(core)
		for (const rs of core.state.resources) {
			if (rs.objectType !== resource) continue
			core.lookups.removePayloads(tx, rs.number, toStoredIds(objectId))
			rs.noiseState = {
				...rs.noiseState,
				proofs: rs.noiseState.proofs.map((proof) => ({ ...proof, example: eraseExample(proof.example, objectId) })),
			}
		}
		core.state.erasedMs = core.ports.now()
		return events.length
	})
}

/** An outcome to store: without the response if an object of the notification was erased meanwhile. */
export function redactOutcome(core: Core, members: string, outcome: AttemptOutcome): AttemptOutcome {
	const { erasedMs } = core.state
	if (outcome.body === '' || erasedMs === null || core.ports.now() - erasedMs > MAX_IN_FLIGHT_MS) return outcome
	const erasedEvents = core.ports.sql.all(
		`SELECT sequence FROM events WHERE sequence IN (SELECT value FROM json_each(?)) AND record IS NULL
			AND json_extract(flags, '$.large') IS NULL LIMIT 1`,
		JSON.stringify(parseMembers(members).map(([sequence]) => sequence)),
	)
	return erasedEvents.length > 0 ? { ...outcome, body: '' } : outcome
}
