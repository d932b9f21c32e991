/** What a resource's state says of the variations of its objects. */
import type { ResourceState } from './resource-state.ts'

/** Requests an hour that read the variations of one object after another, where the store has no list of all. */
export const MAX_VARIATION_REQUESTS_AN_HOUR = 120

/** Whether all objects that have variations are known as such: one that is not has none. */
export function knowsAllOwners(rs: ResourceState): boolean {
	const { variations, baselineDoneMs, rereadBeganMs } = rs
	if (variations === undefined || baselineDoneMs === null) return false
	return variations.sinceMs === 0 || (rereadBeganMs ?? 0) >= variations.sinceMs
}

/** When everything of the resource was read last: what was read before is read again. */
export function getLastWholeReadMs({ rereadDoneMs, baselineDoneMs }: ResourceState): number {
	return rereadDoneMs ?? baselineDoneMs ?? 0
}
