/**
 * What becomes of a failure: trouble with one resource stays with it, trouble with the store makes everything back off,
 * and the first answer ends it.
 */
import type { Core, WatchedResource } from '../core/core.ts'
import { StoreError } from './requests.ts'

/** A store that refuses its key is asked again at this pace. */
const AUTH_RETRY_MS = 15 * 60_000
/** A resource that failed is left alone for at most this long. */
const MAX_RESOURCE_ERROR_MS = 15 * 60_000
const MIN_PAGE_SIZE = 10

/** Whether a resource may be worked on: it did not fail, or long enough ago. */
export function isUsable(core: Core, { state: { error } }: WatchedResource): boolean {
	return error === null || core.ports.now() - error.atMs > Math.min(core.intervalMs, MAX_RESOURCE_ERROR_MS)
}

/** Runs a job of one resource; trouble with that resource alone stays with it. Throws what concerns the whole store. */
export async function withResourceErrors(
	core: Core,
	watched: WatchedResource,
	job: () => Promise<void>,
): Promise<true> {
	try {
		await job()
		if (watched.state.error !== null) watched.state.error = null
		return recordSuccess(core)
	} catch (error) {
		if (!(error instanceof StoreError) || error.scope === 'store') throw error
		watched.state.error = { atMs: core.ports.now(), kind: error.failure.kind, message: error.message }
		core.state.run?.notes.push(`${watched.state.objectType}: ${error.message}`)
		return true
	}
}

/** The store answered: what troubled it is over. */
export function recordSuccess(core: Core): true {
	const { state } = core
	if (state.failures > 0 || state.trouble !== null) {
		state.failures = 0
		state.backoffUntilMs = null
		state.trouble = null
	}
	return true
}

/** A slice ended by throwing: back off, and say why. */
export function recordFailure(core: Core, error: unknown): void {
	const { state, ports } = core
	const now = ports.now()
	const { intervalMs } = core
	state.failures++
	let cause = { kind: 'internal', message: 'Polling failed inside Shopbell; the log names the place.' }
	let retryAfterMs: number | null = null
	let number = state.run?.left[0]
	if (error instanceof StoreError) {
		const { failure, watched } = error
		cause = failure
		number = watched.state.number
		// Big pages time out first (docs/woocommerce.md 2.2).
		if (failure.kind === 'timeout' || failure.kind === 'server')
			watched.state.pageSize = Math.max(MIN_PAGE_SIZE, Math.floor(watched.state.pageSize / 2))
		// One refusal may be a hiccup; from the second in a row on it is a matter of the key, and asking often helps nobody.
		retryAfterMs =
			failure.kind === 'auth' && state.failures > 1
				? Math.max(AUTH_RETRY_MS, failure.retryAfterMs ?? 0)
				: failure.retryAfterMs
	} else ports.log('run.failed', { instance: core.config.instanceId, ...describeError(error) })
	const { kind, message } = cause
	state.backoffUntilMs = now + getBackoffMs(state.failures, intervalMs, retryAfterMs, ports.random())
	state.trouble = { kind, message, sinceMs: state.trouble?.kind === kind ? state.trouble.sinceMs : now }
	const { run } = state
	if (run === null || number === undefined) return
	if (run.notes.at(-1) !== message) run.notes.push(message)
	// One resource that always fails must not keep the others waiting: it goes to the end, and the second time out of this
	// run.
	const failedBefore = run.failed.includes(number)
	run.left = [...run.left.filter((resourceNumber) => resourceNumber !== number), ...(failedBefore ? [] : [number])]
	if (!failedBefore) run.failed.push(number)
	const rs = state.resources.find((candidate) => candidate.number === number)
	if (failedBefore && rs !== undefined) rs.error = { atMs: now, kind, message }
}

/** Class and place of an exception; its text may quote what a store or a customer sent. */
export function describeError(error: unknown): { error: string; at: string | null } {
	if (!(error instanceof Error)) return { error: typeof error, at: null }
	const frames = (error.stack ?? '')
		.split('\n')
		.filter((line) => /^\s+at /.test(line))
		.slice(0, 4)
	return { error: error.name, at: frames.map((line) => line.trim()).join(' < ') }
}

/**
 * How long to leave a store alone after failures in a row: growing, an hour at most; its own wish counts up to six
 * hours.
 */
export function getBackoffMs(
	failures: number,
	intervalMs: number,
	retryAfterMs: number | null,
	random: number,
): number {
	const baseMs = Math.max(1_000, Math.min(intervalMs, 30_000))
	const exponentialMs = Math.min(baseMs * 2 ** Math.max(0, failures - 1), 3_600_000) * (0.9 + 0.2 * random)
	return Math.max(exponentialMs, Math.min(retryAfterMs ?? 0, 6 * 3_600_000))
}
