/**
 * Whose notifications a caller may see: their organization's instances and what was told to the organization itself, or with an Element
 * token that one instance.
 */
import { parseNotificationId, type NotificationPosition } from '../../events/ids.ts'
import { BadRequest, NotFound } from '../../lib/errors.ts'
import { findOwner, reachedOwner } from '../../instances/organizations.ts'
import type { Instance } from '../../instances/records.ts'
import { reachedInstances, type Reach, type Reached } from '../../instances/subscriptions.ts'
import { LIMITS } from '../../lib/limits.ts'
import type { WatcherRpc } from '../../rpc/watcher.ts'
import { callersInstance } from '../http/access.ts'
import type { CallerContext } from '../http/environment.ts'
import type { Known } from '../../rpc/known.ts'
import { askObject } from '../http/ask.ts'

/** Instances that a list asks at most (design, Faces). */
const MOST_INSTANCES = LIMITS.mergedInstances.value

/**
 * The caller's instances that send to, or are, what is named, and the organization's own object where `ownTopics` names some of its topics
 * (null: whatever). 400 when they are too many to ask.
 */
export async function reachable(c: CallerContext, reach: Reach & { ownTopics: readonly string[] | null }): Promise<Reached[]> {
	const { DB } = c.env
	const { tokenInstance, user } = c.var
	const own = tokenInstance?.id
	const narrowed =
		own === undefined ? reach : { ...reach, instanceIds: reach.instanceIds === null || reach.instanceIds.includes(own) ? [own] : [] }
	if ([narrowed.subscriptionIds, narrowed.urls].some((list) => list?.length === 0)) return []
	const asksOwn = tokenInstance === null && reach.ownTopics?.length !== 0 && reach.tags.length === 0
	const [found, ownerId] = await Promise.all([
		narrowed.instanceIds?.length === 0 ? [] : reachedInstances(DB, user.organizationId, narrowed, MOST_INSTANCES + 1),
		asksOwn ? reachedOwner(DB, user.organizationId, reach) : null,
	])
	if (found.length > MOST_INSTANCES)
		throw new BadRequest(`This asks more than ${MOST_INSTANCES} instances; narrow by address (where=config.url='…'), topic or tag (tags[])`)
	return ownerId === null ? found : [...found, { id: ownerId, elementKey: null }]
}

/** The notification of the path's `{id}`: whose it is (`instance` null: the organization's own), and its number there. Checked before any object is touched. */
export async function requirePosition(
	c: CallerContext,
	id: string,
): Promise<NotificationPosition & { owner: Reached; instance: Instance | null }> {
	const position = parseNotificationId(id)
	if (position === null) throw new NotFound('No such notification')
	const instance = await callersInstance(c, position.ownerId)
	if (instance !== null) {
		c.set('instanceId', instance.id)
		return { ...position, owner: instance, instance }
	}
	const { organizationProven, user } = c.var
	if (!organizationProven || (await findOwner(c.env.DB, user.organizationId)) !== position.ownerId)
		throw new NotFound('No such notification')
	return { ...position, owner: { id: position.ownerId, elementKey: null }, instance: null }
}

/** Asks one of the caller's objects. */
export async function askOwner<T>(c: CallerContext, instanceId: number, question: (watcher: WatcherRpc) => Promise<Known<T>>): Promise<T> {
	return await askObject(c.var.services, instanceId, question)
}
