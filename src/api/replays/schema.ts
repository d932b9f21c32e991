/** The shapes of replays across instances. */
import * as z from 'zod'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { ReplayFilter } from './instance-schema.ts'
import { REPLAY_JOB } from '../instances/examples.ts'

const TagList = z.array(
	z.string('expected text').max(LIMITS.tag.value, expectedAtMost('tag')),
	'expected a list of texts',
)

/**
 * `POST /replays`: which notifications, of which instances. A name that is none is refused: leaving it out would send
 * more than was meant.
 */
export const ReplayJobBody = z
	.strictObject({
		failedSince: z
			.union([z.string(), z.number()], 'expected a time such as 2026-01-31T12:00:00Z')
			.optional()
			.meta({ description: 'Everything queued since then' }),
		filter: ReplayFilter.optional().meta({ description: 'What carried the events that this names' }),
		instanceIds: z
			.array(z.number('expected the number of an instance').int().positive(), 'expected a list of numbers')
			.min(1, 'expected at least one')
			.max(LIMITS.replayInstances.value, expectedAtMost('replayInstances'))
			.optional()
			.meta({ description: 'Of these instances' }),
		tags: TagList.max(LIMITS.tags.value, expectedAtMost('tags'))
			.optional()
			.meta({ description: 'Of instances with all of these tags' }),
		searchText: z
			.string('expected text')
			.max(LIMITS.searchText.value, expectedAtMost('searchText'))
			.optional()
			.meta({ description: "Of instances with this in their name or their element's key, in any case" }),
		dryRun: z
			.union([z.boolean(), z.enum(['true', 'false'])], 'expected true or false')
			.optional()
			.meta({ description: 'Only count' }),
	})
	.meta({ description: 'One of `failedSince` and `filter`' })

/** A replay across instances. */
export const ReplayJobResponse = z
	.strictObject({
		id: z.number().nullable().meta({ description: 'null: a dry run' }),
		status: z.enum(['running', 'cancelling', 'done', 'cancelled', 'dry-run']),
		instances: z.strictObject({
			asked: z.number().meta({ description: 'So far' }),
			complete: z.boolean().meta({ description: 'All were asked' }),
			sending: z.number().meta({ description: 'Those with something to send' }),
			skipped: z.number().meta({ description: 'Those that deliver nothing: disabled, or without events' }),
		}),
		total: z.number().meta({ description: 'Notifications that are sent again' }),
		left: z.number().meta({ description: 'Still to be sent, as last seen' }),
		failed: z.number().meta({ description: 'Ended without having been accepted' }),
		createdDate: z.string(),
		endedDate: z.string().nullable(),
	})
	.meta({ id: 'ReplayJob', examples: [REPLAY_JOB] })
