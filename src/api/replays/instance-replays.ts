/** Replays, test events and erasing: what is asked of an instance's object about what it has sent. */
import type * as z from 'zod'
import { auditStatement, type AuditEntry } from '../../accounts/audit.ts'
import { BadRequest, Conflict, NotFound } from '../../lib/errors.ts'
import { shown } from '../../lib/limits.ts'
import { EVENT_TYPES } from '../../events/event.ts'
import { parseNotificationId } from '../../events/ids.ts'
import type { Instance } from '../../instances/records.ts'
import type { ReplayQuery, SubscriptionReport } from '../../rpc/delivery.ts'
import { readId } from '../http/access.ts'
import type { CallerContext, InstanceContext } from '../http/environment.ts'
import { requireNotification } from '../notifications/deliveries.ts'
import { showResend } from '../notifications/view.ts'
import { readRange, wordsOf } from '../events/filter.ts'
import { readMoment } from '../http/times.ts'
import type { ReplayBody, ReplayFilter } from './instance-schema.ts'
import type { NotificationReport } from '../../rpc/notification.ts'
import { ask, askObject } from '../http/ask.ts'

type Shown = ReturnType<typeof showResend>

/** What makes a dead callback alive again. */
const REVIVE =
	'PUT /notifications/subscriptions/deliveries releases what is queued and activates it, PUT /instances/{id}/enabled does so for all'

/** `POST …/replays`: 202 with the replay, 200 with what it would be. */
export async function replay(c: InstanceContext, body: z.output<typeof ReplayBody>, dryRun: boolean): Promise<Shown> {
	const { instance } = c.var
	const given = (['notificationId', 'failedSince', 'filter'] as const).filter((key) => body[key] !== undefined)
	const [what] = given
	if (what === undefined || given.length > 1) throw new BadRequest('body: expected one of notificationId, failedSince and filter')
	const dry = dryRun || body.dryRun === true || body.dryRun === 'true'
	c.status(dry ? 200 : 202)
	if (what === 'notificationId') {
		const position = parseNotificationId(body.notificationId as string | number)
		const report =
			position?.ownerId !== instance.id
				? null
				: await askObject(c.var.services, instance.id, (watcher) => watcher.notification(position.counter))
		if (position === null || report === null) throw new BadRequest('notificationId: expected the id of a notification of this instance')
		return await begin(c.var, instance, { notification: position.counter }, what, dry, report)
	}
	const { query } = readReplayQuery(body)
	return await begin(c.var, instance, query, what, dry, null)
}

/** What a body with `failedSince` or `filter` means, and which of the two it has. 400 for both, and for neither. */
export function readReplayQuery(body: Pick<z.output<typeof ReplayBody>, 'failedSince' | 'filter'>): { query: ReplayQuery; by: string } {
	if ((body.failedSince === undefined) === (body.filter === undefined)) throw new BadRequest('body: expected one of failedSince and filter')
	return body.filter === undefined
		? { query: { failedSinceMs: requireMoment('failedSince', body.failedSince) }, by: 'failedSince' }
		: { query: { events: readFilter(body.filter) }, by: 'filter' }
}

/** `POST /notifications/{id}/replay`. */
export async function replayOne(c: CallerContext, id: string, dryRun: boolean): Promise<Shown> {
	const { owner, instance, counter, report } = await requireNotification(c, id)
	const sender = instance ?? {
		id: owner.id,
		organizationId: c.var.user.organizationId,
		enabled: true,
		eventsEnabled: true,
		own: true as const,
	}
	c.status(dryRun ? 200 : 202)
	return await begin(c.var, sender, { notification: counter }, 'notificationId', dryRun, report)
}

/** `GET …/replays`: newest first, releases among them. */
export async function list(c: InstanceContext): Promise<Shown[]> {
	return (await ask(c, (watcher) => watcher.resends())).map(showResend)
}

/** `GET …/replays/{replayId}`. */
export async function show(c: InstanceContext, replayId: string): Promise<Shown> {
	const id = readId(replayId)
	const found = (await ask(c, (watcher) => watcher.resends())).find((one) => one.id === id)
	if (found === undefined) throw new NotFound(`No replay ${id}`)
	return showResend(found)
}

/** `DELETE …/replays/{replayId}`: cancels. One that has ended stays as it is. */
export async function cancel(c: InstanceContext, replayId: string): Promise<Shown> {
	const id = readId(replayId)
	const ended = await ask(c, (watcher) => watcher.cancelResend(id))
	if (ended === null) throw new NotFound(`No replay ${id}`)
	await note(c.var, c.var.instance, { action: 'instance.replay.cancel', detail: { replay: id, left: ended.left } })
	return showResend(ended)
}

/** `POST …/test-event`: 202 with what was put on its way. */
export async function testEvent(c: InstanceContext): Promise<{ notificationId: number; eventId: string }> {
	const { instance } = c.var
	requireRunning(instance)
	const sent = await ask(c, (watcher) => watcher.testEvent())
	if (sent === null) {
		const callback = (await ask(c, (watcher) => watcher.subscriptions())).find((one) => one.number === instance.subscriptionId)
		if (callback === undefined) throw new Conflict('This instance has no callback; set event.notification.callback.url')
		throw deactivated(callback)
	}
	await note(c.var, instance, { action: 'instance.test-event', detail: { notification: sent.notificationId } })
	return sent
}

/** `DELETE …/events/objects/{resource}/{objectId}`. The audit log names the resource; the object's id may say who somebody is. */
export async function erase(c: InstanceContext, resource: string, objectId: string): Promise<{ erased: number }> {
	const erased = await askObject(c.var.services, c.var.instance.id, (watcher) => watcher.erase(resource, objectId))
	await note(c.var, c.var.instance, { action: 'instance.erase', detail: { resource, erased } })
	return { erased }
}

/** Whose object sends: an instance's, or the organization's own. */
type Sender = Pick<Instance, 'id' | 'organizationId' | 'enabled' | 'eventsEnabled'> & { own?: true }

/** Begins a replay, when there is somebody to send to. `report`: the one notification that is meant. */
async function begin(
	by: CallerContext['var'],
	sender: Sender,
	query: ReplayQuery,
	what: string,
	dryRun: boolean,
	report: NotificationReport | null,
): Promise<Shown> {
	const { services } = by
	if (!dryRun) requireRunning(sender)
	const subscriptions = await askObject(services, sender.id, (watcher) => watcher.subscriptions())
	if (report === null) requireSomebody(subscriptions)
	else requireSendable(report, subscriptions)
	const begun = await askObject(services, sender.id, (watcher) => watcher.replay(query, dryRun))
	if (begun === 'too-many')
		throw new BadRequest(
			sender.own
				? `At most ${shown('replays')} run at a time; wait until one has ended`
				: `At most ${shown('replays')} of an instance run at a time; wait until one has ended, or cancel one with DELETE /instances/{id}/replays/{replayId}`,
		)
	if (!dryRun)
		await note(by, sender, {
			action: sender.own ? 'organization.replay' : 'instance.replay',
			detail: { replay: begun.id, by: what, total: begun.total },
		})
	return showResend(begun)
}

function requireRunning(instance: Sender): void {
	if (!instance.enabled) throw new Conflict('This instance is disabled and delivers nothing; enable it first')
	if (!instance.eventsEnabled) throw new Conflict('This instance has no events; set event.notification.enabled to true')
}

function requireSomebody(subscriptions: readonly SubscriptionReport[]): void {
	const [first] = subscriptions
	if (first === undefined) throw new Conflict('This instance sends to nobody; set event.notification.callback.url, or make a subscription')
	if (!subscriptions.some((one) => one.active)) throw deactivated(first)
}

function requireSendable(report: NotificationReport, subscriptions: readonly SubscriptionReport[]): void {
	if (report.nextTryMs !== null) throw new Conflict('This notification is on its way already')
	const subscription = subscriptions.find((one) => one.number === report.subscription)
	if (subscription === undefined || report.status === 'dropped')
		throw new Conflict('This notification was dropped, or its subscription removed: there is nowhere to send it')
	if (!subscription.active) throw deactivated(subscription)
}

function deactivated({ number, reason }: SubscriptionReport): Conflict {
	return new Conflict(`Subscription ${number} is deactivated: ${reason ?? 'it was not said why.'} ${REVIVE}`)
}

function readFilter(filter: z.output<typeof ReplayFilter>): NonNullable<ReplayQuery['events']> {
	if (Object.values(filter).every((value) => value === undefined))
		throw new BadRequest('filter: expected at least one of from, to, eventTypes, resources, objectId, status and text')
	const { from, to, eventTypes, resources, objectId, status, text } = filter
	// What is blank here would name more than was meant.
	for (const [name, value] of Object.entries({ from, to })) if (value !== undefined) requireMoment(`filter.${name}`, value)
	const { fromMs, toMs } = readRange({ from: from?.toString().trim(), to: to?.toString().trim() }, 'filter.')
	const types = eventTypes === undefined ? undefined : wordsOf('filter.eventTypes', namesOf(eventTypes), EVENT_TYPES)
	if (types?.length === 0) throw new BadRequest(`filter.eventTypes: expected a list of ${EVENT_TYPES.join(', ')}`)
	const labels = resources === undefined ? undefined : namesOf(resources)
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

/** A list, or texts joined with `|` as configuration keys have them. */
function namesOf(value: string | string[]): string[] {
	const names = typeof value === 'string' ? value.split('|') : value
	return names.map((name) => name.trim()).filter((name) => name !== '')
}

function requireMoment(name: string, value: string | number | undefined): number {
	const ms = readMoment(name, String(value ?? '').trim())
	if (ms === null) throw new BadRequest(`${name}: expected a time such as 2026-01-31T12:00:00Z`)
	return ms
}

async function note(by: CallerContext['var'], sender: Sender, entry: Pick<AuditEntry, 'action' | 'detail'>): Promise<void> {
	const { services, user, requestId } = by
	await services.env.DB.batch([
		auditStatement(
			services.env.DB,
			{ organizationId: sender.organizationId, userId: user.id, requestId },
			{
				...entry,
				...(sender.own ? { objectType: 'organization', objectId: sender.organizationId } : { objectType: 'instance', objectId: sender.id }),
			},
			services.now(),
		),
	])
}
