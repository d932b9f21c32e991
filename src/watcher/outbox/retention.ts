/**
 * Retention: deletes settled events after the account's retention, undelivered ones after thirty days; above 6 GB,
 * removes records of settled events earlier; removes index rows of dropped resources in slices (docs/storage.md, The
 * object of an instance).
 */
import { DAY_MS, HOUR_MS } from '../../lib/time.ts'
import { enqueueOperatorEvent } from './operator-events.ts'
import { parseMembers } from '../../events/notification-members.ts'
import type { Core } from '../core/core.ts'
import { clearHeldDeletions } from '../core/held-table.ts'
import { ALL_LANES_SQL } from '../core/lanes.ts'
import type { Tx } from '../core/tx.ts'
import { clearUnchecked } from '../core/unchecked-table.ts'
import { drainWaiting } from './forming.ts'
import { releaseLanes } from './waiting-rows.ts'
import { deleteItem, isResendPending } from './resend.ts'
import { archiveTally } from '../log/tally.ts'

/** How long undelivered events are kept, ms. */
const UNDELIVERED_RETENTION_MS = 30 * DAY_MS
const SLICE_SIZE = 500
/** Bytes of storage above which records of settled events are removed early. */
const STRIP_RECORDS_BYTES = 6e9

interface PrunableEvent {
	sequence: number
	recorded: number
	notifications: string | null
}

/** An event and the notifications that carry it. */
interface EventWithNotifications extends PrunableEvent {
	notificationRows: EventNotification[]
}

/** The fields of a notification that decide whether its events may be deleted. */
interface EventNotification {
	id: number
	status: string
	settled: number | null
	delivered: number | null
	members: string
}

/** One slice of pruning. Afterwards `state.pruneMs` is the time of the next one. */
export function prune(core: Core): void {
	const { state } = core
	const now = core.ports.now()
	// Where nothing was removed, the end of the slice saves the state.
	core.commit((tx) => {
		const droppedResource = state.dropped[0]
		if (droppedResource !== undefined) {
			pruneDroppedResource(tx, core, droppedResource)
			state.pruneMs = now
			return true
		}
		const { length: hours } = state.tally
		archiveTally(tx, core)
		if (core.ports.storedBytes() > STRIP_RECORDS_BYTES && stripRecords(tx, core)) return true
		const cutoffMs = now - core.config.retentionDays * DAY_MS
		const rows = readSliceBefore(core, cutoffMs)
		pruneEvents(tx, core, rows, cutoffMs)
		const last = rows.at(-1)
		const isSliceFull = last !== undefined && rows.length === SLICE_SIZE
		state.prunedTo = isSliceFull ? last.sequence : 0
		state.pruneMs = isSliceFull ? now : now + HOUR_MS
		return rows.length > 0 || state.tally.length !== hours
	}, Boolean)
}

/** Removes a slice of the index of a resource that left the configuration, and finally its other rows. */
function pruneDroppedResource(tx: Tx, core: Core, resource: number): void {
	const { sql } = core.ports
	// If the same objects are watched again, under another number, their later events must not overtake these.
	releaseLanes(tx, core, resource)
	drainWaiting(tx, core)
	sql.run(
		`DELETE FROM objects WHERE resource = ? AND id IN (SELECT id FROM objects WHERE resource = ? LIMIT ?)`,
		resource,
		resource,
		SLICE_SIZE,
	)
	if (sql.all(`SELECT id FROM objects WHERE resource = ? LIMIT 1`, resource).length > 0) return
	if (!core.variations.removeSlice(tx, resource, SLICE_SIZE)) return
	for (const table of ['pages', 'scanned', 'skipped']) sql.run(`DELETE FROM ${table} WHERE resource = ?`, resource)
	clearHeldDeletions(tx, core, resource)
	core.lookups.removeResource(tx, resource)
	core.unreadable.removeResource(tx, resource)
	clearUnchecked(tx, core, resource, 'all')
	core.state.dropped = core.state.dropped.slice(1)
}

/** The next events of the log that were recorded before a time. */
function readSliceBefore(core: Core, cutoffMs: number): PrunableEvent[] {
	const { sql } = core.ports
	const { prunedTo } = core.state
	// The log is in order of time: if its first event is too young, nothing more is read.
	const oldest = sql.all<{ recorded: number }>(
		`SELECT recorded FROM events WHERE sequence > ? ORDER BY sequence LIMIT 1`,
		prunedTo,
	)[0]
	if (oldest === undefined || oldest.recorded >= cutoffMs) return []
	return sql
		.all<PrunableEvent>(
			`SELECT sequence, recorded, notifications FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?`,
			prunedTo,
			SLICE_SIZE,
		)
		.filter((row) => row.recorded < cutoffMs)
}

function pruneEvents(tx: Tx, core: Core, rows: readonly PrunableEvent[], cutoffMs: number): void {
	const now = core.ports.now()
	// Decided for all of them before any is deleted, because they share notifications, and undelivered ones are
	// counted.
	const expired = rows
		.map((row): EventWithNotifications => ({ ...row, notificationRows: readNotifications(core, row) }))
		.filter((row) => canDelete(core, row, cutoffMs, now))
	const lostSequences = new Set(expired.flatMap((row) => undeliveredWith(core, row)))
	for (const row of expired) deleteEvent(tx, core, row)
	if (lostSequences.size === 0) return
	core.state.counters.expired += lostSequences.size
	const message = `${lostSequences.size} events could not be delivered within 30 days and were deleted.`
	enqueueOperatorEvent(tx, core, 'backlog.expired', message, { events: lostSequences.size })
	// Events that waited for these can be sent now.
	drainWaiting(tx, core)
}

/** Whether an event is past its retention, and everything that is deleted with it. */
function canDelete(core: Core, row: EventWithNotifications, cutoffMs: number, now: number): boolean {
	const pending = row.notificationRows.filter((notification) => isPending(core, notification))
	if (pending.length === 0 && row.notificationRows.some((notification) => (notification.settled ?? 0) >= cutoffMs))
		return false
	if (pending.length === 0 && !isWaiting(core, row.sequence)) return true
	// A notification is deleted as a whole: its newest event decides.
	return [row.recorded, ...pending.map((notification) => newestEventMs(core, notification))].every(
		(recorded) => now - recorded >= UNDELIVERED_RETENTION_MS,
	)
}

/** Whether a notification is still undelivered (queued ones are, though none is due) or is to be sent again. */
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

/** Undelivered events that are deleted with this one. */
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

function deleteEvent(tx: Tx, core: Core, row: EventWithNotifications): void {
	const { sql } = core.ports
	for (const { subscription } of waitingSubscriptions(core, row.sequence)) {
		sql.run(
			`DELETE FROM waiting WHERE subscription = ? AND lane IN ${ALL_LANES_SQL} AND sequence = ?`,
			subscription,
			row.sequence,
		)
		// The object's next event gets this one as its predecessor, whatever was left out before: the gap must be
		// visible.
		sql.run(
			`DELETE FROM skipped WHERE subscription = ?
				AND (resource, object_id) IN (SELECT resource, object_id FROM events WHERE sequence = ?)`,
			subscription,
			row.sequence,
		)
	}
	for (const { id } of row.notificationRows) {
		sql.run(`DELETE FROM attempts WHERE notification = ?`, id)
		core.notifications.delete(tx, id)
		if (core.state.resending > 0) deleteItem(tx, core, id)
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

/** Removes the records of a slice of settled events, oldest first. False: there are none left. */
function stripRecords(_tx: Tx, core: Core): boolean {
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
			`SELECT id FROM notifications
			WHERE id IN (SELECT value FROM json_each(?)) AND (settled IS NULL OR status = 'queued') LIMIT 1`,
			ids,
		)
		if (pending.length === 0 && !isWaiting(core, row.sequence))
			sql.run(
				`UPDATE events SET record = NULL, variations = NULL
				WHERE sequence = ? AND (record IS NOT NULL OR variations IS NOT NULL)`,
				row.sequence,
			)
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
		`SELECT subscription FROM waiting
		WHERE subscription IN (SELECT id FROM subscriptions) AND lane IN ${ALL_LANES_SQL} AND sequence = ?`,
		sequence,
	)
}
