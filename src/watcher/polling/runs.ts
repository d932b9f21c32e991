/** A run: one poll of all resources of an instance, a slice at a time. */
import { HOUR_MS } from '../../lib/time.ts'
import { getStrategy, type Core, type WatchedResource } from '../core/core.ts'
import { isProbeDue } from '../source/doubts.ts'
import { countPages, getPassPages } from './pass.ts'
import { getNextPollMs } from './poll.ts'
import { probeStep } from './probe-step.ts'
import type { SliceBudget } from '../source/requests.ts'
import { getWatchedResources } from '../source/resources.ts'
import { getPollAfterRunMs, withResourceErrors } from '../source/backoff.ts'
import { pollUnindexed } from './unindexed.ts'
import { pollResource } from './windows.ts'

/** Number of runs that `/poller` shows, and maximum characters of their notes. */
const MAX_RUNS = 20
const MAX_NOTE_LENGTH = 300

/** Begins a run, which polls every resource once. */
export function startRun(core: Core): void {
	const { state } = core
	const now = core.ports.now()
	state.run = {
		id: ++state.lastRunId,
		startedMs: now,
		left: state.resources.map((rs) => rs.number),
		requests: 0,
		events: 0,
		notes: [],
		failed: [],
	}
	// A request for another poll sets it while this one runs.
	state.nextPollMs = null
	const watched = getWatchedResources(core)
	for (const rs of state.resources) {
		const own = watched.find((one) => one.state === rs)
		rs.passLeft = own === undefined ? 0 : planPass(core, own)
		// A window that a failed run left is continued, without the total of that run.
		if (rs.window !== null) rs.window = { ...rs.window, total: null }
	}
}

/**
 * The pages that a poll may read of the pass. Where lists cannot show any edit, though they should, they are not
 * limited to the budget.
 */
function planPass(core: Core, watched: WatchedResource): number {
	const { resource, configured, state: rs } = watched
	const { scanBudget } = core.config
	if (resource.modifiedFilter) return 0
	const pages = countPages(rs.listed, rs.pageSize)
	if (getStrategy(watched).poll === 'whole' || (configured ?? resource).modifiedFilter)
		return Math.max(scanBudget, Math.ceil((pages + 1) * Math.min(1, core.intervalMs / HOUR_MS)))
	return getPassPages({
		pages,
		isRunning: rs.reread !== null,
		beganMs: rs.rereadBeganMs,
		scanBudget,
		nowMs: core.ports.now(),
	})
}

/** Polls a page of the run's next resource. False: no run is active. Throws StoreError. */
export async function runStep(
	core: Core,
	findWatched: (number: number) => WatchedResource | null,
	budget: SliceBudget,
): Promise<boolean> {
	const { state } = core
	const run = state.run
	if (run === null) return false
	const number = run.left[0]
	if (number === undefined) {
		endRun(core)
		return true
	}
	const watched = findWatched(number)
	if (watched === null) run.left.shift()
	else {
		await withResourceErrors(core, watched, async () => {
			// How a resource is polled is decided first.
			if (isProbeDue(core, watched)) return probeStep(core, watched, budget)
			const poll = watched.resource.indexed ? pollResource : pollUnindexed
			if (!(await poll(core, watched, budget))) return
			run.left = run.left.filter((resourceNumber) => resourceNumber !== number)
		})
		if (watched.state.error !== null) run.left = run.left.filter((resourceNumber) => resourceNumber !== number)
	}
	if (run.left.length === 0) endRun(core)
	return true
}

function endRun(core: Core): void {
	const { state } = core
	const run = state.run
	if (run === null) return
	const now = core.ports.now()
	state.lastRunMs = run.startedMs
	state.nextPollMs = getPollAfterRunMs(
		core,
		run.startedMs,
		state.nextPollMs ?? getNextPollMs(run.startedMs, core.intervalMs, now),
	)
	state.run = null
	if (run.events > 0 || run.notes.length > 0) {
		state.runs = [
			{
				at: run.startedMs,
				requests: run.requests,
				events: run.events,
				note: run.notes.join('; ').slice(0, MAX_NOTE_LENGTH),
			},
			...state.runs,
		].slice(0, MAX_RUNS)
	}
}
