/** Reports of an object's deliveries: notifications, subscriptions, attempts, the backlog (docs/contract.md §5). */
import { toNotificationId } from '../../events/ids.ts'
import type { EventFlags } from '../../events/event.ts'
import { parseMembers } from '../../events/notification-members.ts'
import { topicMatches } from '../../events/topics.ts'
import type { Core } from '../core/core.ts'
import { LANES } from '../core/lanes.ts'
import type { PageCursor } from '../../rpc/log.ts'
import { renderBody } from '../outbox/claim.ts'
import type { Sql } from '../core/ports.ts'
import type { NotificationPage, NotificationQuery, SubscriptionReport } from '../../rpc/delivery.ts'
import { findLowerBound } from '../log/lower-bound.ts'
import { NOTIFICATION_COLUMNS } from '../core/notification-table.ts'
import { getUnsettledRows } from '../outbox/unsettled.ts'
import type { NotificationRow, Subscription } from '../core/rows.ts'
import type { NotificationReport } from '../../rpc/notification.ts'

/** A backlog is counted up to this number. */
const MAX_BACKLOG_COUNTED = 10_001
/** Maximum rows that a filtered page reads. */
const MAX_ROWS_SCANNED = 2_000

/**
 * How many events wait to be sent to one subscription, or to all, and since when (epoch ms; null: none waits). At most
 * 10,001 of those in no notification, and of queued notifications, are counted. Queued ones of an active subscription
 * are not counted: they wait to be released. Neither are held changes: they wait for a person.
 */
export function getBacklog(core: Core, subscriptionId: number | null): { events: number; sinceMs: number | null } {
	const { sql } = core.ports
	const selected = core.subscriptions
		.getAll()
		.filter((subscription) => subscriptionId === null || subscription.id === subscriptionId)
	let events = 0
	const since: number[] = []
	for (const { id, active } of selected) {
		const count = `SELECT count(*) AS n, min(sequence) AS oldest
			FROM (SELECT sequence FROM waiting WHERE subscription = ? AND lane < ${LANES.held} ORDER BY lane, sequence LIMIT ?)`
		const { n = 0, oldest = null } =
			sql.all<{ n: number; oldest: number | null }>(count, id, MAX_BACKLOG_COUNTED)[0] ?? {}
		events += n
		if (oldest !== null)
			since.push(
				...sql
					.all<{ recorded: number }>(`SELECT recorded FROM events WHERE sequence = ?`, oldest)
					.map((row) => row.recorded),
			)
		const rows: { members: string; created: number }[] = getUnsettledRows(core).filter((row) => row.subscription === id)
		if (!active)
			rows.push(
				...sql.all<{ members: string; created: number }>(
					`SELECT members, created FROM notifications WHERE subscription = ? AND status = 'queued' LIMIT ?`,
					id,
					MAX_BACKLOG_COUNTED,
				),
			)
		for (const row of rows) {
			events += parseMembers(row.members).length
			since.push(row.created)
		}
	}
	return {
		events,
		sinceMs: since.reduce<number | null>((earliest, ms) => (earliest === null || ms < earliest ? ms : earliest), null),
	}
}

/** All subscriptions of this object, the callback first. */
export function getSubscriptionReports(core: Core): SubscriptionReport[] {
	return core.subscriptions.getAll().map((subscription) => ({
		number: subscription.number ?? core.config.subscriptionId,
		url: subscription.url,
		topics: subscription.topics,
		active: subscription.active,
		reason: subscription.reason,
		failingSinceMs: subscription.failingSinceMs,
		lastStatus: subscription.lastStatus,
		notSent: subscription.notSent,
		parkedUntilMs:
			subscription.parkedMs !== null && subscription.parkedMs > core.ports.now() ? subscription.parkedMs : null,
		createdMs: subscription.createdMs,
	}))
}

type ReportRow = NotificationRow & { acknowledged: number | null }

const REPORT_COLUMNS = `${NOTIFICATION_COLUMNS}, acknowledged`
/** Statuses of unsettled notifications. */
const UNSETTLED_STATUSES = ['waiting', 'claimed', 'retry']

/** A page of notifications, newest first. It reads a bounded number of rows: a short page may have a next one. */
export function getNotificationPage(core: Core, query: NotificationQuery): NotificationPage {
	const { sql } = core.ports
	const { statuses, pageSize } = query
	let before = query.before ?? Number.MAX_SAFE_INTEGER
	if (query.toMs !== undefined) before = Math.min(before, findLowerBound(sql, 'notifications', query.toMs + 1))
	const subscriptions = core.subscriptions.getAll()
	const subscriptionIds =
		query.subscriptions === undefined && query.urls === undefined
			? null
			: subscriptions
					.filter(
						(subscription) => query.subscriptions?.includes(subscription.number ?? core.config.subscriptionId) ?? true,
					)
					.filter((subscription) => query.urls?.includes(subscription.url) ?? true)
					.map((subscription) => subscription.id)
	const { ids, next } = findPageIds(
		core,
		{ statuses: statuses ?? null, subscriptions: subscriptionIds, topics: query.topics ?? null },
		before,
		pageSize,
	)
	const rows = sql.all<ReportRow>(
		`SELECT ${REPORT_COLUMNS} FROM notifications WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id DESC`,
		JSON.stringify(ids),
	)
	return {
		notifications: rows.map((row) => toNotificationReport(core, row, subscriptions, false)),
		next: next === null ? null : toCursor(sql, next),
	}
}

/** The last counter of a page, with its moment. */
function toCursor(sql: Sql, number: number): PageCursor {
	return {
		number,
		atMs: sql.all<{ created: number }>(`SELECT created FROM notifications WHERE id = ?`, number)[0]?.created ?? 0,
	}
}

/** Counters of a page: queued and unsettled ones from their lists, others by reading row after row. */
function findPageIds(
	core: Core,
	{
		statuses,
		subscriptions,
		topics,
	}: { statuses: readonly string[] | null; subscriptions: readonly number[] | null; topics: readonly string[] | null },
	before: number,
	pageSize: number,
): { ids: number[]; next: number | null } {
	const { sql } = core.ports
	const matches = (row: { subscription: number; status: string; object_type: string }): boolean =>
		(statuses === null || statuses.includes(row.status)) &&
		(subscriptions === null || subscriptions.includes(row.subscription)) &&
		(topics === null || topics.some((wanted) => topicMatches(wanted, row.object_type)))
	// Notices that wait for their turn are not on the list of unsettled ones yet.
	const usesLists = topics === null && !(core.kind.takesNotices && statuses?.includes('waiting') === true)
	if (
		usesLists &&
		statuses !== null &&
		statuses.every((status) => status === 'queued' || UNSETTLED_STATUSES.includes(status))
	) {
		const unsettled = statuses.some((status) => UNSETTLED_STATUSES.includes(status))
			? getUnsettledRows(core).filter(matches)
			: []
		const subscriptionIds = sql
			.all<{ subscription: number }>(`SELECT id AS subscription FROM subscriptions`)
			.map((row) => row.subscription)
		const queued = !statuses.includes('queued')
			? []
			: subscriptionIds
					.filter((id) => subscriptions === null || subscriptions.includes(id))
					.flatMap((id) =>
						sql.all<{ id: number }>(
							`SELECT id FROM notifications WHERE subscription = ? AND status = 'queued' AND id < ? ORDER BY id DESC LIMIT ?`,
							id,
							before,
							pageSize,
						),
					)
		const ids = [...unsettled, ...queued]
			.map((row) => row.id)
			.filter((id) => id < before)
			.sort((a, b) => b - a)
			.slice(0, pageSize)
		return { ids, next: ids.length === pageSize ? (ids.at(-1) ?? null) : null }
	}
	const scanLimit = statuses === null && subscriptions === null && topics === null ? pageSize : MAX_ROWS_SCANNED
	const rows = sql.all<{ id: number; subscription: number; status: string; object_type: string }>(
		`SELECT id, subscription, status, object_type FROM notifications WHERE id < ? ORDER BY id DESC LIMIT ?`,
		before,
		scanLimit,
	)
	const ids = rows
		.filter(matches)
		.slice(0, pageSize)
		.map((row) => row.id)
	const last = ids.length === pageSize ? ids.at(-1) : rows.length === scanLimit ? rows.at(-1)?.id : undefined
	return { ids, next: last ?? null }
}

/** One notification; null: there is none with this counter, or it was pruned. */
export function getNotificationReport(core: Core, counter: number, withBody = true): NotificationReport | null {
	const { sql } = core.ports
	const row = sql.all<ReportRow>(`SELECT ${REPORT_COLUMNS} FROM notifications WHERE id = ?`, counter)[0]
	return row === undefined ? null : toNotificationReport(core, row, core.subscriptions.getAll(), withBody)
}

/**
 * Bodies of notifications in the given order: the first one, and more as long as they have at most so many characters
 * together. null: that notification has left the log.
 */
export function getNotificationBodies(core: Core, counters: readonly number[], characters: number): (string | null)[] {
	const bodies: (string | null)[] = []
	let remaining = characters
	for (const counter of counters) {
		const row = core.notifications.get(counter)
		const body = row === null ? null : renderBody(core, row)
		remaining -= body?.length ?? 0
		if (bodies.length > 0 && remaining < 0) break
		bodies.push(body)
	}
	return bodies
}

function toNotificationReport(
	core: Core,
	row: ReportRow,
	subscriptions: readonly Subscription[],
	withBody: boolean,
): NotificationReport {
	const subscription = subscriptions.find((candidate) => candidate.id === row.subscription)
	return {
		id: toNotificationId(core.config.instanceId, row.id),
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
		...(core.kind.takesNotices ? { notice: getNoticeDetails(core, row) } : {}),
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
