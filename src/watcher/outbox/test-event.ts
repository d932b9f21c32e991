/**
 * A test event: a sample that goes the whole way to the callback, said to be one, so that an address and a signature
 * can be tried.
 */
import { formatEventId, toNotificationId } from '../../events/ids.ts'
import type { Core } from '../core/core.ts'
import { writeEvent, type NewEvent } from '../log/event-log.ts'
import { insertNotification } from './notification-rows.ts'
import { CALLBACK_ID, readSubscriptions } from './subscriptions.ts'
import { track } from './unsettled.ts'
import { countRecorded } from '../log/tally.ts'

/** No resource has this number: a test event counts for no object. */
const NO_RESOURCE = 0
const TEST_OBJECT_ID = 'test-event'

/**
 * Puts a test event into the log and on the wire, whatever the filter wants; null: there is no callback, or it is
 * deactivated.
 */
export function enqueueTestEvent(core: Core): { notificationId: number; eventId: string } | null {
	const callback = readSubscriptions(core.ports.sql).find((subscription) => subscription.id === CALLBACK_ID)
	if (callback?.active !== true) return null
	return core.commit(() => {
		const { state, config } = core
		const now = core.ports.now()
		const atMs = core.nextLogTimeMs()
		const sequence = ++state.sequence
		const notification = ++state.notification
		const event: NewEvent = {
			sequence,
			tag: core.ports.eventTag(config.instanceId, sequence),
			resourceNumber: NO_RESOURCE,
			resource: state.resources[0]?.objectType ?? 'orders',
			objectId: TEST_OBJECT_ID,
			objectSequence: sequence,
			previousSequence: null,
			previousEvent: null,
			eventType: 'UPDATED',
			dateMs: now,
			pollDateMs: atMs,
			source: 'poll',
			changedFields: null,
			flags: { test: true },
			record: JSON.stringify({ id: TEST_OBJECT_ID, test: true }),
		}
		// Lists across instances leave out whose newest event is too old.
		state.lastEventMs = atMs
		writeEvent(core.ports.sql, event, [notification], atMs)
		countRecorded(core, 1, atMs)
		insertNotification(core, callback, notification, event.resource, [[sequence, NO_RESOURCE, TEST_OBJECT_ID]], now)
		track(core, [notification])
		core.doorbellRequested = true
		return {
			notificationId: toNotificationId(config.instanceId, notification),
			eventId: formatEventId(config.instanceId, sequence, event.tag),
		}
	})
}
