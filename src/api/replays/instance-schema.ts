/** Schemas of replays, test events and erasure. */
import * as z from 'zod'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { ORDER } from '../http/examples.ts'
import { REPLAY, TEST_EVENT } from '../instances/examples.ts'
import { StringOrList } from '../http/paging.ts'
import { TIME_FORMATS } from '../http/times.ts'

const Moment = z.union([z.string(), z.number()], 'expected a time such as 2026-01-31T12:00:00Z').meta({
	description: TIME_FORMATS,
	examples: ['2026-06-01T00:00:00Z'],
})

/** Filters of events. Unknown names are an error, since ignoring them would send more than intended. */
export const ReplayFilter = z.strictObject(
	{
		from: Moment.optional(),
		to: Moment.optional(),
		eventTypes: StringOrList.optional().meta({ description: 'CREATED, UPDATED, DELETED', examples: [['CREATED']] }),
		resources: StringOrList.optional().meta({
			description: 'Resources, by their labels in the poller configuration',
			examples: [['orders']],
		}),
		objectId: z
			.union([z.string(), z.number()], 'expected the id of an object')
			.optional()
			.meta({ examples: [String(ORDER.id)] }),
		status: z
			.enum(['NOTIFIED', 'CONSUMED'], 'expected NOTIFIED or CONSUMED')
			.optional()
			.meta({ description: 'NOTIFIED: accepted. CONSUMED: not accepted' }),
		text: z
			.string('expected text')
			.min(1, 'expected text')
			.max(LIMITS.replayText.value, expectedAtMost('replayText'))
			.optional(),
	},
	{
		error: (issue) =>
			issue.code === 'unrecognized_keys' ? `unknown ${issue.keys.join(', ').slice(0, 200)}` : 'expected an object',
	},
)

/** `POST …/replays`: one of `notificationId`, `failedSince` and `filter`. */
export const ReplayBody = z.looseObject({
	notificationId: z.union([z.string(), z.number()], 'expected the id of a notification').optional(),
	failedSince: Moment.optional(),
	filter: ReplayFilter.optional(),
	dryRun: z.union([z.boolean(), z.enum(['true', 'false'])], 'expected true or false').optional(),
})

/** `POST …/test-event`. */
export const TestEventResponse = z
	.strictObject({ notificationId: z.number(), eventId: z.string() })
	.meta({ id: 'TestEvent', examples: [TEST_EVENT] })

/** `DELETE …/events/objects/…`. */
export const EraseResponse = z
	.strictObject({ erased: z.number().meta({ description: 'Number of events whose record was erased' }) })
	.meta({ id: 'Erased', examples: [{ erased: 2 }] })

/** The path of a replay. */
export const ReplayParams = z.object({
	replayId: z.string().meta({ description: 'Id of the replay', examples: [String(REPLAY.id)] }),
})
