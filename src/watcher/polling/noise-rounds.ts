/** Rounds of reads that prove noise, on occasion (core/noise.ts). */
import {
	concludeRound,
	findNoise,
	getNextRoundMs,
	isRoundLate,
	MAX_ROUND_OBJECTS,
	planRenewal,
	restartRound,
	ROUND_READ_INTERVAL_MS,
	ROUND_READS,
	type NoiseRound,
	type NoiseState,
} from '../core/noise.ts'
import { findNewestIds } from '../changes/object-index.ts'
import { updateProfile } from '../changes/profile-updates.ts'
import { CONTENT_VERSION } from '../core/content-profiles.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { ResourceState } from '../core/resource-state.ts'
import { StoreError, type ListedPage, type SliceBudget } from '../source/requests.ts'
import { omitPaths } from '../../elements/paths.ts'
import type { ListQuery, Snapshot } from '../../elements/store.ts'
import { listPage } from './pages.ts'

/** One read of a round. */
interface RoundRead {
	atMs: number
	snapshots: Snapshot[]
	/** The read after it showed no difference and is made again. */
	repeated?: true
}

/** Reads of running rounds. Only in memory: if they are lost, the round begins again. */
const readsOfRounds = new WeakMap<ResourceState, RoundRead[]>()

/** Whether a read of a round is due. */
export function isRoundDue(core: Core, watched: WatchedResource): boolean {
	const dueMs = getNextNoiseReadMs(watched)
	return dueMs !== null && dueMs <= core.ports.now()
}

/** When a resource's next read of a round is due, epoch ms; null: none is planned. */
export function getNextNoiseReadMs({ resource, state: rs }: WatchedResource): number | null {
	return rs.baseline !== null || !resource.indexed || resource.placeholders ? null : getNextRoundMs(rs.noiseState)
}

/** One read of a round; the last one decides. Throws StoreError. */
export async function noiseRoundStep(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void> {
	const { state: rs } = watched
	const { noiseState } = rs
	const begun = beginRead(core, rs)
	if (begun === null) {
		// Nothing is proven, and the next occasion tries again.
		readsOfRounds.delete(rs)
		setNoise(core, watched, { ...noiseState, round: null, roundDoneMs: core.ports.now() })
		return
	}
	const { round, reads } = begun
	rs.noiseState = { ...noiseState, round: { ...round, dueMs: core.ports.now() + ROUND_READ_INTERVAL_MS } }
	// Another page size makes another address, so that no cache answers.
	const limit = round.ids.length + reads.length + (reads.at(-1)?.repeated === true ? ROUND_READS : 0)
	const page = await tryRoundPage(core, watched, { order: 'id-asc', onlyIds: round.ids, limit }, budget)
	if (page === null) {
		// One of them cannot be read: nothing is proven.
		readsOfRounds.delete(rs)
		setNoise(core, watched, { ...noiseState, round: null, roundDoneMs: core.ports.now() })
		return
	}
	const snapshots = page.snapshots.map((snapshot) => withIgnoredAlone(core, watched, snapshot))
	const last = reads.at(-1)
	// A store that answers in turn from two caches may have had its turn in between: what is read at once is the other.
	if (last !== undefined && last.repeated !== true && findNoise([last.snapshots, snapshots]).size === 0) {
		readsOfRounds.set(rs, [...reads.slice(0, -1), { ...last, repeated: true }])
		rs.noiseState = { ...noiseState, round: { ...round, dueMs: core.ports.now() } }
		return
	}
	const all = [...reads, { atMs: page.requestedAtMs, snapshots }]
	readsOfRounds.set(rs, all)
	if (all.length < ROUND_READS) return
	readsOfRounds.delete(rs)
	const found = findNoise(all.map((read) => read.snapshots))
	const proofs = concludeRound(rs.noiseState.proofs, found, round.ids, core.ports.now())
	setNoise(core, watched, { proofs, round: null, roundDoneMs: core.ports.now() })
}

/** A page of a round; null: something in it cannot be read. Throws StoreError. */
async function tryRoundPage(
	core: Core,
	watched: WatchedResource,
	query: ListQuery,
	budget: SliceBudget,
): Promise<ListedPage | null> {
	try {
		return await listPage(core, watched, query, budget)
	} catch (error) {
		if (error instanceof StoreError && error.scope === 'object') return null
		throw error
	}
}

/** The round to go on with, and its reads so far, which begin anew after a late alarm. null: it ends without proof. */
function beginRead(core: Core, rs: ResourceState): { round: NoiseRound; reads: readonly RoundRead[] } | null {
	const nowMs = core.ports.now()
	const round =
		rs.noiseState.round ??
		planRenewal(rs.noiseState, findNewestIds(core.ports.sql, rs.number, MAX_ROUND_OBJECTS), nowMs)
	const reads = readsOfRounds.get(rs) ?? []
	if (round.ids.length === 0) return null
	if (!isRoundLate(round, reads[0]?.atMs ?? null, nowMs)) return { round, reads }
	const again = restartRound(round, nowMs)
	return again === null ? null : { round: again, reads: [] }
}

/** A snapshot without what is ignored, whose fields have the noise that is known. */
function withIgnoredAlone(core: Core, { resource }: WatchedResource, snapshot: Snapshot): Snapshot {
	const record = omitPaths(snapshot.record, resource.ignore)
	const parsed = core.element.parseRecord(resource, snapshot.record, {
		version: CONTENT_VERSION,
		paths: resource.ignore,
	})
	return { ...(parsed ?? snapshot), record }
}

function setNoise(core: Core, watched: WatchedResource, next: NoiseState): void {
	const { state: rs } = watched
	const before = rs.noise
	core.commit((tx) => {
		rs.noiseState = next
		rs.noise = next.proofs.map((proof) => proof.path).sort()
		updateProfile(tx, core, watched)
		const added = rs.noise.filter((path) => !before.includes(path))
		const removed = before.filter((path) => !rs.noise.includes(path))
		const { run } = core.state
		if (added.length > 0) run?.notes.push(`${rs.objectType}: ${added.join(', ')} differs between reads of one object`)
		if (removed.length > 0) run?.notes.push(`${rs.objectType}: ${removed.join(', ')} counts again`)
	})
}
