/** Handlers of subscriptions. */
import type { ObjectRef } from '../../lib/incarnation.ts'
import { mapConcurrent } from '../../lib/concurrency.ts'
import type * as z from 'zod'
import { BadRequest, Conflict, NotFound, Unauthorized } from '../../lib/errors.ts'
import { readAccountSettings } from '../../accounts/settings.ts'
import { notifyWatcher } from '../../instances/changes.ts'
import { getCallbackUrl } from '../../instances/config.ts'
import { ensureOwner, OPERATOR_SUBSCRIPTION_ID } from '../../instances/organizations.ts'
import type { Instance } from '../../instances/rows.ts'
import {
	addOrganizationSubscription,
	addSubscription,
	listSubscriptions,
	removeSubscription,
	type ScopedInstance,
	type SubscriptionRow,
} from '../../instances/subscriptions.ts'
import { findSameAddress } from '../../lib/canonical-url.ts'
import { checkUrl, isLogOnlyUrl } from '../../lib/urls.ts'
import { stripBrackets } from '../../lib/values.ts'
import { expectedAtMost, LIMITS, formatLimit } from '../../lib/limits.ts'
import type { SubscriptionReport } from '../../rpc/delivery.ts'
import { canSeeSecrets, findAccessibleInstance, parseId } from '../http/access.ts'
import { getActor } from '../http/audit.ts'
import type { CallerContext } from '../http/environment.ts'
import { MAX_CONCURRENT_INSTANCES } from '../http/merge.ts'
import { formatPageToken, MAX_PAGE_SIZE, parsePageToken, setPageHeaders } from '../http/paging.ts'
import type { Subscription, SubscriptionBody } from './schema.ts'
import { callOwner } from './owners.ts'
import { requireOwnTopics, splitTopics } from './topics.ts'
import { toSubscriptionResponse } from './view.ts'

/** `GET /notifications/subscriptions`: by ascending id. */
export async function listSubscriptionsPage(
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
		query.pageSize ?? MAX_PAGE_SIZE,
	)
	const reportById = await readSubscriptionReports(c, subscriptions)
	setPageHeaders(c, {
		returned: subscriptions.length,
		total: null,
		next: next === null ? null : formatPageToken([next]),
	})
	return subscriptions.map((subscription) =>
		toSubscriptionResponse(subscription, reportById.get(subscription.id), canSeeSecrets(c)),
	)
}

/** `GET /notifications/subscriptions/{id}`. */
export async function getSubscription(c: CallerContext, id: string): Promise<Subscription> {
	const found = await requireSubscription(c, id)
	const reportById = await readSubscriptionReports(c, [found])
	return toSubscriptionResponse(found, reportById.get(found.id), canSeeSecrets(c))
}

/** Subscriptions of these owners by id, the operator webhook as 0. */
export async function readSubscriptionsById(
	c: CallerContext,
	owners: readonly ScopedInstance[],
	ids: readonly number[],
): Promise<Map<number, Subscription>> {
	if (ids.length === 0) return new Map()
	const { subscriptions } = await listSubscriptions(
		c.env.DB,
		c.env.PUBLIC_URL,
		c.var.user.organizationId,
		{ ids: [...new Set(ids)] },
		new Set(ids).size + 1,
	)
	const reports = await readReports(c, owners)
	const shown = subscriptions.map((row): [number, Subscription] => [
		row.id,
		toSubscriptionResponse(row, reports.get(row.id), canSeeSecrets(c)),
	])
	const operator = reports.get(OPERATOR_SUBSCRIPTION_ID)
	const owner = owners.find(({ elementKey }) => elementKey === null)
	if (operator !== undefined && owner !== undefined)
		shown.push([
			OPERATOR_SUBSCRIPTION_ID,
			toSubscriptionResponse(
				{
					...operator,
					id: operator.number,
					ownerId: owner.id,
					ownerIncarnation: owner.incarnation,
					elementKey: null,
					callback: false,
				},
				operator,
				canSeeSecrets(c),
			),
		])
	return new Map(shown)
}

/** `POST /notifications/subscriptions`. */
export async function createSubscription(
	c: CallerContext,
	body: z.output<typeof SubscriptionBody>,
): Promise<Subscription> {
	const topics = typeof body.topics === 'string' ? [body.topics] : body.topics
	if (topics.length === 0 || topics.length > LIMITS.topics.value)
		throw new BadRequest(
			`topics: ${expectedAtMost('topics')} and at least one, such as instance-12-woocommercerest-events`,
		)
	return splitTopics(topics).instances.length === 0
		? await createOrganizationSubscription(c, requireOwnTopics(topics), requireCallbackUrl(c, body.config.url))
		: await createInstanceSubscription(
				c,
				await requireTopicInstance(c, topics),
				topics,
				requireCallbackUrl(c, body.config.url),
			)
}

/** A subscription to the organization's own topics. */
async function createOrganizationSubscription(c: CallerContext, topics: string[], url: string): Promise<Subscription> {
	const { services, user, organizationProven } = c.var
	if (!organizationProven)
		throw new Unauthorized('Authorization: your own topics also need "Organization <organization secret>"')
	const nowMs = services.now()
	const owner = await ensureOwner(services.env, user.organizationId, (ref) => services.watcher(ref))
	const { operator } = await readAccountSettings(services.env.DB, user.organizationId)
	const input = { url, topics }
	const added = await addOrganizationSubscription(services.env.DB, getActor(c), owner.id, input, operator.url, nowMs)
	if (!added.ok && added.reason === 'operator-webhook')
		throw new Conflict('config.url: the operator webhook (operator.webhook.url) already sends to this address')
	if (!added.ok && added.reason === 'raced')
		throw new Conflict('Another request changed an address at the same time; retry')
	if (!added.ok && added.reason === 'too-many')
		throw new BadRequest(
			`An organization has at most ${formatLimit('subscriptions')} to its own topics; delete one first`,
		)
	if (!added.ok)
		throw new Conflict(
			`config.url: subscription ${added.duplicateId} already sends these topics to this URL; expected another URL or ` +
				'other topics',
		)
	await notifyWatcher(services, { ...owner, version: 1 }, {})
	return toSubscriptionResponse(
		{
			id: added.id,
			ownerId: owner.id,
			ownerIncarnation: owner.incarnation,
			elementKey: null,
			url,
			topics,
			createdMs: nowMs,
			callback: false,
		},
		undefined,
		canSeeSecrets(c),
	)
}

/** A subscription to an instance's events. */
async function createInstanceSubscription(
	c: CallerContext,
	instance: Instance,
	topics: string[],
	url: string,
): Promise<Subscription> {
	const { services } = c.var
	const callback = getCallbackUrl(instance.configuration, services.env.PUBLIC_URL)
	if (callback !== null && findSameAddress([{ url: callback }], url) !== null)
		throw new Conflict(
			`config.url: subscription ${instance.subscriptionId}, the callback of instance ${instance.id} ` +
				'(event.notification.callback.url), already sends to this address',
		)
	const nowMs = services.now()
	const added = await addSubscription(services.env.DB, getActor(c), instance, { url, topics }, nowMs)
	if (!added.ok && added.reason === 'too-many')
		throw new BadRequest(
			`An instance has at most ${formatLimit('subscriptions')} besides its callback; delete one first`,
		)
	if (!added.ok && (added.reason === 'raced' || added.reason === 'operator-webhook'))
		throw new Conflict('Another request changed this instance at the same time; read it again and retry')
	if (!added.ok)
		throw new Conflict(`config.url: subscription ${added.duplicateId} already sends this topic to this URL`)
	await notifyWatcher(services, { ...instance, version: instance.version + 1 }, {})
	c.set('instanceId', instance.id)
	return toSubscriptionResponse(
		{
			id: added.id,
			ownerId: instance.id,
			ownerIncarnation: instance.incarnation,
			elementKey: instance.elementKey,
			url,
			topics,
			createdMs: nowMs,
			callback: false,
		},
		undefined,
		canSeeSecrets(c),
	)
}

/** `DELETE /notifications/subscriptions/{id}`. 409 for an instance's callback, which is part of its configuration. */
export async function deleteSubscription(c: CallerContext, id: string): Promise<undefined> {
	const { services } = c.var
	const found = await requireSubscription(c, id)
	if (found.callback)
		throw new Conflict(
			`This subscription is the callback of instance ${found.ownerId}; ` +
				'remove event.notification.callback.url from its configuration',
		)
	const version = found.elementKey === null ? 0 : (await findAccessibleInstance(c, found.ownerId))?.version
	if (version === undefined || !(await removeSubscription(services.env.DB, getActor(c), found, services.now())))
		throw new NotFound(`No subscription ${id}`)
	await notifyWatcher(services, { ...toOwner(found), version: version + 1 }, {})
	return undefined
}

async function requireSubscription(c: CallerContext, text: string): Promise<SubscriptionRow> {
	const id = parseId(text)
	const filter = { ids: [id], ownerId: c.var.tokenInstance?.id ?? null }
	const { subscriptions } = await listSubscriptions(c.env.DB, c.env.PUBLIC_URL, c.var.user.organizationId, filter, 1)
	const found = subscriptions[0]
	if (found === undefined) throw new NotFound(`No subscription ${id}`)
	if (found.elementKey !== null) c.set('instanceId', found.ownerId)
	return found
}

/** The instance of a topic. A subscription has one owner: an instance, or the organization for its own topics. */
async function requireTopicInstance(c: CallerContext, topics: readonly string[]): Promise<Instance> {
	const [instanceTopic] = splitTopics(topics).instances
	if (instanceTopic === undefined || topics.length > 1)
		throw new BadRequest('topics: expected only one topic if it is an instance topic; create a subscription for each')
	const instance = await findAccessibleInstance(c, instanceTopic.instanceId)
	if (instance === null || instance.elementKey !== instanceTopic.elementKey)
		throw new BadRequest(`topics: none of your instances has the topic ${topics[0] ?? ''}`)
	return instance
}

function requireCallbackUrl(c: CallerContext, text: string): string {
	const url = stripBrackets(text)
	const verdict = checkUrl(url, c.env.ALLOW_PRIVATE_NETWORK === 'true')
	if (!verdict.ok) throw new BadRequest(`config.url: ${verdict.message}`)
	if (isLogOnlyUrl(verdict.url, c.env.PUBLIC_URL))
		throw new BadRequest(
			'config.url: expected a URL of your own; events are in the event log without a subscription to this one',
		)
	return url
}

function toOwner({ ownerId, ownerIncarnation }: SubscriptionRow): ObjectRef {
	return { id: ownerId, incarnation: ownerIncarnation }
}

/** The objects' reports of these subscriptions and of others of their owners, by id. */
async function readSubscriptionReports(
	c: CallerContext,
	subscriptions: readonly SubscriptionRow[],
): Promise<Map<number, SubscriptionReport>> {
	return await readReports(c, subscriptions.map(toOwner))
}

/** The reports of all subscriptions of these owners, by id. */
async function readReports(c: CallerContext, owners: readonly ObjectRef[]): Promise<Map<number, SubscriptionReport>> {
	const distinct = new Map(owners.map((owner) => [owner.id, owner]))
	const reports = await mapConcurrent([...distinct.values()], MAX_CONCURRENT_INSTANCES, (owner) =>
		callOwner(c, owner, (watcher) => watcher.subscriptions()),
	)
	return new Map(reports.flat().map((report) => [report.number, report]))
}
