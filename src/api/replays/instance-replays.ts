/** Handlers of replays, test events and erasure. */
import type * as z from 'zod'
import { BadRequest, Conflict, NotFound } from '../../lib/errors.ts'
import { formatLimit } from '../../lib/limits.ts'
import { EVENT_TYPES } from '../../events/event.ts'
import { parseNotificationId } from '../../events/ids.ts'
import type { Instance } from '../../instances/rows.ts'
import type { ReplayQuery, SubscriptionReport } from '../../rpc/delivery.ts'
import { parseId } from '../http/access.ts'
import { audit, toAuditObject } from '../http/audit.ts'
import type { CallerContext, InstanceContext } from '../http/environment.ts'
import { requireNotification } from '../notifications/deliveries.ts'
import { toResendResponse } from '../notifications/view.ts'
import { parseTimeRange, parseEnumValues } from '../events/filter.ts'
import { parseTimeParameter } from '../http/times.ts'
import type { ReplayBody, ReplayFilter } from './instance-schema.ts'
import type { NotificationReport } from '../../rpc/notification.ts'
import { callWatcher, callWatcherOf } from '../http/ask.ts'

type ResendView = ReturnType<typeof toResendResponse>

const REACTIVATE_HINT =
	'PUT /notifications/subscriptions/deliveries reactivates it and releases its queued notifications; ' +
	'PUT /instances/{id}/enabled does so for all subscriptions'

/** `POST …/replays`: 202 with the replay, 200 for a dry run. */
export async function startReplay(
	c: InstanceContext,
	body: z.output<typeof ReplayBody>,
	dryRun: boolean,
): Promise<ResendView> {
	const { instance } = c.var
	const selectors = (['notificationId', 'failedSince', 'filter'] as const).filter((key) => body[key] !== undefined)
	const [selector] = selectors
	if (selector === undefined || selectors.length > 1)
		throw new BadRequest('body: expected one of notificationId, failedSince and filter')
	const isDryRun = dryRun || body.dryRun === true || body.dryRun === 'true'
	c.status(isDryRun ? 200 : 202)
	if (selector === 'notificationId') {
		const position = parseNotificationId(body.notificationId as string | number)
		const report =
			position?.ownerId !== instance.id
				? null
				: await callWatcherOf(c.var.services, instance, (watcher) => watcher.notification(position.counter))
		if (position === null || report === null)
			throw new BadRequest('notificationId: expected the id of a notification of this instance')
		return await beginReplay(c, instance, { notification: position.counter }, selector, isDryRun, report)
	}
	const { query } = parseReplayQuery(body)
	return await beginReplay(c, instance, query, selector, isDryRun, null)
}

/** Parses `failedSince` or `filter`. 400 for both, and for neither. */
export function parseReplayQuery(body: Pick<z.output<typeof ReplayBody>, 'failedSince' | 'filter'>): {
	query: ReplayQuery
	by: string
} {
	if ((body.failedSince === undefined) === (body.filter === undefined))
		throw new BadRequest('body: expected one of failedSince and filter')
	return body.filter === undefined
		? { query: { failedSinceMs: requireTime('failedSince', body.failedSince) }, by: 'failedSince' }
		: { query: { events: parseReplayFilter(body.filter) }, by: 'filter' }
}

/** `POST /notifications/{id}/replay`. */
export async function replayNotification(c: CallerContext, id: string, dryRun: boolean): Promise<ResendView> {
	const { owner, instance, counter, report } = await requireNotification(c, id)
	const sender = instance ?? { ...owner, enabled: true, eventsEnabled: true, own: true as const }
	c.status(dryRun ? 200 : 202)
	return await beginReplay(c, sender, { notification: counter }, 'notificationId', dryRun, report)
}

/** `GET …/replays`: replays and releases, newest first. */
export async function listReplays(c: InstanceContext): Promise<ResendView[]> {
	return (await callWatcher(c, (watcher) => watcher.resends())).map(toResendResponse)
}

/** `GET …/replays/{replayId}`. */
export async function getReplay(c: InstanceContext, replayId: string): Promise<ResendView> {
	const id = parseId(replayId)
	const found = (await callWatcher(c, (watcher) => watcher.resends())).find((replay) => replay.id === id)
	if (found === undefined) throw new NotFound(`No replay ${id}`)
	return toResendResponse(found)
}

/** `DELETE …/replays/{replayId}`. A replay that has ended does not change. */
export async function cancelReplay(c: InstanceContext, replayId: string): Promise<ResendView> {
	const id = parseId(replayId)
	const ended = await callWatcher(c, (watcher) => watcher.cancelResend(id))
	if (ended === null) throw new NotFound(`No replay ${id}`)
	await audit(c, {
		action: 'instance.replay.cancel',
		...toAuditObject(c, c.var.instance.id),
		detail: { replay: id, left: ended.left },
	})
	return toResendResponse(ended)
}

/** `POST …/test-event`: 202 with the ids of what is sent. */
export async function sendTestEvent(c: InstanceContext): Promise<{ notificationId: number; eventId: string }> {
	const { instance } = c.var
	requireRunning(instance)
	const sent = await callWatcher(c, (watcher) => watcher.testEvent())
	if (sent === null) {
		const callback = (await callWatcher(c, (watcher) => watcher.subscriptions())).find(
			(subscription) => subscription.number === instance.subscriptionId,
		)
		if (callback === undefined) throw new Conflict('This instance has no callback; set event.notification.callback.url')
		throw deactivatedError(callback)
	}
	await audit(c, {
		action: 'instance.test-event',
		...toAuditObject(c, instance.id),
		detail: { notification: sent.notificationId },
	})
	return sent
}

/** `DELETE …/events/objects/{resource}/{objectId}`. Not audited: the object's id, which may identify a person. */
export async function eraseObject(c: InstanceContext, resource: string, objectId: string): Promise<{ erased: number }> {
	const erased = await callWatcherOf(c.var.services, c.var.instance, (watcher) => watcher.erase(resource, objectId))
	await audit(c, { action: 'instance.erase', ...toAuditObject(c, c.var.instance.id), detail: { resource, erased } })
	return { erased }
}

/** The object that sends: an instance's or the organization's own (`own`). */
type ReplaySource = Pick<Instance, 'id' | 'incarnation' | 'enabled' | 'eventsEnabled'> & { own?: true }

/** Starts a replay; 409 without an active subscription. `report`: of the one notification to replay. */
async function beginReplay(
	c: Pick<CallerContext, 'env' | 'var'>,
	sender: ReplaySource,
	query: ReplayQuery,
	selector: string,
	dryRun: boolean,
	report: NotificationReport | null,
): Promise<ResendView> {
	const { services } = c.var
	if (!dryRun) requireRunning(sender)
	const subscriptions = await callWatcherOf(services, sender, (watcher) => watcher.subscriptions())
	if (report === null) requireActiveSubscription(subscriptions)
	else requireSendable(report, subscriptions)
	const resend = await callWatcherOf(services, sender, (watcher) => watcher.replay(query, dryRun))
	if (resend === 'too-many')
		throw new BadRequest(
			sender.own
				? `At most ${formatLimit('replays')} run at a time; wait until one has ended`
				: `At most ${formatLimit('replays')} of an instance run at a time; wait until one has ended, or cancel one with ` +
						'DELETE /instances/{id}/replays/{replayId}',
		)
	if (!dryRun)
		await audit(c, {
			action: sender.own ? 'organization.replay' : 'instance.replay',
			...toAuditObject(c, sender.own ? null : sender.id),
			detail: { replay: resend.id, by: selector, total: resend.total },
		})
	return toResendResponse(resend)
}

function requireRunning(instance: ReplaySource): void {
	if (!instance.enabled) throw new Conflict('This instance is disabled; enable it first')
	if (!instance.eventsEnabled) throw new Conflict('This instance has no events; set event.notification.enabled to true')
}

function requireActiveSubscription(subscriptions: readonly SubscriptionReport[]): void {
	const [first] = subscriptions
	if (first === undefined)
		throw new Conflict(
			'This instance has no callback or subscription; set event.notification.callback.url or create a subscription',
		)
	if (!subscriptions.some((subscription) => subscription.active)) throw deactivatedError(first)
}

function requireSendable(report: NotificationReport, subscriptions: readonly SubscriptionReport[]): void {
	if (report.nextTryMs !== null) throw new Conflict('This notification is already being sent')
	const targets = (report.deliveries ?? [report])
		.filter(({ status }) => status !== 'dropped')
		.flatMap((delivery) => subscriptions.find(({ number }) => number === delivery.subscription) ?? [])
	const [first] = targets
	if (first === undefined)
		throw new Conflict('This notification cannot be sent: it was dropped, or its subscription was deleted')
	if (!targets.some(({ active }) => active)) throw deactivatedError(first)
}

function deactivatedError({ number, reason }: SubscriptionReport): Conflict {
	return new Conflict(`Subscription ${number} is deactivated: ${reason ?? 'unknown reason.'} ${REACTIVATE_HINT}`)
}

function parseReplayFilter(filter: z.output<typeof ReplayFilter>): NonNullable<ReplayQuery['events']> {
	if (Object.values(filter).every((value) => value === undefined))
		throw new BadRequest('filter: expected at least one of from, to, eventTypes, resources, objectId, status and text')
	const { from, to, eventTypes, resources, objectId, status, text } = filter
	// A blank time would select more than intended.
	for (const [name, value] of Object.entries({ from, to }))
		if (value !== undefined) requireTime(`filter.${name}`, value)
	const { fromMs, toMs } = parseTimeRange({ from: from?.toString().trim(), to: to?.toString().trim() }, 'filter.')
	const types =
		eventTypes === undefined ? undefined : parseEnumValues('filter.eventTypes', splitNames(eventTypes), EVENT_TYPES)
	if (types?.length === 0) throw new BadRequest(`filter.eventTypes: expected a list of ${EVENT_TYPES.join(', ')}`)
	const labels = resources === undefined ? undefined : splitNames(resources)
	if (labels?.length === 0) throw new BadRequest('filter.resources: expected a list of resources, such as orders')
	return {
		fromMs: fromMs ?? undefined,
		toMs: toMs ?? undefined,
		types,
		resources: labels,
		objectId: objectId === undefined ? undefined : String(objectId),
		status,
		text,
	}
}

/** A list, or names joined with `|` as in configuration keys. */
function splitNames(value: string | string[]): string[] {
	const names = typeof value === 'string' ? value.split('|') : value
	return names.map((name) => name.trim()).filter((name) => name !== '')
}

function requireTime(name: string, value: string | number | undefined): number {
	const ms = parseTimeParameter(name, String(value ?? '').trim())
	if (ms === null) throw new BadRequest(`${name}: expected a time such as 2026-01-31T12:00:00Z`)
	return ms
}
