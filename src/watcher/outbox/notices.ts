/** The object without a store: operator events of an organization, and notices posted to its own topics, as events. */
import { formatEventId, toNotificationId } from '../../events/ids.ts'
import type { Core } from '../core/core.ts'
import { createEvent, type NewEvent } from '../log/event-log.ts'
import { appendEvents } from './forming.ts'
import { reserveNotifications } from './notification-rows.ts'
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
				resourceNumber: NO_RESOURCE,
				resource: notice.topic,
				objectId: notice.number === null ? notice.topic : notice.origin,
				chain: null,
				// A stored event needs a type. The body of a notice does not have it.
				eventType: 'CREATED',
				dateMs: notice.atMs,
				source: 'poll',
				changedFields: null,
				flags: { severity: notice.severity, ...(notice.from === undefined ? {} : { from: notice.from }) },
				record: notice.body,
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

function isNewNotice(core: Core, origin: number, number: number): boolean {
	const last = core.ports.sql.all<{ last: number }>(`SELECT last FROM heard WHERE origin = ?`, origin)[0]?.last ?? 0
	return number > last
}
