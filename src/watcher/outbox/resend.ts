/**
 * Resends: queued notifications are released, sent ones are replayed. Both use one list. Each notification is sent,
 * oldest first, when no other notification of its objects is unsettled or before it on the list, so that objects keep
 * their order. New events of these objects wait meanwhile (docs/delivery.md, Replays).
 */
import type { Core } from '../core/core.ts'
import type { ResendItem, ResendKind } from '../core/resend-table.ts'
import { getObjectKeys, type NotificationRow } from '../core/rows.ts'
import type { Tx } from '../core/tx.ts'
import { getUnsettledRows, MAX_UNSETTLED, needsMore } from './unsettled.ts'

/**
 * Maximum number of items that are examined at a time: items in flight come first, and there is no room for more than
 * this.
 */
const MAX_ITEMS_SCANNED = 500

/**
 * Maximum unsettled notifications of a subscription for another one to be sent again: a replay leaves room for new
 * ones.
 */
const MAX_UNSETTLED_BY_KIND: Readonly<Record<ResendKind, number>> = {
	release: MAX_UNSETTLED,
	replay: MAX_UNSETTLED / 2,
}

/** Releases all queued notifications of a subscription. Returns how many. */
export function releaseQueued(tx: Tx, core: Core, subscription: number): number {
	const select = `SELECT id FROM notifications WHERE subscription = ? AND status = 'queued'`
	const queued = core.ports.sql.all<{ n: number }>(`SELECT count(*) AS n FROM (${select})`, subscription)[0]?.n ?? 0
	if (queued > 0) core.resends.begin(tx, 'release', select, subscription)
	return queued
}

/** Sends what can be sent again now. */
export function resendReady(tx: Tx, core: Core): void {
	if (core.state.resending === 0) return
	for (const { id, active } of core.subscriptions.getAll())
		if (active && needsMore(core, id)) resendReadyTo(tx, core, id)
}

function resendReadyTo(tx: Tx, core: Core, subscription: number): void {
	const unsettled = getUnsettledRows(core).filter((row) => row.subscription === subscription)
	// Read per subscription, so that the items of one do not displace those of another.
	const ready = selectReady(unsettled, core.resends.getItems(subscription, MAX_ITEMS_SCANNED))
	if (ready.length === 0) return
	for (const { id, resend } of ready) core.notifications.sendAgain(tx, id, resend)
	core.notifications.track(
		tx,
		ready.map(({ id }) => id),
	)
	core.doorbellRequested = true
}

/** Which items of a subscription can be sent now, in order, beside its unsettled notifications. */
function selectReady(unsettled: readonly NotificationRow[], items: readonly ResendItem[]): ResendItem[] {
	const unsettledIds = new Set(unsettled.map((row) => row.id))
	const busyObjects = new Set(unsettled.flatMap((row) => getObjectKeys(row.members)))
	const ready: ResendItem[] = []
	for (const item of items) {
		if (unsettledIds.has(item.id)) continue
		const objects = getObjectKeys(item.members)
		if (
			unsettled.length + ready.length < MAX_UNSETTLED_BY_KIND[item.kind] &&
			!objects.some((object) => busyObjects.has(object))
		)
			ready.push(item)
		for (const object of objects) busyObjects.add(object)
	}
	return ready
}

/** Removes a deleted notification from its resend. */
export function deleteItem(tx: Tx, core: Core, notification: number): void {
	const resend = core.resends.findByNotification(notification)
	if (resend !== null) core.resends.settleItem(tx, notification, resend, false)
}

/** Removes a notification from its release, because it was accepted while it waited. */
export function completeRelease(tx: Tx, core: Core, notification: number): void {
	if (core.state.resending === 0) return
	const resend = core.resends.findByNotification(notification)
	if (resend !== null && core.resends.getKind(resend) === 'release')
		core.resends.settleItem(tx, notification, resend, true)
}

/** Whether a notification must still be sent again: false if its resend was cancelled. */
export function isResendPending(core: Core, notification: number): boolean {
	return core.resends.findByNotification(notification) !== null
}

/**
 * Stops a resend. Notifications that are not in flight get their previous status; an attempt in flight ends and is not
 * repeated. False: it is not running.
 */
export function stopResend(tx: Tx, core: Core, resend: number): boolean {
	if (!core.resends.cancel(tx, resend)) return false
	for (const row of getUnsettledRows(core))
		if (row.resend === resend && row.status !== 'claimed') core.notifications.revertResend(tx, row.id)
	getUnsettledRows(core)
	return true
}

/**
 * Settles all unsettled notifications of a subscription without sending them: `queued` until a release, or `dropped`
 * with the subscription.
 */
export function settleUnsent(tx: Tx, core: Core, subscription: number, status: 'queued' | 'dropped'): void {
	core.notifications.settleUnsent(tx, subscription, status)
	getUnsettledRows(core)
}
