/** Which instances a call about events means: the token's own, or those of the organization that may have any (design, Faces). */
import { BadRequest, NotFound } from '../../errors.ts'
import { ownInstances } from '../../instances/records.ts'
import { instancesWithEvents } from '../../instances/status.ts'
import { readId } from '../access.ts'
import type { CallerContext } from '../environment.ts'
import { listParameter } from '../paging.ts'

/** Instances that a merge asks at most (design, Faces). */
export const MOST_INSTANCES = 200

/**
 * The instances of a call, narrowed by `instanceIds[]`, `tags[]` and `searchText`: those whose newest event is not older than `fromMs`. 400
 * when they are more than 200, 404 when one that is named is not the organization's.
 */
export async function reachedByEvents(c: CallerContext, query: { searchText?: string | undefined }, fromMs: number | null): Promise<number[]> {
	const { tokenInstance, user } = c.var
	const named = namedInstances(c)
	if (tokenInstance !== null) {
		const other = named.find((id) => id !== tokenInstance.id)
		if (other !== undefined) throw new NotFound(`No instance ${other}`)
		return [tokenInstance.id]
	}
	if (named.length > 0) {
		const own = await ownInstances(c.env.DB, user.organizationId, named)
		const other = named.find((id) => !own.includes(id))
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

/** `instanceIds[]`, each once. 400 for more than can be asked, 404 for what is no id. */
export function namedInstances(c: CallerContext): number[] {
	const named = [...new Set(listParameter(c, 'instanceIds').map(readId))]
	if (named.length > MOST_INSTANCES) throw new BadRequest(`instanceIds[]: expected at most ${MOST_INSTANCES}`)
	return named
}
