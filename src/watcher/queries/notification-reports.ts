/** Reports of notifications and their attempts (docs/contract.md §5). */
import { toNotificationId } from '../../events/ids.ts'
import type { EventFlags } from '../../events/event.ts'
import { parseMembers } from '../../events/notification-members.ts'
import type { Core } from '../core/core.ts'
import { NOTIFICATION_COLUMNS } from '../core/notification-table.ts'
import { DELETED_STATUS, getShownCounter, isNotice, mergeStatuses } from '../core/posted.ts'
import type { NotificationRow, Subscription } from '../core/rows.ts'
import { getAttempts } from '../log/attempts.ts'
import { renderBody } from '../outbox/claim.ts'
import { getPostedCounters } from '../outbox/notification-rows.ts'
import type { AttemptOutcome, NotificationOutcome } from '../../rpc/delivery.ts'
import type { AttemptReport, AttemptSummary, NotificationReport } from '../../rpc/notification.ts'

/** A row with everything that a report needs. */
export type ReportRow = NotificationRow & { acknowledged: number | null }

/** The columns of `ReportRow`. */
export const REPORT_COLUMNS = `${NOTIFICATION_COLUMNS}, acknowledged`

/** The completed attempts of a notification, oldest first; null: as for `getNotificationReport`. */
export function getNotificationAttempts(core: Core, counter: number): AttemptReport[] | null {
	const row = findShown(core, counter)
	if (row === null) return null
	return getGroupRows(core, row)
		.flatMap(({ id }) => getAttempts(core.ports.sql, id) ?? [])
		.sort((a, b) => a.startedMs - b.startedMs)
}

/** The outcomes of notifications, in the given order; null: it has left the log. */
export function getOutcomes(core: Core, counters: readonly number[]): (NotificationOutcome | null)[] {
	return counters.map((counter) => {
		const row = core.notifications.get(counter)
		return row === null ? null : { status: row.status, last: getLastAttempt(core, row) }
	})
}

/** The row of a notification that is shown under its own counter; null: there is none. */
export function findShown(core: Core, counter: number): ReportRow | null {
	const row = core.ports.sql.all<ReportRow>(`SELECT ${REPORT_COLUMNS} FROM notifications WHERE id = ?`, counter)[0]
	return row === undefined || row.status === DELETED_STATUS || getShownCounter(row) !== row.id ? null : row
}

/** All rows of a notification: a posted one has one for each subscription. */
function getGroupRows(core: Core, row: ReportRow): ReportRow[] {
	if (!isNotice(row)) return [row]
	const { sql } = core.ports
	return getPostedCounters(core, row)
		.flatMap((id) =>
			id === row.id ? [row] : sql.all<ReportRow>(`SELECT ${REPORT_COLUMNS} FROM notifications WHERE id = ?`, id),
		)
		.filter((other) => other.status !== DELETED_STATUS && getShownCounter(other) === row.id)
}

/** A notification with its deliveries. */
export function toGroupReport(
	core: Core,
	row: ReportRow,
	subscriptions: readonly Subscription[],
	withBody: boolean,
): NotificationReport {
	const report = toNotificationReport(core, row, subscriptions, withBody)
	const rows = getGroupRows(core, row)
	if (rows.length === 1) return report
	const deliveries = rows.map((one) => toNotificationReport(core, one, subscriptions, false))
	const tries = deliveries.flatMap(({ nextTryMs }) => nextTryMs ?? [])
	const delivered = deliveries.flatMap(({ deliveredMs }) => deliveredMs ?? [])
	return {
		...report,
		subscription: null,
		url: null,
		status: mergeStatuses(deliveries.map(({ status }) => status)),
		updatedMs: Math.max(...deliveries.map(({ updatedMs }) => updatedMs)),
		deliveredMs: delivered.length === deliveries.length ? Math.max(...delivered) : null,
		nextTryMs: tries.length === 0 ? null : Math.min(...tries),
		attempts: deliveries.reduce((sum, { attempts }) => sum + attempts, 0),
		deliveries,
	}
}

/** How the last attempt that has ended did end; null: none has. */
function getLastAttempt(core: Core, { id }: { id: number }): AttemptSummary | null {
	const { sql } = core.ports
	const last =
		sql.all<{ outcome: string | null }>(
			`SELECT outcome FROM attempts WHERE notification = ? ORDER BY number DESC LIMIT 1`,
			id,
		)[0] ?? sql.all<{ outcome: string | null }>(`SELECT outcome FROM notifications WHERE id = ?`, id)[0]
	if (last?.outcome == null) return null
	const { status, error } = JSON.parse(last.outcome) as AttemptOutcome
	return { status, error }
}

/** One row of a notification: the notification itself, or one delivery of a posted one. */
export function toNotificationReport(
	core: Core,
	row: ReportRow,
	subscriptions: readonly Subscription[],
	withBody: boolean,
): NotificationReport {
	const subscription = subscriptions.find((candidate) => candidate.id === row.subscription)
	return {
		id: toNotificationId(core.config.instanceId, getShownCounter(row)),
		counter: row.id,
		subscription: subscription === undefined ? null : (subscription.number ?? core.config.subscriptionId),
		url: subscription?.url ?? null,
		objectType: row.object_type,
		events: parseMembers(row.members).length,
		status: row.status,
		createdMs: row.created,
		updatedMs: row.updated,
		deliveredMs: row.delivered ?? (row.status === 'delivered' ? row.settled : null),
		nextTryMs: row.settled === null ? (row.lease ?? row.due) : null,
		attempts: row.attempt,
		acknowledged: row.acknowledged !== null,
		...(isNotice(row) ? { notice: getNoticeDetails(core, row) } : { last: getLastAttempt(core, row) }),
		body: withBody ? renderBody(core, row) : null,
	}
}

/** Severity and sender of a notice. */
function getNoticeDetails(core: Core, row: ReportRow): { severity: string; from: string | null } {
	const [sequence] = parseMembers(row.members)[0] ?? [0]
	const event = core.ports.sql.all<{ flags: string }>(`SELECT flags FROM events WHERE sequence = ?`, sequence)[0]
	const { severity, from } = JSON.parse(event?.flags ?? '{}') as EventFlags
	return { severity: severity ?? 'medium', from: from ?? null }
}
