/**
 * The `held` table: objects whose deletion the mass-deletion guard holds (docs/polling.md). Other files use it only
 * through this one.
 */
import type { ObjectId } from '../../elements/store.ts'
import type { Ports, Sql } from './ports.ts'
import type { Tx } from './tx.ts'

/** The core, of which the table needs only storage and clock. */
interface HeldPorts {
	readonly ports: Pick<Ports, 'sql' | 'now'>
}

/** SQL: the ids of a resource's held objects; its parameter is the number of the resource. */
export const HELD_IDS_SELECT = `SELECT id FROM held WHERE resource = ?`

/** Holds one more deletion. */
export function holdDeletion(_tx: Tx, core: HeldPorts, resource: number, id: ObjectId): void {
	core.ports.sql.run(
		`INSERT OR IGNORE INTO held (resource, id, since) VALUES (?, ?, ?)`,
		resource,
		id,
		core.ports.now(),
	)
}

/** Removes the held deletions of a resource. */
export function clearHeldDeletions(_tx: Tx, core: HeldPorts, resource: number): void {
	core.ports.sql.run(`DELETE FROM held WHERE resource = ?`, resource)
}

/** Objects that a list shows again are not held. `ids`: of a list that was asked for at `requestedAtMs`. */
export function dropSeenDeletions(
	_tx: Tx,
	core: HeldPorts,
	resource: number,
	ids: readonly ObjectId[],
	requestedAtMs: number,
): void {
	core.ports.sql.run(
		`DELETE FROM held WHERE resource = ? AND since < ? AND id IN (SELECT value FROM json_each(?))`,
		resource,
		requestedAtMs,
		JSON.stringify(ids),
	)
}

/** The ids of a resource's held objects. */
export function getHeldIds(core: HeldPorts, resource: number): ObjectId[] {
	return core.ports.sql.all<{ id: ObjectId }>(HELD_IDS_SELECT, resource).map(({ id }) => id)
}

/** Since when the deletion of an object is held, epoch ms; null: it is not. */
export function getHeldSinceMs(core: HeldPorts, resource: number, id: ObjectId): number | null {
	return (
		core.ports.sql.all<{ since: number }>(`SELECT since FROM held WHERE resource = ? AND id = ?`, resource, id)[0]
			?.since ?? null
	)
}

/** How many deletions of a resource are held. */
export function countHeldDeletions(core: HeldPorts, resource: number): number {
	return countHeldRows(core.ports.sql, resource)
}

/** The same, for a state that is being read. */
export function countHeldRows(sql: Sql, resource: number): number {
	return sql.all<{ n: number }>(`SELECT count(*) AS n FROM held WHERE resource = ?`, resource)[0]?.n ?? 0
}

/** Held objects by id, at most `limit`, and when each was last accepted (epoch ms; null: not in the index). */
export function readHeldDeletions(
	core: HeldPorts,
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
