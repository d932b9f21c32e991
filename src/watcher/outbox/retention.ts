/**
 * Retention: settled events leave after their days, undelivered ones after thirty; from 6 GB on records of settled
 * events go first; index rows of dropped resources in slices (docs/storage.md, The object of an instance).
 */
import { DAY_MS, HOUR_MS } from '../../lib/time.ts'
import { enqueueOperatorEvent } from './operator-events.ts'
import { parseMembers } from '../../events/notification-members.ts'
import type { Core } from '../core/core.ts'
import { drainWaiting } from './forming.ts'
import { deleteItem, isResendPending } from './resend.ts'
import { pruneSettled } from '../core/settled.ts'
import { archiveTally } from '../log/tally.ts'
import { untrack } from './unsettled.ts'

/** What is undelivered is kept this long. */
const UNDELIVERED_RETENTION_MS = 30 * DAY_MS
const SLICE_SIZE = 500
/** From so many bytes on, records of settled events go before their time. */
const STRIP_RECORDS_BYTES = 6e9

interface PrunableEvent {
	sequence: number
	recorded: number
	notifications: string | null
}

/** An event and the notifications that tell of it. */
interface EventWithNotifications extends PrunableEvent {
	notificationRows: EventNotification[]
}

/** A notification, as far as it says whether its events may go. */
interface EventNotification {
	id: number
	status: string
	settled: number | null
	delivered: number | null
	members: string
}

/** One slice of pruning. Afterwards `state.pruneMs` says when the next one is due. */
export function prune(core: Core): void {
	const { sql } = core.ports
	const { state } = core
	const now = core.ports.now()
	core.commit((tx) => {
		const droppedResource = state.dropped[0]
		if (droppedResource !== undefined) {
			sql.run(
				`DELETE FROM objects WHERE resource = ? AND id IN (SELECT id FROM objects WHERE resource = ? LIMIT ?)`,
				droppedResource,
				droppedResource,
				SLICE_SIZE,
			)
			if (sql.all(`SELECT id FROM objects WHERE resource = ? LIMIT 1`, droppedResource).length === 0) {
				for (const table of ['pages', 'held', 'skipped'])
					sql.run(`DELETE FROM ${table} WHERE resource = ?`, droppedResource)
				core.lookups.removeResource(tx, droppedResource)
				state.dropped = state.dropped.slice(1)
			}
			state.pruneMs = now
			return
		}
		archiveTally(core)
		if (core.ports.storedBytes() > STRIP_RECORDS_BYTES && stripRecords(core)) return
		const cutoffMs = now - core.config.retentionDays * DAY_MS
		// The log is in the order of time: the first event that is too young ends it, without reading all that follow.
		const oldest = sql.all<{ recorded: number }>(
			`SELECT recorded FROM events WHERE sequence > ? ORDER BY sequence LIMIT 1`,
			state.prunedTo,
		)[0]
		const rows =
			oldest === undefined || oldest.recorded >= cutoffMs
				? []
				: sql
						.all<PrunableEvent>(
							`SELECT sequence, recorded, notifications FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?`,
							state.prunedTo,
							SLICE_SIZE,
						)
						.filter((row) => row.recorded < cutoffMs)
		// Decided for all before any goes: they share notifications, and how many were never delivered is told.
		const expired = rows
			.map((row): EventWithNotifications => ({ ...row, notificationRows: readNotifications(core, row) }))
			.filter((row) => canDelete(core, row, cutoffMs, now))
		const lostSequences = new Set(expired.flatMap((row) => undeliveredWith(core, row)))
		for (const row of expired) deleteEvent(core, row)
		if (lostSequences.size > 0) {
			state.counters.expired += lostSequences.size
			enqueueOperatorEvent(
				core,
				'backlog.expired',
				`${lostSequences.size} events were never delivered in 30 days and are dropped.`,
				{
					events: lostSequences.size,
				},
			)
			// What waited for them waits no longer.
			drainWaiting(core)
		}
		const last = rows.at(-1)
		if (last !== undefined && rows.length === SLICE_SIZE) {
			state.prunedTo = last.sequence
			state.pruneMs = now
			return
		}
		pruneSettled(sql, state)
		state.prunedTo = 0
		state.pruneMs = now + HOUR_MS
	})
}

/** Whether an event has had its time, and all that goes with it. */
function canDelete(core: Core, row: EventWithNotifications, cutoffMs: number, now: number): boolean {
	const pending = row.notificationRows.filter((notification) => isPending(core, notification))
	if (pending.length === 0 && row.notificationRows.some((notification) => (notification.settled ?? 0) >= cutoffMs))
		return false
	if (pending.length === 0 && !isWaiting(core, row.sequence)) return true
	// A notification goes as a whole: its youngest event says when.
	return [row.recorded, ...pending.map((notification) => newestEventMs(core, notification))].every(
		(recorded) => now - recorded >= UNDELIVERED_RETENTION_MS,
	)
}

/**
 * What was queued after its last try is undelivered too, though nothing is due for it; what is to be sent again is kept
 * for that.
 */
function isPending(core: Core, notification: EventNotification): boolean {
	return notification.settled === null || notification.status === 'queued' || isResendPending(core, notification.id)
}

function newestEventMs(core: Core, notification: EventNotification): number {
	const [sequence] = parseMembers(notification.members).at(-1)!
	return (
		core.ports.sql.all<{ recorded: number }>(`SELECT recorded FROM events WHERE sequence = ?`, sequence)[0]?.recorded ??
		0
	)
}

/** Events that nobody accepted and that go with this one. */
function undeliveredWith(core: Core, row: EventWithNotifications): number[] {
	const undelivered = row.notificationRows.filter(
		(notification) =>
			isPending(core, notification) && notification.delivered === null && notification.status !== 'delivered',
	)
	if (undelivered.length === 0 && !isWaiting(core, row.sequence)) return []
	return [
		row.sequence,
		...undelivered.flatMap((notification) => parseMembers(notification.members).map(([sequence]) => sequence)),
	]
}

function deleteEvent(core: Core, row: EventWithNotifications): void {
	const { sql } = core.ports
	for (const { subscription } of waitingSubscriptions(core, row.sequence)) {
		sql.run(`DELETE FROM waiting WHERE subscription = ? AND sequence = ?`, subscription, row.sequence)
		// The object's next event follows this one, whatever was left out before it: that something is missing must show.
		sql.run(
			`DELETE FROM skipped WHERE subscription = ? AND (resource, object_id) IN (SELECT resource, object_id FROM events WHERE sequence = ?)`,
			subscription,
			row.sequence,
		)
	}
	for (const { id } of row.notificationRows) {
		sql.run(`DELETE FROM attempts WHERE notification = ?`, id)
		sql.run(`DELETE FROM notifications WHERE id = ?`, id)
		if (core.state.resending > 0) deleteItem(core, id)
		if (core.state.unsettled.includes(id)) untrack(core, id)
	}
	sql.run(`DELETE FROM events WHERE sequence = ?`, row.sequence)
}

function readNotifications(core: Core, row: PrunableEvent): EventNotification[] {
	if (row.notifications === null) return []
	return (JSON.parse(row.notifications) as number[]).flatMap((id) =>
		core.ports.sql.all<EventNotification>(
			`SELECT id, status, settled, delivered, members FROM notifications WHERE id = ?`,
			id,
		),
	)
}

/** Takes the records off a slice of settled events, the oldest first. False: there are none left. */
function stripRecords(core: Core): boolean {
	const { sql } = core.ports
	const { state } = core
	const rows = sql.all<PrunableEvent>(
		`SELECT sequence, recorded, notifications FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?`,
		state.sparedTo,
		SLICE_SIZE,
	)
	const last = rows.at(-1)
	if (last === undefined) {
		state.sparedTo = 0
		return false
	}
	for (const row of rows) {
		const ids = row.notifications ?? '[]'
		const pending = sql.all(
			`SELECT id FROM notifications WHERE id IN (SELECT value FROM json_each(?)) AND (settled IS NULL OR status = 'queued') LIMIT 1`,
			ids,
		)
		if (pending.length === 0 && !isWaiting(core, row.sequence))
			sql.run(`UPDATE events SET record = NULL WHERE sequence = ? AND record IS NOT NULL`, row.sequence)
	}
	state.sparedTo = last.sequence
	state.pruneMs = core.ports.now()
	return true
}

function isWaiting(core: Core, sequence: number): boolean {
	return waitingSubscriptions(core, sequence).length > 0
}

/** Subscriptions for which an event waits. */
function waitingSubscriptions(core: Core, sequence: number): { subscription: number }[] {
	return core.ports.sql.all<{ subscription: number }>(
		`SELECT subscription FROM waiting WHERE subscription IN (SELECT id FROM subscriptions) AND sequence = ?`,
		sequence,
	)
}
