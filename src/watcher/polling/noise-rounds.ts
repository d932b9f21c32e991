/** Rounds of reads that prove noise, on occasion (core/noise.ts). */
import {
	concludeRound,
	findNoise,
	getNextRoundMs,
	MAX_ROUND_MS,
	planRenewal,
	ROUND_READ_INTERVAL_MS,
	ROUND_READS,
	type NoiseState,
} from '../core/noise.ts'
import { updateProfile } from '../changes/profile-updates.ts'
import { CONTENT_VERSION } from '../core/content-profiles.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { ResourceState } from '../core/resource-state.ts'
import { listPage, type SliceBudget } from '../source/requests.ts'
import type { Snapshot } from '../../elements/store.ts'

/** Reads of running rounds. Only in memory: if they are lost, the round begins again. */
const reads = new WeakMap<ResourceState, Snapshot[][]>()

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
	const now = core.ports.now()
	const { noiseState } = rs
	const round = noiseState.round ?? planRenewal(noiseState, now)
	if (now >= round.startedMs + MAX_ROUND_MS || round.ids.length === 0) {
		// The store did not answer in time: nothing is proven, and the next occasion tries again.
		reads.delete(rs)
		const proofs = round.ids.length === 0 ? concludeRound(noiseState.proofs, new Map(), now) : noiseState.proofs
		setNoise(core, watched, { ...noiseState, proofs, round: null, roundDoneMs: now })
		return
	}
	rs.noiseState = { ...noiseState, round: { ...round, dueMs: now + ROUND_READ_INTERVAL_MS } }
	const done = reads.get(rs) ?? []
	// Another page size makes another address, so that no cache answers.
	const limit = round.ids.length + done.length
	const page = await listPage(core, watched, { order: 'id-asc', onlyIds: round.ids, limit }, budget)
	const all = [...done, page.snapshots.map((snapshot) => withIgnoredAlone(core, watched, snapshot))]
	reads.set(rs, all)
	if (all.length < ROUND_READS) return
	reads.delete(rs)
	const proofs = concludeRound(noiseState.proofs, findNoise(all), core.ports.now())
	setNoise(core, watched, { proofs, round: null, roundDoneMs: core.ports.now() })
}

/** A snapshot whose fields have the noise that is known. */
function withIgnoredAlone(core: Core, { resource }: WatchedResource, snapshot: Snapshot): Snapshot {
	return (
		core.element.parseRecord(resource, snapshot.record, { version: CONTENT_VERSION, paths: resource.ignore }) ??
		snapshot
	)
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
