/**
 * Payloads of webhooks that wait for a read of their object: each is a state that is recorded before a later one
 * (docs/architecture.md, Webhooks).
 */
import { getCurrentProfile } from '../core/content-profiles.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { PendingCheck } from '../core/lookup-table.ts'
import type { Tx } from '../core/tx.ts'
import type { ObservedObject } from './decisions.ts'
import type { ObjectId, Snapshot } from '../../elements/store.ts'

/** A state that a payload showed, and when it was received, epoch ms. */
interface WaitingPayload {
	snapshot: Snapshot
	receivedMs: number
}

/**
 * Takes the waiting payloads of objects that are now observed in a later state, oldest first. `checks`: the pending
 * checks without them. At an equal modified date the observation counts, and the payload goes on waiting.
 */
export function takeOlderPayloads(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	observedObjects: readonly ObservedObject[],
	checks: ReadonlyMap<ObjectId, PendingCheck>,
): { payloads: WaitingPayload[]; checks: ReadonlyMap<ObjectId, PendingCheck> } {
	const taken: WaitingPayload[] = []
	const remaining = new Map(checks)
	for (const observed of observedObjects) {
		const { payloads, ...check } = checks.get(observed.id) ?? {}
		if (payloads === undefined || 'gone' in observed) continue
		const snapshots = payloads.flatMap(({ record, receivedMs }) => {
			const snapshot = core.element.parseRecord(watched.resource, record, getCurrentProfile(watched.state))
			return snapshot === null ? [] : [{ snapshot, receivedMs }]
		})
		const older = snapshots.filter(({ snapshot }) => isOlder(snapshot, observed.snapshot))
		if (older.length === 0) continue
		taken.push(...older)
		remaining.set(observed.id, check)
		core.lookups.removePayloads(tx, watched.state.number, JSON.stringify([observed.id]))
	}
	return { payloads: taken, checks: remaining }
}

function isOlder(payload: Snapshot, observed: Snapshot): boolean {
	return payload.modifiedSec !== null && observed.modifiedSec !== null && payload.modifiedSec < observed.modifiedSec
}
