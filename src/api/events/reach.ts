/** Which instances a call about events means: the token's own, or those of the organization that may have any (design, Faces). */
import { BadRequest, NotFound } from '../../lib/errors.ts'
import { LIMITS } from '../../lib/limits.ts'
import { ownInstances } from '../../instances/records.ts'
import { instancesWithEvents } from '../../instances/status.ts'
import { readId } from '../http/access.ts'
import type { CallerContext, InstanceContext } from '../http/environment.ts'
import { listParameter } from '../http/paging.ts'

/** Instances that a merge asks at most (design, Faces). */
const MOST_INSTANCES = LIMITS.mergedInstances.value

/**
 * The instances of a call, narrowed by `instanceIds[]`, `tags[]` and `searchText`: those whose newest event is not older than `fromMs`. 400
 * when they are more than 200, 404 when one that is named is not the organization's.
 */
export async function reachedByEvents(
	c: CallerContext,
	query: { searchText?: string | undefined },
	fromMs: number | null,
): Promise<number[]> {
	const { user } = c.var
	const own = asInstance(c)
	if (own !== null) return [own.var.instance.id]
	const named = namedInstances(c)
	if (named.length > 0) {
		const known = await ownInstances(c.env.DB, user.organizationId, named)
		const other = named.find((id) => !known.includes(id))
		if (other !== undefined) throw new NotFound(`No instance ${other}`)
	}
	const ids = await instancesWithEvents(
		c.env.DB,
		user.organizationId,
		{
			fromMs: fromMs ?? 0,
			instanceIds: named.length === 0 ? null : named,
			tags: listParameter(c, 'tags'),
			searchText: query.searchText ?? '',
		},
		MOST_INSTANCES + 1,
	)
	if (ids.length > MOST_INSTANCES)
		throw new BadRequest(
			`More than ${MOST_INSTANCES} instances have events in this range; narrow by time (from), tag (tags[]) or instance (instanceIds[])`,
		)
	return ids
}

/** A call with an Element token is about its instance; null: there is none. 404 when another one is named. */
export function asInstance(c: CallerContext): InstanceContext | null {
	const { tokenInstance } = c.var
	if (tokenInstance === null) return null
	const other = namedInstances(c).find((id) => id !== tokenInstance.id)
	if (other !== undefined) throw new NotFound(`No instance ${other}`)
	const context = c as unknown as InstanceContext
	context.set('instance', tokenInstance)
	return context
}

/** `instanceIds[]`, each once. 400 for more than can be asked, 404 for what is no id. */
function namedInstances(c: CallerContext): number[] {
	const named = [...new Set(listParameter(c, 'instanceIds').map(readId))]
	if (named.length > MOST_INSTANCES) throw new BadRequest(`instanceIds[]: expected at most ${MOST_INSTANCES}`)
	return named
}
