/**
 * What a failure concerns (docs/polling.md, When one record or one resource fails): one record, one resource, or the
 * store, which fails only if nothing answers. An answer without rows is what a store can give soonest.
 */
import type { Core, WatchedResource } from '../core/core.ts'
import { canBeOfRecord } from './record-failures.ts'
import { requestPage, StoreError, type SliceBudget } from './requests.ts'
import { getWatchedResources } from './resources.ts'

/** Behind the last row of every collection. */
export const EMPTY_OFFSET = 1_000_000_000
/** How long an answer says that a resource answers, ms. */
const ANSWER_AGE_MS = 90_000

/** Whether a resource answered shortly before, or does so now. Throws StoreError for failures of the store. */
export async function answersNow(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<boolean> {
	return hasAnswered(core, watched.state.number) || (await answersWithoutRows(core, watched, budget)) === null
}

/** Whether a list of another resource was answered shortly before. */
export function sawOthersAnswer(core: Core, { state: { number } }: WatchedResource): boolean {
	return [...core.answeredMs.keys()].some((other) => other !== number && hasAnswered(core, other))
}

function hasAnswered(core: Core, number: number): boolean {
	return core.ports.now() - (core.answeredMs.get(number) ?? -Infinity) <= ANSWER_AGE_MS
}

/** Asks for a page behind the last row. null: it was answered; else the failure. Throws what concerns the store. */
export async function answersWithoutRows(
	core: Core,
	watched: WatchedResource,
	budget: SliceBudget,
): Promise<StoreError | null> {
	try {
		await requestPage(core, watched, { order: 'id-asc', offset: EMPTY_OFFSET, limit: 1 }, budget)
		return null
	} catch (error) {
		if (!(error instanceof StoreError)) throw error
		// A refusal is an answer: of the resource, not of a row.
		if (error.scope === 'resource' && !canBeOfRecord(error.failure)) return error
		if (canBeOfRecord(error.failure)) return error
		throw error
	}
}

/** What a failure that can be of a record concerns. Throws StoreError for failures of the store. */
export async function findScope(
	core: Core,
	watched: WatchedResource,
	budget: SliceBudget,
): Promise<StoreError['scope']> {
	if ((await answersWithoutRows(core, watched, budget)) === null) return 'object'
	return (await doOthersAnswer(core, watched, budget)) ? 'resource' : 'store'
}

/** Whether another resource answers now. */
export async function doOthersAnswer(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<boolean> {
	const others = getWatchedResources(core).filter(({ state }) => state.number !== watched.state.number)
	const other = others.find(({ state }) => state.error === null) ?? others[0]
	if (other === undefined) return false
	const failed = await answersWithoutRows(core, other, budget)
	return failed === null || failed.scope === 'resource'
}
