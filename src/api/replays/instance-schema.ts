/** The shapes of replays, test events and erasing. */
import * as z from 'zod'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { ORDER } from '../http/examples.ts'
import { REPLAY, TEST_EVENT } from '../instances/examples.ts'
import { StringOrList } from '../http/paging.ts'

const Moment = z.union([z.string(), z.number()], 'expected a time such as 2026-01-31T12:00:00Z').meta({
	description: 'ISO 8601 or epoch time (13 digits or more are milliseconds, 9 or 10 seconds)',
	examples: ['2026-06-01T00:00:00Z'],
})

/**
 * Which events: what is absent does not matter. A name that is none is refused, since leaving it out would send more
 * than was meant.
 */
export const ReplayFilter = z.strictObject(
	{
		from: Moment.optional(),
		to: Moment.optional(),
		eventTypes: StringOrList.optional().meta({ description: 'CREATED, UPDATED, DELETED', examples: [['CREATED']] }),
		resources: StringOrList.optional().meta({
			description: 'Labels of the poller configuration',
			examples: [['orders']],
		}),
		objectId: z
			.union([z.string(), z.number()], 'expected the id of an object')
			.optional()
			.meta({ examples: [String(ORDER.id)] }),
		status: z
			.enum(['NOTIFIED', 'CONSUMED'], 'expected NOTIFIED or CONSUMED')
			.optional()
			.meta({ description: 'Accepted, or not' }),
		text: z
			.string('expected text')
			.min(1, 'expected text')
			.max(LIMITS.replayText.value, expectedAtMost('replayText'))
			.optional(),
	},
	{
		error: (issue) =>
			issue.code === 'unrecognized_keys' ? `knows no ${issue.keys.join(', ').slice(0, 200)}` : 'expected an object',
	},
)

/** `POST …/replays`: one of the three. */
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
	.strictObject({ erased: z.number().meta({ description: 'Events whose record is gone' }) })
	.meta({ id: 'Erased', examples: [{ erased: 2 }] })

/** The path of a replay. */
export const ReplayParams = z.object({
	replayId: z.string().meta({ description: 'Number of the replay', examples: [String(REPLAY.id)] }),
})
