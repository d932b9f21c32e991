/** A record of the event log as the contract shows it (sections 6 and 11). */
import * as z from 'zod'
import type { EventEntry } from '../../events/event.ts'
import type { EventRow } from '../../watcher/rpc.ts'
import { toIsoSeconds } from '../times.ts'

/** The record's shape. */
export const EventAnswer = z.looseObject({
	id: z.string(),
	eventDate: z.string(),
	status: z.enum(['NEW', 'RECEIVED', 'DISPATCHED', 'CONSUMED', 'NOTIFIED']),
	providerData: z.string().meta({ description: 'The record as JSON text; {} once erased, and where it was too large to keep' }),
	notifiedData: z.array(z.looseObject({ id: z.number(), status: z.string() })),
	eventElementInstances: z.array(z.looseObject({ eventId: z.string(), elementInstanceId: z.number() })),
	elementInstanceId: z.number(),
	event: z.record(z.string(), z.unknown()).meta({ description: 'The entry as notifications carry it' }),
})

/** One record. `eventDate` is when the change happened, `recordedDate` when it entered the log, by which lists are ordered. */
export function showEvent(instanceId: number, row: EventRow): z.output<typeof EventAnswer> {
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
		status: row.status,
		providerData: row.record ?? '{}',
		...(event.erased ? { erased: true } : {}),
		...(event.tooLarge ? { tooLarge: true, recordUrl: event.recordUrl } : {}),
		notifiedData: notifications,
		eventElementInstances: notifications.map(({ id, createdDate, updatedDate, ...rest }) => ({
			eventId: row.eventId,
			elementInstanceId: instanceId,
			notificationId: id,
			notifiedData: [{ id, ...rest, createdDate, updatedDate }],
			createdDate,
			updatedDate,
		})),
		elementInstanceId: instanceId,
		eventType: row.eventType,
		objectType: row.objectType,
		objectId: row.objectId,
		sequence: row.sequence,
		objectSequence: row.objectSequence,
		source: row.source,
		event: { ...event },
	}
}
