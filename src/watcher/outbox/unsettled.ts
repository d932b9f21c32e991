/** Notifications that are not settled: what may be sent, is being sent, or is tried again. */
import { objectKey } from '../../events/batching.ts'
import { parseMembers } from '../../events/notification-members.ts'
import type { Core } from '../core/core.ts'
import { countAccepted } from '../log/tally.ts'
import type { NotificationRow } from '../core/rows.ts'

/**
 * Most notifications of a subscription that are unsettled at a time: what an outage adds stays in the log, where it is
 * cheap.
 */
export const MAX_UNSETTLED = 100

/** A claim is kept for this long; not settled by then, its outcome is unknown and it is due again. */
export const LEASE_MS = 45_000

/** So many that can go at once are enough to go on with. */
const ENOUGH_CLAIMABLE = MAX_UNSETTLED / 4

/** The columns of `NotificationRow`. */
export const NOTIFICATION_COLUMNS =
	'id, subscription, object_type, members, created, updated, context, status, attempt, base, due, lease, first_try, first_failure, settled, delivered, resend'

/** All unsettled notifications, oldest first. */
export function getUnsettledRows(core: Core): readonly NotificationRow[] {
	core.unsettledRows ??= readUnsettled(core)
	return core.unsettledRows
}

/** The same as it is stored. The stored list may still name what was settled after it was last written. */
export function readUnsettled(core: Core): NotificationRow[] {
	const { unsettled } = core.state
	if (unsettled.length === 0) return []
	const rows = core.ports.sql.all<NotificationRow>(
		`SELECT ${NOTIFICATION_COLUMNS} FROM notifications WHERE id IN (SELECT value FROM json_each(?)) AND settled IS NULL ORDER BY id`,
		JSON.stringify(unsettled),
	)
	if (rows.length < unsettled.length) {
		const unsettledIds = new Set(rows.map((row) => row.id))
		const settledIds = unsettled.filter((id) => !unsettledIds.has(id))
		countLateAccepted(core, settledIds)
		core.state.unsettled = rows.map((row) => row.id)
	}
	return rows
}

/** What was accepted after the list was last written is counted by it: the memory that had counted it is gone. */
function countLateAccepted(core: Core, settledIds: readonly number[]): void {
	const accepted = core.ports.sql.all<{ id: number; members: string }>(
		// The first time that it was accepted is what settled it.
		`SELECT id, members FROM notifications WHERE id IN (SELECT value FROM json_each(?)) AND status = 'delivered' AND coalesce(delivered, settled) = settled`,
		JSON.stringify(settledIds),
	)
	const uncounted = new Set(accepted.map((row) => row.id))
	for (const row of accepted) {
		uncounted.delete(row.id)
		countAccepted(core, row, uncounted)
	}
}

/** Rows of unsettled notifications were changed: they are looked up again. */
export function invalidate(core: Core): void {
	core.unsettledRows = null
}

/**
 * Whether more should be put on a subscription's list. While it has plenty that can go at once, what waits need not be
 * looked at: that is done for many of them in one go.
 */
export function needsMore(core: Core, subscription: number): boolean {
	const now = core.ports.now()
	return (
		getUnsettledRows(core).filter((row) => row.subscription === subscription && row.lease === null && row.due <= now)
			.length < ENOUGH_CLAIMABLE
	)
}

/** The objects of a notification, by `objectKey`. */
export function getObjectKeys(members: string): string[] {
	return parseMembers(members).map(([, resource, id]) => objectKey(String(resource), id))
}

/** Puts notifications on the list of what is unsettled. */
export function track(core: Core, ids: readonly number[]): void {
	core.trackedCount += ids.length
	const cachedIds = new Set(core.unsettledRows?.map((row) => row.id))
	if (!ids.every((id) => cachedIds.has(id))) invalidate(core)
	core.state.unsettled = [...new Set([...core.state.unsettled, ...ids])].sort((a, b) => a - b)
}

/** A notification is settled: nothing is due for it any more. */
export function untrack(core: Core, id: number): void {
	if (!core.state.unsettled.includes(id)) core.lateChanges++
	core.state.unsettled = core.state.unsettled.filter((other) => other !== id)
	if (core.unsettledRows !== null) core.unsettledRows = core.unsettledRows.filter((row) => row.id !== id)
}
