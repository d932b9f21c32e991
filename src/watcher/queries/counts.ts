/**
 * Counting what the log had in a range: whole hours out of what was counted on the way (tally.ts), minutes and seconds
 * out of the log itself.
 */
import { HOUR_MS } from '../../lib/time.ts'
import { parseMembers } from '../../events/notification-members.ts'
import type { Core } from '../core/core.ts'
import { getNotificationIds } from '../log/event-log.ts'
import type { TallyBucket, TallyQuery } from '../../rpc/log.ts'
import { findLowerBound } from '../log/lower-bound.ts'
import { getNotificationStatuses } from './log-pages.ts'
import { getHoursBetween, isAccepted } from '../log/tally.ts'
import { getUnsettledRows } from '../outbox/unsettled.ts'

/** Events that a count finer than an hour reads, and of those that were given up any count. */
const MAX_EVENTS_READ = 20_000
/** Given-up notifications that any count looks at. */
const MAX_NOTIFICATIONS_READ = 10_000
/** A notification that has left the log, or was not read: not accepted, as far as is known. */
const UNKNOWN_STATUS = { status: '', delivered: null }

/**
 * Counts of a range, by units from the one that `fromMs` lies in to the one that `toMs` lies in, both whole; those
 * without events left out.
 */
export function getTally(core: Core, query: TallyQuery): TallyBucket[] | 'too-many' {
	// What the memory lost is counted first.
	getUnsettledRows(core)
	const { sql } = core.ports
	const unitMs = { hour: HOUR_MS, minute: 60_000, second: 1_000 }[query.unit]
	const fromMs = Math.floor(query.fromMs / unitMs) * unitMs
	const endMs = (Math.floor(query.toMs / unitMs) + 1) * unitMs
	const buckets = new Map<number, TallyBucket>()
	const getBucket = (ms: number): TallyBucket => {
		const atMs = Math.floor(ms / unitMs) * unitMs
		const bucket = buckets.get(atMs) ?? { atMs, count: 0, success: 0, failed: 0 }
		buckets.set(atMs, bucket)
		return bucket
	}
	if (query.unit === 'hour') {
		const [first, end] = [fromMs / HOUR_MS, endMs / HOUR_MS]
		for (const [hour, recorded, accepted] of getHoursBetween(core, first, end)) {
			const bucket = getBucket(hour * HOUR_MS)
			bucket.count += recorded
			bucket.success += accepted
		}
	} else {
		const rows = sql.all<{ recorded: number; notifications: string | null }>(
			`SELECT recorded, notifications FROM events WHERE sequence >= ? AND sequence < ? ORDER BY sequence LIMIT ?`,
			findLowerBound(sql, 'events', fromMs),
			findLowerBound(sql, 'events', endMs),
			MAX_EVENTS_READ + 1,
		)
		if (rows.length > MAX_EVENTS_READ) return 'too-many'
		const notificationStatuses = getNotificationStatuses(core, rows.flatMap(getNotificationIds))
		for (const row of rows) {
			const bucket = getBucket(row.recorded)
			bucket.count++
			if (getNotificationIds(row).some((id) => isAccepted(notificationStatuses.get(id) ?? UNKNOWN_STATUS)))
				bucket.success++
		}
	}
	for (const recorded of findFailedEventTimes(core, fromMs, endMs)) getBucket(recorded).failed++
	return [...buckets.values()].sort((a, b) => a.atMs - b.atMs)
}

/**
 * When the events of a range were recorded that were given up and wait to be released, by the first 10 000 such
 * notifications since its beginning. They are looked at from there on and not up to its end: an event may have waited
 * long before it was formed and queued.
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
			for (const [sequence] of parseMembers(members))
				if (sequence >= first && sequence < end) failedSequences.add(sequence)
			if (failedSequences.size >= MAX_EVENTS_READ) break
		}
		if (remaining === 0 || failedSequences.size >= MAX_EVENTS_READ) break
	}
	const events = sql.all<{ recorded: number; notifications: string | null }>(
		`SELECT recorded, notifications FROM events WHERE sequence IN (SELECT value FROM json_each(?))`,
		JSON.stringify([...failedSequences]),
	)
	// Of several subscriptions another one may have accepted it.
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
			(event) => !getNotificationIds(event).some((id) => isAccepted(notificationStatuses.get(id) ?? UNKNOWN_STATUS)),
		)
		.map((event) => event.recorded)
}
