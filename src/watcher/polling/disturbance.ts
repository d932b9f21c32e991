/** What changed in a resource while a search or re-read ran. */
import type { ChangeCounts, ResourceState } from '../core/resource-state.ts'

/**
 * Whether anything was accepted since a search or re-read began, and whether that changed which objects are listed.
 * For one that an earlier version began, both are true.
 */
export function getDisturbance(
	{ changes: now }: Pick<ResourceState, 'changes'>,
	{ changes: before }: { changes?: ChangeCounts },
): { accepted: boolean; listing: boolean } {
	return { accepted: before?.accepted !== now.accepted, listing: before?.listing !== now.listing }
}
