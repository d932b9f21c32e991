/**
 * What a failure concerns (docs/polling.md, When one record or one resource fails): one record, one resource, or the
 * store, which fails only if nothing answers. An answer without rows is what a store can give soonest.
 */
import type { Core, WatchedResource } from '../core/core.ts'
import { OTHER_OBJECT_CODE, type Failure } from '../../elements/store.ts'
import { OLD_DATE_CODE, requestPage, StoreError, type SliceBudget } from './requests.ts'
import { getWatchedResources } from './resources.ts'

/** Behind the last row of every collection. */
const EMPTY_OFFSET = 1_000_000_000
/** How long an answer says that a resource answers, ms. */
const ANSWER_AGE_MS = 90_000
/** Causes that concern every request. */
const STORE_CAUSES = new Set(['database', 'maintenance', 'throttled', 'no-woocommerce', 'moved'])
const RECORD_KINDS = new Set<Failure['kind']>(['server', 'timeout', 'not-json'])

/** Whether one record, or the size of an answer, can be the reason for a failure. Pure. */
export function canBeOfRecord({ kind, status, code, cure }: Failure): boolean {
	if (code === OLD_DATE_CODE || status === 503 || STORE_CAUSES.has(cure?.cause ?? '')) return false
	if (RECORD_KINDS.has(kind)) return true
	if (kind === 'unreachable') return code === 'reset'
	return kind === 'rejected' && (status === 400 || status === 404)
}

/** Whether failures of a kind, as a state names it, can be of a record. Pure. */
export function isRecordKind(kind: string): boolean {
	return RECORD_KINDS.has(kind as Failure['kind'])
}

/** Whether a failure says that an answer took too long or was too long. Pure. */
export function isBySize({ kind, status, code }: Failure): boolean {
	return kind === 'timeout' || code === 'body_too_large' || status === 504 || status === 524
}

/** What the store does, as a clause after a record's name. Pure. */
export function describeFailure({ kind, status, code }: Failure): string {
	if (code === 'body_too_large') return 'its answer is larger than 24 MB'
	if (code === OTHER_OBJECT_CODE) return 'its address answers with another object'
	if (kind === 'timeout') return 'the store does not answer in time'
	if (kind === 'unreachable') return 'the connection breaks'
	if (kind === 'redirect') return 'its address redirects'
	if (status === 200) return 'the store does not answer in JSON'
	if (kind === 'not-json') return `a page answers ${status} in place of the store`
	return `the store answers ${status}`
}

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
