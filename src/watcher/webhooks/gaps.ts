/**
 * Gaps between deliveries of webhooks. A gap that is unusually long may mean that the merchant has disabled or deleted
 * the webhooks, so a check follows it (docs/architecture.md, Webhooks). Pure.
 */
import { DAY_MS, MINUTE_MS } from '../../lib/time.ts'
import type { DayOfGaps } from '../core/state.ts'

const KEPT_DAYS = 7
/** Buckets for each doubling of a gap: the median is exact to a fifth. */
const BUCKETS_PER_DOUBLING = 2
/** With fewer gaps there is no usual one. */
const MIN_GAPS = 5

const MIN_UNUSUAL_GAP_MS = 10 * MINUTE_MS
const UNUSUAL_FACTOR = 10
/** The shortest time between two checks for gaps. */
const MIN_CHECK_INTERVAL_MS = 15 * MINUTE_MS
/** Checks are due at full ten minutes, so that a delivery seldom moves the alarm, which would cost a row. */
const CHECK_GRID_MS = 10 * MINUTE_MS

/** The gaps of the last week with another one, which ends now. `gapMs` ≥ 0; `nowMs` epoch ms. */
export function addGap(gaps: readonly DayOfGaps[], gapMs: number, nowMs: number): DayOfGaps[] {
	const today = Math.floor(nowMs / DAY_MS)
	const bucket = String(Math.floor(Math.log2(Math.max(1, gapMs / 1000)) * BUCKETS_PER_DOUBLING))
	const counts = gaps.find(({ day }) => day === today)?.counts ?? {}
	return [
		...gaps.filter(({ day }) => day !== today && day > today - KEPT_DAYS),
		{ day: today, counts: { ...counts, [bucket]: (counts[bucket] ?? 0) + 1 } },
	]
}

/** The median gap of the last week, ms; null: there are too few. */
export function getMedianGapMs(gaps: readonly DayOfGaps[], nowMs: number): number | null {
	const oldest = Math.floor(nowMs / DAY_MS) - KEPT_DAYS
	const sums = new Map<number, number>()
	for (const { day, counts } of gaps)
		for (const [bucket, count] of day > oldest ? Object.entries(counts) : [])
			sums.set(Number(bucket), (sums.get(Number(bucket)) ?? 0) + count)
	const total = [...sums.values()].reduce((sum, count) => sum + count, 0)
	if (total < MIN_GAPS) return null
	let below = 0
	for (const [bucket, count] of [...sums].sort(([a], [b]) => a - b)) {
		below += count
		if (below * 2 >= total) return 2 ** ((bucket + 0.5) / BUCKETS_PER_DOUBLING) * 1000
	}
	return null
}

/** When the webhooks are checked because none was delivered, epoch ms; null: never, or this gap has been checked. */
export function getGapCheckMs(
	hooks: { lastDeliveryMs: number | null; gaps: readonly DayOfGaps[]; triedMs: number | null },
	nowMs: number,
): number | null {
	const medianMs = getMedianGapMs(hooks.gaps, nowMs)
	if (medianMs === null || hooks.lastDeliveryMs === null) return null
	const unusualMs = hooks.lastDeliveryMs + Math.max(MIN_UNUSUAL_GAP_MS, UNUSUAL_FACTOR * medianMs)
	const { triedMs } = hooks
	if (triedMs !== null && triedMs >= unusualMs) return null
	const dueMs = Math.max(unusualMs, (triedMs ?? 0) + MIN_CHECK_INTERVAL_MS)
	return Math.ceil(dueMs / CHECK_GRID_MS) * CHECK_GRID_MS
}
