/** Commands of callers: a poll, a decision about held deletions. The alarm executes them. */
import type { Core } from '../core/core.ts'
import { countHeldDeletions, readHeldDeletions } from '../core/held-table.ts'
import { hurryRetry } from '../source/backoff.ts'
import { requestProbe } from '../source/doubts.ts'
import { getWatchedResources } from '../source/resources.ts'
import { forgetHeldDeletions, releaseHeldDeletions } from './deletion-hold.ts'
import { requestReread } from './scans.ts'
import type { PollRequest } from '../../rpc/watcher.ts'

const MAX_HELD_IDS = 1_000
/** Requested polls check the store's webhooks too, this often at most. */
const MIN_WEBHOOK_CHECK_MS = 60_000

/**
 * Requests a poll and a check of the store's webhooks, or with `reread` also a re-read of everything. Ends a back-off,
 * at most once a minute; `notBefore` says until when the store is left alone.
 */
export function requestPoll(core: Core, depth: 'window' | 'reread'): PollRequest {
	const { state } = core
	if (state.paused) return { run: String(state.lastRunId), depth, state: 'paused', notBefore: null }
	const running = state.run !== null
	let waitUntilMs: number | null = null
	core.commit((tx) => {
		const now = core.ports.now()
		if (depth === 'reread') requestReread(tx, core)
		for (const watched of getWatchedResources(core)) requestProbe(tx, watched, now)
		state.hooks.dueMs = depth === 'reread' ? now : getRequestedCheckMs(state.hooks, now)
		state.nextPollMs = now
		waitUntilMs = hurryRetry(tx, core)
	})
	return {
		run: String(state.lastRunId + 1),
		depth,
		state: waitUntilMs !== null ? 'waiting' : running ? 'queued' : 'started',
		notBefore: waitUntilMs === null ? null : new Date(waitUntilMs).toISOString(),
	}
}

/** When a requested poll checks the webhooks, epoch ms: a minute after the last check at the earliest. */
function getRequestedCheckMs(
	{ dueMs, triedMs }: { dueMs: number | null; triedMs: number | null },
	nowMs: number,
): number {
	return Math.min(dueMs ?? nowMs, Math.max(nowMs, (triedMs ?? 0) + MIN_WEBHOOK_CHECK_MS))
}

/** Credentials were sent again, perhaps the same ones: a back-off ends as with a requested poll. */
export function retryStore(core: Core): void {
	const { state } = core
	if (state.paused || state.backoffUntilMs === null) return
	core.commit((tx) => {
		state.nextPollMs = core.ports.now()
		hurryRetry(tx, core)
	})
}

/** The held deletions, at most a thousand ids per resource. */
export function listHeldDeletions(core: Core): {
	held: { resource: string; since: string; objects: { objectId: string; lastSeen: string | null }[]; count: number }[]
} {
	const heldResources = core.state.resources.filter((rs) => rs.heldSinceMs !== null)
	return {
		held: heldResources.map((rs) => ({
			resource: rs.objectType,
			since: new Date(rs.heldSinceMs ?? 0).toISOString(),
			objects: readHeldDeletions(core, rs.number, MAX_HELD_IDS).map(({ id, lastSeenMs }) => ({
				objectId: String(id),
				lastSeen: lastSeenMs === null ? null : new Date(lastSeenMs).toISOString(),
			})),
			count: countHeldDeletions(core, rs.number),
		})),
	}
}

/** Ends the hold: `emit` sends each deletion once a read confirms it, `forget` sends none. Returns their number. */
export function decideDeletions(core: Core, decision: 'emit' | 'forget'): number {
	let decided = 0
	for (const watched of getWatchedResources(core)) {
		if (watched.state.heldSinceMs === null) continue
		decided += countHeldDeletions(core, watched.state.number)
		if (decision === 'emit') releaseHeldDeletions(core, watched, true)
		else forgetHeldDeletions(core, watched)
	}
	return decided
}
