/**
 * Open notifications still take events, as segments do in Nagle's algorithm: while a subscription has a notification in
 * flight, its open ones are held back, until nothing is in flight, they are full, or a second has passed. What was
 * claimed once never changes.
 */
import { parseMembers } from '../../events/notification-members.ts'
import type { OpenNotification } from '../../events/batching.ts'
import type { Core } from '../core/core.ts'
import type { NotificationRow, Subscription } from '../core/rows.ts'
import { getContextText } from './notification-rows.ts'

/** How long a notification is held back at most, ms. */
export const MAX_HELD_BACK_MS = 1_000

/** Characters of the records of open notifications, while their rows are in memory. */
const sizes = new WeakMap<NotificationRow, number>()

/** What decides whether notifications are open. */
interface Openness {
	/** How many events a notification has at most. */
	batch: number
	/** Each notification of such an object has one event. */
	takesNotices: boolean
}

/** Those that still take events: the newest of each resource, if it was never claimed and is not full. Pure. */
export function selectOpen(rows: readonly NotificationRow[], { batch, takesNotices }: Openness): NotificationRow[] {
	const newest = new Map<string, NotificationRow>()
	for (const row of takesNotices ? [] : rows.toReversed()) {
		const key = `${row.subscription} ${row.object_type}`
		if (isUnseen(row) && !newest.has(key) && isOfChanges(row)) newest.set(key, row)
	}
	return [...newest.values()].filter((row) => parseMembers(row.members).length < batch)
}

/** Whether it was never claimed, so that nobody has seen its events. */
function isUnseen({ status, attempt, resend }: NotificationRow): boolean {
	return status === 'waiting' && attempt === 0 && resend === null
}

/** False: a test event, or posted. */
function isOfChanges(row: NotificationRow): boolean {
	return parseMembers(row.members).every(([, resource]) => resource > 0)
}

/** When each of these may be claimed, or the lease of its claim ends. Epoch ms. Pure. */
export function toDueTimes(
	rows: readonly NotificationRow[],
	openness: Openness,
	nowMs: number,
): (row: NotificationRow) => number {
	const inFlight = new Set(rows.filter(({ lease }) => lease !== null && lease > nowMs).map((row) => row.subscription))
	const heldBack = new Set(
		selectOpen(
			rows.filter((row) => inFlight.has(row.subscription)),
			openness,
		),
	)
	return (row) => row.lease ?? (heldBack.has(row) ? row.due + MAX_HELD_BACK_MS : row.due)
}

/** `toDueTimes` of an object's notifications at present. */
export function getDueTimes(core: Core, rows: readonly NotificationRow[]): (row: NotificationRow) => number {
	return toDueTimes(rows, getOpenness(core), core.ports.now())
}

function getOpenness(core: Core): Openness {
	return { batch: core.config.delivery.batch, takesNotices: core.kind.takesNotices }
}

/** Those of a subscription's unsettled notifications that take further events. */
export function findOpen(core: Core, subscription: Subscription, rows: readonly NotificationRow[]): OpenNotification[] {
	if (!subscription.active) return []
	const context = getContextText(core)
	return (
		selectOpen(rows, getOpenness(core))
			// One body says one thing about the instance.
			.filter((row) => row.context === context)
			.map((row) => ({
				id: row.id,
				resource: row.object_type,
				count: parseMembers(row.members).length,
				size: getSize(core, row),
			}))
	)
}

function getSize(core: Core, row: NotificationRow): number {
	const known = sizes.get(row)
	if (known !== undefined) return known
	const size =
		core.ports.sql.all<{ size: number | null }>(
			`SELECT sum(coalesce(length(record), 0) + coalesce(length(variations), 0)) AS size FROM events
			WHERE sequence IN (SELECT value FROM json_each(?))`,
			JSON.stringify(parseMembers(row.members).map(([sequence]) => sequence)),
		)[0]?.size ?? 0
	sizes.set(row, size)
	return size
}

/** Counts the records of events that were added to one. */
export function addSize(row: NotificationRow, characters: number): void {
	const known = sizes.get(row)
	if (known !== undefined) sizes.set(row, known + characters)
}
