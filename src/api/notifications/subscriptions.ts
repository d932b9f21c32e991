/** What the calls about subscriptions do. */
import type * as z from 'zod'
import { BadRequest, Conflict, NotFound, Unauthorized } from '../../lib/errors.ts'
import { tell } from '../../instances/lifecycle.ts'
import { ensureOwner } from '../../instances/organizations.ts'
import type { Instance } from '../../instances/records.ts'
import { addOwn, addSubscription, listSubscriptions, removeSubscription, type SubscriptionRow } from '../../instances/subscriptions.ts'
import { guardUrl, meansLogOnly } from '../../lib/urls.ts'
import { stripBrackets } from '../../lib/values.ts'
import { atMost, LIMITS, shown } from '../../lib/limits.ts'
import type { SubscriptionReport } from '../../rpc/delivery.ts'
import { callersInstance, readId } from '../http/access.ts'
import type { CallerContext } from '../http/environment.ts'
import { AT_A_TIME } from '../http/merge.ts'
import { formatPageToken, PAGE_LIMIT, parsePageToken, setPageHeaders } from '../http/paging.ts'
import type { Subscription, SubscriptionBody } from './schema.ts'
import { askOwner } from './scope.ts'
import { requireOwnTopics, splitTopics } from './topics.ts'
import { showSubscription } from './view.ts'

/** `GET /notifications/subscriptions`: by rising id. */
export async function list(
	c: CallerContext,
	query: { pageSize?: number | undefined; nextPage?: string | undefined },
): Promise<Subscription[]> {
	const [afterId] = parsePageToken(query.nextPage, 1) ?? [0]
	const filter = { afterId: afterId!, ownerId: c.var.tokenInstance?.id ?? null }
	const { subscriptions, next } = await listSubscriptions(
		c.env.DB,
		c.env.PUBLIC_URL,
		c.var.user.organizationId,
		filter,
		query.pageSize ?? PAGE_LIMIT,
	)
	const live = await liveOf(c, [...new Set(subscriptions.map((one) => one.ownerId))])
	setPageHeaders(c, { returned: subscriptions.length, total: null, next: next === null ? null : formatPageToken([next]) })
	return subscriptions.map((one) => showSubscription(one, live.get(one.id)))
}

/** `GET /notifications/subscriptions/{id}`. */
export async function show(c: CallerContext, id: string): Promise<Subscription> {
	const found = await requireSubscription(c, id)
	return showSubscription(found, (await liveOf(c, [found.ownerId])).get(found.id))
}

/** `POST /notifications/subscriptions`. */
export async function create(c: CallerContext, body: z.output<typeof SubscriptionBody>): Promise<Subscription> {
	const topics = typeof body.topics === 'string' ? [body.topics] : body.topics
	if (topics.length === 0 || topics.length > LIMITS.topics.value)
		throw new BadRequest(`topics: ${atMost('topics')} and at least one, such as instance-12-woocommercerest-events`)
	return splitTopics(topics).instances.length === 0
		? await createOwn(c, requireOwnTopics(topics), requireUrl(c, body.config.url))
		: await createFurther(c, await requireInstance(c, topics), topics, requireUrl(c, body.config.url))
}

/** A subscription to topics of the organization itself. */
async function createOwn(c: CallerContext, topics: string[], url: string): Promise<Subscription> {
	const { services, user, requestId, organizationProven } = c.var
	if (!organizationProven) throw new Unauthorized('Authorization: topics of your own need "Organization <organization secret>" too')
	const actor = { organizationId: user.organizationId, userId: user.id, requestId }
	const nowMs = services.now()
	const ownerId = await ensureOwner(services.env, user.organizationId, (id) => services.watcher(id))
	const added = await addOwn(services.env.DB, actor, ownerId, { url, topics }, nowMs)
	if (added === 'too-many')
		throw new BadRequest(`An organization has at most ${shown('subscriptions')} to topics of its own; delete one first`)
	if ('exists' in added)
		throw new Conflict(
			`config.url: subscription ${added.exists} sends there already; a subscription may name many topics, or all that begin alike (stock.*)`,
		)
	await tell(services, { id: ownerId, version: 1 }, {})
	return showSubscription({ id: added.id, ownerId, elementKey: null, url, topics, createdMs: nowMs, callback: false }, undefined)
}

/** A subscription to an instance's events. */
async function createFurther(c: CallerContext, instance: Instance, topics: string[], url: string): Promise<Subscription> {
	const { services, user, requestId } = c.var
	if (url === instance.configuration['event.notification.callback.url'])
		throw new Conflict(`config.url: it is the callback of instance ${instance.id} already (event.notification.callback.url)`)
	const actor = { organizationId: user.organizationId, userId: user.id, requestId }
	const nowMs = services.now()
	const added = await addSubscription(services.env.DB, actor, instance, { url, topics }, nowMs)
	if (added === 'too-many') throw new BadRequest(`An instance has at most ${shown('subscriptions')} beside its callback; delete one first`)
	if (added === 'gone') throw new Conflict('This instance was changed by another request at the same time; read it again and repeat')
	if ('exists' in added) throw new Conflict(`config.url: subscription ${added.exists} sends this topic there already`)
	await tell(services, { id: instance.id, version: instance.version + 1 }, {})
	c.set('instanceId', instance.id)
	return showSubscription(
		{ id: added.id, ownerId: instance.id, elementKey: instance.elementKey, url, topics, createdMs: nowMs, callback: false },
		undefined,
	)
}

/** `DELETE /notifications/subscriptions/{id}`. An instance's callback goes with its configuration. */
export async function remove(c: CallerContext, id: string): Promise<undefined> {
	const { services, user, requestId } = c.var
	const found = await requireSubscription(c, id)
	if (found.callback)
		throw new Conflict(
			`This subscription is the callback of instance ${found.ownerId}; remove event.notification.callback.url from its configuration`,
		)
	const actor = { organizationId: user.organizationId, userId: user.id, requestId }
	const version = found.elementKey === null ? 0 : (await callersInstance(c, found.ownerId))?.version
	if (version === undefined || !(await removeSubscription(services.env.DB, actor, found, services.now())))
		throw new NotFound(`No subscription ${id}`)
	await tell(services, { id: found.ownerId, version: version + 1 }, {})
	return undefined
}

async function requireSubscription(c: CallerContext, text: string): Promise<SubscriptionRow> {
	const id = readId(text)
	const filter = { id, ownerId: c.var.tokenInstance?.id ?? null }
	const { subscriptions } = await listSubscriptions(c.env.DB, c.env.PUBLIC_URL, c.var.user.organizationId, filter, 1)
	const found = subscriptions[0]
	if (found === undefined) throw new NotFound(`No subscription ${id}`)
	if (found.elementKey !== null) c.set('instanceId', found.ownerId)
	return found
}

/** Whose events the topic is. A subscription has one owner, so it hears one instance, or topics of none. */
async function requireInstance(c: CallerContext, topics: readonly string[]): Promise<Instance> {
	const [parts] = splitTopics(topics).instances
	if (parts === undefined || topics.length > 1)
		throw new BadRequest('topics: expected one topic where it is that of an instance; make a subscription for each')
	const instance = await callersInstance(c, parts.instanceId)
	if (instance === null || instance.elementKey !== parts.elementKey)
		throw new BadRequest(`topics: no instance of yours has ${topics[0] ?? ''}`)
	return instance
}

function requireUrl(c: CallerContext, text: string): string {
	const url = stripBrackets(text)
	const verdict = guardUrl(url, c.env.ALLOW_PRIVATE_NETWORK === 'true')
	if (!verdict.ok) throw new BadRequest(`config.url: ${verdict.message}`)
	if (meansLogOnly(verdict.url, c.env.PUBLIC_URL))
		throw new BadRequest('config.url: expected an address of your own; what is sent to this one is kept in the event log anyway')
	return url
}

/** What the objects say of their subscriptions, by number. */
async function liveOf(c: CallerContext, instanceIds: readonly number[]): Promise<Map<number, SubscriptionReport>> {
	const live = new Map<number, SubscriptionReport>()
	for (let start = 0; start < instanceIds.length; start += AT_A_TIME) {
		const reports = await Promise.all(
			instanceIds.slice(start, start + AT_A_TIME).map((id) => askOwner(c, id, (watcher) => watcher.subscriptions())),
		)
		for (const report of reports.flat()) live.set(report.number, report)
	}
	return live
}
