/** Schemas of an event's entry and of the message that carries it (docs/contract.md §4, §11). */
import * as z from 'zod'
import { EVENT_TYPES } from '../../events/event.ts'
import { VendorRecord } from '../http/contract.ts'
import { EVENT_ENTRY, MESSAGE } from '../http/examples.ts'

const EventType = z.enum(EVENT_TYPES)
const True = z.literal(true)

/** `message.events[i]`. Fields that do not apply are absent. */
export const EventEntryResponse = z
	.strictObject({
		date: z.string().meta({ description: 'When the object changed', examples: ['2026-01-31T12:00:00Z'] }),
		elementKey: z.string(),
		pollDate: z.string().optional().meta({ description: 'When a poll detected it; absent if a webhook did' }),
		eventType: EventType,
		hubKey: z.string(),
		objectId: z.string(),
		objectType: z.string().meta({ description: "The resource's label in event.poller.configuration" }),
		eventId: z.string().meta({ description: 'Identifies the change; the same in every attempt and replay' }),
		sequence: z.number().meta({ description: "Position in the instance's log" }),
		objectSequence: z.number().meta({ description: 'Counts the events of this object; never goes back' }),
		previousSequence: z
			.number()
			.optional()
			.meta({ description: "objectSequence of the object's previous event that was sent to you" }),
		changedFields: z.array(z.string()).optional(),
		trashed: True.optional().meta({ description: 'The object is in the trash' }),
		unlisted: True.optional().meta({ description: 'The object exists but is no longer listed' }),
		restored: True.optional().meta({ description: 'The object was restored from the trash' }),
		backfill: True.optional().meta({ description: 'Sent by event.poller.backfill' }),
		test: True.optional().meta({ description: 'A test event: nothing changed' }),
		coalesced: z.number().optional().meta({ description: 'Number of events that it combines' }),
		erased: True.optional().meta({ description: 'The record was erased' }),
		tooLarge: True.optional().meta({ description: 'The record was too large to keep' }),
		recordUrl: z.string().optional().meta({ description: 'URL of the record, if the notification does not carry it' }),
		source: z.enum(['poll', 'webhook', 'reread']),
		variationRecords: z
			.array(VendorRecord)
			.optional()
			.meta({
				description:
					'The records of the variations that changedFields name as variations.<id>…, or of all variations of a new ' +
					'product; one that is named and has no record is deleted. In the event log it is variationData',
			}),
	})
	.meta({ id: 'EventEntry', examples: [EVENT_ENTRY] })

/** `message` of an instance's notification. */
export const InstanceMessage = z
	.strictObject({
		elementKey: z.string(),
		accountId: z.number(),
		companyId: z.number(),
		userId: z.number(),
		eventId: z.string().meta({ description: 'Id of the first event' }),
		instanceId: z.number(),
		instance_id: z.number(),
		instanceName: z.string(),
		instanceTags: z.array(z.string()),
		/** The records under the name of their resource, `pollDate` (epoch ms) and `objectType`. */
		raw: VendorRecord,
		events: z.array(EventEntryResponse),
	})
	.meta({ id: 'InstanceMessage', examples: [MESSAGE] })
