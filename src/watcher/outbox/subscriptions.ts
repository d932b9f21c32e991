/**
 * The subscriptions of an object: they follow the configuration, are deactivated when a callback has failed for good,
 * and activated by a release (docs/delivery.md, Subscriptions). Number 1 is the instance's callback.
 */
import type { Core } from '../core/core.ts'
import type { Subscription } from '../core/rows.ts'
import type { SubscriptionTarget } from '../core/subscription-table.ts'
import type { Tx } from '../core/tx.ts'
import { releaseQueued, settleUnsent } from './resend.ts'

/** The instance's callback is the first subscription. */
export const CALLBACK_ID = 1

/** The instance's callback; null: its events are kept in the log only, or go to further subscriptions. */
export function getCallbackSubscription(core: Core): Subscription | null {
	return core.subscriptions.getAll().find((subscription) => subscription.id === CALLBACK_ID) ?? null
}

/** Updates the subscriptions to the configuration. `shouldRelease`: sends queued notifications. */
export function syncSubscriptions(tx: Tx, core: Core, shouldRelease: boolean): void {
	const { callbackUrl, subscriptionId, others } = core.config
	const existing = core.subscriptions.getAll()
	const further = existing.filter((row) => row.id !== CALLBACK_ID)
	const keptIds = new Set<number>()
	if (callbackUrl !== null) {
		const target = { number: subscriptionId, url: callbackUrl, topics: null }
		keptIds.add(syncSubscription(tx, core, getCallbackSubscription(core), target, shouldRelease, () => CALLBACK_ID))
	}
	for (const target of others) {
		const row = further.find((candidate) => candidate.number === target.number) ?? null
		keptIds.add(syncSubscription(tx, core, row, target, shouldRelease, () => core.state.nextSubscription++))
	}
	for (const row of existing) if (!keptIds.has(row.id)) dropSubscription(tx, core, row.id)
}

/** Inserts or updates one subscription; a new URL takes over everything unsettled. Returns its id. */
function syncSubscription(
	tx: Tx,
	core: Core,
	row: Subscription | null,
	target: SubscriptionTarget,
	shouldRelease: boolean,
	nextId: () => number,
): number {
	if (row === null) {
		const id = nextId()
		core.subscriptions.insert(tx, id, target, core.state.sequence)
		return id
	}
	const urlChanged = row.url !== target.url
	if (urlChanged || row.number !== target.number || JSON.stringify(target.topics) !== JSON.stringify(row.topics))
		core.subscriptions.update(tx, row.id, target)
	if (urlChanged || shouldRelease) activateSubscription(tx, core, row.id)
	return row.id
}

/** Activates this subscription and sends its queued notifications first. Returns how many were queued. */
export function activateSubscription(tx: Tx, core: Core, id: number): number {
	core.subscriptions.activate(tx, id)
	core.notifications.makeDue(tx, id)
	core.doorbellRequested = true
	return releaseQueued(tx, core, id)
}

/** Deactivates this subscription until a release: unsettled notifications and later ones are queued. */
export function deactivateSubscription(tx: Tx, core: Core, id: number, reason: string): void {
	core.subscriptions.deactivate(tx, id, reason)
	settleUnsent(tx, core, id, 'queued')
}

/** Removes the subscription and drops the notifications that are for it alone. */
function dropSubscription(tx: Tx, core: Core, id: number): void {
	const { sql } = core.ports
	settleUnsent(tx, core, id, 'dropped')
	core.notifications.dropReserved(tx, id)
	sql.run(`DELETE FROM waiting WHERE subscription = ?`, id)
	sql.run(`DELETE FROM skipped WHERE subscription = ?`, id)
	core.resends.deleteItemsOf(tx, id)
	core.notifications.dropQueued(tx, id)
	core.subscriptions.delete(tx, id)
}
