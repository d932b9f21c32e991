/** Handlers of notifications and deliveries. */
import { BadRequest, NotFound } from '../../lib/errors.ts'
import { parseNotificationId } from '../../events/ids.ts'
import { topicMatches } from '../../events/topics.ts'
import type { ScopedInstance } from '../../instances/subscriptions.ts'
import { canSeeSecrets, parseId } from '../http/access.ts'
import { audit, toAuditObject } from '../http/audit.ts'
import type { CallerContext } from '../http/environment.ts'
import { mergePages, type InstanceRow } from '../http/merge.ts'
import { formatPageToken, listParameter, parsePageToken, setPageHeaders } from '../http/paging.ts'
import { readSubscriptionsById } from './subscriptions.ts'
import { callOwner, findOwners, resolveMaskedUrls, requireNotificationPosition } from './owners.ts'
import { splitTopics } from './topics.ts'
import { type Attempt, type Delivery, type Notification, type Release, RELEASE_WHERE_EXPECTED } from './schema.ts'
import { getInstanceId, toAttemptResponse, toDeliveryResponse, toNotificationResponse } from './view.ts'
import { getViewOptions } from './view-options.ts'
import { maskUrl } from '../../lib/url-masks.ts'
import { parseDeliveryWhere, type DeliveryFilter } from './delivery-filter.ts'
import type { NotificationReport } from '../../rpc/notification.ts'

const DEFAULT_PAGE_SIZE = 100
/** Bodies read at a time. */
const MAX_CONCURRENT_BODIES = 5
/** All bodies of a page together, unless it has a single notification. */
const MAX_BODIES_CHARACTERS = 8_000_000

interface PageQuery {
	pageSize?: number | undefined
	nextPage?: string | undefined
	hydrate?: 'true' | 'false' | undefined
}

/** `GET /notifications`. */
export async function listNotifications(c: CallerContext, query: PageQuery): Promise<Notification[]> {
	const topics = listParameter(c, 'topics')
	const { instances: instanceTopics, own: ownTopics } = splitTopics(topics)
	const filter: DeliveryFilter = {
		statuses: null,
		urls: null,
		instanceIds: topics.length === 0 ? null : instanceTopics.map((topic) => topic.instanceId),
		ownTopics: topics.length === 0 ? null : ownTopics,
		subscriptionIds: null,
	}
	// A topic also names the element.
	const matchesTopic = (owner: ScopedInstance): boolean =>
		topics.length === 0 ||
		owner.elementKey === null ||
		instanceTopics.some(({ instanceId, elementKey }) => instanceId === owner.id && elementKey === owner.elementKey)
	const { owners, entries } = await readPage(c, filter, query, query.hydrate !== 'false', true, matchesTopic)
	return entries.map(({ instanceId, row }) => toNotificationResponse(getViewOptions(c), owners.get(instanceId)!, row))
}

/** `GET /notifications/{id}`. */
export async function getNotification(c: CallerContext, id: string): Promise<Notification> {
	const { owner, report } = await requireNotification(c, id)
	return toNotificationResponse(getViewOptions(c), owner, report)
}

/** `PUT /notifications/{id}/acknowledge`. */
export async function acknowledgeNotification(c: CallerContext, id: string): Promise<Notification> {
	const { owner, counter } = await requireNotificationPosition(c, id)
	if (!(await callOwner(c, owner, (watcher) => watcher.acknowledge(counter))))
		throw new NotFound('No such notification')
	return await getNotification(c, id)
}

/** `GET /notifications/{id}/attempts`: completed attempts, oldest first. */
export async function listAttempts(c: CallerContext, id: string): Promise<Attempt[]> {
	const { owner, counter } = await requireNotificationPosition(c, id)
	const found = await callOwner(c, owner, (watcher) => watcher.attempts(counter))
	if (found === null) throw new NotFound('No such notification')
	return found.map((attempt) => toAttemptResponse(attempt, canSeeSecrets(c)))
}

/** `GET /notifications/{id}/subscriptions/deliveries`. A posted notification has a delivery to each subscription. */
export async function listNotificationDeliveries(c: CallerContext, id: string, hydrate: boolean): Promise<Delivery[]> {
	const { owner, report } = await requireNotification(c, id)
	return await toDeliveries(
		c,
		(report.deliveries ?? [report]).map((delivery) => ({ owner, delivery, notification: report })),
		hydrate,
	)
}

/** `GET /notifications/{id}/subscriptions/{subscriptionId}/deliveries`. */
export async function getNotificationDelivery(
	c: CallerContext,
	id: string,
	subscriptionId: string,
	hydrate: boolean,
): Promise<Delivery> {
	// The operator webhook is subscription 0.
	const wantedSubscription = subscriptionId === '0' ? 0 : parseId(subscriptionId)
	const { owner, report } = await requireNotification(c, id)
	const delivery = (report.deliveries ?? [report]).find(({ subscription }) => subscription === wantedSubscription)
	if (delivery === undefined)
		throw new NotFound(`No delivery of this notification to subscription ${wantedSubscription}`)
	return (await toDeliveries(c, [{ owner, delivery, notification: report }], hydrate))[0]!
}

/** Deliveries in a response, with their notifications and subscriptions if `hydrate`. */
async function toDeliveries(
	c: CallerContext,
	entries: readonly { owner: ScopedInstance; delivery: NotificationReport; notification: NotificationReport }[],
	hydrate: boolean,
): Promise<Delivery[]> {
	const numbers = entries.flatMap(({ delivery }) => delivery.subscription ?? [])
	const subscriptions = hydrate
		? await readSubscriptionsById(
				c,
				entries.map(({ owner }) => owner),
				numbers,
			)
		: null
	return entries.map(({ owner, delivery, notification }) =>
		toDeliveryResponse(
			getViewOptions(c),
			owner,
			delivery,
			subscriptions === null
				? null
				: { notification, subscription: subscriptions.get(delivery.subscription ?? -1) ?? null },
		),
	)
}

/** `GET /notifications/subscriptions/deliveries`. */
export async function listDeliveries(
	c: CallerContext,
	query: PageQuery & { where?: string | undefined },
): Promise<Delivery[]> {
	const { owners, entries } = await readPage(
		c,
		await resolveMaskedUrls(c, parseDeliveryWhere(query.where)),
		query,
		query.hydrate === 'true',
		false,
		() => true,
	)
	return await toDeliveries(
		c,
		entries.map(({ instanceId, row, notification }) => ({
			owner: owners.get(instanceId)!,
			delivery: row,
			notification,
		})),
		query.hydrate === 'true',
	)
}

/** `PUT /notifications/subscriptions/deliveries`: sends queued notifications and reactivates their subscriptions. */
export async function releaseDeliveries(c: CallerContext, where: string): Promise<Release[]> {
	if (where.trim() === '') throw new BadRequest(`where: ${RELEASE_WHERE_EXPECTED}`)
	const filter = await resolveMaskedUrls(c, parseDeliveryWhere(where))
	if (filter.statuses !== null && !filter.statuses.includes('queued'))
		throw new BadRequest('where: expected status to be queued; only queued deliveries can be released')
	const released = []
	for (const owner of await findOwners(c, { ...filter, tags: listParameter(c, 'tags') })) {
		const instanceId = getInstanceId(owner)
		const subscriptions = await callOwner(c, owner, (watcher) => watcher.subscriptions())
		for (const { number, url, topics } of subscriptions) {
			if (instanceId === null && filter.ownTopics !== null && !topicsOverlap(filter.ownTopics, topics ?? [])) continue
			if (filter.subscriptionIds?.includes(number) === false || filter.urls?.includes(url) === false) continue
			const count = await callOwner(c, owner, (watcher) => watcher.release({ subscription: number }))
			await audit(c, {
				action: 'subscription.release',
				...toAuditObject(c, instanceId),
				detail: { subscription: number, released: count },
			})
			released.push({
				subscriptionId: number,
				instanceId,
				config: { url: canSeeSecrets(c) ? url : maskUrl(url) },
				released: count,
			})
		}
	}
	return released
}

/** The notification of a path, with its body; 404 when there is none. */
export async function requireNotification(
	c: CallerContext,
	id: string,
): Promise<Awaited<ReturnType<typeof requireNotificationPosition>> & { report: NotificationReport }> {
	const position = await requireNotificationPosition(c, id)
	const report = await callOwner(c, position.owner, (watcher) => watcher.notification(position.counter))
	if (report === null) throw new NotFound('No such notification')
	return { ...position, report }
}

/** Whether a subscription matches one of these topics. */
function topicsOverlap(filterTopics: readonly string[], subscribedTopics: readonly string[]): boolean {
	return filterTopics.some((filterTopic) =>
		subscribedTopics.some(
			(subscribedTopic) => topicMatches(filterTopic, subscribedTopic) || topicMatches(subscribedTopic, filterTopic),
		),
	)
}

/** An entry of a page. `notification`: of a delivery, the same as `row` otherwise. */
type PageEntry = InstanceRow<NotificationReport> & { notification: NotificationReport }

/** A page of notifications (`grouped`) or deliveries across the objects that a filter selects; sets the headers. */
async function readPage(
	c: CallerContext,
	filter: DeliveryFilter,
	query: PageQuery,
	withBodies: boolean,
	grouped: boolean,
	includeOwner: (owner: ScopedInstance) => boolean,
): Promise<{ owners: Map<number, ScopedInstance>; entries: PageEntry[] }> {
	const position = parsePageToken(query.nextPage, 3)
	const foundOwners =
		filter.statuses?.length === 0 ? [] : await findOwners(c, { ...filter, tags: listParameter(c, 'tags') })
	const owners = new Map(foundOwners.filter(includeOwner).map((owner) => [owner.id, owner]))
	const rowFilter = {
		...(filter.statuses === null ? {} : { statuses: filter.statuses }),
		...(filter.subscriptionIds === null ? {} : { subscriptions: filter.subscriptionIds }),
		...(filter.urls === null ? {} : { urls: filter.urls }),
		...(grouped ? { grouped } : {}),
	}
	const found = await mergePages<NotificationReport>(
		[...owners.keys()],
		{
			pageSize: query.pageSize ?? DEFAULT_PAGE_SIZE,
			after: position === null ? null : { atMs: position[0]!, instanceId: position[1]!, number: position[2]! },
			fromMs: null,
			toMs: null,
		},
		(row) => ({ atMs: row.createdMs, number: getCounter(row) }),
		async (id, { fromMs: _from, ...part }) => {
			const owner = owners.get(id)!
			const topics = owner.elementKey === null && filter.ownTopics !== null ? { topics: filter.ownTopics } : {}
			const answer = await c.var.services.watcher(owner).notifications({ ...part, ...rowFilter, ...topics })
			return answer === 'unknown' ? null : { rows: answer.notifications, next: answer.next }
		},
	)
	const entries = withBodies
		? await loadBodies(c, owners, found.entries, grouped)
		: found.entries.map((entry) => ({ ...entry, notification: entry.row }))
	const last = entries.at(-1)
	const isTruncated = last !== undefined && entries.length < found.entries.length
	const next = isTruncated
		? { atMs: last.row.createdMs, instanceId: last.instanceId, number: getCounter(last.row) }
		: found.next
	setPageHeaders(c, {
		returned: entries.length,
		total: null,
		next: next === null ? null : formatPageToken([next.atMs, next.instanceId, next.number]),
	})
	return { owners, entries }
}

/** Adds bodies, for as many entries as fit a response. */
async function loadBodies(
	c: CallerContext,
	owners: ReadonlyMap<number, ScopedInstance>,
	entries: readonly InstanceRow<NotificationReport>[],
	grouped: boolean,
): Promise<PageEntry[]> {
	const hydrated: PageEntry[] = []
	let size = 0
	for (let start = 0; start < entries.length; start += MAX_CONCURRENT_BODIES) {
		const part = await Promise.all(
			entries.slice(start, start + MAX_CONCURRENT_BODIES).map(async ({ instanceId, row }) => {
				const counter = parseNotificationId(row.id)?.counter ?? 0
				// A notification that has left the log meanwhile stays as it was listed.
				const notification =
					(await callOwner(c, owners.get(instanceId)!, (watcher) => watcher.notification(counter))) ?? row
				return { instanceId, row: grouped ? notification : row, notification }
			}),
		)
		for (const entry of part) {
			size += entry.notification.body?.length ?? 0
			if (hydrated.length > 0 && size > MAX_BODIES_CHARACTERS) return hydrated
			hydrated.push(entry)
		}
	}
	return hydrated
}

function getCounter(row: NotificationReport): number {
	return row.counter ?? parseNotificationId(row.id)?.counter ?? 0
}
