/**
 * Notices as events: operator events and messages posted to topics of an organization, in the object without a store;
 * messages posted to the topic of an instance, in its own object.
 */
import { formatEventId, toNotificationId } from '../../events/ids.ts'
import type { NotificationMember } from '../../events/notification-members.ts'
import type { Core } from '../core/core.ts'
import { POSTED_RESOURCE } from '../core/posted.ts'
import { createEvent, writeEvent, type NewEvent } from '../log/event-log.ts'
import { appendEvents } from './forming.ts'
import { insertNotification, insertUnheard, reserveNotifications } from './notification-rows.ts'
import { getUnsettledRows, MAX_UNSETTLED } from './unsettled.ts'
import type { Notice, PublishedNotice } from '../../rpc/delivery.ts'

/** No resource has this number. */
const NO_RESOURCE = 0

/**
 * Records notices as events and sends them, each once. Returns the new ones. The operator events of one instance keep
 * their order, and so do the notices posted to one topic; posted notices get their notifications immediately, even
 * while they wait.
 */
export function publishNotices(core: Core, notices: readonly Notice[]): PublishedNotice[] {
	const { sql } = core.ports
	return core.commit((tx) => {
		const { instanceId } = core.config
		const posted = new Set<number>()
		const events = notices.flatMap((notice): NewEvent[] => {
			if (notice.number !== null && !isNewNotice(core, notice.origin, notice.number)) return []
			const event = createEvent(tx, core, {
				...toEventFacts(notice),
				resourceNumber: NO_RESOURCE,
				objectId: notice.number === null ? notice.topic : notice.origin,
			})
			if (notice.number === null) posted.add(event.sequence)
			return [event]
		})
		for (const notice of notices)
			if (notice.number !== null)
				sql.run(
					`INSERT INTO heard (origin, last) VALUES (?, ?)
					ON CONFLICT (origin) DO UPDATE SET last = max(last, excluded.last)`,
					notice.origin,
					notice.number,
				)
		if (events.length > 0) {
			appendEvents(tx, core, events)
			core.doorbellRequested = true
		}
		return events.map((event) => ({
			eventId: formatEventId(instanceId, event.sequence, event.tag),
			sequence: event.sequence,
			notificationId: posted.has(event.sequence)
				? toNotificationId(instanceId, reserveNotifications(tx, core, event))
				: null,
		}))
	})
}

/**
 * Sends a notice to every subscription of an instance, regardless of the filter and of other notifications. Returns
 * nothing if one of them has too many unsettled notifications.
 */
export function postToInstance(core: Core, notice: Notice): PublishedNotice[] {
	const subscriptions = core.subscriptions.getAll()
	const unsettled = getUnsettledRows(core)
	const isFull = (subscription: number): boolean =>
		unsettled.filter((row) => row.subscription === subscription).length >= MAX_UNSETTLED
	if (subscriptions.some(({ id, active }) => active && isFull(id))) return []
	return core.commit((tx) => {
		const { state, config } = core
		const event = createEvent(tx, core, {
			...toEventFacts(notice),
			resourceNumber: POSTED_RESOURCE,
			objectId: notice.topic,
		})
		const first = state.notification + 1
		state.notification += Math.max(1, subscriptions.length)
		const ids = Array.from({ length: Math.max(1, subscriptions.length) }, (_, index) => first + index)
		// Not counted: the log counts changes.
		writeEvent(tx, core, event, ids, core.nextLogTimeMs(tx))
		const members: NotificationMember[] = [[event.sequence, POSTED_RESOURCE, notice.topic]]
		for (const [index, subscription] of subscriptions.entries())
			insertNotification(tx, core, subscription, ids[index]!, notice.topic, members, {
				notice: true,
				...(index === 0 ? {} : { postedAs: first }),
			})
		if (subscriptions.length === 0) insertUnheard(tx, core, first, notice.topic, members, { notice: true })
		core.notifications.track(
			tx,
			ids.filter((_, index) => subscriptions[index]?.active === true),
		)
		core.doorbellRequested = true
		return [
			{
				eventId: formatEventId(config.instanceId, event.sequence, event.tag),
				sequence: event.sequence,
				notificationId: toNotificationId(config.instanceId, first),
			},
		]
	})
}

/** The part of an event that is the same for every notice. */
function toEventFacts({ topic, atMs, severity, from, body }: Notice) {
	return {
		resource: topic,
		chain: null,
		// A stored event needs a type. The body of a notice does not have it.
		eventType: 'CREATED' as const,
		dateMs: atMs,
		source: 'poll' as const,
		changedFields: null,
		flags: { severity, ...(from === undefined ? {} : { from }) },
		record: body,
	}
}

function isNewNotice(core: Core, origin: number, number: number): boolean {
	const last = core.ports.sql.all<{ last: number }>(`SELECT last FROM heard WHERE origin = ?`, origin)[0]?.last ?? 0
	return number > last
}
