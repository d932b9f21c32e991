/** What every instance counts, for monitoring (design, Faces). */
import * as z from 'zod'
import type { MetricsReport } from '../../rpc/watcher.ts'
import { STATES } from '../../rpc/watcher.ts'
import { expose } from './exposition.ts'
import { operation, text, type TextAnswer } from '../http/contract.ts'
import { NextPage, Names, PageSize } from '../http/paging.ts'
import { atMost, LIMITS } from '../../lib/limits.ts'
import { METRICS } from '../instances/examples.ts'

/** Media of the exposition formats. */
export const OPENMETRICS = 'application/openmetrics-text'
export const PROMETHEUS = 'text/plain'

const Counted = z
	.strictObject({
		state: z.enum(STATES).meta({ description: 'As in `/health`' }),
		lagSeconds: z
			.number()
			.nullable()
			.meta({ description: "From the newest change's own stamp to its recording, of the slowest resource; null: nothing changed yet" }),
		pollAgeSeconds: z
			.number()
			.nullable()
			.meta({ description: 'Since the last poll of the resource that was polled longest ago; null: it does not poll, or has not yet' }),
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
export const MetricsAnswer = z
	.strictObject({
		instanceId: z.number(),
		name: z.string(),
		up: z.boolean().meta({ description: 'Its object answered' }),
		metrics: Counted.nullable().meta({ description: 'As of now; null where it did not answer' }),
	})
	.meta({ id: 'Metrics', examples: [METRICS] })

const EXAMPLE = MetricsAnswer.parse(METRICS)
const exposition: TextAnswer[] = [
	text(OPENMETRICS, 'OpenMetrics 1.0', expose([EXAMPLE], 1, 'openmetrics')),
	text(PROMETHEUS, "Prometheus' text format 0.0.4", expose([EXAMPLE], 1, 'prometheus')),
]

const metrics = {
	method: 'get',
	path: '/metrics',
	tag: 'Instances',
	summary: 'Get metrics',
	description:
		'What each instance counts: state, lag, seen, delivered, failed, backlog, requests to the store. Every value is as of now: the instances of the page are asked. With `Accept: text/plain` or `application/openmetrics-text` in the form that Prometheus scrapes, labelled `instance_id` and `name`; more instances than a page holds are scraped by tag. With an Element token, that instance.',
	access: 'caller',
	query: z.object({
		'tags[]': Names.meta({ description: 'Instances that have all of these tags', examples: ['Docs'] }),
		searchText: z
			.string()
			.max(LIMITS.searchText.value, atMost('searchText'))
			.optional()
			.meta({ description: "Part of the name or of the element's key, in any case", examples: ['sample'] }),
		pageSize: PageSize.optional(),
		nextPage: NextPage,
	}),
	answer: [z.array(MetricsAnswer), ...exposition],
} as const

/** At the root, where scrapers look; and below the base path like every other call. */
export const metricsOperations = {
	getMetrics: operation(metrics),
}

/** The same at the root. */
export const rootMetricsOperations = {
	scrapeMetrics: operation({
		...metrics,
		root: true,
		summary: 'Get metrics at the root',
		description: `The same as \`GET /elements/api-v2/metrics\`, where scrapers look for it. ${metrics.description}`,
	}),
}
