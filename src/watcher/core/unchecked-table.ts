/**
 * The `unchecked` table: objects that were indexed again in silence, since an earlier version had left out fields of
 * them (docs/polling.md, Noise). Other files use it only through this one.
 */
import type { ObjectId } from '../../elements/store.ts'
import type { Ports } from './ports.ts'
import type { Tx } from './tx.ts'

/** The core, of which the table needs only storage. */
interface UncheckedPorts {
	readonly ports: Pick<Ports, 'sql'>
}

/** Adds an object. */
export function addUnchecked(_tx: Tx, core: UncheckedPorts, resource: number, id: ObjectId): void {
	core.ports.sql.run(`INSERT OR IGNORE INTO unchecked (resource, id) VALUES (?, ?)`, resource, id)
}

/** Those of these objects that are in the table. */
export function findUnchecked(core: UncheckedPorts, resource: number, ids: readonly ObjectId[]): Set<ObjectId> {
	const rows = core.ports.sql.all<{ id: ObjectId }>(
		`SELECT u.id FROM json_each(?) wanted CROSS JOIN unchecked u ON u.resource = ? AND u.id = wanted.value`,
		JSON.stringify(ids),
		resource,
	)
	return new Set(rows.map(({ id }) => id))
}

/** Removes objects. */
export function removeUnchecked(_tx: Tx, core: UncheckedPorts, resource: number, ids: readonly ObjectId[]): void {
	core.ports.sql.run(
		`DELETE FROM unchecked WHERE resource = ? AND id IN (SELECT value FROM json_each(?))`,
		resource,
		JSON.stringify(ids),
	)
}

/** Removes the objects of a resource that lists show, or all of them. */
export function clearUnchecked(_tx: Tx, core: UncheckedPorts, resource: number, which: 'listed' | 'all'): void {
	core.ports.sql.run(
		`DELETE FROM unchecked WHERE resource = ? AND (? OR id NOT IN (
			SELECT id FROM objects WHERE resource = ? AND state = 'unlisted'))`,
		resource,
		which === 'all' ? 1 : 0,
		resource,
	)
}

/** Whether a resource has any. */
export function hasUnchecked(core: UncheckedPorts, resource: number): boolean {
	return core.ports.sql.all(`SELECT id FROM unchecked WHERE resource = ? LIMIT 1`, resource).length > 0
}

/** How many a resource has. */
export function countUnchecked(core: UncheckedPorts, resource: number): number {
	return (
		core.ports.sql.all<{ n: number }>(`SELECT count(*) AS n FROM unchecked WHERE resource = ?`, resource)[0]?.n ?? 0
	)
}
