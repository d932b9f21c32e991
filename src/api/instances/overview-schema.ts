/** Schemas of the overview of all instances, and of their states. */
import * as z from 'zod'
import { ACTIVITY_HOURS } from '../../events/activity.ts'
import { DETECTION_MODES } from '../../instances/overview.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { INSTANCE_STATES } from '../../rpc/watcher.ts'
import { NextPage, OptionalStringList, PageSize } from '../http/paging.ts'
import { FIXES } from './attention.ts'
import { ATTENTION, INSTANCE_STATE, OVERVIEW } from './overview-examples.ts'

/** How many instances that need attention the overview names. */
export const MAX_ATTENTION_ITEMS = 100

const Moment = z.string().meta({ examples: ['2026-06-01T12:00:00Z'] })
const State = z.enum(INSTANCE_STATES)
const Count = z.number().int().min(0)
const Percentile = Count.nullable().meta({
	description: 'Estimated from a histogram; null: no change with a known time was delivered',
})

const AttentionResponse = z
	.strictObject({
		instanceId: z.number(),
		name: z.string(),
		state: State,
		since: Moment,
		count: Count.nullable().meta({
			description: 'Objects that are held, or events that wait; null: no number matters, or it is not known',
		}),
		text: z.string().meta({ description: 'Sentences that say what is wrong' }),
		fix: z.enum(FIXES).meta({
			description:
				'What fixes it: `re-authentication` a new API key, `deletions` and `mass-changes` a decision, `subscription` ' +
				'the callback, `source` the store’s address, `instance` see its `/health`',
		}),
	})
	.meta({ id: 'Attention', examples: [ATTENTION] })

/** An instance with its state. */
export const InstanceStateResponse = z
	.strictObject({
		id: z.number(),
		name: z.string(),
		storeUrl: z.string(),
		state: State.meta({ description: 'As in `/health`, as last reported' }),
		reason: z.string().meta({ description: 'A sentence with the fact; empty before the first report' }),
		since: Moment,
		mode: z.enum(DETECTION_MODES).meta({ description: 'How changes are detected; `off`: events are disabled' }),
		tags: z.array(z.string()),
		changes: z
			.array(Count)
			.length(ACTIVITY_HOURS)
			.meta({ description: 'Changes detected in each of the last 24 hours, oldest first; the last one is not over' }),
		lagMs: Percentile.meta({
			description:
				'Median time from a change at the store to its acceptance by a callback, in the last 24 hours; null: none is known',
		}),
		waiting: Count.meta({ description: 'Events that wait to be delivered' }),
		lastChange: Moment.nullable().meta({ description: 'When the newest event was recorded; null: there is none' }),
		progress: z
			.strictObject({ done: Count, total: Count })
			.nullable()
			.meta({ description: 'Objects read while the instance connects or catches up; null: it does neither' }),
		reportedAt: Moment.nullable().meta({ description: 'When this was reported; null: not yet' }),
	})
	.meta({ id: 'InstanceStateRow', examples: [INSTANCE_STATE] })

/** `GET /instances/overview`. */
export const OverviewResponse = z
	.strictObject({
		asOf: Moment.nullable().meta({
			description:
				'When the newest of these numbers was reported: an instance reports changes of its state at once, and ' +
				'otherwise at most every five minutes while something happens. null: no instance has reported yet',
		}),
		attention: z.strictObject({
			total: Count.meta({ description: 'Instances that need attention' }),
			items: z.array(AttentionResponse).meta({
				description: `The worst of them, at most ${MAX_ATTENTION_ITEMS}: worst state first, then the longest`,
			}),
		}),
		changes: z
			.strictObject({ total: Count, created: Count, updated: Count, deleted: Count })
			.meta({ description: 'Changes detected in the last 24 hours' }),
		delivered: z.strictObject({ changes: Count, notifications: Count, p50Ms: Percentile, p99Ms: Percentile }).meta({
			description:
				'What callbacks accepted in the last 24 hours. `p50Ms`, `p99Ms`: from the change at the store to its acceptance',
		}),
		waiting: z
			.strictObject({
				events: Count,
				since: Moment.nullable().meta({ description: 'Since when the oldest waits; null: none waits' }),
				instances: Count,
			})
			.meta({ description: 'Events that have not been delivered half a minute after they were recorded' }),
		recovered: Count.meta({
			description: 'Changes of the last 24 hours that were found by polling and whose webhook never arrived',
		}),
		instances: z.strictObject({
			total: Count,
			states: z
				.array(z.strictObject({ state: State, instances: Count }))
				.meta({ description: 'Worst first; states without an instance are left out' }),
			worst: z
				.array(InstanceStateResponse)
				.meta({ description: 'The first 50 in the order of severity: failed, to be decided, fine, disabled' }),
		}),
	})
	.meta({ id: 'Overview', examples: [OVERVIEW] })

/** `GET /instances/states`. */
export const InstanceStatesQuery = z.object({
	instanceId: z
		.string()
		.regex(/^[1-9]\d{0,14}$/, 'expected the id of an instance')
		.transform(Number)
		.optional()
		.meta({ description: 'This instance alone', examples: ['12345'] }),
	searchText: z
		.string()
		.max(LIMITS.searchText.value, expectedAtMost('searchText'))
		.optional()
		.meta({ description: 'Part of the name or store URL, case-insensitive, or the id', examples: ['shop'] }),
	state: z
		.enum(INSTANCE_STATES, `expected one of ${INSTANCE_STATES.join(', ')}`)
		.optional()
		.meta({ description: 'As in `/health`, as last reported', examples: ['healthy'] }),
	mode: z
		.enum(DETECTION_MODES, `expected one of ${DETECTION_MODES.join(', ')}`)
		.optional()
		.meta({ description: 'How changes are detected; `off`: events are disabled', examples: ['hybrid'] }),
	'tags[]': OptionalStringList.meta({ description: 'Instances that have all of these tags', examples: ['Docs'] }),
	pageSize: PageSize.optional().meta({ description: '50 by default' }),
	nextPage: NextPage,
})
