/** Reports of an object's deliveries: notifications, subscriptions, attempts, the backlog (docs/contract.md §5). */
import { parseMembers } from '../../events/notification-members.ts'
import { topicMatches } from '../../events/topics.ts'
import type { Core } from '../core/core.ts'
import { LANES, MASS } from '../core/lanes.ts'
import type { PageCursor } from '../../rpc/log.ts'
import { renderBody } from '../outbox/claim.ts'
import type { Sql } from '../core/ports.ts'
import type { NotificationPage, NotificationQuery, SubscriptionReport } from '../../rpc/delivery.ts'
import { findLowerBound } from '../log/lower-bound.ts'
import { getUnsettledRows } from '../outbox/unsettled.ts'
import { DELETED_STATUS } from '../core/posted.ts'
import type { NotificationRow } from '../core/rows.ts'
import type { NotificationReport } from '../../rpc/notification.ts'
import {
	findShown,
	REPORT_COLUMNS,
	toGroupReport,
	toNotificationReport,
	type ReportRow,
} from './notification-reports.ts'

/** A backlog is counted up to this number. */
const MAX_BACKLOG_COUNTED = 10_001
/** Maximum rows that a filtered page reads. */
const MAX_ROWS_SCANNED = 2_000

/**
 * How many events wait to be sent to one subscription, or to all, and since when (epoch ms; null: none waits). At most
 * 10,001 of those in no notification, and of queued notifications, are counted. Queued ones of an active subscription
 * are not counted: they wait to be released. Neither are held changes: they wait for a person. What waits for a look to
 * end is counted.
 */
export function getBacklog(core: Core, subscriptionId: number | null): { events: number; sinceMs: number | null } {
	const { sql } = core.ports
	const selected = core.subscriptions
		.getAll()
		.filter((subscription) => subscriptionId === null || subscription.id === subscriptionId)
	// Without a running look, held rows need not be read.
	const isLooking = core.state.resources.some(({ look }) => look != null)
	const isCounted = isLooking ? `(lane < ${LANES.held} OR mass = ${MASS.undecided})` : `lane < ${LANES.held}`
	let events = 0
	const since: number[] = []
	for (const { id, active } of selected) {
		const count = `SELECT count(*) AS n, min(sequence) AS oldest
			FROM (SELECT sequence FROM waiting
				WHERE subscription = ? AND ${isCounted} ORDER BY lane, sequence LIMIT ?)`
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

/** Whether `getBacklog` would count anything. */
export function hasBacklog(core: Core): boolean {
	const { sql } = core.ports
	if (core.state.unsettled.length > 0) return true
	return core.subscriptions
		.getAll()
		.some(
			({ id, active }) =>
				sql.all(`SELECT sequence FROM waiting WHERE subscription = ? AND lane < ${LANES.held} LIMIT 1`, id).length >
					0 ||
				(!active &&
					sql.all(`SELECT id FROM notifications WHERE subscription = ? AND status = 'queued' LIMIT 1`, id).length > 0),
		)
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
	const grouped = query.grouped === true
	const { ids, next } = findPageIds(
		core,
		{ statuses: statuses ?? null, subscriptions: subscriptionIds, topics: query.topics ?? null, grouped },
		before,
		pageSize,
	)
	const rows = sql.all<ReportRow>(
		`SELECT ${REPORT_COLUMNS} FROM notifications WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id DESC`,
		JSON.stringify(ids),
	)
	return {
		notifications: rows.map((row) =>
			grouped ? toGroupReport(core, row, subscriptions, false) : toNotificationReport(core, row, subscriptions, false),
		),
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

interface PageFilter {
	statuses: readonly string[] | null
	/** Ids of the object's subscriptions. */
	subscriptions: readonly number[] | null
	topics: readonly string[] | null
	grouped: boolean
}

/** Counters of a page: queued and unsettled ones from their lists, others by reading row after row. */
function findPageIds(
	core: Core,
	{ statuses, subscriptions, topics, grouped }: PageFilter,
	before: number,
	pageSize: number,
): { ids: number[]; next: number | null } {
	const matches = (row: { subscription: number; status: string; object_type: string }): boolean =>
		row.status !== DELETED_STATUS &&
		(statuses === null || statuses.includes(row.status)) &&
		(subscriptions === null || subscriptions.includes(row.subscription)) &&
		(topics === null || topics.some((wanted) => topicMatches(wanted, row.object_type)))
	// Notices that wait for their turn are not on the list of unsettled ones yet.
	const usesLists = topics === null && !grouped && !(core.kind.takesNotices && statuses?.includes('waiting') === true)
	if (
		usesLists &&
		statuses !== null &&
		statuses.every((status) => status === 'queued' || UNSETTLED_STATUSES.includes(status))
	)
		return findListedIds(core, statuses, subscriptions, matches, before, pageSize)
	const scanLimit = statuses === null && subscriptions === null && topics === null ? pageSize : MAX_ROWS_SCANNED
	const rows = core.ports.sql.all<{
		id: number
		subscription: number
		status: string
		object_type: string
		postedAs: number | null
	}>(
		`SELECT id, subscription, status, object_type, ${grouped ? "json_extract(context, '$.postedAs')" : 'NULL'} AS postedAs
		FROM notifications WHERE id < ? ORDER BY id DESC LIMIT ?`,
		before,
		scanLimit,
	)
	const ids = rows
		.filter((row) => row.postedAs === null && matches(row))
		.slice(0, pageSize)
		.map((row) => row.id)
	const last = ids.length === pageSize ? ids.at(-1) : rows.length === scanLimit ? rows.at(-1)?.id : undefined
	return { ids, next: last ?? null }
}

/** Counters of queued and unsettled notifications, from the index and the list of them. */
function findListedIds(
	core: Core,
	statuses: readonly string[],
	subscriptions: readonly number[] | null,
	matches: (row: NotificationRow) => boolean,
	before: number,
	pageSize: number,
): { ids: number[]; next: number | null } {
	const { sql } = core.ports
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

/** One notification; null: there is none that is shown under this counter, or it was pruned. */
export function getNotificationReport(core: Core, counter: number, withBody = true): NotificationReport | null {
	const row = findShown(core, counter)
	return row === null ? null : toGroupReport(core, row, core.subscriptions.getAll(), withBody)
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
