/** Counts events of a range: by hour from the stored counts (tally.ts), by minute or second from the log. */
import { refused, type Result } from '../../lib/result.ts'
import { HOUR_MS } from '../../lib/time.ts'
import type { EventType } from '../../events/event.ts'
import { parseMembers } from '../../events/notification-members.ts'
import type { Core } from '../core/core.ts'
import { getNotificationIds } from '../log/event-log.ts'
import type { TallyBucket, TallyQuery } from '../../rpc/log.ts'
import { POSTED_RESOURCE } from '../core/posted.ts'
import { findLowerBound } from '../log/lower-bound.ts'
import { getNotificationStatuses } from './log-pages.ts'
import { getHoursBetween, getUntyped, wasAccepted } from '../log/tally.ts'
import { getUnsettledRows } from '../outbox/unsettled.ts'

/** Maximum events that a count by minute or second reads, and maximum failed events that any count reads. */
const MAX_EVENTS_READ = 20_000
/** Maximum failed notifications that any count reads. */
const MAX_NOTIFICATIONS_READ = 10_000
const TYPE_NAMES = { CREATED: 'created', UPDATED: 'updated', DELETED: 'deleted' } as const
/** Status of a notification that has left the log. */
const UNKNOWN_STATUS = { status: '', delivered: null }

/**
 * Counts of a range by unit, from the whole unit of `fromMs` to the whole unit of `toMs`, without empty ones.
 * `too-many`: the range has more than 20,000 events.
 */
export function getTally(core: Core, query: TallyQuery): Result<{ buckets: TallyBucket[] }, 'too-many'> {
	// Adds counts that a lost memory had.
	getUnsettledRows(core)
	const { sql } = core.ports
	const unitMs = { hour: HOUR_MS, minute: 60_000, second: 1_000 }[query.unit]
	const fromMs = Math.floor(query.fromMs / unitMs) * unitMs
	const endMs = (Math.floor(query.toMs / unitMs) + 1) * unitMs
	const buckets = new Map<number, Required<TallyBucket>>()
	const getBucket = (ms: number): Required<TallyBucket> => {
		const atMs = Math.floor(ms / unitMs) * unitMs
		const types = { created: 0, updated: 0, deleted: 0, unknown: 0 }
		const bucket = buckets.get(atMs) ?? { atMs, count: 0, success: 0, failed: 0, types }
		buckets.set(atMs, bucket)
		return bucket
	}
	if (query.unit === 'hour') {
		const [first, end] = [fromMs / HOUR_MS, endMs / HOUR_MS]
		for (const entry of getHoursBetween(core, first, end)) {
			const [hour, recorded, accepted, created = 0, deleted = 0] = entry
			const unknown = getUntyped(entry)
			const bucket = getBucket(hour * HOUR_MS)
			bucket.count += recorded
			bucket.success += accepted
			bucket.types.created += created
			bucket.types.deleted += deleted
			bucket.types.unknown += unknown
			bucket.types.updated += recorded - created - deleted - unknown
		}
	} else {
		const rows = sql.all<{ recorded: number; notifications: string | null; type: EventType }>(
			`SELECT recorded, notifications, type FROM events
			WHERE sequence >= ? AND sequence < ? AND resource <> ${POSTED_RESOURCE} ORDER BY sequence LIMIT ?`,
			findLowerBound(sql, 'events', fromMs),
			findLowerBound(sql, 'events', endMs),
			MAX_EVENTS_READ + 1,
		)
		if (rows.length > MAX_EVENTS_READ) return refused('too-many')
		const notificationStatuses = getNotificationStatuses(core, rows.flatMap(getNotificationIds))
		for (const row of rows) {
			const bucket = getBucket(row.recorded)
			bucket.count++
			bucket.types[TYPE_NAMES[row.type]]++
			if (getNotificationIds(row).some((id) => wasAccepted(notificationStatuses.get(id) ?? UNKNOWN_STATUS)))
				bucket.success++
		}
	}
	for (const recorded of findFailedEventTimes(core, fromMs, endMs)) getBucket(recorded).failed++
	return { ok: true, buckets: [...buckets.values()].sort((a, b) => a.atMs - b.atMs) }
}

/**
 * When the failed events of a range were recorded, from the first 10,000 failed notifications since the range began.
 * The range's end does not limit these: an event may have waited long before it was formed and queued.
 */
function findFailedEventTimes(core: Core, fromMs: number, endMs: number): number[] {
	const { sql } = core.ports
	const [first, end] = [findLowerBound(sql, 'events', fromMs), findLowerBound(sql, 'events', endMs)]
	const since = findLowerBound(sql, 'notifications', fromMs)
	const failedSequences = new Set<number>()
	let remaining = MAX_NOTIFICATIONS_READ
	for (const { id } of sql.all<{ id: number }>(`SELECT id FROM subscriptions`)) {
		for (const { members } of sql.each<{ members: string }>(
			`SELECT members FROM notifications WHERE subscription = ? AND status = 'queued' AND id >= ? ORDER BY id LIMIT ?`,
			id,
			since,
			remaining,
		)) {
			remaining--
			for (const [sequence, resource] of parseMembers(members))
				if (sequence >= first && sequence < end && resource !== POSTED_RESOURCE) failedSequences.add(sequence)
			if (failedSequences.size >= MAX_EVENTS_READ) break
		}
		if (remaining === 0 || failedSequences.size >= MAX_EVENTS_READ) break
	}
	const events = sql.all<{ recorded: number; notifications: string | null }>(
		`SELECT recorded, notifications FROM events WHERE sequence IN (SELECT value FROM json_each(?))`,
		JSON.stringify([...failedSequences]),
	)
	// Another subscription may have accepted it.
	const notificationStatuses = getNotificationStatuses(core, [
		...new Set(
			events
				.map(getNotificationIds)
				.filter((ids) => ids.length > 1)
				.flat(),
		),
	])
	return events
		.filter(
			(event) => !getNotificationIds(event).some((id) => wasAccepted(notificationStatuses.get(id) ?? UNKNOWN_STATUS)),
		)
		.map((event) => event.recorded)
}
