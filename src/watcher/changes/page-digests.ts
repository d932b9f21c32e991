/**
 * The `pages` table: digests of the id pages of collections without a modified filter. An unchanged page costs one row
 * read instead of one per object.
 */
import { createHash } from 'node:crypto'
import type { Core } from '../core/core.ts'
import type { Tx } from '../core/tx.ts'
import { hashContent } from './content.ts'
import { isLargeNumericId } from '../../elements/values.ts'
import type { ObjectId, Snapshot } from '../../elements/store.ts'

/** Whether a page shows the same objects with the same content as when its digest was written. */
export function isPageUnchanged(core: Core, resource: number, snapshots: readonly Snapshot[]): boolean {
	const first = snapshots[0]
	const last = snapshots.at(-1)
	if (first === undefined || last === undefined) return false
	const known = core.ports.sql.all<{ last: ObjectId; digest: string }>(
		`SELECT last, digest FROM pages WHERE resource = ? AND first = ?`,
		resource,
		first.id,
	)[0]
	return known !== undefined && known.last === last.id && known.digest === digestPage(snapshots)
}

export function writePageDigest(_tx: Tx, core: Core, resource: number, snapshots: readonly Snapshot[]): void {
	const first = snapshots[0]
	const last = snapshots.at(-1)
	if (first === undefined || last === undefined) return
	core.ports.sql.run(
		`INSERT OR REPLACE INTO pages (resource, first, last, digest) VALUES (?, ?, ?, ?)`,
		resource,
		first.id,
		last.id,
		digestPage(snapshots),
	)
}

/** Removes the digest of the page that contains an object. */
export function invalidatePage(_tx: Tx, core: Core, resource: number, id: ObjectId): void {
	// Storage sorts them as texts.
	if (isLargeNumericId(id))
		core.ports.sql.run(`DELETE FROM pages WHERE resource = ? AND typeof(last) = 'text'`, resource)
	else core.ports.sql.run(`DELETE FROM pages WHERE resource = ? AND first <= ? AND last >= ?`, resource, id, id)
}

export function invalidateAllPages(_tx: Tx, core: Core, resource: number): void {
	core.ports.sql.run(`DELETE FROM pages WHERE resource = ?`, resource)
}

function digestPage(snapshots: readonly Snapshot[]): string {
	const hash = createHash('sha256')
	for (const snapshot of snapshots)
		hash.update(`${snapshot.id}:${snapshot.state}:${snapshot.modifiedSec}:${hashContent(snapshot.fields).hash}\n`)
	return hash.digest('base64url').slice(0, 22)
}
