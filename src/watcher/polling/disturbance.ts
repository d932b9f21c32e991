/**
 * What was accepted of a resource while a search or re-read ran. Counted in memory: after its loss everything counts as
 * changed.
 */
import type { Core } from '../core/core.ts'
import type { ResourceState } from '../core/resource-state.ts'

interface Counts {
	accepted: number
	listing: number
}

const begun = new WeakMap<ResourceState, Partial<Record<'search' | 'reread', Counts>>>()

function getCounts(core: Core, { number }: ResourceState): Counts {
	return { accepted: core.acceptedCounts.get(number) ?? 0, listing: core.listingCounts.get(number) ?? 0 }
}

/** Call it before the first request. */
export function noteBegin(core: Core, rs: ResourceState, look: 'search' | 'reread'): void {
	begun.set(rs, { ...begun.get(rs), [look]: getCounts(core, rs) })
}

/** Whether anything was accepted since it began, and whether that changed which objects are listed. */
export function getDisturbance(
	core: Core,
	rs: ResourceState,
	look: 'search' | 'reread',
): { accepted: boolean; listing: boolean } {
	const before = begun.get(rs)?.[look]
	const now = getCounts(core, rs)
	return { accepted: before?.accepted !== now.accepted, listing: before?.listing !== now.listing }
}
