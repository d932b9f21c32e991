/**
 * The mass-deletion guard (docs/polling.md): if too many objects disappear at once, their deletions are held and no
 * event is sent until a caller decides or the objects return.
 */
import { invalidateAllPages } from '../changes/page-digests.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import { clearHeldDeletions, getHeldIds, HELD_IDS_SELECT, holdDeletion } from '../core/held-table.ts'
import type { ResourceState } from '../core/resource-state.ts'
import type { Tx } from '../core/tx.ts'

/**
 * Starts to hold deletions, including those that are queued to be confirmed. A re-read finds out which objects they
 * are.
 */
export function holdDeletions(core: Core, { state: rs }: WatchedResource): void {
	core.commit((tx) => {
		rs.heldSinceMs = core.ports.now()
		rs.reread = null
		rs.rereadAsked = true
		for (const id of core.lookups.takeMissing(tx, rs.number)) holdDeletion(tx, core, rs.number, id)
	})
}

/** Ends the hold: each object is read by id, and its deletion is sent once the read confirms it. */
export function releaseHeldDeletions(core: Core, { state: rs }: WatchedResource): void {
	core.commit((tx) => {
		for (const id of getHeldIds(core, rs.number))
			core.lookups.queue(tx, rs.number, id, core.ports.now(), { missing: true })
		clearHold(tx, core, rs)
	})
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
		core.acceptedCounts.set(rs.number, (core.acceptedCounts.get(rs.number) ?? 0) + 1)
	})
}

/** Objects that the running re-read has missed so far do not start the next hold. */
function clearHold(tx: Tx, core: Core, rs: ResourceState): void {
	clearHeldDeletions(tx, core, rs.number)
	rs.heldSinceMs = null
	if (rs.reread !== null) rs.reread = { ...rs.reread, decided: rs.reread.missing }
}
