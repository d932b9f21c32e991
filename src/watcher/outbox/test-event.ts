/** Test events: a marked sample that is sent to the callback, to test the URL and the signature. */
import { TEST_OBJECT_ID } from '../../events/event.ts'
import { formatEventId, toNotificationId } from '../../events/ids.ts'
import type { NotificationMember } from '../../events/notification-members.ts'
import type { Core } from '../core/core.ts'
import { createEvent, writeEvent } from '../log/event-log.ts'
import { insertNotification } from './notification-rows.ts'
import { getCallbackSubscription } from './subscriptions.ts'
import { countRecorded } from '../log/tally.ts'

/** No resource has this number: a test event belongs to no object. */
const NO_RESOURCE = 0

/** Records and sends a test event, regardless of the filter; null: there is no callback, or it is deactivated. */
export function enqueueTestEvent(core: Core): { notificationId: number; eventId: string } | null {
	const callback = getCallbackSubscription(core)
	if (callback?.active !== true) return null
	return core.commit((tx) => {
		const { state, config } = core
		const event = createEvent(tx, core, {
			resourceNumber: NO_RESOURCE,
			resource: state.resources[0]?.objectType ?? 'orders',
			objectId: TEST_OBJECT_ID,
			chain: null,
			// One of the types that a receiver knows, and the one that creates and deletes nothing there.
			eventType: 'UPDATED',
			dateMs: core.ports.now(),
			source: 'poll',
			changedFields: null,
			flags: { test: true },
			record: JSON.stringify({ id: TEST_OBJECT_ID, test: true }),
		})
		const notification = ++state.notification
		const atMs = core.nextLogTimeMs(tx)
		writeEvent(tx, core, event, [notification], atMs)
		countRecorded(tx, core, [event], atMs)
		const members: NotificationMember[] = [[event.sequence, NO_RESOURCE, TEST_OBJECT_ID]]
		insertNotification(tx, core, callback, notification, event.resource, members)
		core.notifications.track(tx, [notification])
		core.doorbellRequested = true
		return {
			notificationId: toNotificationId(config.instanceId, notification),
			eventId: formatEventId(config.instanceId, event.sequence, event.tag),
		}
	})
}
