/** What the pages of an instance show, as operations answer it, and the facts that follow. Pure but for the reads. */
import type { OperationResponse } from '../../../api/http/contract.ts'
import type { CallError, CallResult } from '../../../api/http/call-operation.ts'
import type { operations } from '../../../api/operations.ts'
import { BASE_PATH } from '../../../lib/base-path.ts'
import type { InstanceState } from '../../../rpc/watcher.ts'
import { callOperation } from '../../http/call.ts'
import type { SignedInContext } from '../../http/environment.ts'
import { requireOk } from '../../http/errors.tsx'

type Operations = typeof operations
export type Instance = OperationResponse<Operations['getInstance']>
export type Health = OperationResponse<Operations['getHealth']>
export type Poller = OperationResponse<Operations['getPoller']>
export type Coverage = OperationResponse<Operations['getCoverage']>
export type Counts = OperationResponse<Operations['countEventsByType']>
export type EventRecord = OperationResponse<Operations['getEvent']>
export type Timeline = OperationResponse<Operations['getTimeline']>
export type Attempts = OperationResponse<Operations['listAttempts']>

/** How changes are detected. `off`: they are not. */
export type Mode = 'polling' | 'webhook' | 'hybrid' | 'off'

/** What the head of every page of an instance needs. */
export interface InstanceFacts {
	instance: Instance
	health: Health
}

/** The id in the path of the page. */
export function getInstanceId(c: SignedInContext): string {
	return c.req.param('id') ?? ''
}

/** The address under which programs reach the API, with its base path. */
export function getApiBase(c: SignedInContext): string {
	const origin = URL.canParse(c.env.PUBLIC_URL) ? new URL(c.env.PUBLIC_URL).origin : new URL(c.req.url).origin
	return `${origin}${BASE_PATH}`
}

/** The path of an instance's page, or of one below it. */
export function toInstancePath(id: number | string, below = ''): string {
	return `/instances/${id}${below === '' ? '' : `/${below}`}`
}

/** The path of an event's page. */
export function toEventPath(event: Pick<EventRecord, 'id' | 'elementInstanceId'>): string {
	return toInstancePath(event.elementInstanceId, `events/${event.id}`)
}

/** Reads what the head needs. An instance of another organization is a 404 page. */
export async function readInstance(c: SignedInContext): Promise<InstanceFacts> {
	const params = { id: getInstanceId(c) }
	const [instance, health] = await Promise.all([
		callOperation(c, 'getInstance', { params }),
		callOperation(c, 'getHealth', { params }),
	])
	return { instance: requireOk(instance), health: requireOk(health) }
}

/** The body of a call whose part of the page can be left out; null: it was refused. Other failures become pages. */
export function toOptional<Body>(result: CallResult<Body>): Body | null {
	if (result.ok) return result.body
	if (isRefused(result)) return null
	return requireOk(result)
}

function isRefused({ status }: CallError): boolean {
	return status === 400 || status === 409
}

/** How much of the store is indexed, whole percent of all objects; null: all of it, or it is not known. */
export function getIndexedPercent({ resources }: Poller): number | null {
	const [done, total] = resources.reduce(
		([doneBefore, totalBefore], { baseline }) => [
			doneBefore + Math.min(baseline.done, baseline.total),
			totalBefore + baseline.total,
		],
		[0, 0],
	)
	return total === 0 || resources.every(({ baseline }) => baseline.complete) ? null : Math.floor((100 * done) / total)
}

/** How an instance detects changes. */
export function getMode({ eventsEnabled, configuration = {} }: Instance): Mode {
	if (!eventsEnabled) return 'off'
	const type = configuration['event.vendor.type']
	return type === 'webhook' || type === 'hybrid' ? type : 'polling'
}

/** The store's host, or the whole URL where it has a path. */
export function getStoreLabel({ configuration = {} }: Instance): string {
	const url = configuration['store.url'] ?? ''
	return url.replace(/^https?:\/\//, '').replace(/\/+$/, '')
}

/** The page on which a state is decided or repaired; null: there is none. */
export function findFix(state: InstanceState): { path: string; label: string } | null {
	return FIXES[state] ?? null
}

const FIXES: Readonly<Partial<Record<InstanceState, { path: string; label: string }>>> = {
	'needs-reauth': { path: 're-authentication', label: 'Update key' },
	'deletions-held': { path: 'deletions', label: 'Review' },
	'changes-held': { path: 'mass-changes', label: 'Review' },
	'foreign-source': { path: 'source', label: 'Check the address' },
	deactivated: { path: 'subscription', label: 'Resume' },
	'callback-failing': { path: 'subscription', label: 'Check the callback' },
}

/** Totals of a range of counts. */
export function sumCounts(counts: Counts): { total: number; success: number; failed: number } {
	return counts.reduce(
		(sum, one) => ({
			total: sum.total + one.total,
			success: sum.success + one.success,
			failed: sum.failed + one.failed,
		}),
		{ total: 0, success: 0, failed: 0 },
	)
}
