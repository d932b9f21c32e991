/** `GET /metrics`: the instances of a page, asked at the same time. */
import { accepts } from 'hono/accepts'
import { listInstances } from '../../instances/list.ts'
import type { Instance } from '../../instances/records.ts'
import { logError } from '../../lib/log.ts'
import type { AnswerOf, ValidOf } from '../http/contract.ts'
import type { CallerContext } from '../http/environment.ts'
import { AT_A_TIME } from '../http/merge.ts'
import { formatPageToken, listParameter, PAGE_LIMIT, parsePageToken, setPageHeaders } from '../http/paging.ts'
import { serve, type Api } from '../http/serve.ts'
import { expose } from './exposition.ts'
import { metricsOperations, OPENMETRICS, PROMETHEUS, rootMetricsOperations } from './operations.ts'
import { askObject } from '../http/ask.ts'

type Answer = AnswerOf<typeof metricsOperations.getMetrics>
type Counted = Exclude<Answer, Response>[number]

/** Mounts the call below the base path. */
export function declareMetrics(api: Api): void {
	serve(api, metricsOperations, { getMetrics: (c, { query }) => metrics(c, query) })
}

/** Mounts it at the root. */
export function declareRootMetrics(app: Api): void {
	serve(app, rootMetricsOperations, { scrapeMetrics: (c, { query }) => metrics(c, query) })
}

async function metrics(c: CallerContext, query: ValidOf<typeof metricsOperations.getMetrics>['query']): Promise<Answer> {
	const { instances, total, more } = await reached(c, query)
	const counted: Counted[] = []
	for (let start = 0; start < instances.length; start += AT_A_TIME)
		counted.push(...(await Promise.all(instances.slice(start, start + AT_A_TIME).map((one) => count(c, one)))))
	const last = instances.at(-1)
	setPageHeaders(c, {
		returned: instances.length,
		total,
		next: last !== undefined && more ? formatPageToken([last.id]) : null,
	})
	const wanted = accepts(c, {
		header: 'Accept',
		supports: ['application/json', OPENMETRICS, PROMETHEUS],
		default: 'application/json',
	})
	if (wanted === 'application/json') return counted
	const open = wanted === OPENMETRICS
	return c.text(expose(counted, total, open ? 'openmetrics' : 'prometheus'), 200, {
		'Content-Type': open ? `${OPENMETRICS}; version=1.0.0; charset=utf-8` : `${PROMETHEUS}; version=0.0.4; charset=utf-8`,
	})
}

/** The instances that the caller may see and asks for: with an Element token alone, that one. */
async function reached(
	c: CallerContext,
	query: ValidOf<typeof metricsOperations.getMetrics>['query'],
): Promise<{ instances: Pick<Instance, 'id' | 'name'>[]; total: number; more: boolean }> {
	const { tokenInstance, user } = c.var
	if (tokenInstance !== null) return { instances: [tokenInstance], total: 1, more: false }
	const filter = { tags: listParameter(c, 'tags'), searchText: query.searchText ?? '', elementKey: null }
	const [afterId] = parsePageToken(query.nextPage, 1) ?? [0]
	return await listInstances(c.env.DB, user.organizationId, filter, query.pageSize ?? PAGE_LIMIT, afterId!)
}

/** One that cannot be reached must not hide the others. */
async function count(c: CallerContext, { id, name }: Pick<Instance, 'id' | 'name'>): Promise<Counted> {
	try {
		return { instanceId: id, name, up: true, metrics: await askObject(c.var.services, id, (watcher) => watcher.metrics()) }
	} catch (error) {
		logError('metrics.unreachable', error, { instance: id })
		return { instanceId: id, name, up: false, metrics: null }
	}
}
