/**
 * What an instance did in its last 24 hours, as its status row keeps it (docs/storage.md, D1). Every hour is named, so
 * that a reader leaves out what has become too old since the row was written. Pure.
 */
import { HOUR_MS } from '../lib/time.ts'
import type { EventType } from './event.ts'

/** How many hours are kept, the current one included. */
export const ACTIVITY_HOURS = 24

/**
 * Upper bounds of the buckets of lags, ms; the last bucket has none. Every instance has the same, so that adding their
 * buckets gives the percentiles of many instances.
 */
export const LAG_BOUNDS_MS = [500, 1e3, 2e3, 5e3, 10e3, 30e3, 60e3, 300e3, 900e3, 3_600e3, 21_600e3] as const
/** Lags above the last bound are taken for at most this. */
const MAX_LAG_MS = ACTIVITY_HOURS * HOUR_MS

/**
 * An hour: hours since 1970; changes recorded in it, by kind; changes and notifications accepted in it; changes
 * recorded in it whose webhook never came; how many of the accepted changes lie in each bucket of lags, zeros at the
 * end left out.
 */
export type ActivityHour = [
	hour: number,
	created: number,
	updated: number,
	deleted: number,
	delivered: number,
	notifications: number,
	recovered: number,
	lags: number[],
]

/** What one hour is increased by. `lagMs`: of one change; null: unknown. */
export interface ActivityStep {
	kind?: EventType
	delivered?: number
	notifications?: number
	recovered?: number
	lagMs?: number | null
}

/** Sums of 24 hours. */
export interface ActivityTotals {
	created: number
	updated: number
	deleted: number
	delivered: number
	notifications: number
	recovered: number
	/** How many changes lie in each bucket of lags. */
	lags: number[]
}

/** The hour of a time, as hours since 1970. */
export function toHour(ms: number): number {
	return Math.floor(ms / HOUR_MS)
}

/** The hours with a step added to that of `atMs`; hours that are too old at `nowMs` go. */
export function addActivity(
	hours: readonly ActivityHour[],
	step: ActivityStep,
	atMs: number,
	nowMs: number,
): ActivityHour[] {
	const hour = toHour(atMs)
	const kept = keepRecent(hours, nowMs)
	const found = kept.find(([entryHour]) => entryHour === hour)
	const [, created, updated, deleted, delivered, notifications, recovered, lags] =
		found ?? ([hour, 0, 0, 0, 0, 0, 0, []] satisfies ActivityHour)
	const next: ActivityHour = [
		hour,
		created + Number(step.kind === 'CREATED'),
		updated + Number(step.kind === 'UPDATED'),
		deleted + Number(step.kind === 'DELETED'),
		delivered + (step.delivered ?? 0),
		notifications + (step.notifications ?? 0),
		recovered + (step.recovered ?? 0),
		step.lagMs == null ? lags : addToBucket(lags, getLagBucket(step.lagMs)),
	]
	return keepRecent([...kept.filter((entry) => entry !== found), next], nowMs).sort(([a], [b]) => a - b)
}

/** The hours that are among the last 24 at `nowMs`. */
function keepRecent(hours: readonly ActivityHour[], nowMs: number): ActivityHour[] {
	const first = toHour(nowMs) - ACTIVITY_HOURS
	return hours.filter(([hour]) => hour > first)
}

function addToBucket(lags: readonly number[], bucket: number): number[] {
	return Array.from(
		{ length: Math.max(lags.length, bucket + 1) },
		(_, index) => (lags[index] ?? 0) + Number(index === bucket),
	)
}

function getLagBucket(lagMs: number): number {
	const bucket = LAG_BOUNDS_MS.findIndex((boundMs) => lagMs <= boundMs)
	return bucket === -1 ? LAG_BOUNDS_MS.length : bucket
}

/** The sums of the last 24 hours at `nowMs`, of any number of instances. */
export function sumActivity(hours: readonly ActivityHour[], nowMs: number): ActivityTotals {
	const totals: ActivityTotals = {
		created: 0,
		updated: 0,
		deleted: 0,
		delivered: 0,
		notifications: 0,
		recovered: 0,
		lags: Array.from({ length: LAG_BOUNDS_MS.length + 1 }, () => 0),
	}
	for (const [, created, updated, deleted, delivered, notifications, recovered, lags] of keepRecent(hours, nowMs)) {
		totals.created += created
		totals.updated += updated
		totals.deleted += deleted
		totals.delivered += delivered
		totals.notifications += notifications
		totals.recovered += recovered
		lags.forEach((count, bucket) => {
			if (bucket < totals.lags.length) totals.lags[bucket]! += count
		})
	}
	return totals
}

/** Changes of each of the last 24 hours at `nowMs`, oldest first. */
export function getChangesByHour(hours: readonly ActivityHour[], nowMs: number): number[] {
	const counts = new Map(hours.map(([hour, created, updated, deleted]) => [hour, created + updated + deleted]))
	const first = toHour(nowMs) - ACTIVITY_HOURS + 1
	return Array.from({ length: ACTIVITY_HOURS }, (_, index) => counts.get(first + index) ?? 0)
}

/** A percentile of lags, estimated within its bucket, whole ms; null: there are none. `share`: 0.5 is the median. */
export function estimatePercentile(lags: readonly number[], share: number): number | null {
	const total = lags.reduce((sum, count) => sum + count, 0)
	if (total === 0) return null
	const rank = Math.max(1, Math.ceil(total * share))
	let before = 0
	for (const [bucket, count] of lags.entries()) {
		if (before + count < rank) {
			before += count
			continue
		}
		const low = bucket === 0 ? 0 : LAG_BOUNDS_MS[bucket - 1]!
		const high = LAG_BOUNDS_MS[bucket] ?? MAX_LAG_MS
		return Math.round(low + ((high - low) * (rank - before - 0.5)) / count)
	}
	return null
}
