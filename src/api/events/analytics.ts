/** Counts of events over time (docs/contract.md §6): in all, by instance, by account. */
import { mapConcurrent } from '../../lib/concurrency.ts'
import type * as z from 'zod'
import { BadRequest } from '../../lib/errors.ts'
import { DAY_MS } from '../../lib/time.ts'
import type { TallyBucket } from '../../rpc/log.ts'
import type { CallerContext, InstanceContext, CallerOrInstanceContext } from '../http/environment.ts'
import { MAX_CONCURRENT_INSTANCES } from '../http/merge.ts'
import { toIsoSeconds } from '../http/times.ts'
import {
	getBucketStarts,
	findShortestInterval,
	MAX_BUCKETS,
	getNextStart,
	getIntervalStart,
	type Interval,
} from './buckets.ts'
import { parseTimeRange } from './filter.ts'
import { requireOwnAccountIds, resolveEventInstances } from './event-instances.ts'
import type { AccountCountsResponse, CountsResponse, InstanceCountsResponse, TypeCountsResponse } from './schema.ts'
import { callWatcherOf } from '../http/ask.ts'

const DEFAULT_RANGE_MS = DAY_MS
const DEFAULT_INTERVAL = 'hour'

/** The query of a count. */
interface CountQuery {
	from?: string | undefined
	to?: string | undefined
	interval?: Interval | undefined
	searchText?: string | undefined
}

interface CountRange {
	interval: Interval
	starts: number[]
}

type Counts = Required<Pick<TallyBucket, 'count' | 'success' | 'failed' | 'types'>>

const NO_TYPES = { created: 0, updated: 0, deleted: 0, unknown: 0 }
const NO_COUNTS: Counts = { count: 0, success: 0, failed: 0, types: NO_TYPES }

/** `GET /instances/{id}/events/analytics`. */
export async function countInstanceEvents(
	c: InstanceContext,
	query: CountQuery,
): Promise<z.input<typeof CountsResponse>> {
	const { range, counts } = await countOneInstance(c, query)
	return toTotals(range, [counts])
}

/** `GET /instances/{id}/events/analytics/types`. */
export async function countEventsByType(
	c: InstanceContext,
	query: CountQuery,
): Promise<z.input<typeof TypeCountsResponse>> {
	const { range, counts } = await countOneInstance(c, query)
	return range.starts.map((at) => {
		const { count, types, success, failed } = counts.get(at) ?? NO_COUNTS
		return { timestamp: toIsoSeconds(at), total: count, ...types, success, failed }
	})
}

async function countOneInstance(
	c: InstanceContext,
	query: CountQuery,
): Promise<{ range: CountRange; counts: Map<number, Counts> }> {
	const range = parseCountRange(c, query)
	const buckets = await callWatcherOf<TallyBucket[] | 'too-many'>(c.var.services, c.var.instance, (watcher) =>
		watcher.tally(toTallyQuery(range)),
	)
	return { range, counts: groupBuckets(range, buckets) }
}

/** `GET /instances/events/analytics`. */
export async function countEvents(c: CallerContext, query: CountQuery): Promise<z.input<typeof CountsResponse>> {
	const range = parseCountRange(c, query)
	return toTotals(range, [...(await countPerInstance(c, query, range)).values()])
}

/** `GET /instances/events/analytics/instances`. */
export async function countEventsByInstance(
	c: CallerContext,
	query: CountQuery,
): Promise<z.input<typeof InstanceCountsResponse>> {
	const range = parseCountRange(c, query)
	const countsByInstanceId = await countPerInstance(c, query, range)
	return range.starts.map((at) => {
		const records = [...countsByInstanceId].flatMap(([instanceId, counts]) => {
			const countsAtStart = counts.get(at)
			if (countsAtStart === undefined) return []
			const { count, success, failed } = countsAtStart
			return [{ instanceId, count, success, failed }]
		})
		return {
			timestamp: toIsoSeconds(at),
			total: sumCounts(records),
			records: records.sort((a, b) => a.instanceId - b.instanceId),
		}
	})
}

/** `GET /instances/events/analytics/accounts`. */
export async function countEventsByAccount(
	c: CallerContext,
	query: CountQuery,
): Promise<z.input<typeof AccountCountsResponse>> {
	const accountId = c.var.user.organizationId
	const range = parseCountRange(c, query)
	const countsPerInstance = [...(await countPerInstance(c, query, range)).values()]
	return range.starts.map((at) => {
		const countsAtStart = countsPerInstance.flatMap((counts) => counts.get(at) ?? [])
		if (countsAtStart.length === 0) return { timestamp: toIsoSeconds(at), total: 0, records: [] }
		const record = {
			accountId,
			count: sumCounts(countsAtStart),
			success: sumCounts(countsAtStart, 'success'),
			failed: sumCounts(countsAtStart, 'failed'),
		}
		return { timestamp: toIsoSeconds(at), total: record.count, records: [record] }
	})
}

/** Counts of each instance by start of interval. */
async function countPerInstance(
	c: CallerContext,
	query: CountQuery,
	range: CountRange,
): Promise<Map<number, Map<number, Counts>>> {
	const instances = await resolveEventInstances(c, query, range.starts[0]!)
	const countsByInstanceId = new Map<number, Map<number, Counts>>()
	await mapConcurrent(instances, MAX_CONCURRENT_INSTANCES, async (instance) => {
		const buckets = await c.var.services.watcher(instance).tally(toTallyQuery(range))
		if (buckets !== 'unknown') countsByInstanceId.set(instance.id, groupBuckets(range, buckets))
	})
	return countsByInstanceId
}

/** Longer intervals are added up from hours. */
function toTallyQuery({ starts, interval }: CountRange): {
	fromMs: number
	toMs: number
	unit: 'hour' | 'minute' | 'second'
} {
	const unit = interval === 'minute' || interval === 'second' ? interval : 'hour'
	return { fromMs: starts[0]!, toMs: getNextStart(starts.at(-1)!, interval) - 1, unit }
}

function groupBuckets({ interval }: CountRange, buckets: readonly TallyBucket[] | 'too-many'): Map<number, Counts> {
	if (buckets === 'too-many')
		throw new BadRequest(
			`interval: expected hour or longer for this range; by ${interval}, at most 20000 events of an instance are counted`,
		)
	const counts = new Map<number, Counts>()
	for (const { atMs, count, success, failed, types = { ...NO_TYPES, unknown: count } } of buckets) {
		const at = getIntervalStart(atMs, interval)
		const current = counts.get(at) ?? NO_COUNTS
		counts.set(at, {
			count: current.count + count,
			success: current.success + success,
			failed: current.failed + failed,
			types: {
				created: current.types.created + types.created,
				updated: current.types.updated + types.updated,
				deleted: current.types.deleted + types.deleted,
				unknown: current.types.unknown + types.unknown,
			},
		})
	}
	return counts
}

function toTotals(
	{ starts }: CountRange,
	countsPerInstance: readonly ReadonlyMap<number, Counts>[],
): z.input<typeof CountsResponse> {
	return starts.map((at) => ({
		timestamp: toIsoSeconds(at),
		count: sumCounts(countsPerInstance.flatMap((counts) => counts.get(at) ?? [])),
	}))
}

function sumCounts(counts: readonly Omit<Counts, 'types'>[], field: 'count' | 'success' | 'failed' = 'count'): number {
	return counts.reduce((total, counts) => total + counts[field], 0)
}

function parseCountRange(c: CallerOrInstanceContext, query: CountQuery): CountRange {
	requireOwnAccountIds(c)
	const range = parseTimeRange(query)
	const now = c.var.services.now()
	const toMs = range.toMs ?? Math.max(now, range.fromMs ?? now)
	const fromMs = range.fromMs ?? toMs - DEFAULT_RANGE_MS
	const interval = query.interval ?? DEFAULT_INTERVAL
	const starts = getBucketStarts(fromMs, toMs, interval)
	if (starts === null) {
		const shortestInterval = findShortestInterval(fromMs, toMs)
		throw new BadRequest(
			`interval: this range has more than ${MAX_BUCKETS} intervals by ${interval}; expected ` +
				(shortestInterval === null ? 'a shorter range' : `${shortestInterval} or longer`),
		)
	}
	return { interval, starts }
}
