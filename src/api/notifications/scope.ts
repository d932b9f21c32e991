/** Whose notifications a caller may see: their organization's instances, or with an Element token that one. */
import { parseNotificationId, type NotificationPosition } from '../../events/ids.ts'
import { BadRequest, NotFound } from '../../errors.ts'
import { findInstance, type Instance } from '../../instances/records.ts'
import { reachedInstances, type Reach, type Reached } from '../../instances/subscriptions.ts'
import type { Known, WatcherRpc } from '../../watcher/rpc.ts'
import type { CallerContext } from '../environment.ts'
import { askObject } from '../instances/watching.ts'

/** Instances that a list asks at most (design, Faces). */
const MOST_INSTANCES = 200

/** The caller's instances that send to, or are, what is named. 400 when they are too many to ask. */
export async function reachable(c: CallerContext, reach: Reach): Promise<Reached[]> {
	const own = c.var.tokenInstance?.id
	const narrowed =
		own === undefined ? reach : { ...reach, instanceIds: reach.instanceIds === null || reach.instanceIds.includes(own) ? [own] : [] }
	if ([narrowed.instanceIds, narrowed.subscriptionIds, narrowed.urls].some((list) => list?.length === 0)) return []
	const found = await reachedInstances(c.env.DB, c.var.user.organizationId, narrowed, MOST_INSTANCES + 1)
	if (found.length > MOST_INSTANCES)
		throw new BadRequest(`This asks more than ${MOST_INSTANCES} instances; narrow by address (where=config.url='…'), topic or tag (tags[])`)
	return found
}

/** One of the caller's instances; null when it is not theirs. */
export async function ownInstance(c: CallerContext, id: number): Promise<Instance | null> {
	const { tokenInstance, organizationProven, user } = c.var
	if (tokenInstance !== null && tokenInstance.id === id) return tokenInstance
	return organizationProven ? await findInstance(c.env.DB, user.organizationId, id) : null
}

/** The notification of the path's `{id}`: whose it is, and its number there. Checked before any object is touched. */
export async function requirePosition(c: CallerContext, id: string): Promise<NotificationPosition & { instance: Instance }> {
	const position = parseNotificationId(id)
	const instance = position === null ? null : await ownInstance(c, position.ownerId)
	if (position === null || instance === null) throw new NotFound('No such notification')
	c.set('instanceId', instance.id)
	return { ...position, instance }
}

/** Asks one of the caller's objects. */
export async function askOwner<T>(c: CallerContext, instanceId: number, question: (watcher: WatcherRpc) => Promise<Known<T>>): Promise<T> {
	return await askObject(c.var.services, instanceId, question)
}
