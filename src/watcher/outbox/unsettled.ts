/** Unsettled notifications: waiting to be sent, in flight, or waiting for a retry. */
import type { Core } from '../core/core.ts'
import { countAccepted } from '../log/tally.ts'
import type { NotificationRow } from '../core/rows.ts'

/**
 * Maximum unsettled notifications of a subscription: events of a longer outage stay in the log, where they cost less.
 */
export const MAX_UNSETTLED = 100

/** Lease of a claim, ms: if it is not settled by then, its outcome is unknown and the notification is due again. */
export const CLAIM_LEASE_MS = 45_000

/** If this many can be sent at once, waiting events are not examined. */
const ENOUGH_CLAIMABLE = MAX_UNSETTLED / 4

/** All unsettled notifications, oldest first. */
export function getUnsettledRows(core: Core): readonly NotificationRow[] {
	const { cached } = core.notifications
	if (cached !== null) return cached
	const { rows, settledIds } = core.notifications.loadUnsettled()
	if (settledIds.length > 0) countLateAccepted(core, settledIds)
	return rows
}

/**
 * Counts notifications that were accepted after the list was last stored, since the memory with their counts is lost.
 */
function countLateAccepted(core: Core, settledIds: readonly number[]): void {
	const accepted = core.ports.sql.all<{ id: number; members: string; settled: number }>(
		// The first time that it was accepted is what settled it.
		`SELECT id, members, settled FROM notifications
		WHERE id IN (SELECT value FROM json_each(?)) AND status = 'delivered' AND coalesce(delivered, settled) = settled`,
		JSON.stringify(settledIds),
	)
	const uncounted = new Set(accepted.map((row) => row.id))
	if (accepted.length === 0) return
	// The next commit of a writer saves it; if the memory is lost before, they are counted again.
	core.commit(
		(tx) => {
			for (const row of accepted) {
				uncounted.delete(row.id)
				countAccepted(tx, core, row, row.settled, uncounted)
			}
		},
		() => false,
	)
}

/** Whether a subscription has so few notifications that can be sent at once that more should be formed. */
export function needsMore(core: Core, subscription: number): boolean {
	const now = core.ports.now()
	return (
		getUnsettledRows(core).filter((row) => row.subscription === subscription && row.lease === null && row.due <= now)
			.length < ENOUGH_CLAIMABLE
	)
}

/** Notifications of a subscription that are being sent or could be sent now. */
export function countSendable(core: Core, subscription: number): number {
	const now = core.ports.now()
	return getUnsettledRows(core).filter(
		(row) => row.subscription === subscription && (row.lease !== null || row.due <= now),
	).length
}
