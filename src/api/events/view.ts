/** Events in responses (docs/contract.md §6, §11). */
import type * as z from 'zod'
import type { EventEntry } from '../../events/event.ts'
import type { EventReport } from '../../rpc/log.ts'
import { toIsoSeconds } from '../http/times.ts'
import type { EventResponse } from './schema.ts'

/** An event in a response. */
export type EventView = z.input<typeof EventResponse>

/** `eventDate` is when the change happened; `recordedDate`, by which lists are ordered, when it entered the log. */
export function toEventResponse(instanceId: number, row: EventReport): EventView {
	const notifications = row.notifications.map(({ id, status, createdMs, updatedMs }) => ({
		id,
		status,
		createdDate: toIsoSeconds(createdMs),
		updatedDate: toIsoSeconds(updatedMs),
	}))
	const event = JSON.parse(row.entry) as EventEntry
	return {
		id: row.eventId,
		eventDate: toIsoSeconds(row.dateMs),
		recordedDate: new Date(row.recordedMs).toISOString(),
		...(row.lagMs === undefined ? {} : { lagMs: row.lagMs }),
		status: row.status,
		providerData: row.record ?? '{}',
		...(row.variationRecords === undefined ? {} : { variationData: row.variationRecords }),
		...(event.erased ? { erased: true } : {}),
		...(event.tooLarge ? { tooLarge: true } : {}),
		...(event.tooLarge && event.recordUrl !== undefined ? { recordUrl: event.recordUrl } : {}),
		notifiedData: notifications,
		eventElementInstances: notifications.map((notification) => ({
			eventId: row.eventId,
			elementInstanceId: instanceId,
			notificationId: notification.id,
			notifiedData: [notification],
			createdDate: notification.createdDate,
			updatedDate: notification.updatedDate,
		})),
		elementInstanceId: instanceId,
		eventType: row.eventType,
		objectType: row.objectType,
		objectId: row.objectId,
		sequence: row.sequence,
		objectSequence: row.objectSequence,
		source: row.source,
		event,
	}
}
