/**
 * The mass-deletion guard (docs/polling.md): if one look, a search or a whole re-read, finds too many objects gone,
 * their deletions are held and no event is sent until a caller decides or the objects return.
 */
import { invalidateAllPages } from '../changes/page-digests.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import {
	clearHeldDeletions,
	countHeldDeletions,
	getHeldIds,
	HELD_IDS_SELECT,
	holdDeletion,
} from '../core/held-table.ts'
import { countChanges, type ResourceState } from '../core/resource-state.ts'
import type { Tx } from '../core/tx.ts'
import { exceedsDeletionThreshold } from './poll.ts'

/** Numbers of resources whose missing objects are not read by id until a look has ended. */
export function getAwaitingResources(core: Core): number[] {
	return core.state.resources.filter(isAwaitingLook).map((rs) => rs.number)
}

/** Whether deletions of a resource are not confirmed until a look has ended. */
export function isAwaitingLook({ awaitsLookSinceMs }: ResourceState): boolean {
	return awaitsLookSinceMs != null
}

/** Too many objects seem to be gone: none is confirmed until a look that began at `sinceMs` or later has ended. */
export function awaitLook(_tx: Tx, rs: ResourceState, sinceMs: number): void {
	if (rs.heldSinceMs === null) rs.awaitsLookSinceMs ??= sinceMs
}

/** Not so many objects are gone after all: deletions are confirmed again. */
export function endAwaitingLook(core: Core, { state: rs }: WatchedResource): void {
	core.commit(() => {
		rs.awaitsLookSinceMs = null
	})
}

/** A look has ended: holds the deletions if it named too many objects, else lets them be confirmed. */
export function judgeLook(tx: Tx, core: Core, rs: ResourceState, look: { named: number; startedMs: number }): void {
	const isTooMany = exceedsDeletionThreshold(look.named, rs.listed)
	const isLateEnough = look.startedMs >= (rs.awaitsLookSinceMs ?? 0)
	// A look that began before the objects disappeared saw only some of them gone.
	if (!isLateEnough) rs.rereadAsked = true
	if (rs.heldSinceMs !== null || isTooMany) {
		const ids = core.lookups.takeMissing(tx, rs.number)
		for (const id of ids) holdDeletion(tx, core, rs.number, id)
		if (ids.length > 0) rs.heldSinceMs ??= core.ports.now()
	}
	if (isLateEnough || rs.heldSinceMs !== null) rs.awaitsLookSinceMs = null
}

/**
 * Ends the hold: each object is read by id, and its deletion is sent once the read confirms it. `decided`: a person
 * wants them sent.
 */
export function releaseHeldDeletions(core: Core, { state: rs }: WatchedResource, decided: boolean): void {
	core.commit((tx) => {
		for (const id of getHeldIds(core, rs.number))
			core.lookups.queue(tx, rs.number, id, core.ports.now(), { missing: true, ...(decided && { decided }) })
		clearHold(tx, core, rs)
	})
}

/** A hold without objects ends: all of them were seen again. */
export function endEmptyHold(core: Core, { state: rs }: WatchedResource): void {
	if (rs.heldSinceMs === null || countHeldDeletions(core, rs.number) > 0) return
	core.commit((tx) => clearHold(tx, core, rs))
}

/** Ends the hold without events: an object that comes back is sent as restored. */
export function forgetHeldDeletions(core: Core, { state: rs }: WatchedResource): void {
	core.commit((tx) => {
		const { sql } = core.ports
		const listed = sql.all<{ n: number }>(
			`SELECT count(*) AS n FROM objects
			WHERE resource = ? AND state IN ('live', 'hidden') AND id IN (${HELD_IDS_SELECT})`,
			rs.number,
			rs.number,
		)[0]
		// The rows stay, so that an object that returns continues its sequence.
		sql.run(`UPDATE objects SET state = 'gone' WHERE resource = ? AND id IN (${HELD_IDS_SELECT})`, rs.number, rs.number)
		invalidateAllPages(tx, core, rs.number)
		clearHold(tx, core, rs)
		rs.listed -= listed?.n ?? 0
		rs.head = null
		countChanges(rs, { accepted: 1, listing: 1 })
	})
}

/** Objects that the running re-read has missed so far do not start the next hold. */
function clearHold(tx: Tx, core: Core, rs: ResourceState): void {
	clearHeldDeletions(tx, core, rs.number)
	rs.heldSinceMs = null
	if (rs.reread !== null) rs.reread = { ...rs.reread, decided: rs.reread.missing }
}
