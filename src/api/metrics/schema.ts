/** The shape of what instances count. */
import * as z from 'zod'
import { type MetricsReport, INSTANCE_STATES } from '../../rpc/watcher.ts'
import { METRICS } from '../instances/examples.ts'

const MetricValues = z
	.strictObject({
		state: z.enum(INSTANCE_STATES).meta({ description: 'As in `/health`' }),
		lagSeconds: z.number().nullable().meta({
			description:
				"From the newest change's own stamp to its recording, of the slowest resource; null: nothing changed yet",
		}),
		pollAgeSeconds: z.number().nullable().meta({
			description:
				'Since the last poll of the resource that was polled longest ago; null: it does not poll, or has not yet',
		}),
		seen: z.number().meta({ description: 'Events recorded since the instance was made' }),
		delivered: z.number().meta({ description: 'Notifications accepted since then' }),
		failed: z.number().meta({ description: 'Notifications whose last try failed' }),
		expired: z.number().meta({ description: 'Events dropped undelivered when their time was over' }),
		backlog: z.number().meta({ description: 'Events that wait to be sent' }),
		backlogAgeSeconds: z.number().nullable().meta({ description: 'Age of the oldest of them; null: none waits' }),
		storeRequests: z.number().meta({ description: 'Requests made to the store since the instance was made' }),
	})
	.meta({ id: 'InstanceMetrics', examples: [METRICS.metrics] }) satisfies z.ZodType<MetricsReport>

/** One instance. */
export const MetricsResponse = z
	.strictObject({
		instanceId: z.number(),
		name: z.string(),
		up: z.boolean().meta({ description: 'Its object answered' }),
		metrics: MetricValues.nullable().meta({ description: 'As of now; null where it did not answer' }),
	})
	.meta({ id: 'Metrics', examples: [METRICS] })
