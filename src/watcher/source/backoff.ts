/**
 * What becomes of a failure: trouble with one resource stays with it, trouble with the store makes everything back off, and the first
 * answer ends it (design, Seeing: polling, Politeness).
 */
import type { Core, Watched } from '../core/core.ts'
import { StoreTrouble } from './requests.ts'

/** A store that refuses its key is asked again at this pace. */
const REAUTH_MS = 15 * 60_000
/** A resource that failed is left alone for at most this long. */
const ERROR_MS = 15 * 60_000
const SMALLEST_PAGE = 10

/** Whether a resource may be worked on: it did not fail, or long enough ago. */
export function isUsable(core: Core, { state: { error } }: Watched): boolean {
	return error === null || core.ports.now() - error.atMs > Math.min(core.intervalMs, ERROR_MS)
}

/** Runs a job of one resource; trouble with that resource alone stays with it. Throws what concerns the whole store. */
export async function working(core: Core, watched: Watched, job: () => Promise<void>): Promise<true> {
	try {
		await job()
		if (watched.state.error !== null) watched.state.error = null
		return succeeded(core)
	} catch (error) {
		if (!(error instanceof StoreTrouble) || error.scope === 'store') throw error
		watched.state.error = { atMs: core.ports.now(), kind: error.failure.kind, message: error.message }
		core.state.run?.notes.push(`${watched.state.objectType}: ${error.message}`)
		return true
	}
}

/** The store answered: what troubled it is over. */
export function succeeded(core: Core): true {
	const { state } = core
	if (state.failures > 0 || state.trouble !== null) {
		state.failures = 0
		state.backoffUntilMs = null
		state.trouble = null
	}
	return true
}

/** A slice ended by throwing: back off, and say why. */
export function failed(core: Core, error: unknown): void {
	const { state, ports } = core
	const now = ports.now()
	const { intervalMs } = core
	state.failures++
	let trouble = { kind: 'internal', message: 'Polling failed inside Shopbell; the log names the place.' }
	let wish: number | null = null
	let number = state.run?.left[0]
	if (error instanceof StoreTrouble) {
		const { failure, watched } = error
		trouble = failure
		number = watched.state.number
		// Big pages time out first (WooCommerce facts, 2.2).
		if (failure.kind === 'timeout' || failure.kind === 'server')
			watched.state.pageSize = Math.max(SMALLEST_PAGE, Math.floor(watched.state.pageSize / 2))
		// One refusal may be a hiccup; from the second in a row on it is a matter of the key, and asking often helps nobody.
		wish = failure.kind === 'auth' && state.failures > 1 ? Math.max(REAUTH_MS, failure.retryAfterMs ?? 0) : failure.retryAfterMs
	} else ports.log('run.failed', { instance: core.config.instanceId, ...placeOf(error) })
	const { kind, message } = trouble
	state.backoffUntilMs = now + backoffMs(state.failures, intervalMs, wish, ports.random())
	state.trouble = { kind, message, sinceMs: state.trouble?.kind === kind ? state.trouble.sinceMs : now }
	const { run } = state
	if (run === null || number === undefined) return
	if (run.notes.at(-1) !== message) run.notes.push(message)
	// One resource that always fails must not keep the others waiting: it goes to the end, and the second time out of this run.
	const again = run.failed.includes(number)
	run.left = [...run.left.filter((one) => one !== number), ...(again ? [] : [number])]
	if (!again) run.failed.push(number)
	const rs = state.resources.find((one) => one.number === number)
	if (again && rs !== undefined) rs.error = { atMs: now, kind, message }
}

/** Class and place of an exception; its text may quote what a store or a customer sent. */
export function placeOf(error: unknown): { error: string; at: string | null } {
	if (!(error instanceof Error)) return { error: typeof error, at: null }
	const frames = (error.stack ?? '')
		.split('\n')
		.filter((line) => /^\s+at /.test(line))
		.slice(0, 4)
	return { error: error.name, at: frames.map((line) => line.trim()).join(' < ') }
}

/** How long to leave a store alone after failures in a row: growing, an hour at most; its own wish counts up to six hours. */
export function backoffMs(failures: number, intervalMs: number, retryAfterMs: number | null, random: number): number {
	const first = Math.max(1_000, Math.min(intervalMs, 30_000))
	const grown = Math.min(first * 2 ** Math.max(0, failures - 1), 3_600_000) * (0.9 + 0.2 * random)
	return Math.max(grown, Math.min(retryAfterMs ?? 0, 6 * 3_600_000))
}
