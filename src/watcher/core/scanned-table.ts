/**
 * The `scanned` table: the ids that the running plain scan of a resource has shown, one row per page. Other files use
 * it only through this one.
 */
import type { ObjectId } from '../../elements/store.ts'
import type { Ports } from './ports.ts'
import type { Tx } from './tx.ts'

/** The core, of which the table needs only storage. */
interface ScannedPorts {
	readonly ports: Pick<Ports, 'sql'>
}

/** The ids of one resource's scan as they were last read or written, with the number of their pages. */
const cache = new WeakMap<ScannedPorts, { resource: number; pages: number; ids: Set<ObjectId> }>()

/** The ids that the first pages of a scan have shown. `pages`: as in the scan's position. */
export function loadScannedIds(core: ScannedPorts, resource: number, pages: number): ReadonlySet<ObjectId> {
	const cached = cache.get(core)
	// After a commit that failed, the position has fewer pages.
	if (cached !== undefined && cached.resource === resource && cached.pages === pages) return cached.ids
	const ids = new Set<ObjectId>()
	const rows = core.ports.sql.each<{ ids: string }>(
		`SELECT ids FROM scanned WHERE resource = ? AND page < ?`,
		resource,
		pages,
	)
	for (const row of rows) for (const id of JSON.parse(row.ids) as ObjectId[]) ids.add(id)
	cache.set(core, { resource, pages, ids })
	return ids
}

/** Adds the ids that page number `page` (from 0) is the first to show. */
export function addScannedPage(
	_tx: Tx,
	core: ScannedPorts,
	resource: number,
	page: number,
	fresh: readonly ObjectId[],
): void {
	loadScannedIds(core, resource, page)
	const ids = cache.get(core)?.ids ?? new Set<ObjectId>()
	for (const id of fresh) ids.add(id)
	core.ports.sql.run(
		`INSERT OR REPLACE INTO scanned (resource, page, ids) VALUES (?, ?, ?)`,
		resource,
		page,
		JSON.stringify(fresh),
	)
	cache.set(core, { resource, pages: page + 1, ids })
}

/** Forgets what a resource's scan has shown. */
export function clearScanned(_tx: Tx, core: ScannedPorts, resource: number): void {
	core.ports.sql.run(`DELETE FROM scanned WHERE resource = ?`, resource)
	cache.delete(core)
}
