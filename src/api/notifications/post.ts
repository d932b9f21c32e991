/** Handler of `POST /notifications`. */
import type * as z from 'zod'
import { parseExact } from '../../elements/json.ts'
import { BadRequest, Conflict, TooManyRequests } from '../../lib/errors.ts'
import { parseNotificationId } from '../../events/ids.ts'
import { ensureOwner, findOwner } from '../../instances/organizations.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import type { Instance } from '../../instances/rows.ts'
import type { ScopedInstance } from '../../instances/subscriptions.ts'
import type { ObjectRef } from '../../lib/incarnation.ts'
import { findAccessibleInstance } from '../http/access.ts'
import type { CallerContext } from '../http/environment.ts'
import type { Notification, NotificationBody } from './schema.ts'
import { callOwner } from './owners.ts'
import { requireTopic, type InstanceTopic } from './topics.ts'
import { toNotificationResponse } from './view.ts'
import { getViewOptions } from './view-options.ts'

/** When a post that was refused because too much waits may be repeated. */
const RETRY_AFTER_SECONDS = 10

/** Publishes on the organization's own object, or on that of an instance; returns the notification. */
export async function postNotification(
	c: CallerContext,
	body: z.output<typeof NotificationBody>,
): Promise<Notification> {
	const { services, user } = c.var
	const instanceTopic = requireTopic(body.topic)
	const { topic } = body
	if (body.message === undefined) throw new BadRequest('message: expected a JSON value')
	// Out of the text, because parsing has rounded numbers.
	const message = JSON.stringify((parseExact(await c.req.text()) as { message: unknown }).message)
	if (new TextEncoder().encode(message).length > LIMITS.message.value)
		throw new BadRequest(`message: ${expectedAtMost('message')}`)
	const from = body.from?.trim() ?? ''
	const notice = {
		origin: 0,
		number: null,
		topic,
		atMs: services.now(),
		severity: body.severity ?? 'medium',
		...(from === '' ? {} : { from }),
		body: message,
	}
	const owner = instanceTopic === null ? null : await requireTopicInstance(c, instanceTopic)
	const target: ScopedInstance =
		owner ??
		toScopedOwner(
			(await findOwner(c.env.DB, user.organizationId)) ??
				(await ensureOwner(services.env, user.organizationId, (ref) => services.watcher(ref))),
		)
	const [published] = await callOwner(c, target, (watcher) => watcher.publish([notice]))
	if (published === undefined && owner !== null)
		throw new TooManyRequests(
			`topic: too many notifications of instance ${owner.id} are waiting to be sent; retry when some are delivered`,
			RETRY_AFTER_SECONDS,
		)
	const position = parseNotificationId(published?.notificationId ?? 0)
	const report =
		position === null ? null : await callOwner(c, target, (watcher) => watcher.notification(position.counter))
	if (report === null) throw new Error('the published notification is missing')
	return toNotificationResponse(getViewOptions(c), target, report)
}

/** The instance of a topic that can send; 400 if it is none of the organization's, 409 if it sends nothing. */
async function requireTopicInstance(c: CallerContext, { instanceId, elementKey }: InstanceTopic): Promise<Instance> {
	const instance = await findAccessibleInstance(c, instanceId)
	if (instance === null || instance.elementKey !== elementKey)
		throw new BadRequest('topic: none of your instances has this topic')
	if (!instance.enabled) throw new Conflict('This instance is disabled; enable it first')
	if (!instance.eventsEnabled) throw new Conflict('This instance has no events; set event.notification.enabled to true')
	c.set('instanceId', instance.id)
	return instance
}

function toScopedOwner(owner: ObjectRef): ScopedInstance {
	return { ...owner, elementKey: null }
}
