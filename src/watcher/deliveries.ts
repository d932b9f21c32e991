/** What an object says of its deliveries: notifications, subscriptions, attempts, and how much waits (contract, section 5). */
import { notificationId } from '../events/ids.ts'
import { parseMembers } from '../events/member.ts'
import type { Core } from './core.ts'
import { flow } from './forming.ts'
import { notificationBody } from './outbox.ts'
import type { NotificationPage, NotificationQuery, NotificationReport, SubscriptionReport } from './rpc.ts'
import { activate, CALLBACK, readSubscriptions } from './subscriptions.ts'
import { NOTIFICATION_COLUMNS, unsettledRows, type NotificationRow } from './unsettled.ts'

/** Above so many a backlog is not counted on. */
const COUNTED = 10_001
/** Rows that a page looks through for what it shows. */
const LOOK = 2_000

/** How many events wait for the callback; of those in no notification, and of queued notifications, at most 10 001 are counted. */
export function backlog(core: Core): number {
	const { sql } = core.ports
	const waiting =
		sql.all<{ n: number }>(`SELECT count(*) AS n FROM (SELECT 1 FROM waiting WHERE subscription = ? LIMIT ?)`, CALLBACK, COUNTED)[0]?.n ?? 0
	const unsettled = unsettledRows(core).filter((row) => row.subscription === CALLBACK)
	const callback = readSubscriptions(sql).find((one) => one.id === CALLBACK)
	const queued =
		callback?.active === false
			? sql.all<{ members: string }>(
					`SELECT members FROM notifications WHERE subscription = ? AND status = 'queued' LIMIT ?`,
					CALLBACK,
					COUNTED,
				)
			: []
	return [...unsettled, ...queued].reduce((sum, row) => sum + parseMembers(row.members).length, waiting)
}

/** The subscriptions of this object, the callback first. */
export function subscriptionsOf(core: Core): SubscriptionReport[] {
	return readSubscriptions(core.ports.sql).map((one) => ({
		number: one.number ?? core.config.subscriptionId,
		url: one.url,
		topics: one.topics,
		active: one.active,
		reason: one.reason,
		failingSinceMs: one.failingSinceMs,
		lastStatus: one.lastStatus,
		parkedUntilMs: one.parkedMs !== null && one.parkedMs > core.ports.now() ? one.parkedMs : null,
		createdMs: one.createdMs,
	}))
}

type Row = NotificationRow & { updated: number; acknowledged: number | null }

/** A page of notifications, newest first. Looks through a bounded number of rows: a page may be short and still have a next one. */
export function notificationsOf(core: Core, query: NotificationQuery): NotificationPage {
	const { sql } = core.ports
	const subscriptions = readSubscriptions(sql)
	const ids = subscriptions
		.filter((one) => query.subscription === undefined || (one.number ?? core.config.subscriptionId) === query.subscription)
		.filter((one) => query.url === undefined || one.url === query.url)
		.map((one) => one.id)
	const before = query.before ?? Number.MAX_SAFE_INTEGER
	// What is queued has an index of its own: it is asked for most, and may be few among many.
	const rows = sql.all<Row>(
		query.status === 'queued'
			? `SELECT ${NOTIFICATION_COLUMNS}, updated, acknowledged FROM notifications WHERE status = 'queued' AND subscription IN (SELECT value FROM json_each(?)) AND id < ? ORDER BY id DESC LIMIT ?`
			: `SELECT ${NOTIFICATION_COLUMNS}, updated, acknowledged FROM notifications WHERE id < ?2 AND subscription IN (SELECT value FROM json_each(?1)) ORDER BY id DESC LIMIT ?3`,
		JSON.stringify(ids),
		before,
		query.status === undefined || query.status === 'queued' ? query.pageSize : LOOK,
	)
	const shown = rows.filter((row) => query.status === undefined || row.status === query.status).slice(0, query.pageSize)
	const full = shown.length === query.pageSize
	const last = full ? shown.at(-1) : rows.length === LOOK ? rows.at(-1) : undefined
	return { notifications: shown.map((row) => reportOf(core, row, query.hydrate === true)), next: last === undefined ? null : last.id }
}

/** One notification with its body; null when there is none of that number, or no longer. */
export function notificationOf(core: Core, counter: number): NotificationReport | null {
	const row = core.ports.sql.all<Row>(`SELECT ${NOTIFICATION_COLUMNS}, updated, acknowledged FROM notifications WHERE id = ?`, counter)[0]
	return row === undefined ? null : reportOf(core, row, true)
}

/** Wakes subscriptions and sends again what is queued for them. Returns how many notifications. */
export function releaseOf(core: Core, which: { subscription?: number | undefined; url?: string | undefined }): number {
	return core.commit(() => {
		const released = readSubscriptions(core.ports.sql)
			.filter((one) => which.subscription === undefined || (one.number ?? core.config.subscriptionId) === which.subscription)
			.filter((one) => which.url === undefined || one.url === which.url)
			.reduce((sum, one) => sum + activate(core, one.id), 0)
		flow(core)
		return released
	})
}

/** A reader has taken note. False: there is no such notification. */
export function acknowledge(core: Core, counter: number): boolean {
	const { sql } = core.ports
	if (sql.all(`SELECT id FROM notifications WHERE id = ?`, counter).length === 0) return false
	sql.run(`UPDATE notifications SET acknowledged = coalesce(acknowledged, ?) WHERE id = ?`, core.ports.now(), counter)
	return true
}

function reportOf(core: Core, row: Row, withBody: boolean): NotificationReport {
	const subscription = readSubscriptions(core.ports.sql).find((one) => one.id === row.subscription)
	return {
		id: notificationId(core.config.instanceId, row.id),
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
		body: withBody ? notificationBody(core, row) : null,
	}
}
