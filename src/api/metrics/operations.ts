/** The calls for metrics (docs/operations.md, Metrics). */
import * as z from 'zod'
import { formatMetrics } from './exposition.ts'
import { defineOperation, textResponse, type TextResponse } from '../http/contract.ts'
import { NextPage, OptionalStringList, PageSize } from '../http/paging.ts'
import { BASE_PATH } from '../../lib/base-path.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { METRICS } from '../instances/examples.ts'
import { MetricsResponse } from './schema.ts'

/** Media types of the exposition formats. */
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
		'Returns the current metrics of each instance: state, lag, seen, delivered, failed, backlog, requests to the ' +
		'store. With `Accept: text/plain` or `application/openmetrics-text`, in the format that Prometheus scrapes, with ' +
		'the labels `instance_id` and `name`. Scrape by tag if you have more instances than fit a page. With an ' +
		'Element token, only that instance.',
	access: 'caller',
	query: z.object({
		'tags[]': OptionalStringList.meta({ description: 'Instances that have all of these tags', examples: ['Docs'] }),
		searchText: z
			.string()
			.max(LIMITS.searchText.value, expectedAtMost('searchText'))
			.optional()
			.meta({ description: 'Part of the name or element key, case-insensitive', examples: ['sample'] }),
		pageSize: PageSize.optional(),
		nextPage: NextPage,
	}),
	answer: [z.array(MetricsResponse), ...textResponses],
} as const

/** Below the base path. */
export const metricsOperations = {
	getMetrics: defineOperation(metricsOperation),
}

/** At the root, where scrapers look. */
export const rootMetricsOperations = {
	scrapeMetrics: defineOperation({
		...metricsOperation,
		root: true,
		summary: 'Get metrics at the root',
		description: `Like \`GET ${BASE_PATH}/metrics\`, at the path that scrapers expect. ${metricsOperation.description}`,
	}),
}
