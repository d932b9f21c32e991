/** What callers request of deliveries: releases, and acknowledging or deleting a notification. */
import type { Core } from '../core/core.ts'
import { DELETED_STATUS, getShownCounter, isNotice } from '../core/posted.ts'
import type { NotificationRow } from '../core/rows.ts'
import { drainWaiting } from './forming.ts'
import { getPostedCounters } from './notification-rows.ts'
import { isResendPending } from './resend.ts'
import { activateSubscription } from './subscriptions.ts'
import { getUnsettledRows } from './unsettled.ts'

/** Activates subscriptions and sends what is queued for them. Returns how many notifications. */
export function releaseSubscriptions(
	core: Core,
	selector: { subscription?: number | undefined; url?: string | undefined },
): number {
	return core.commit((tx) => {
		const released = core.subscriptions
			.getAll()
			.filter(
				(subscription) =>
					selector.subscription === undefined ||
					(subscription.number ?? core.config.subscriptionId) === selector.subscription,
			)
			.filter((subscription) => selector.url === undefined || subscription.url === selector.url)
			.reduce((sum, subscription) => sum + activateSubscription(tx, core, subscription.id), 0)
		drainWaiting(tx, core)
		return released
	})
}

/**
 * Deletes a settled notification with all of its deliveries from lists; one that is queued is never sent. `unsettled`:
 * a delivery is still to be sent, or to be sent again.
 */
export function deleteNotification(core: Core, counter: number): 'deleted' | 'missing' | 'unsettled' {
	const row = findShownRow(core, counter)
	if (row === null) return 'missing'
	const rows = (isNotice(row) ? getPostedCounters(core, row) : [])
		.flatMap((id) => core.notifications.get(id) ?? [])
		.filter((other) => getShownCounter(other) === counter)
	const ids = [...new Set([counter, ...rows.map(({ id }) => id)])]
	if ([row, ...rows].some(({ id, settled }) => settled === null || isResendPending(core, id))) return 'unsettled'
	// Adds counts that a lost memory had. They are saved with this, since its status does not tell afterwards.
	getUnsettledRows(core)
	core.commit((tx) => core.notifications.hide(tx, ids))
	return 'deleted'
}

/** The row of a notification that is shown under its own counter; null: there is none. */
function findShownRow(core: Core, counter: number): NotificationRow | null {
	const row = core.notifications.get(counter)
	return row === null || row.status === DELETED_STATUS || getShownCounter(row) !== counter ? null : row
}

/** Acknowledges a notification. False: there is none with this counter. */
export function acknowledge(core: Core, counter: number): boolean {
	if (findShownRow(core, counter) === null) return false
	core.commit(
		(tx) => core.notifications.acknowledge(tx, counter),
		() => false,
	)
	return true
}
