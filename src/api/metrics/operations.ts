/** What every instance counts, for monitoring (design, Faces). */
import * as z from 'zod'
import { expose } from './exposition.ts'
import { operation, text, type TextAnswer } from '../http/contract.ts'
import { NextPage, Names, PageSize } from '../http/paging.ts'
import { atMost, LIMITS } from '../../lib/limits.ts'
import { METRICS } from '../instances/examples.ts'
import { MetricsAnswer } from './schema.ts'

/** Media of the exposition formats. */
export const OPENMETRICS = 'application/openmetrics-text'
export const PROMETHEUS = 'text/plain'

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
