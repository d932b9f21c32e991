/**
 * Rows of notifications as they are made: at once on the wire, queued, or given an id while they wait for their turn.
 */
import { formatMembers, type NotificationMember } from '../../events/notification-members.ts'
import { getSenderAddress, type NotificationInstance } from '../../events/notification.ts'
import type { Core } from '../core/core.ts'
import type { NewEvent } from '../log/event-log.ts'
import { invalidate } from './unsettled.ts'
import type { NotificationRow, Subscription } from '../core/rows.ts'

/** No subscription has this number: what was posted and nobody hears. */
const NO_SUBSCRIPTION = 0

/** Writes a notification's row: to be sent at once, or queued for a subscription that takes none. */
export function insertNotification(
	core: Core,
	subscription: Subscription,
	id: number,
	resource: string,
	members: readonly NotificationMember[],
	now: number,
): void {
	const row = insertRow(core, subscription.id, id, resource, members, subscription.active ? 'waiting' : 'queued', now)
	// Counted up: the newest is the last.
	if (subscription.active) core.unsettledRows?.push(row)
}

/**
 * Gives an event that was posted its notifications now, whoever can hear of it yet: whoever posted it is told an id.
 * What waits for its turn has one that is put on the wire later; what nobody hears has one that was never sent. Returns
 * the first one's counter.
 */
export function reserveNotifications(core: Core, event: NewEvent): number {
	const { sql } = core.ports
	const now = core.ports.now()
	const { sequence, resource, resourceNumber, objectId } = event
	const stored = sql.all<{ notifications: string | null }>(
		`SELECT notifications FROM events WHERE sequence = ?`,
		sequence,
	)[0]
	const ids = JSON.parse(stored?.notifications ?? '[]') as number[]
	const waiting = sql.all<{ subscription: number }>(
		`SELECT subscription FROM waiting WHERE subscription IN (SELECT id FROM subscriptions) AND sequence = ?`,
		sequence,
	)
	const members: NotificationMember[] = [[sequence, resourceNumber, objectId]]
	const insertReserved = (subscription: number, status: 'waiting' | 'dropped'): void => {
		const id = ++core.state.notification
		insertRow(core, subscription, id, resource, members, status, now)
		ids.push(id)
	}
	for (const { subscription } of waiting) insertReserved(subscription, 'waiting')
	if (ids.length === 0) insertReserved(NO_SUBSCRIPTION, 'dropped')
	sql.run(`UPDATE events SET notifications = ? WHERE sequence = ?`, JSON.stringify(ids), sequence)
	return Math.min(...ids)
}

/** A notification that has its id and has waited for its turn: to be sent now, or queued. */
export function enqueueReserved(core: Core, subscription: Subscription, id: number, now: number): void {
	core.ports.sql.run(
		`UPDATE notifications SET status = ?, due = ?, settled = ?, updated = ? WHERE id = ?`,
		subscription.active ? 'waiting' : 'queued',
		now,
		subscription.active ? null : now,
		now,
		id,
	)
	invalidate(core)
}

function insertRow(
	core: Core,
	subscription: number,
	id: number,
	resource: string,
	members: readonly NotificationMember[],
	status: 'waiting' | 'queued' | 'dropped',
	now: number,
): NotificationRow {
	const atMs = core.nextLogTimeMs()
	const row: NotificationRow = {
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
	}
	core.ports.sql.run(
		`INSERT INTO notifications (id, subscription, object_type, members, created, context, status, attempt, due, settled, updated) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)`,
		id,
		row.subscription,
		row.object_type,
		row.members,
		row.created,
		row.context,
		row.status,
		row.due,
		row.settled,
		row.updated,
	)
	return row
}

/** What the body says of the instance: fixed when the notification is formed. */
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
