/**
 * Posted notifications: one has a row for each subscription that it goes to, and is shown under the counter of the
 * first one (docs/contract.md §5). Pure.
 */
import type { NotificationInstance } from '../../events/notification.ts'

/** The number of no resource: the events of notifications that are posted to an instance's topic are no changes. */
export const POSTED_RESOURCE = -1

/** The status of a settled notification that was deleted: it is not shown. Events that it delivered stay delivered. */
export const DELETED_STATUS = 'deleted'

/** The counter under which a row is shown. */
export function getShownCounter(row: { id: number; context: string }): number {
	if (!row.context.includes('"postedAs":')) return row.id
	return (JSON.parse(row.context) as NotificationInstance).postedAs ?? row.id
}

/** Whether a row's body is that of a notice, which was posted or is an operator event. */
export function isNotice(row: { context: string }): boolean {
	return row.context.includes('"notice":') && (JSON.parse(row.context) as NotificationInstance).notice === true
}

/** What is left to be done comes first. */
const STATUSES_BY_WEIGHT = ['claimed', 'retry', 'waiting', 'queued', 'delivered', 'dropped', DELETED_STATUS]

/** The status of a notification from those of its deliveries. */
export function mergeStatuses(statuses: readonly string[]): string {
	return STATUSES_BY_WEIGHT.find((status) => statuses.includes(status)) ?? statuses[0] ?? 'dropped'
}
