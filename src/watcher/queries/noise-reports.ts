/** What `/poller` and health say about noise: each path, its proof, an example, and the cure at the store. */
import { getCurrentProfile } from '../core/content-profiles.ts'
import type { Core } from '../core/core.ts'
import { getNextRoundMs, getRenewalMs, type NoiseProof } from '../core/noise.ts'
import type { ResourceState } from '../core/resource-state.ts'
import type { NoiseReport } from '../../rpc/watcher.ts'

/** The noise of a resource, by path. */
export function toNoiseReports(core: Core, rs: ResourceState): NoiseReport[] {
	const { proofs } = rs.noiseState
	return proofs.map((proof) => toNoiseReport(core, rs, proof)).toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

function toNoiseReport(core: Core, rs: ResourceState, proof: NoiseProof): NoiseReport {
	const { path, firstMs, confirmedMs, example = null } = proof
	const iso = (ms: number): string => new Date(ms).toISOString()
	const nextRoundMs = getNextRoundMs({ ...rs.noiseState, proofs: [proof], round: null }) ?? getRenewalMs(proof)
	return {
		path,
		proof: confirmedMs === null ? 'provisional' : 'proven',
		since: iso(firstMs),
		provenAt: confirmedMs === null ? null : iso(confirmedMs),
		nextProof: iso(nextRoundMs),
		counts: (getCurrentProfile(rs).urlPaths ?? []).includes(path) ? 'url' : 'nothing',
		example: example === null ? null : { objectId: String(example.objectId), values: [...example.values] },
		cure: core.element.getNoiseCure(path, example?.kind ?? null),
	}
}
