/**
 * The mass-deletion guard (docs/polling.md): if too many objects disappear at once, their deletions are held and no
 * event is sent until a caller decides or the objects return. Owns the `held` table.
 */
import { invalidateAllPages } from '../changes/page-digests.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { ResourceState } from '../core/resource-state.ts'
import type { Tx } from '../core/tx.ts'
import type { ObjectId } from '../../elements/store.ts'

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

/** Holds one more deletion. */
export function holdDeletion(_tx: Tx, core: Core, resource: number, id: ObjectId): void {
	core.ports.sql.run(
		`INSERT OR IGNORE INTO held (resource, id, since) VALUES (?, ?, ?)`,
		resource,
		id,
		core.ports.now(),
	)
}

/** Ends the hold: each object is read by id, and its deletion is sent once the read confirms it. */
export function releaseHeldDeletions(core: Core, { state: rs }: WatchedResource): void {
	core.commit((tx) => {
		for (const { id } of core.ports.sql.all<{ id: ObjectId }>(`SELECT id FROM held WHERE resource = ?`, rs.number))
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
			WHERE resource = ? AND state IN ('live', 'hidden') AND id IN (SELECT id FROM held WHERE resource = ?)`,
			rs.number,
			rs.number,
		)[0]
		// The rows stay, so that an object that returns continues its sequence.
		sql.run(
			`UPDATE objects SET state = 'gone' WHERE resource = ? AND id IN (SELECT id FROM held WHERE resource = ?)`,
			rs.number,
			rs.number,
		)
		invalidateAllPages(tx, core, rs.number)
		clearHold(tx, core, rs)
		rs.listed -= listed?.n ?? 0
		rs.head = null
		core.acceptedCounts.set(rs.number, (core.acceptedCounts.get(rs.number) ?? 0) + 1)
	})
}

/** Objects that the running re-read has missed so far do not start the next hold. */
function clearHold(_tx: Tx, core: Core, rs: ResourceState): void {
	core.ports.sql.run(`DELETE FROM held WHERE resource = ?`, rs.number)
	rs.heldSinceMs = null
	if (rs.reread !== null) rs.reread = { ...rs.reread, decided: rs.reread.missing }
}

/** How many deletions of a resource are held. */
export function countHeldDeletions(core: Core, resource: number): number {
	return core.ports.sql.all<{ n: number }>(`SELECT count(*) AS n FROM held WHERE resource = ?`, resource)[0]?.n ?? 0
}

/** Held objects by id, at most `limit`, and when each was last accepted (epoch ms; null: not in the index). */
export function readHeldDeletions(
	core: Core,
	resource: number,
	limit: number,
): { id: ObjectId; lastSeenMs: number | null }[] {
	return core.ports.sql.all(
		`SELECT h.id, o.as_of AS lastSeenMs
		FROM held h LEFT JOIN objects o ON o.resource = h.resource AND o.id = h.id
		WHERE h.resource = ? ORDER BY h.id LIMIT ?`,
		resource,
		limit,
	)
}
