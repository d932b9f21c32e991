/** What callers wish of a watcher: a poll now, a decision about held deletions. They put it down; the alarm does it. */
import type { Core } from '../core/core.ts'
import { getWatchedResources } from '../source/resources.ts'
import { requestReread } from './scans.ts'
import { forgetHeldDeletions, releaseHeldDeletions } from './totals.ts'

/** Asks for a poll, or for a re-read of everything besides, webhooks included, as soon as the store may be asked. */
export function requestPoll(core: Core, depth: 'window' | 'reread'): { run: string; depth: string; state: string } {
	const { state } = core
	if (state.paused) return { run: String(state.lastRunId), depth, state: 'paused' }
	const running = state.run !== null
	core.commit(() => {
		if (depth === 'reread') {
			requestReread(core)
			state.hooks.dueMs = core.ports.now()
		}
		state.nextPollMs = core.ports.now()
	})
	return { run: String(state.lastRunId + 1), depth, state: running ? 'queued' : 'started' }
}

/** The deletions that the brake holds, at most a thousand ids a resource. */
export function listHeldDeletions(core: Core): {
	held: { resource: string; since: string; objects: { objectId: string; lastSeen: string | null }[]; count: number }[]
} {
	const heldResources = core.state.resources.filter((rs) => rs.heldSinceMs !== null)
	return {
		held: heldResources.map((rs) => {
			const rows = core.ports.sql.all<{ id: number | string; as_of: number | null }>(
				`SELECT h.id, o.as_of FROM held h LEFT JOIN objects o ON o.resource = h.resource AND o.id = h.id WHERE h.resource = ? ORDER BY h.id LIMIT 1000`,
				rs.number,
			)
			return {
				resource: rs.objectType,
				since: new Date(rs.heldSinceMs ?? 0).toISOString(),
				objects: rows.map((row) => ({
					objectId: String(row.id),
					lastSeen: row.as_of === null ? null : new Date(row.as_of).toISOString(),
				})),
				count:
					core.ports.sql.all<{ n: number }>(`SELECT count(*) AS n FROM held WHERE resource = ?`, rs.number)[0]?.n ?? 0,
			}
		}),
	}
}

/** Ends the brake: `emit` lets each object be confirmed and ring, `forget` drops them in silence. Returns how many. */
export function decideDeletions(core: Core, decision: 'emit' | 'forget'): number {
	let decided = 0
	for (const watched of getWatchedResources(core)) {
		if (watched.state.heldSinceMs === null) continue
		const count =
			core.ports.sql.all<{ n: number }>(`SELECT count(*) AS n FROM held WHERE resource = ?`, watched.state.number)[0]
				?.n ?? 0
		if (decision === 'emit') releaseHeldDeletions(core, watched)
		else forgetHeldDeletions(core, watched)
		decided += count
	}
	return decided
}
