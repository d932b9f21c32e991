/** What a resource's state has of the variations of its objects, as plain JSON. Times epoch ms. */
import type { ResourceState, ScanPosition } from './resource-state.ts'

/** Requests an hour that read the variations of one object after another, where the store has no list of all. */
export const MAX_VARIATION_REQUESTS_AN_HOUR = 120

/** Fields are stored: never rename one. */
export interface VariationState {
	/** Since when its objects are looked at for variations; 0: since the first of them was read. */
	sinceMs: number
	/** When the store said last that it has no list of all variations; absent: it has one, or was not asked. */
	noListMs?: number
	/** The running pass through that list, and when the last complete one began. */
	pass: { position: ScanPosition; startedMs: number } | null
	passBeganMs: number | null
	/** Requests of this hour (hours since 1970) that count in the budget. */
	spent: { hour: number; requests: number }
	/** Paths of variations that differ between reads of them, and since when they do not count. */
	noise: { path: string; sinceMs: number }[]
}

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
