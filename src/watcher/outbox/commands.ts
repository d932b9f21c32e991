/** What callers request of deliveries: the release of subscriptions, the acknowledgement of a notification. */
import type { Core } from '../core/core.ts'
import { drainWaiting } from './forming.ts'
import { activateSubscription } from './subscriptions.ts'

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

/** Acknowledges a notification. False: there is none with this counter. */
export function acknowledge(core: Core, counter: number): boolean {
	const { sql } = core.ports
	if (sql.all(`SELECT id FROM notifications WHERE id = ?`, counter).length === 0) return false
	core.commit(
		(tx) => core.notifications.acknowledge(tx, counter),
		() => false,
	)
	return true
}
