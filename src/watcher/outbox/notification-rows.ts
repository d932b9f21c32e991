/** Creates rows of notifications: to be sent now, queued, or with an id while they wait for earlier ones. */
import { formatMembers, parseMembers, type NotificationMember } from '../../events/notification-members.ts'
import { getSenderAddress, type NotificationInstance } from '../../events/notification.ts'
import type { Core } from '../core/core.ts'
import { ALL_LANES_SQL } from '../core/lanes.ts'
import type { NotificationRow, Subscription } from '../core/rows.ts'
import type { Tx } from '../core/tx.ts'
import { getNotificationIds, type NewEvent } from '../log/event-log.ts'

/** No subscription has this number: for posted messages without a subscriber. */
const NO_SUBSCRIPTION = 0

/** What tells a posted notification from an instance's own. */
type PostedContext = Pick<NotificationInstance, 'notice' | 'postedAs'>

/** Creates a notification: to be sent now, or queued for a deactivated subscription. */
export function insertNotification(
	tx: Tx,
	core: Core,
	subscription: Subscription,
	id: number,
	resource: string,
	members: readonly NotificationMember[],
	posted: PostedContext = {},
): void {
	const status = subscription.active ? 'waiting' : 'queued'
	insertRow(tx, core, subscription.id, id, resource, members, status, subscription.active, posted)
}

/** Adds events to a notification that was never claimed. */
export function addMembers(tx: Tx, core: Core, row: NotificationRow, members: readonly NotificationMember[]): void {
	// The body has them in the order of the log.
	const all = [...parseMembers(row.members), ...members].sort(([one], [other]) => one - other)
	core.notifications.setMembers(tx, row, formatMembers(all))
}

/** Creates a posted notification that nobody receives. */
export function insertUnheard(
	tx: Tx,
	core: Core,
	id: number,
	resource: string,
	members: readonly NotificationMember[],
	posted: PostedContext = {},
): void {
	insertRow(tx, core, NO_SUBSCRIPTION, id, resource, members, 'dropped', false, posted)
}

/**
 * Creates the notifications of a posted event immediately, because the caller gets an id: one for each subscription,
 * all shown as the first one. While the event waits, its notification is sent later; without a subscriber, it is never
 * sent. Returns the counter of the first one.
 */
export function reserveNotifications(tx: Tx, core: Core, event: NewEvent): number {
	const { sql } = core.ports
	const { sequence, resource, resourceNumber, objectId } = event
	const stored = sql.all<{ notifications: string | null }>(
		`SELECT notifications FROM events WHERE sequence = ?`,
		sequence,
	)[0]
	const ids = JSON.parse(stored?.notifications ?? '[]') as number[]
	const waiting = sql.all<{ subscription: number }>(
		`SELECT subscription FROM waiting
		WHERE subscription IN (SELECT id FROM subscriptions) AND lane IN ${ALL_LANES_SQL} AND sequence = ?`,
		sequence,
	)
	const members: NotificationMember[] = [[sequence, resourceNumber, objectId]]
	for (const { subscription } of waiting) {
		const id = ++core.state.notification
		insertRow(tx, core, subscription, id, resource, members, 'waiting', false, {})
		ids.push(id)
	}
	if (ids.length === 0) {
		ids.push(++core.state.notification)
		insertUnheard(tx, core, ids[0]!, resource, members)
	}
	sql.run(`UPDATE events SET notifications = ? WHERE sequence = ?`, JSON.stringify(ids), sequence)
	const first = Math.min(...ids)
	core.notifications.showAs(
		tx,
		ids.filter((id) => id !== first),
		first,
	)
	return first
}

function insertRow(
	tx: Tx,
	core: Core,
	subscription: number,
	id: number,
	resource: string,
	members: readonly NotificationMember[],
	status: 'waiting' | 'queued' | 'dropped',
	sent: boolean,
	posted: PostedContext,
): void {
	const now = core.ports.now()
	const atMs = core.nextLogTimeMs(tx)
	core.notifications.insert(
		tx,
		{
			id,
			subscription,
			object_type: resource,
			members: formatMembers(members),
			created: atMs,
			updated: atMs,
			context: getContextText(core, posted),
			status,
			attempt: 0,
			base: 0,
			due: now,
			lease: null,
			first_try: null,
			first_failure: null,
			settled: status === 'waiting' ? null : now,
			delivered: null,
			resend: null,
		},
		sent,
	)
}

/** The body's data about the instance, fixed when the notification is formed; JSON, as its row keeps it. */
export function getContextText(core: Core, posted: PostedContext = {}): string {
	return JSON.stringify({ ...getContext(core), ...posted })
}

function getContext(core: Core): NotificationInstance {
	const { config } = core
	return {
		instanceId: config.instanceId,
		elementKey: config.elementKey,
		hubKey: core.hubKey,
		organizationId: config.organizationId,
		userId: config.userId,
		name: config.name,
		tags: config.tags,
		sender: getSenderAddress(core.ports.publicUrl),
		...(config.delivery.mode === 'thin' ? { mode: 'thin' } : {}),
		publicUrl: core.ports.publicUrl,
		...(core.kind.takesNotices ? { notice: true } : {}),
	}
}

/** The counters of all notifications of a posted event, from one of its rows. */
export function getPostedCounters(core: Core, row: { id: number; members: string }): number[] {
	const [sequence] = parseMembers(row.members)[0] ?? [0]
	const event = core.ports.sql.all<{ notifications: string | null }>(
		`SELECT notifications FROM events WHERE sequence = ?`,
		sequence,
	)[0]
	return event === undefined ? [row.id] : getNotificationIds(event)
}
