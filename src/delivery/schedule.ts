/** When a failed notification is tried again (docs/delivery.md, Retries; docs/contract.md §5). Pure. */
import { LIMITS } from '../lib/limits.ts'
import { HOUR_MS } from '../lib/time.ts'
import type { RetrySchedule } from '../rpc/config.ts'

/** Seconds between the tries of `standard`, each ± 20 %. */
export const STANDARD_RETRY_SECONDS: readonly number[] = [
	5, 15, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400,
]

/** The jitter of `standard`, so that notifications that failed together are not retried together. */
const JITTER_RATIO = 0.2

/** The longest delay by `Retry-After` where the schedule's own steps are shorter, ms. */
const MAX_RETRY_AFTER_MS = HOUR_MS

/** The platform's schedules: seconds after the first failure. */
const SECONDS_AFTER_FIRST_FAILURE: Readonly<Record<'8^n' | '4^n', readonly number[]>> = {
	'8^n': [8, 64, 512, 4_096, 32_768],
	'4^n': [4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144],
}

/** An attempt that has just failed. Times epoch ms. */
interface FailedAttempt {
	schedule: RetrySchedule
	/** 1 for the first. */
	attempt: number
	/** When the first attempt failed; for the first itself, `nowMs`. */
	firstFailureMs: number
	nowMs: number
	/** `Retry-After`, ms from now; null: absent. */
	retryAfterMs: number | null
	/** 0 ≤ x < 1. */
	random: number
}

/**
 * When to try again; null after the last attempt.
 *
 * `Retry-After` can only delay a try: until the step after the next one is due, or an hour from now, whichever is
 * later. So a receiver can always ask for an hour, and cannot stretch a schedule without end.
 */
export function getNextRetryMs(failed: FailedAttempt): number | null {
	const due = findStep(failed, failed.attempt)
	if (due === null) return null
	const scheduled = Math.max(failed.nowMs, due.atMs + due.jitterMs)
	if (failed.retryAfterMs === null) return scheduled
	const following = findStep(failed, failed.attempt + 1)
	const bound = Math.max(failed.nowMs + MAX_RETRY_AFTER_MS, following?.atMs ?? 0)
	return Math.max(scheduled, Math.min(failed.nowMs + failed.retryAfterMs, bound))
}

/** The number of attempts of a schedule, the first included. */
export function getMaxAttempts(schedule: RetrySchedule): number {
	return 1 + getSteps(schedule).length
}

/**
 * Parses the account setting `notification.webhook.retry.schedule`: a name, or a list of seconds as JSON or separated
 * by commas; null when invalid. An empty list is one attempt.
 */
export function parseRetrySchedule(text: string): RetrySchedule | null {
	const trimmed = text.trim()
	if (trimmed === 'standard' || trimmed === '8^n' || trimmed === '4^n') return trimmed
	const inner = /^\[(.*)\]$/s.exec(trimmed)?.[1] ?? trimmed
	if (inner.trim() === '') return inner === trimmed ? null : []
	const parts = inner.split(',').map((part) => part.trim())
	if (parts.length > LIMITS.scheduleSteps.value || !parts.every((part) => /^\d{1,7}(\.\d{1,3})?$/.test(part)))
		return null
	const seconds = parts.map(Number)
	if (seconds.some((value) => value <= 0)) return null
	// A longer schedule would outlive its notification (docs/delivery.md, Retries).
	return seconds.reduce((sum, value) => sum + value, 0) <= LIMITS.scheduleDays.value * 86_400 ? seconds : null
}

function getSteps(schedule: RetrySchedule): readonly number[] {
	if (schedule === 'standard') return STANDARD_RETRY_SECONDS
	return schedule === '8^n' || schedule === '4^n' ? SECONDS_AFTER_FIRST_FAILURE[schedule] : schedule
}

/** When step n of the schedule is due: n = attempt is the next step, attempt + 1 the step after it. */
function findStep(failed: FailedAttempt, n: number): { atMs: number; jitterMs: number } | null {
	const scheduleSteps = getSteps(failed.schedule)
	const step = scheduleSteps[n - 1]
	if (step === undefined) return null
	if (failed.schedule === '8^n' || failed.schedule === '4^n')
		return { atMs: failed.firstFailureMs + step * 1000, jitterMs: 0 }
	// Steps count from the last attempt, so the steps in between add up.
	const seconds = scheduleSteps.slice(failed.attempt - 1, n).reduce((sum, value) => sum + value, 0)
	const jitterMs = failed.schedule === 'standard' ? Math.round(step * 1000 * JITTER_RATIO * (2 * failed.random - 1)) : 0
	return { atMs: failed.nowMs + seconds * 1000, jitterMs }
}
