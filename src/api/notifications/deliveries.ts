/** What the calls about notifications and their deliveries do. */
import { auditStatement } from '../../accounts/audit.ts'
import { BadRequest, NotFound } from '../../lib/errors.ts'
import { parseNotificationId } from '../../events/ids.ts'
import { hearsTopic } from '../../events/topics.ts'
import type { Reached } from '../../instances/subscriptions.ts'
import { readId } from '../http/access.ts'
import type { CallerContext } from '../http/environment.ts'
import { mergePages, type Owned } from '../http/merge.ts'
import { formatPageToken, listParameter, parsePageToken, setPageHeaders } from '../http/paging.ts'
import { askOwner, reachable, requirePosition } from './scope.ts'
import { splitTopics } from './topics.ts'
import { type Attempt, type Delivery, type Notification, type Release, WHAT_TO_RELEASE } from './schema.ts'
import { instanceOf, showAttempt, showDelivery, showNotification } from './view.ts'
import { readDeliveryWhere, type DeliveryWish } from './where.ts'
import type { NotificationReport } from '../../rpc/notification.ts'

/** Records of a page unless asked otherwise. */
const DEFAULT_PAGE_SIZE = 100
/** Bodies read at a time, and characters that the bodies of a page hold together, unless it is a single one. */
const BODIES_AT_A_TIME = 5
const BODIES_SIZE = 8_000_000

interface Page {
	pageSize?: number | undefined
	nextPage?: string | undefined
	hydrate?: 'true' | 'false' | undefined
}

/** `GET /notifications`. */
export async function list(c: CallerContext, query: Page): Promise<Notification[]> {
	const topics = listParameter(c, 'topics')
	const { instances: wanted, own } = splitTopics(topics)
	const wish: DeliveryWish = {
		statuses: null,
		urls: null,
		instanceIds: topics.length === 0 ? null : wanted.map((one) => one.instanceId),
		ownTopics: topics.length === 0 ? null : own,
		subscriptionIds: null,
	}
	// A topic names the element too.
	const named = (one: Reached): boolean =>
		topics.length === 0 ||
		one.elementKey === null ||
		wanted.some(({ instanceId, elementKey }) => instanceId === one.id && elementKey === one.elementKey)
	const { owners, entries } = await page(c, wish, query, query.hydrate !== 'false', named)
	return entries.map(({ instanceId, row }) => showNotification(c.env.PUBLIC_URL, owners.get(instanceId)!, row))
}

/** `GET /notifications/{id}`. */
export async function show(c: CallerContext, id: string): Promise<Notification> {
	const { owner, report } = await requireNotification(c, id)
	return showNotification(c.env.PUBLIC_URL, owner, report)
}

/** `PUT /notifications/{id}/acknowledge`. */
export async function acknowledge(c: CallerContext, id: string): Promise<Notification> {
	const { owner, counter } = await requirePosition(c, id)
	if (!(await askOwner(c, owner.id, (watcher) => watcher.acknowledge(counter)))) throw new NotFound('No such notification')
	return await show(c, id)
}

/** `GET /notifications/{id}/attempts`: those that have ended, the first one first. */
export async function attempts(c: CallerContext, id: string): Promise<Attempt[]> {
	const { owner, counter } = await requirePosition(c, id)
	const found = await askOwner(c, owner.id, (watcher) => watcher.attempts(counter))
	if (found === null) throw new NotFound('No such notification')
	return found.map(showAttempt)
}

/** `GET /notifications/{id}/subscriptions/deliveries`, or of one subscription. A notification is formed for one. */
export async function deliveriesOf(c: CallerContext, id: string, subscriptionId: string | null, hydrate: boolean): Promise<Delivery[]> {
	const wanted = subscriptionId === null ? null : readId(subscriptionId)
	const { owner, report } = await requireNotification(c, id)
	if (wanted !== null && report.subscription !== wanted) throw new NotFound(`No delivery of this notification to subscription ${wanted}`)
	return [showDelivery(c.env.PUBLIC_URL, owner, hydrate ? report : { ...report, body: null })]
}

/** `GET /notifications/subscriptions/deliveries`. */
export async function deliveries(c: CallerContext, query: Page & { where?: string | undefined }): Promise<Delivery[]> {
	const { owners, entries } = await page(c, readDeliveryWhere(query.where), query, query.hydrate === 'true', () => true)
	return entries.map(({ instanceId, row }) => showDelivery(c.env.PUBLIC_URL, owners.get(instanceId)!, row))
}

/** `PUT /notifications/subscriptions/deliveries`: sends again what is queued, and to its subscriptions from now on. */
export async function release(c: CallerContext, where: string): Promise<Release[]> {
	const { services, user, requestId } = c.var
	if (where.trim() === '') throw new BadRequest(`where: ${WHAT_TO_RELEASE}`)
	const wish = readDeliveryWhere(where)
	if (wish.statuses !== null && !wish.statuses.includes('queued'))
		throw new BadRequest('where: expected status to be queued; nothing else is released')
	const released = []
	const { organizationId } = user
	for (const owner of await reachable(c, { ...wish, tags: listParameter(c, 'tags') })) {
		const { id } = owner
		const instanceId = instanceOf(owner)
		const whose =
			instanceId === null
				? ({ objectType: 'organization', objectId: organizationId } as const)
				: ({ objectType: 'instance', objectId: instanceId } as const)
		const subscriptions = await askOwner(c, id, (watcher) => watcher.subscriptions())
		for (const { number, url, topics } of subscriptions) {
			if (instanceId === null && wish.ownTopics !== null && !overlaps(wish.ownTopics, topics ?? [])) continue
			if (wish.subscriptionIds?.includes(number) === false || wish.urls?.includes(url) === false) continue
			const count = await askOwner(c, id, (watcher) => watcher.release({ subscription: number }))
			await services.env.DB.batch([
				auditStatement(
					services.env.DB,
					{ organizationId, userId: user.id, requestId },
					{ action: 'subscription.release', ...whose, detail: { subscription: number, released: count } },
					services.now(),
				),
			])
			released.push({ subscriptionId: number, instanceId, config: { url }, released: count })
		}
	}
	return released
}

/** The notification of a path with its body. */
export async function requireNotification(
	c: CallerContext,
	id: string,
): Promise<Awaited<ReturnType<typeof requirePosition>> & { report: NotificationReport }> {
	const position = await requirePosition(c, id)
	const report = await askOwner(c, position.owner.id, (watcher) => watcher.notification(position.counter))
	if (report === null) throw new NotFound('No such notification')
	return { ...position, report }
}

/** Whether a subscription hears of one of these topics. */
function overlaps(wanted: readonly string[], heard: readonly string[]): boolean {
	return wanted.some((one) => heard.some((other) => hearsTopic(one, other) || hearsTopic(other, one)))
}

/** A page of notifications across the objects that a wish reaches; sets the headers. */
async function page(
	c: CallerContext,
	wish: DeliveryWish,
	query: Page,
	withBodies: boolean,
	named: (one: Reached) => boolean,
): Promise<{ owners: Map<number, Reached>; entries: Owned<NotificationReport>[] }> {
	const place = parsePageToken(query.nextPage, 3)
	const reached = wish.statuses?.length === 0 ? [] : await reachable(c, { ...wish, tags: listParameter(c, 'tags') })
	const owners = new Map(reached.filter(named).map((one) => [one.id, one]))
	const filter = {
		...(wish.statuses === null ? {} : { statuses: wish.statuses }),
		...(wish.subscriptionIds === null ? {} : { subscriptions: wish.subscriptionIds }),
		...(wish.urls === null ? {} : { urls: wish.urls }),
	}
	const found = await mergePages<NotificationReport>(
		[...owners.keys()],
		{
			pageSize: query.pageSize ?? DEFAULT_PAGE_SIZE,
			after: place === null ? null : { atMs: place[0]!, instanceId: place[1]!, number: place[2]! },
			fromMs: null,
			toMs: null,
		},
		(row) => ({ atMs: row.createdMs, number: counterOf(row) }),
		async (id, { fromMs: _from, ...part }) => {
			const topics = owners.get(id)?.elementKey === null && wish.ownTopics !== null ? { topics: wish.ownTopics } : {}
			const answer = await c.var.services.watcher(id).notifications({ ...part, ...filter, ...topics })
			return answer === 'unknown' ? null : { rows: answer.notifications, next: answer.next }
		},
	)
	const entries = withBodies ? await hydrated(c, found.entries) : found.entries
	const last = entries.at(-1)
	const cut = last !== undefined && entries.length < found.entries.length
	const next = cut ? { atMs: last.row.createdMs, instanceId: last.instanceId, number: counterOf(last.row) } : found.next
	setPageHeaders(c, {
		returned: entries.length,
		total: null,
		next: next === null ? null : formatPageToken([next.atMs, next.instanceId, next.number]),
	})
	return { owners, entries }
}

/** The same with their bodies, as many as an answer holds. */
async function hydrated(c: CallerContext, entries: readonly Owned<NotificationReport>[]): Promise<Owned<NotificationReport>[]> {
	const whole: Owned<NotificationReport>[] = []
	let size = 0
	for (let start = 0; start < entries.length; start += BODIES_AT_A_TIME) {
		const part = await Promise.all(
			entries.slice(start, start + BODIES_AT_A_TIME).map(async ({ instanceId, row }) => ({
				instanceId,
				// One that has left the log meanwhile stays as it was listed.
				row: (await askOwner(c, instanceId, (watcher) => watcher.notification(counterOf(row)))) ?? row,
			})),
		)
		for (const one of part) {
			size += one.row.body?.length ?? 0
			if (whole.length > 0 && size > BODIES_SIZE) return whole
			whole.push(one)
		}
	}
	return whole
}

function counterOf(row: NotificationReport): number {
	return parseNotificationId(row.id)?.counter ?? 0
}
