/**
 * Owners of notifications that a caller can see: the organization's instances and its own object or, with an Element
 * token, that instance.
 */
import { parseNotificationId, type NotificationIdParts } from '../../events/ids.ts'
import { BadRequest, NotFound } from '../../lib/errors.ts'
import { findOwner, findOwnerInScope } from '../../instances/organizations.ts'
import type { Instance } from '../../instances/rows.ts'
import {
	listCallbackUrls,
	listInstancesInSubscriptionScope,
	type SubscriptionScope,
	type ScopedInstance,
} from '../../instances/subscriptions.ts'
import type { ObjectRef } from '../../lib/incarnation.ts'
import { LIMITS } from '../../lib/limits.ts'
import { maskUrl } from '../../lib/url-masks.ts'
import type { WatcherRpc } from '../../rpc/watcher.ts'
import { canSeeSecrets, findAccessibleInstance } from '../http/access.ts'
import type { CallerContext } from '../http/environment.ts'
import type { OrUnknown } from '../../rpc/known.ts'
import { callWatcherOf } from '../http/ask.ts'

/** Instances that a list calls at most (docs/delivery.md, Notifications and deliveries). */
const MAX_INSTANCES = LIMITS.mergedInstances.value

/**
 * The caller's owners that a scope selects. The organization's own object is one of them if `ownTopics` names topics of
 * it (null: any). 400 for more than 200.
 */
export async function findOwners(
	c: CallerContext,
	reach: SubscriptionScope & { ownTopics: readonly string[] | null },
): Promise<ScopedInstance[]> {
	const { DB } = c.env
	const { tokenInstance, user } = c.var
	const tokenInstanceId = tokenInstance?.id
	const scope =
		tokenInstanceId === undefined
			? reach
			: {
					...reach,
					instanceIds:
						reach.instanceIds === null || reach.instanceIds.includes(tokenInstanceId) ? [tokenInstanceId] : [],
				}
	if ([scope.subscriptionIds, scope.urls].some((list) => list?.length === 0)) return []
	const includesOrganization = tokenInstance === null && reach.ownTopics?.length !== 0 && reach.tags.length === 0
	const [found, owner] = await Promise.all([
		scope.instanceIds?.length === 0
			? []
			: listInstancesInSubscriptionScope(DB, user.organizationId, scope, MAX_INSTANCES + 1),
		includesOrganization ? findOwnerInScope(DB, user.organizationId, reach) : null,
	])
	if (found.length > MAX_INSTANCES)
		throw new BadRequest(
			`This selects more than ${MAX_INSTANCES} instances; filter by URL (where=config.url='…'), topic or tag (tags[])`,
		)
	return owner === null ? found : [...found, { ...owner, elementKey: null }]
}

/**
 * The URLs of a filter, for a caller who sees them masked: those whose masked form is named, so that a filter does not
 * reveal whether a guessed token is right. 400 for more than 200.
 */
export async function resolveMaskedUrls<Filter extends Pick<SubscriptionScope, 'urls'>>(
	c: CallerContext,
	filter: Filter,
): Promise<Filter> {
	if (filter.urls === null || filter.urls.length === 0 || canSeeSecrets(c)) return filter
	const urls = await listCallbackUrls(c.env.DB, c.var.user.organizationId, filter.urls, MAX_INSTANCES + 1)
	if (urls.length > MAX_INSTANCES)
		throw new BadRequest(`where: config.url selects more than ${MAX_INSTANCES} URLs; filter by subscriptionId`)
	return { ...filter, urls: urls.filter((url) => filter.urls?.includes(maskUrl(url))) }
}

/**
 * The owner of the path's notification (`instance` null: the organization's own object) and its counter there. 404
 * before any object is called.
 */
export async function requireNotificationPosition(
	c: CallerContext,
	id: string,
): Promise<NotificationIdParts & { owner: ScopedInstance; instance: Instance | null }> {
	const position = parseNotificationId(id)
	if (position === null) throw new NotFound('No such notification')
	const instance = await findAccessibleInstance(c, position.ownerId)
	if (instance !== null) {
		c.set('instanceId', instance.id)
		return { ...position, owner: instance, instance }
	}
	const { organizationProven, user } = c.var
	const owner = organizationProven ? await findOwner(c.env.DB, user.organizationId) : null
	if (owner?.id !== position.ownerId) throw new NotFound('No such notification')
	return { ...position, owner: { ...owner, elementKey: null }, instance: null }
}

/** Calls one of the caller's objects. */
export async function callOwner<T>(
	c: CallerContext,
	owner: ObjectRef,
	call: (watcher: WatcherRpc) => Promise<OrUnknown<T>>,
): Promise<T> {
	return await callWatcherOf(c.var.services, owner, call)
}
