/** Counts of events over time (contract, section 6): in all, by instance, by account. */
import type * as z from 'zod'
import { BadRequest, Forbidden } from '../../lib/errors.ts'
import type { TallyBucket } from '../../rpc/log.ts'
import type { CallerContext, InstanceContext, KnownContext } from '../http/environment.ts'
import { AT_A_TIME } from '../http/merge.ts'
import { listParameter } from '../http/paging.ts'
import { toIsoSeconds } from '../http/times.ts'
import { bucketStarts, finestFor, MOST_BUCKETS, nextStart, startOf, type Interval } from './buckets.ts'
import { readRange } from './filter.ts'
import { reachedByEvents } from './reach.ts'
import type { AccountCountsAnswer, CountsAnswer, InstanceCountsAnswer } from './schema.ts'
import { askObject } from '../http/ask.ts'

/** A range that is not given is the last day; an interval that is not, an hour. */
const USUAL_MS = 86_400_000
const USUAL_INTERVAL = 'hour'

/** The query of a count. */
export interface CountQuery {
	from?: string | undefined
	to?: string | undefined
	interval?: Interval | undefined
	searchText?: string | undefined
}

interface Range {
	interval: Interval
	starts: number[]
}

type Counts = Pick<TallyBucket, 'count' | 'success' | 'failed'>

/** `GET /instances/{id}/events/analytics`. */
export async function countsOf(c: InstanceContext, query: CountQuery): Promise<z.input<typeof CountsAnswer>> {
	const range = readCountRange(c, query)
	const buckets = await askObject<TallyBucket[] | 'too-many'>(c.var.services, c.var.instance.id, (watcher) =>
		watcher.tally(tallyQuery(range)),
	)
	return totals(range, [gather(range, buckets)])
}

/** `GET /instances/events/analytics`. */
export async function countsOfAny(c: CallerContext, query: CountQuery): Promise<z.input<typeof CountsAnswer>> {
	const range = readCountRange(c, query)
	return totals(range, [...(await countEach(c, query, range)).values()])
}

/** `GET /instances/events/analytics/instances`. */
export async function countsByInstance(c: CallerContext, query: CountQuery): Promise<z.input<typeof InstanceCountsAnswer>> {
	const range = readCountRange(c, query)
	const each = await countEach(c, query, range)
	return range.starts.map((at) => {
		const records = [...each].flatMap(([instanceId, counts]) => {
			const here = counts.get(at)
			return here === undefined ? [] : [{ instanceId, ...here }]
		})
		return { timestamp: toIsoSeconds(at), total: sum(records), records: records.sort((a, b) => a.instanceId - b.instanceId) }
	})
}

/** `GET /instances/events/analytics/accounts`. An account that is not the caller's is refused by 403 (contract, section 1). */
export async function countsByAccount(c: CallerContext, query: CountQuery): Promise<z.input<typeof AccountCountsAnswer>> {
	const accountId = c.var.user.organizationId
	if (listParameter(c, 'accountIds').some((id) => id !== String(accountId)))
		throw new Forbidden(`accountIds[]: expected ${accountId}, the only account of these secrets`)
	const range = readCountRange(c, query)
	const each = [...(await countEach(c, query, range)).values()]
	return range.starts.map((at) => {
		const here = each.flatMap((counts) => counts.get(at) ?? [])
		if (here.length === 0) return { timestamp: toIsoSeconds(at), total: 0, records: [] }
		const record = { accountId, count: sum(here), success: sum(here, 'success'), failed: sum(here, 'failed') }
		return { timestamp: toIsoSeconds(at), total: record.count, records: [record] }
	})
}

/** Counts of each instance that the call means, by the beginning of the interval. */
async function countEach(c: CallerContext, query: CountQuery, range: Range): Promise<Map<number, Map<number, Counts>>> {
	const ids = await reachedByEvents(c, query, range.starts[0]!)
	const each = new Map<number, Map<number, Counts>>()
	for (let start = 0; start < ids.length; start += AT_A_TIME)
		await Promise.all(
			ids.slice(start, start + AT_A_TIME).map(async (id) => {
				const buckets = await c.var.services.watcher(id).tally(tallyQuery(range))
				if (buckets !== 'unknown') each.set(id, gather(range, buckets))
			}),
		)
	return each
}

/** Hours make up all that is longer: they are counted as they come. */
function tallyQuery({ starts, interval }: Range): { fromMs: number; toMs: number; unit: 'hour' | 'minute' | 'second' } {
	const unit = interval === 'minute' || interval === 'second' ? interval : 'hour'
	return { fromMs: starts[0]!, toMs: nextStart(starts.at(-1)!, interval) - 1, unit }
}

function gather({ interval }: Range, buckets: readonly TallyBucket[] | 'too-many'): Map<number, Counts> {
	if (buckets === 'too-many')
		throw new BadRequest(
			`interval: expected one of an hour or more for this range; by ${interval} at most 20000 events of an instance are counted`,
		)
	const counts = new Map<number, Counts>()
	for (const { atMs, count, success, failed } of buckets) {
		const at = startOf(atMs, interval)
		const before = counts.get(at) ?? { count: 0, success: 0, failed: 0 }
		counts.set(at, { count: before.count + count, success: before.success + success, failed: before.failed + failed })
	}
	return counts
}

function totals({ starts }: Range, each: readonly ReadonlyMap<number, Counts>[]): z.input<typeof CountsAnswer> {
	return starts.map((at) => ({ timestamp: toIsoSeconds(at), count: sum(each.flatMap((counts) => counts.get(at) ?? [])) }))
}

function sum(counts: readonly Counts[], what: keyof Counts = 'count'): number {
	return counts.reduce((total, one) => total + one[what], 0)
}

function readCountRange(c: KnownContext, query: CountQuery): Range {
	const given = readRange(query)
	const now = c.var.services.now()
	const toMs = given.toMs ?? Math.max(now, given.fromMs ?? now)
	const fromMs = given.fromMs ?? toMs - USUAL_MS
	const interval = query.interval ?? USUAL_INTERVAL
	const starts = bucketStarts(fromMs, toMs, interval)
	if (starts === null) {
		const finest = finestFor(fromMs, toMs)
		throw new BadRequest(
			`interval: by ${interval} this range has more than ${MOST_BUCKETS} intervals; expected ${finest === null ? 'a shorter range' : `${finest} or longer`}`,
		)
	}
	return { interval, starts }
}
