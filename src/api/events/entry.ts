/**
 * The shapes of an event's entry and of the message that carries it (docs/contract.md §4, §11), as answers show them.
 */
import * as z from 'zod'
import { EVENT_TYPES } from '../../events/event.ts'
import { VendorRecord } from '../http/contract.ts'
import { EVENT_ENTRY, MESSAGE } from '../http/examples.ts'

const EventType = z.enum(EVENT_TYPES)
const True = z.literal(true)

/** `message.events[i]`. What does not apply is absent. */
export const EventEntryResponse = z
	.strictObject({
		date: z.string().meta({ description: 'When the object changed', examples: ['2026-01-31T12:00:00Z'] }),
		elementKey: z.string(),
		pollDate: z.string().optional().meta({ description: 'When a poll saw it; absent when a webhook brought it' }),
		eventType: EventType,
		hubKey: z.string(),
		objectId: z.string(),
		objectType: z.string().meta({ description: "The resource's key in event.poller.configuration" }),
		eventId: z.string().meta({ description: 'The id of the change: the same in every try and every replay' }),
		sequence: z.number().meta({ description: "Its place in the instance's log" }),
		objectSequence: z.number().meta({ description: 'Counts the events of this object' }),
		previousSequence: z
			.number()
			.optional()
			.meta({ description: "objectSequence of the object's event before it that was meant for you" }),
		changedFields: z.array(z.string()).optional(),
		trashed: True.optional().meta({ description: 'It lies in the trash' }),
		unlisted: True.optional().meta({ description: 'It exists, but is no longer listed' }),
		restored: True.optional().meta({ description: 'It came back from the trash' }),
		backfill: True.optional().meta({ description: 'Rung by event.poller.backfill' }),
		test: True.optional().meta({ description: 'Nothing happened: a test event' }),
		coalesced: z.number().optional().meta({ description: 'How many events it stands for' }),
		erased: True.optional().meta({ description: 'The record is no longer kept' }),
		tooLarge: True.optional().meta({ description: 'The record was too large to keep' }),
		recordUrl: z
			.string()
			.optional()
			.meta({ description: 'Where the record is, when the notification does not carry it' }),
		source: z.enum(['poll', 'webhook', 'reread']),
	})
	.meta({ id: 'EventEntry', examples: [EVENT_ENTRY] })

/** `message` of an instance's notification. */
export const InstanceMessage = z
	.strictObject({
		elementKey: z.string(),
		accountId: z.number(),
		companyId: z.number(),
		userId: z.number(),
		eventId: z.string().meta({ description: 'That of the first event' }),
		instanceId: z.number(),
		instance_id: z.number(),
		instanceName: z.string(),
		instanceTags: z.array(z.string()),
		/** The records under the name of their resource, `pollDate` (epoch ms) and `objectType`. */
		raw: VendorRecord,
		events: z.array(EventEntryResponse),
	})
	.meta({ id: 'InstanceMessage', examples: [MESSAGE] })
