/**
 * Failures of the store: an error of one resource delays that resource, an error of the store delays everything, and
 * the first usable response ends both.
 */
import { SecretsUnreadable } from '../../lib/errors.ts'
import { HOUR_MS } from '../../lib/time.ts'
import type { Failure } from '../../elements/store.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { ResourceState } from '../core/resource-state.ts'
import type { WatcherState } from '../core/state.ts'
import type { Tx } from '../core/tx.ts'
import { PROBE_DELAY_MS } from './doubts.ts'
import { PageDelayed, StoreError } from './requests.ts'

/**
 * Stores that are back within minutes as a rule: how many failures in a row are tried again within a minute, and the
 * longest delay after them, ms. Maintenance sends `Retry-After: 600`, however short it is (docs/woocommerce.md 8.5).
 */
const UNAVAILABLE_PROBES = { count: 10, maxMs: HOUR_MS }
const AUTH_PROBES = { count: 5, maxMs: 15 * 60_000 }
const PROBE_INTERVAL_MS = 60_000
/** Maximum delay of a resource that failed, ms. */
const MAX_RESOURCE_ERROR_MS = 15 * 60_000
/** A caller may end a back-off this often, ms. */
const MIN_HURRY_INTERVAL_MS = 60_000

/** The record of a failure. */
type Cause = { kind: string; message: string }

const INTERNAL_ERROR: Cause = {
	kind: 'internal',
	message: 'Polling failed because of an error inside Shopbell. The log has the details.',
}

/** The message of an unexpected error may quote a secret; that of unreadable secrets is for people. */
function toInternalCause(error: unknown): Cause {
	return error instanceof SecretsUnreadable ? { ...INTERNAL_ERROR, message: error.message } : INTERNAL_ERROR
}

/** Whether a resource may be requested: it has no error, or the error is old enough. */
export function isUsable(core: Core, { state: { error } }: WatchedResource): boolean {
	if (error === null) return true
	const waitMs = error.kind === 'unfit' ? PROBE_DELAY_MS : MAX_RESOURCE_ERROR_MS
	return core.ports.now() - error.atMs > Math.min(core.intervalMs, waitMs)
}

/** Runs a job of one resource and records errors of that resource. Throws errors that affect the whole store. */
export async function withResourceErrors(
	core: Core,
	watched: WatchedResource,
	job: () => Promise<void>,
): Promise<true> {
	// A poll that ends clears it.
	const errorBefore = watched.state.error
	try {
		await job()
		if (errorBefore !== null) endResourceError(core, watched, errorBefore)
		return recordSuccess(core)
	} catch (error) {
		if (error instanceof PageDelayed) return true
		if (!(error instanceof StoreError) || error.scope === 'store') throw error
		if (error.scope === 'object') return true
		watched.state.error = {
			...toResourceError(core, error),
			listedSinceMs: watched.state.error?.listedSinceMs ?? core.ports.now(),
		}
		// The store answers.
		core.state.backoffUntilMs = null
		core.state.trouble = null
		core.state.run?.notes.push(`${watched.state.objectType}: ${error.message}`)
		return true
	}
}

/** The error of a resource from a request that failed. */
export function toResourceError(core: Core, error: StoreError): NonNullable<ResourceState['error']> {
	return { atMs: core.ports.now(), kind: error.failure.kind, message: error.message, cure: error.failure.cure ?? null }
}

/** A resource answers again: reads by id that were refused meanwhile are due. */
function endResourceError(
	core: Core,
	{ state: rs }: WatchedResource,
	error: NonNullable<ResourceState['error']>,
): void {
	const wasListed = error.listedSinceMs !== undefined
	rs.error = null
	if (wasListed)
		core.commit(
			(tx) => core.lookups.releaseRefused(tx, rs.number),
			() => false,
		)
}

/** Whether every resource is refused, as when a plugin closes the whole API. */
function isRefusedEverywhere({ resources }: WatcherState): boolean {
	return resources.length > 0 && resources.every((rs) => rs.error !== null)
}

/**
 * When to poll after a run, epoch ms. A store that refuses every resource is tried sooner, as one that fails; so is,
 * once, one that began to refuse a resource in this run, since the others may have been polled before.
 */
export function getPollAfterRunMs(core: Core, startedMs: number, plannedMs: number): number {
	const { state, ports, intervalMs } = core
	const isNew = state.resources.some(({ error }) => (error?.listedSinceMs ?? -1) >= startedMs)
	if (state.trouble !== null || !(isNew || isRefusedEverywhere(state))) return plannedMs
	state.failures++
	return Math.min(plannedMs, ports.now() + getBackoffMs(state.failures, intervalMs, null, ports.random()))
}

/** The store responded: resets its failures. */
export function recordSuccess(core: Core): true {
	const { state } = core
	if (isRefusedEverywhere(state)) return true
	if (state.failures > 0 || state.trouble !== null) {
		// The check of the webhooks failed with everything else.
		if (state.hooks.degraded !== null) state.hooks.dueMs = core.ports.now()
		state.failures = 0
		state.backoffUntilMs = null
		state.trouble = null
	}
	return true
}

/**
 * When requests go on if a caller asks for them now, epoch ms: at once, or a minute after the last time that a caller
 * ended a back-off. Null: no back-off is under way. Pure.
 */
export function getHurriedRetryMs(
	{ backoffUntilMs, hurriedMs }: Pick<WatcherState, 'backoffUntilMs' | 'hurriedMs'>,
	now: number,
): number | null {
	if (backoffUntilMs === null || backoffUntilMs <= now) return null
	const allowedMs = hurriedMs === null ? now : Math.max(now, hurriedMs + MIN_HURRY_INTERVAL_MS)
	return Math.min(backoffUntilMs, allowedMs)
}

/** Ends a back-off as soon as a caller may. Returns until when requests still wait, epoch ms; null: they do not. */
export function hurryRetry(_tx: Tx, core: Core): number | null {
	const { state, ports } = core
	const now = ports.now()
	const retryMs = getHurriedRetryMs(state, now)
	if (retryMs === null || state.backoffUntilMs === null) return null
	if (retryMs < state.backoffUntilMs) state.hurriedMs = retryMs
	state.backoffUntilMs = retryMs
	return retryMs > now ? retryMs : null
}

/** A slice ended with an exception: backs off and records the cause. */
export function recordFailure(core: Core, error: unknown): void {
	const { state, ports } = core
	const now = ports.now()
	state.failures++
	const storeError = error instanceof StoreError ? error : null
	if (storeError === null) ports.log('run.failed', { instance: core.config.instanceId, ...describeError(error) })
	const { kind, message } = storeError?.failure ?? toInternalCause(error)
	const delayMs = getRetryDelayMs(storeError?.failure ?? null, state.failures, core.intervalMs, ports.random())
	state.backoffUntilMs = now + delayMs
	// The next try is the request of a poll, which is the smallest.
	if (state.run === null && (kind === 'throttled' || kind === 'auth'))
		state.nextPollMs = Math.min(state.nextPollMs ?? Number.POSITIVE_INFINITY, state.backoffUntilMs)
	state.trouble = {
		kind,
		message,
		cure: storeError?.failure.cure ?? null,
		sinceMs: state.trouble?.kind === kind ? state.trouble.sinceMs : now,
		lastTryMs: now,
	}
	const number = storeError?.watched.state.number ?? state.run?.left[0]
	if (number !== undefined) postponeInRun(state, number, { kind, message }, now)
}

/**
 * A resource that fails moves to the end of its run, and the second time out of it, so that the others do not wait.
 */
function postponeInRun({ run, resources }: WatcherState, number: number, { kind, message }: Cause, now: number): void {
	if (run === null) return
	if (run.notes.at(-1) !== message) run.notes.push(message)
	const failedBefore = run.failed.includes(number)
	run.left = [...run.left.filter((resourceNumber) => resourceNumber !== number), ...(failedBefore ? [] : [number])]
	if (!failedBefore) run.failed.push(number)
	const rs = resources.find((candidate) => candidate.number === number)
	if (failedBefore && rs !== undefined) rs.error = { atMs: now, kind, message }
}

/** Class and place of an exception, without its message, which may quote what a store or a customer sent. */
export function describeError(error: unknown): { error: string; at: string | null } {
	if (!(error instanceof Error)) return { error: typeof error, at: null }
	const frames = (error.stack ?? '')
		.split('\n')
		.filter((line) => /^\s+at /.test(line))
		.slice(0, 4)
	return { error: error.name, at: frames.map((line) => line.trim()).join(' < ') }
}

/**
 * Delay before the next try, ms. A store that is briefly unavailable, or refuses its key, is tried every minute at
 * first, whatever its Retry-After says; 429 and all others follow it. `failure` null: an error inside Shopbell. Pure.
 */
export function getRetryDelayMs(
	failure: Pick<Failure, 'kind' | 'status' | 'retryAfterMs'> | null,
	failures: number,
	intervalMs: number,
	random: number,
): number {
	const probes =
		failure?.kind === 'auth'
			? AUTH_PROBES
			: failure?.status === 503 && failure.kind !== 'not-json'
				? UNAVAILABLE_PROBES
				: null
	if (probes === null) return getBackoffMs(failures, intervalMs, failure?.retryAfterMs ?? null, random)
	if (failures <= probes.count) return Math.min(getBackoffMs(failures, intervalMs, null, random), PROBE_INTERVAL_MS)
	const slowerMs = Math.min(PROBE_INTERVAL_MS * 2 ** (failures - probes.count), probes.maxMs)
	return slowerMs * (0.9 + 0.2 * random)
}

/**
 * Delay after consecutive failures: exponential with jitter, at most an hour. The store's Retry-After counts up to six
 * hours.
 */
export function getBackoffMs(
	failures: number,
	intervalMs: number,
	retryAfterMs: number | null,
	random: number,
): number {
	const baseMs = Math.max(1_000, Math.min(intervalMs, 30_000))
	const exponentialMs = Math.min(baseMs * 2 ** Math.max(0, failures - 1), HOUR_MS) * (0.9 + 0.2 * random)
	return Math.max(exponentialMs, Math.min(retryAfterMs ?? 0, 6 * HOUR_MS))
}
