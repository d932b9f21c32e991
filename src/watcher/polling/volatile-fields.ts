/** Volatile fields: an upgrade of the store may change a field in every object without a new modified date. */
import { hashContent, diffContent } from '../changes/content.ts'
import { getCurrentProfile } from '../core/content-profiles.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import { readIndexRows } from '../changes/object-index.ts'
import type { Snapshot } from '../../elements/store.ts'

/**
 * Number of objects of a re-read that are compared, and in how many of them a volatile field changes without a new
 * modified date.
 */
export const VOLATILE_SAMPLE_SIZE = 200
const MAX_UNSTAMPED_CHANGES = VOLATILE_SAMPLE_SIZE / 5

/** Names of the fields that changed without a new modified date in more than a fifth of a full sample. */
export function findVolatileFields(
	core: Core,
	{ state: rs }: WatchedResource,
	snapshots: readonly Snapshot[],
): string[] {
	const counts = new Map<string, number>()
	const known = readIndexRows(
		core,
		rs.number,
		snapshots.map((snapshot) => snapshot.id),
	)
	for (const snapshot of snapshots) {
		const row = known.get(snapshot.id)
		if (
			row?.profile !== getCurrentProfile(rs).number ||
			row.state !== 'live' ||
			row.modifiedSec !== snapshot.modifiedSec
		)
			continue
		const content = hashContent(snapshot.fields)
		if (content.hash === row.content.hash) continue
		for (const name of diffContent(row.content, content).changed) counts.set(name, (counts.get(name) ?? 0) + 1)
	}
	return [...counts].filter(([, count]) => count > MAX_UNSTAMPED_CHANGES).map(([name]) => name)
}
