/** Handler of `POST /notifications`. */
import type * as z from 'zod'
import { BadRequest } from '../../lib/errors.ts'
import { parseNotificationId } from '../../events/ids.ts'
import { ensureOwner, findOwner } from '../../instances/organizations.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import type { CallerContext } from '../http/environment.ts'
import type { Notification, NotificationBody } from './schema.ts'
import { callOwner } from './owners.ts'
import { requireOwnTopic } from './topics.ts'
import { toNotificationResponse } from './view.ts'
import { getViewOptions } from './view-options.ts'

/** Publishes on the organization's own object; returns the notification of the first matching subscription. */
export async function postNotification(
	c: CallerContext,
	body: z.output<typeof NotificationBody>,
): Promise<Notification> {
	const { services, user } = c.var
	const topic = requireOwnTopic(body.topic)
	if (body.message === undefined) throw new BadRequest('message: expected a JSON value')
	const message = JSON.stringify(body.message)
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
	const owner =
		(await findOwner(c.env.DB, user.organizationId)) ??
		(await ensureOwner(services.env, user.organizationId, (ref) => services.watcher(ref)))
	const [published] = await callOwner(c, owner, (watcher) => watcher.publish([notice]))
	const position = parseNotificationId(published?.notificationId ?? 0)
	const report =
		position === null ? null : await callOwner(c, owner, (watcher) => watcher.notification(position.counter))
	if (report === null) throw new Error('the published notification is missing')
	return toNotificationResponse(getViewOptions(c), { ...owner, elementKey: null }, report)
}
