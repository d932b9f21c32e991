/** What every instance counts, for monitoring (docs/operations.md, Metrics). */
import * as z from 'zod'
import { formatMetrics } from './exposition.ts'
import { defineOperation, textResponse, type TextResponse } from '../http/contract.ts'
import { NextPage, OptionalStringList, PageSize } from '../http/paging.ts'
import { BASE_PATH } from '../../lib/base-path.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { METRICS } from '../instances/examples.ts'
import { MetricsResponse } from './schema.ts'

/** Media of the exposition formats. */
export const OPENMETRICS_MEDIA_TYPE = 'application/openmetrics-text'
export const PROMETHEUS_MEDIA_TYPE = 'text/plain'

const METRICS_EXAMPLE = MetricsResponse.parse(METRICS)
const textResponses: TextResponse[] = [
	textResponse(OPENMETRICS_MEDIA_TYPE, 'OpenMetrics 1.0', formatMetrics([METRICS_EXAMPLE], 1, 'openmetrics')),
	textResponse(
		PROMETHEUS_MEDIA_TYPE,
		"Prometheus' text format 0.0.4",
		formatMetrics([METRICS_EXAMPLE], 1, 'prometheus'),
	),
]

const metricsOperation = {
	method: 'get',
	path: '/metrics',
	tag: 'Instances',
	summary: 'Get metrics',
	description:
		'What each instance counts: state, lag, seen, delivered, failed, backlog, requests to the store. Every value is as of now: the instances of the page are asked. With `Accept: text/plain` or `application/openmetrics-text` in the form that Prometheus scrapes, labelled `instance_id` and `name`; more instances than a page holds are scraped by tag. With an Element token, that instance.',
	access: 'caller',
	query: z.object({
		'tags[]': OptionalStringList.meta({ description: 'Instances that have all of these tags', examples: ['Docs'] }),
		searchText: z
			.string()
			.max(LIMITS.searchText.value, expectedAtMost('searchText'))
			.optional()
			.meta({ description: "Part of the name or of the element's key, in any case", examples: ['sample'] }),
		pageSize: PageSize.optional(),
		nextPage: NextPage,
	}),
	answer: [z.array(MetricsResponse), ...textResponses],
} as const

/** At the root, where scrapers look; and below the base path like every other call. */
export const metricsOperations = {
	getMetrics: defineOperation(metricsOperation),
}

/** The same at the root. */
export const rootMetricsOperations = {
	scrapeMetrics: defineOperation({
		...metricsOperation,
		root: true,
		summary: 'Get metrics at the root',
		description: `The same as \`GET ${BASE_PATH}/metrics\`, where scrapers look for it. ${metricsOperation.description}`,
	}),
}
