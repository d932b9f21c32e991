/** Instances of a call about events: the token's own, or those of the organization with events. */
import { BadRequest, Forbidden, NotFound } from '../../lib/errors.ts'
import type { ObjectRef } from '../../lib/incarnation.ts'
import { LIMITS } from '../../lib/limits.ts'
import { filterOwnInstances } from '../../instances/rows.ts'
import { listInstancesWithEvents } from '../../instances/status.ts'
import { parseId } from '../http/access.ts'
import type { CallerContext, CallerOrInstanceContext, InstanceContext } from '../http/environment.ts'
import { listParameter } from '../http/paging.ts'

/** Instances that a merge calls at most (docs/architecture.md, Event log). */
const MAX_INSTANCES = LIMITS.mergedInstances.value

/**
 * The instances of a call, filtered by `instanceIds[]`, `tags[]` and `searchText`, whose newest event is not older than
 * `fromMs`. 400 for more than 200, 404 for an id that is not the organization's.
 */
export async function resolveEventInstances(
	c: CallerContext,
	query: { searchText?: string | undefined },
	fromMs: number | null,
): Promise<ObjectRef[]> {
	const { user } = c.var
	const instanceContext = toInstanceContext(c)
	if (instanceContext !== null) return [instanceContext.var.instance]
	const requestedIds = parseInstanceIds(c)
	if (requestedIds.length > 0) {
		const ownIds = await filterOwnInstances(c.env.DB, user.organizationId, requestedIds)
		const other = requestedIds.find((id) => !ownIds.includes(id))
		if (other !== undefined) throw new NotFound(`No instance ${other}`)
	}
	const instances = await listInstancesWithEvents(
		c.env.DB,
		user.organizationId,
		{
			fromMs: fromMs ?? 0,
			instanceIds: requestedIds.length === 0 ? null : requestedIds,
			tags: listParameter(c, 'tags'),
			searchText: query.searchText ?? '',
		},
		MAX_INSTANCES + 1,
	)
	if (instances.length > MAX_INSTANCES)
		throw new BadRequest(
			`More than ${MAX_INSTANCES} instances have events in this range; filter by time (from), tag (tags[]) or ` +
				'instance (instanceIds[])',
		)
	return instances
}

/** 403 if `accountIds[]` names an account that is not the caller's (docs/contract.md §1). */
export function requireOwnAccountIds(c: CallerOrInstanceContext): void {
	const own = String(c.var.user.organizationId)
	if (listParameter(c, 'accountIds').some((id) => id.trim() !== own))
		throw new Forbidden(`accountIds[]: expected ${own}, the only account of these secrets`)
}

/** The context of the Element token's instance; null: no token. 404 when `instanceIds[]` names another. */
export function toInstanceContext(c: CallerContext): InstanceContext | null {
	const { tokenInstance } = c.var
	if (tokenInstance === null) return null
	const other = parseInstanceIds(c).find((id) => id !== tokenInstance.id)
	if (other !== undefined) throw new NotFound(`No instance ${other}`)
	const context = c as unknown as InstanceContext
	context.set('instance', tokenInstance)
	return context
}

/** `instanceIds[]`, each once. 400 for too many, 404 for what is not an id. */
function parseInstanceIds(c: CallerContext): number[] {
	const instanceIds = [...new Set(listParameter(c, 'instanceIds').map(parseId))]
	if (instanceIds.length > MAX_INSTANCES) throw new BadRequest(`instanceIds[]: expected at most ${MAX_INSTANCES}`)
	return instanceIds
}
