/** Schemas of replays across instances. */
import * as z from 'zod'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { ReplayFilter } from './instance-schema.ts'
import { REPLAY_JOB } from '../instances/examples.ts'

const TagList = z.array(
	z.string('expected text').max(LIMITS.tag.value, expectedAtMost('tag')),
	'expected a list of texts',
)

/** `POST /replays`. Unknown names are an error, since ignoring them would send more than intended. */
export const ReplayJobBody = z
	.strictObject({
		failedSince: z
			.union([z.string(), z.number()], 'expected a time such as 2026-01-31T12:00:00Z')
			.optional()
			.meta({ description: 'Notifications queued since this time' }),
		filter: ReplayFilter.optional().meta({ description: 'Notifications whose events match' }),
		instanceIds: z
			.array(z.number('expected the number of an instance').int().positive(), 'expected a list of numbers')
			.min(1, 'expected at least one')
			.max(LIMITS.replayInstances.value, expectedAtMost('replayInstances'))
			.optional()
			.meta({ description: 'Ids of instances' }),
		tags: TagList.max(LIMITS.tags.value, expectedAtMost('tags'))
			.optional()
			.meta({ description: 'Instances that have all of these tags' }),
		searchText: z
			.string('expected text')
			.max(LIMITS.searchText.value, expectedAtMost('searchText'))
			.optional()
			.meta({ description: "Part of the instance's name or element key, case-insensitive" }),
		dryRun: z
			.union([z.boolean(), z.enum(['true', 'false'])], 'expected true or false')
			.optional()
			.meta({ description: 'true: count only, send nothing' }),
	})
	.meta({ description: 'One of `failedSince` and `filter`' })

/** A replay across instances. */
export const ReplayJobResponse = z
	.strictObject({
		id: z.number().nullable().meta({ description: 'null: a dry run' }),
		status: z.enum(['running', 'cancelling', 'done', 'cancelled', 'dry-run']),
		instances: z.strictObject({
			asked: z.number().meta({ description: 'Instances called so far' }),
			complete: z.boolean().meta({ description: 'Whether all were called' }),
			sending: z.number().meta({ description: 'Instances with notifications to send' }),
			skipped: z.number().meta({ description: 'Instances that are disabled or have no events' }),
		}),
		total: z.number().meta({ description: 'Number of notifications' }),
		left: z.number().meta({ description: 'Number that was not sent yet, as last reported' }),
		failed: z.number().meta({ description: 'Number that failed' }),
		createdDate: z.string(),
		endedDate: z.string().nullable(),
	})
	.meta({ id: 'ReplayJob', examples: [REPLAY_JOB] })
