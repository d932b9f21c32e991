/** Schemas of metrics. */
import * as z from 'zod'
import { type MetricsReport, INSTANCE_STATES } from '../../rpc/watcher.ts'
import { METRICS } from '../instances/examples.ts'

const MetricValues = z
	.strictObject({
		state: z.enum(INSTANCE_STATES).meta({ description: 'As in `/health`' }),
		lagSeconds: z.number().nullable().meta({
			description:
				'Time from the newest change to its recording, of the slowest resource; null: unknown, or no changes yet',
		}),
		unknownLags: z.number().meta({
			description: 'Changes whose time is unknown, because the store gave them no date, or an old or future one',
		}),
		pollAgeSeconds: z.number().nullable().meta({
			description:
				'Time since the last poll, of the resource that was polled longest ago; null: not polled, or not yet',
		}),
		seen: z.number().meta({ description: 'Events recorded since the instance was created' }),
		delivered: z.number().meta({ description: 'Notifications accepted since then' }),
		failed: z.number().meta({ description: 'Notifications whose last attempt failed' }),
		expired: z.number().meta({ description: 'Events that expired undelivered' }),
		backlog: z.number().meta({ description: 'Events waiting to be sent' }),
		backlogAgeSeconds: z.number().nullable().meta({ description: 'Age of the oldest of them; null: there is none' }),
		storeRequests: z.number().meta({ description: 'Requests to the store since the instance was created' }),
	})
	.meta({ id: 'InstanceMetrics', examples: [METRICS.metrics] }) satisfies z.ZodType<MetricsReport>

/** One instance. */
export const MetricsResponse = z
	.strictObject({
		instanceId: z.number(),
		name: z.string(),
		up: z.boolean().meta({ description: 'Whether the instance responded' }),
		metrics: MetricValues.nullable().meta({ description: 'null: it did not respond' }),
	})
	.meta({ id: 'Metrics', examples: [METRICS] })
