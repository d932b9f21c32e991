/** Creates rows of notifications: to be sent now, queued, or with an id while they wait for earlier ones. */
import { formatMembers, type NotificationMember } from '../../events/notification-members.ts'
import { getSenderAddress, type NotificationInstance } from '../../events/notification.ts'
import type { Core } from '../core/core.ts'
import { ALL_LANES_SQL } from '../core/lanes.ts'
import type { Subscription } from '../core/rows.ts'
import type { Tx } from '../core/tx.ts'
import type { NewEvent } from '../log/event-log.ts'

/** No subscription has this number: for posted messages without a subscriber. */
const NO_SUBSCRIPTION = 0

/** Creates a notification: to be sent now, or queued for a deactivated subscription. */
export function insertNotification(
	tx: Tx,
	core: Core,
	subscription: Subscription,
	id: number,
	resource: string,
	members: readonly NotificationMember[],
): void {
	const status = subscription.active ? 'waiting' : 'queued'
	insertRow(tx, core, subscription.id, id, resource, members, status, subscription.active)
}

/**
 * Creates the notifications of a posted event immediately, because the caller gets an id. While the event waits, its
 * notification is sent later; without a subscriber, it is never sent. Returns the counter of the first one.
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
	const insertReserved = (subscription: number, status: 'waiting' | 'dropped'): void => {
		const id = ++core.state.notification
		insertRow(tx, core, subscription, id, resource, members, status, false)
		ids.push(id)
	}
	for (const { subscription } of waiting) insertReserved(subscription, 'waiting')
	if (ids.length === 0) insertReserved(NO_SUBSCRIPTION, 'dropped')
	sql.run(`UPDATE events SET notifications = ? WHERE sequence = ?`, JSON.stringify(ids), sequence)
	return Math.min(...ids)
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
			context: JSON.stringify(getContext(core)),
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

/** The body's data about the instance: fixed when the notification is formed. */
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
