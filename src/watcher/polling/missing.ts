/** What whole re-reads do at their end, and with listed objects that they did not show. */
import { getCurrentProfile } from '../core/content-profiles.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import { findProfilesInUse, findUnlisted } from '../changes/object-index.ts'
import type { ResourceState } from '../core/resource-state.ts'
import type { Tx } from '../core/tx.ts'
import { forgetDates } from '../core/unreadable-dates.ts'
import { holdDeletion } from '../core/held-table.ts'
import { getDisturbance } from './disturbance.ts'
import { setDrift } from './totals.ts'
import { settleUnchecked } from './unchecked.ts'
import { withoutUnreadable } from './unreadable.ts'
import type { ObjectId } from '../../elements/store.ts'

const MAX_UNLISTED_READS = 1_000

/**
 * Queues listed objects that a re-read does not show to be read by id, or holds their deletions. Returns how many count
 * as missing, and are decided.
 */
export function queueMissing(
	tx: Tx,
	core: Core,
	rs: ResourceState,
	missingIds: readonly ObjectId[],
): { missing: number; decided: number } {
	const ids = withoutUnreadable(core, rs, missingIds)
	const checks: ReturnType<typeof core.lookups.getChecks> =
		ids.length === 0 ? new Map() : core.lookups.getChecks(rs.number, ids)
	let decided = 0
	for (const id of ids) {
		const check = checks.get(id)
		const isDecided = check?.decided === true
		if (isDecided) decided++
		// Its read has failed, and is tried again by itself.
		const isTried = check?.failed !== undefined && check.missing === true
		if (rs.heldSinceMs !== null && !isDecided) holdDeletion(tx, core, rs.number, id)
		else if (!isTried) core.lookups.queue(tx, rs.number, id, core.ports.now(), { missing: true })
	}
	return { missing: ids.length, decided }
}

/**
 * A re-read of everything has ended. `total`: from the first page and the last; null if they differ, or a listed object
 * was not shown.
 */
export function completeReread(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	startedMs: number,
	total: number | null,
): void {
	const { state: rs } = watched
	if (total !== null && rs.reread !== null && !getDisturbance(rs, rs.reread).accepted) setDrift(tx, core, rs, total)
	rs.reread = null
	rs.rereadDoneMs = core.ports.now()
	// The re-read has read the related objects that were queued before it began.
	for (const [key, related] of core.relatedQueue)
		if (related.number === rs.number && related.atMs < startedMs) core.relatedQueue.delete(key)
	rs.rereadBeganMs = startedMs
	rs.recentDoneMs = core.ports.now()
	if (!watched.resource.modifiedFilter) rs.passLeft = 0
	settleUnchecked(tx, core, rs, startedMs)
	forgetDates(rs, watched.resource, startedMs)
	dropUnusedProfiles(core, rs, startedMs)
	// No scan shows objects that exist without being listed: each is read by id.
	for (const id of findUnlisted(core.ports.sql, rs.number, MAX_UNLISTED_READS))
		core.lookups.queue(tx, rs.number, id, core.ports.now(), { missing: true })
}

/** After everything was read under the current profile, rows of other profiles are rare, and their profiles can go. */
function dropUnusedProfiles(core: Core, rs: ResourceState, startedMs: number): void {
	const { profiles } = rs
	const current = getCurrentProfile(rs)
	if (profiles.length === 1 || startedMs < current.sinceMs) return
	const inUse = [...findProfilesInUse(core.ports.sql, rs.number), ...core.variations.findProfilesInUse(rs.number)]
	rs.profiles = profiles.filter((profile) => profile === current || inUse.includes(profile.number))
}
