/** Notifications that are not settled: waiting to be sent, being sent, or to be tried again. */
import type { Core } from '../core/core.ts'
import { countAccepted } from '../log/tally.ts'
import type { NotificationRow } from '../core/rows.ts'

/** Most unsettled notifications of a subscription: what an outage adds stays in the log, where it is cheap. */
export const MAX_UNSETTLED = 100

/** How long a claim is kept, ms: not settled by then, its outcome is unknown and the notification is due again. */
export const CLAIM_LEASE_MS = 45_000

/** With so many that can be sent at once, waiting events need not be looked at. */
const ENOUGH_CLAIMABLE = MAX_UNSETTLED / 4

/** All unsettled notifications, oldest first. */
export function getUnsettledRows(core: Core): readonly NotificationRow[] {
	const { cached } = core.notifications
	if (cached !== null) return cached
	const { rows, settledIds } = core.notifications.loadUnsettled()
	if (settledIds.length > 0) countLateAccepted(core, settledIds)
	return rows
}

/** Counts what was accepted after the list was last stored: the memory that had counted it is gone. */
function countLateAccepted(core: Core, settledIds: readonly number[]): void {
	const accepted = core.ports.sql.all<{ id: number; members: string }>(
		// The first time that it was accepted is what settled it.
		`SELECT id, members FROM notifications
		WHERE id IN (SELECT value FROM json_each(?)) AND status = 'delivered' AND coalesce(delivered, settled) = settled`,
		JSON.stringify(settledIds),
	)
	const uncounted = new Set(accepted.map((row) => row.id))
	for (const row of accepted) {
		uncounted.delete(row.id)
		countAccepted(core, row, uncounted)
	}
}

/** Whether a subscription has so few notifications that can be sent at once that more should be formed. */
export function needsMore(core: Core, subscription: number): boolean {
	const now = core.ports.now()
	return (
		getUnsettledRows(core).filter((row) => row.subscription === subscription && row.lease === null && row.due <= now)
			.length < ENOUGH_CLAIMABLE
	)
}
