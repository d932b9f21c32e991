/**
 * Sending again: what was queued is released, what was sent is replayed. Both put notifications on one list; each is
 * sent, oldest first, when no other notification of its objects is unsettled or before it on the list, so that objects
 * keep their order. New events of these objects wait meanwhile (docs/delivery.md, Replays).
 */
import type { Core } from '../core/core.ts'
import type { ResendItem, ResendKind } from '../core/resend-table.ts'
import { getObjectKeys, type NotificationRow } from '../core/rows.ts'
import type { Tx } from '../core/tx.ts'
import { getUnsettledRows, MAX_UNSETTLED, needsMore } from './unsettled.ts'

/** How many items are looked at in one go: what is being sent stands first, and there is room for no more than that. */
const MAX_ITEMS_SCANNED = 500

/**
 * How many unsettled notifications of a subscription there may be when another one is sent again: a replay leaves room
 * for new ones.
 */
const MAX_UNSETTLED_BY_KIND: Readonly<Record<ResendKind, number>> = {
	release: MAX_UNSETTLED,
	replay: MAX_UNSETTLED / 2,
}

/** Releases everything of a subscription that is queued. Returns how many notifications. */
export function releaseQueued(tx: Tx, core: Core, subscription: number): number {
	const select = `SELECT id FROM notifications WHERE subscription = ? AND status = 'queued'`
	const queued = core.ports.sql.all<{ n: number }>(`SELECT count(*) AS n FROM (${select})`, subscription)[0]?.n ?? 0
	if (queued > 0) core.resends.begin(tx, 'release', select, subscription)
	return queued
}

/** Sends again what can go now. */
export function resendReady(tx: Tx, core: Core): void {
	if (core.state.resending === 0) return
	for (const { id, active } of core.subscriptions.getAll())
		if (active && needsMore(core, id)) resendReadyTo(tx, core, id)
}

function resendReadyTo(tx: Tx, core: Core, subscription: number): void {
	const unsettled = getUnsettledRows(core).filter((row) => row.subscription === subscription)
	// Read for each subscription: the items of one must not crowd out those of another.
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

/** A notification was deleted: nothing of it is left to send. */
export function deleteItem(tx: Tx, core: Core, notification: number): void {
	const resend = core.resends.findByNotification(notification)
	if (resend !== null) core.resends.settleItem(tx, notification, resend, false)
}

/** A notification was accepted while it waited to be released: there is nothing left to release. */
export function completeRelease(tx: Tx, core: Core, notification: number): void {
	if (core.state.resending === 0) return
	const resend = core.resends.findByNotification(notification)
	if (resend !== null && core.resends.getKind(resend) === 'release')
		core.resends.settleItem(tx, notification, resend, true)
}

/** Whether a notification is still to be sent again: false once its resend was cancelled. */
export function isResendPending(core: Core, notification: number): boolean {
	return core.resends.findByNotification(notification) !== null
}

/**
 * Stops a resend. What is not being sent goes back to what it was; an attempt under way ends, and is not repeated.
 * False: it is not running.
 */
export function stopResend(tx: Tx, core: Core, resend: number): boolean {
	if (!core.resends.cancel(tx, resend)) return false
	for (const row of getUnsettledRows(core))
		if (row.resend === resend && row.status !== 'claimed') core.notifications.revertResend(tx, row.id)
	getUnsettledRows(core)
	return true
}

/**
 * Settles everything unsettled of a subscription without sending it: `queued` until it is released, or `dropped` with
 * the subscription.
 */
export function settleUnsent(tx: Tx, core: Core, subscription: number, status: 'queued' | 'dropped'): void {
	core.notifications.settleUnsent(tx, subscription, status)
	getUnsettledRows(core)
}
