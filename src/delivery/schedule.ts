/**
 * When a notification that failed is tried again (docs/delivery.md, When a delivery fails; docs/contract.md §5). Pure
 * arithmetic.
 */
import { LIMITS } from '../lib/limits.ts'
import type { RetrySchedule } from '../rpc/config.ts'

/** Seconds between the tries of `standard`, each ± 20 %. */
export const STANDARD_RETRY_SECONDS: readonly number[] = [
	5, 15, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400,
]

/** How far `standard` strays from its steps, so that what failed together does not return together. */
const JITTER_RATIO = 0.2

/** The longest that Retry-After may hold back a try where the schedule's own steps are shorter, ms. */
const MAX_RETRY_AFTER_MS = 3_600_000

/** Seconds after the first failure at which the platform's schedules try again. */
const SECONDS_AFTER_FIRST_FAILURE: Readonly<Record<'8^n' | '4^n', readonly number[]>> = {
	'8^n': [8, 64, 512, 4_096, 32_768],
	'4^n': [4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144],
}

/** A try that has just failed. Times epoch ms. */
export interface FailedAttempt {
	schedule: RetrySchedule
	/** Which try failed: 1 for the first. */
	attempt: number
	/** When the first try failed; for the first itself, `nowMs`. */
	firstFailureMs: number
	nowMs: number
	/** Wish of the receiver, ms from now; null when it had none. */
	retryAfterMs: number | null
	/** 0 ≤ x < 1. */
	random: number
}

/**
 * When to try again; null when the last try has failed.
 *
 * Retry-After makes it later, never earlier: at most until the step after the next one would be due, or an hour from
 * now, whichever is later. So a receiver can ask for an hour at any time, and none can stretch a schedule without end.
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

/** How often a notification is tried in all, the first try included. */
export function getMaxAttempts(schedule: RetrySchedule): number {
	return 1 + getSteps(schedule).length
}

/**
 * Reads the account setting `notification.webhook.retry.schedule`: a name, or seconds as a list, as JSON or separated
 * by commas; null when it is neither. An empty list is one try.
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
	// What is undelivered is kept as long (docs/delivery.md, When a delivery fails): a longer schedule would outlive its
	// notification.
	return seconds.reduce((sum, value) => sum + value, 0) <= LIMITS.scheduleDays.value * 86_400 ? seconds : null
}

function getSteps(schedule: RetrySchedule): readonly number[] {
	if (schedule === 'standard') return STANDARD_RETRY_SECONDS
	return schedule === '8^n' || schedule === '4^n' ? SECONDS_AFTER_FIRST_FAILURE[schedule] : schedule
}

/** When the n-th step after the present failure is due: n = attempt is the next, attempt + 1 the one after it. */
function findStep(failed: FailedAttempt, n: number): { atMs: number; jitterMs: number } | null {
	const scheduleSteps = getSteps(failed.schedule)
	const step = scheduleSteps[n - 1]
	if (step === undefined) return null
	if (failed.schedule === '8^n' || failed.schedule === '4^n')
		return { atMs: failed.firstFailureMs + step * 1000, jitterMs: 0 }
	// Between tries: from now, through every step that lies between.
	const seconds = scheduleSteps.slice(failed.attempt - 1, n).reduce((sum, value) => sum + value, 0)
	const jitterMs = failed.schedule === 'standard' ? Math.round(step * 1000 * JITTER_RATIO * (2 * failed.random - 1)) : 0
	return { atMs: failed.nowMs + seconds * 1000, jitterMs }
}
