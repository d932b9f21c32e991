/**
 * Notifications that still take events, as Nagle's algorithm lets segments do: while a subscription has one in flight, one
 * that is not full is held back, until nothing is in flight or a second has passed.
 */
import { parseMembers } from '../../events/notification-members.ts'
import type { OpenNotification } from '../../events/batching.ts'
import type { Core } from '../core/core.ts'
import type { NotificationRow, Subscription } from '../core/rows.ts'

/** How long a notification that is not full is held back at most, ms. */
export const MAX_HELD_BACK_MS = 1_000

/** Characters of the records of open notifications: rows in memory keep theirs. */
const sizes = new WeakMap<NotificationRow, number>()

/** Whether it was never claimed, so that nobody has seen its events. */
function isUnseen({ status, attempt, resend }: NotificationRow): boolean {
	return status === 'waiting' && attempt === 0 && resend === null
}

/** When each of these may be claimed, or the lease of its claim ends. Epoch ms. Pure. */
export function toDueTimes(
	rows: readonly NotificationRow[],
	{ batch, nowMs }: { batch: number; nowMs: number },
): (row: NotificationRow) => number {
	const inFlight = new Set(rows.filter(({ lease }) => lease !== null && lease > nowMs).map((row) => row.subscription))
	const isHeldBack = (row: NotificationRow): boolean =>
		inFlight.has(row.subscription) && isUnseen(row) && parseMembers(row.members).length < batch
	return (row) => row.lease ?? (isHeldBack(row) ? row.due + MAX_HELD_BACK_MS : row.due)
}

/** Those of a subscription's notifications that take further changes; the newest of each resource. */
export function findOpen(core: Core, subscription: Subscription, rows: readonly NotificationRow[]): OpenNotification[] {
	// Those of notices and test events have one event each.
	if (!subscription.active || core.kind.takesNotices) return []
	const open = new Map<string, OpenNotification>()
	for (const row of rows) {
		const members = parseMembers(row.members)
		if (!isUnseen(row) || members.some(([, resource]) => resource <= 0)) continue
		open.set(row.object_type, {
			id: row.id,
			resource: row.object_type,
			count: members.length,
			size: getSize(core, row),
		})
	}
	return [...open.values()]
}

function getSize(core: Core, row: NotificationRow): number {
	const known = sizes.get(row)
	if (known !== undefined) return known
	const size =
		core.ports.sql.all<{ size: number | null }>(
			`SELECT sum(length(record)) AS size FROM events WHERE sequence IN (SELECT value FROM json_each(?))`,
			JSON.stringify(parseMembers(row.members).map(([sequence]) => sequence)),
		)[0]?.size ?? 0
	sizes.set(row, size)
	return size
}

/** Counts the records that were added to one. */
export function addSize(row: NotificationRow, characters: number): void {
	const known = sizes.get(row)
	if (known !== undefined) sizes.set(row, known + characters)
}
