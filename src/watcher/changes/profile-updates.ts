/** New content profiles: content is stored under them from now on, and what was stored before is compared as it was. */
import { withPaths } from '../core/content-profiles.ts'
import { toNoisePaths } from '../core/noise.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { Tx } from '../core/tx.ts'
import { invalidateAllPages } from './page-digests.ts'

/** Makes what a resource ignores, and its noise, the current profile. */
export function updateProfile(tx: Tx, core: Core, watched: WatchedResource): void {
	const { state: rs } = watched
	const profiles = withPaths(rs.profiles, toWantedPaths(watched), core.ports.now())
	if (profiles === null) return
	rs.profiles = profiles
	// Pages and the head are gated again, so that every row is stored under the new profile.
	rs.head = null
	invalidateAllPages(tx, core, rs.number)
}

/** The same for all resources, after a change of the configuration or of the version. */
export function updateProfiles(core: Core, watched: readonly WatchedResource[]): void {
	const outdated = watched.filter((one) => withPaths(one.state.profiles, toWantedPaths(one), 0) !== null)
	if (outdated.length > 0) core.commit((tx) => outdated.forEach((one) => updateProfile(tx, core, one)))
}

/** On a resource with reliable dates, URLs in noise still count without their query. */
function toWantedPaths({ resource, state: rs }: WatchedResource): { paths: string[]; urlPaths: string[] } {
	const { paths, urlPaths } = toNoisePaths(rs.noiseState.proofs, resource.reliableDates)
	const ofVariations = (rs.variations?.noise ?? []).map(({ path }) => `variations.*.${path}`)
	return { paths: [...resource.ignore, ...paths, ...ofVariations], urlPaths }
}
