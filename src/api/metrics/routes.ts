/** Handlers of metrics: the instances of a page are called at the same time. */
import { mapConcurrent } from '../../lib/concurrency.ts'
import { accepts } from 'hono/accepts'
import { listInstances } from '../../instances/list.ts'
import type { Instance } from '../../instances/rows.ts'
import { logError } from '../../lib/log.ts'
import type { OperationResponse, ValidatedInput } from '../http/contract.ts'
import type { CallerContext } from '../http/environment.ts'
import { MAX_CONCURRENT_INSTANCES } from '../http/merge.ts'
import { formatPageToken, listParameter, MAX_PAGE_SIZE, parsePageToken, setPageHeaders } from '../http/paging.ts'
import { mountOperations, type Api } from '../http/serve.ts'
import { formatMetrics } from './exposition.ts'
import {
	metricsOperations,
	OPENMETRICS_MEDIA_TYPE,
	PROMETHEUS_MEDIA_TYPE,
	rootMetricsOperations,
} from './operations.ts'
import { callWatcherOf } from '../http/ask.ts'

type MetricsResult = OperationResponse<typeof metricsOperations.getMetrics>
type InstanceMetrics = Exclude<MetricsResult, Response>[number]

/** Mounts the call below the base path. */
export function mountMetrics(api: Api): void {
	mountOperations(api, metricsOperations, { getMetrics: (c, { query }) => getMetrics(c, query) })
}

/** Mounts it at the root. */
export function mountRootMetrics(app: Api): void {
	mountOperations(app, rootMetricsOperations, { scrapeMetrics: (c, { query }) => getMetrics(c, query) })
}

async function getMetrics(
	c: CallerContext,
	query: ValidatedInput<typeof metricsOperations.getMetrics>['query'],
): Promise<MetricsResult> {
	const { instances, total, more } = await findInstances(c, query)
	const instanceMetrics = await mapConcurrent(instances, MAX_CONCURRENT_INSTANCES, (instance) =>
		readMetrics(c, instance),
	)
	const last = instances.at(-1)
	setPageHeaders(c, {
		returned: instances.length,
		total,
		next: last !== undefined && more ? formatPageToken([last.id]) : null,
	})
	const mediaType = accepts(c, {
		header: 'Accept',
		supports: ['application/json', OPENMETRICS_MEDIA_TYPE, PROMETHEUS_MEDIA_TYPE],
		default: 'application/json',
	})
	if (mediaType === 'application/json') return instanceMetrics
	const isOpenMetrics = mediaType === OPENMETRICS_MEDIA_TYPE
	return c.text(formatMetrics(instanceMetrics, total, isOpenMetrics ? 'openmetrics' : 'prometheus'), 200, {
		'Content-Type': isOpenMetrics
			? `${OPENMETRICS_MEDIA_TYPE}; version=1.0.0; charset=utf-8`
			: `${PROMETHEUS_MEDIA_TYPE}; version=0.0.4; charset=utf-8`,
	})
}

/** The requested instances; with an Element token, that one. */
async function findInstances(
	c: CallerContext,
	query: ValidatedInput<typeof metricsOperations.getMetrics>['query'],
): Promise<{ instances: Pick<Instance, 'id' | 'incarnation' | 'name'>[]; total: number; more: boolean }> {
	const { tokenInstance, user } = c.var
	if (tokenInstance !== null) return { instances: [tokenInstance], total: 1, more: false }
	const filter = { tags: listParameter(c, 'tags'), searchText: query.searchText ?? '', elementKey: null }
	const [afterId] = parsePageToken(query.nextPage, 1) ?? [0]
	return await listInstances(c.env.DB, user.organizationId, filter, query.pageSize ?? MAX_PAGE_SIZE, afterId!)
}

/** An instance that cannot be reached must not hide the others. */
async function readMetrics(
	c: CallerContext,
	instance: Pick<Instance, 'id' | 'incarnation' | 'name'>,
): Promise<InstanceMetrics> {
	const { id, name } = instance
	try {
		const metrics = await callWatcherOf(c.var.services, instance, (watcher) => watcher.metrics())
		return { instanceId: id, name, up: true, metrics: { ...metrics, unknownLags: metrics.unknownLags ?? 0 } }
	} catch (error) {
		logError('metrics.unreachable', error, { instance: id })
		return { instanceId: id, name, up: false, metrics: null }
	}
}
