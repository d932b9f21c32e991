/** How a store of the fold may answer otherwise than asked: each for a whole story, or from one of its moments on. */
import type { Fault, WebhookKnobs } from '../store/store.ts'
import { HOUR_MS, MINUTE_MS } from './stories.ts'

/** A deviation, and what may be late because of it. */
export interface FoldDeviation {
	/** `id`: some product. */
	faults: (id: number) => Fault[]
	knobs?: WebhookKnobs
	/** Concerns webhooks: only stories with webhooks have it. */
	ofWebhooks?: true
	/** Never from the connection on, which it would end. */
	afterConnection?: true
	/** What existed, or was gone, for so long has been sent, ms; without it each whole poll shows it. */
	lateMs?: number
	/**
	 * Something is out of reach as long as it lasts, and health says so. `ends`: it ends with the story, and all arrives. `stays`: it is there
	 * to the end, since Shopbell tries again only weekly; what is lost is not judged, what is doubled or invented is.
	 */
	outOfReach?: 'ends' | 'stays'
}

/** By then a strategy that reads everything has done so (docs/polling.md, Stores that answer otherwise than asked). */
const PASS_MS = 2 * HOUR_MS
const late = (lateMs: number, ...faults: Fault[]): FoldDeviation => ({ faults: () => faults, lateMs })
const inTime = (...faults: Fault[]): FoldDeviation => ({ faults: () => faults })
/** So few rows a page that every list of a story has several. */
const FEW = 3
const KEPT = { seconds: 600 }

/** All deviations by their names. */
export const DEVIATIONS: Record<string, FoldDeviation> = {
	'newest ids instead of newest stamps': late(PASS_MS, { ignores: ['orderby=modified'] }),
	'an order of its own': late(PASS_MS, { sorts: 'shuffled' }),
	'the order of creation': late(PASS_MS, { sorts: 'created' }),
	'another order each time': late(PASS_MS, { sorts: 'random' }),
	'always descending': late(PASS_MS, { ignores: ['order'] }),
	'whole lists': late(PASS_MS, { wholeList: true }),
	'whole lists in an order of their own': late(PASS_MS, { wholeList: true, sorts: 'shuffled' }),
	'bounds ignored': late(PASS_MS, { ignores: ['bounds'] }),
	'dates_are_gmt ignored': late(PASS_MS, { ignores: ['dates_are_gmt'] }),
	'offset ignored': late(PASS_MS, { ignores: ['offset'], rowsAtMost: FEW }),
	'page ignored': late(PASS_MS, { ignores: ['page'], rowsAtMost: FEW }),
	'offset and page ignored': {
		...late(PASS_MS, { ignores: ['offset', 'page'], rowsAtMost: FEW }),
		outOfReach: 'stays',
	},
	'three rows whatever is asked': late(PASS_MS, { rowsAlways: FEW }),
	'at most three rows': late(PASS_MS, { rowsAtMost: FEW }),
	'more than 50 rows refused': late(PASS_MS, { rowsRefusedAbove: 50 }),
	'a pinned row more': late(PASS_MS, { pin: {} }),
	'a pinned row more on the first page': late(PASS_MS, { pin: { firstPageOnly: true } }),
	'a pinned row in place of another': late(PASS_MS, { pin: { inPlace: true } }),
	'status ignored': late(PASS_MS, { ignores: ['status'] }),
	'a row twice': late(PASS_MS, { repeat: {} }),
	'a row twice before pages are made': late(PASS_MS, { repeat: { beforePaging: true } }),
	'no total': late(25 * HOUR_MS, { total: 'absent' }),
	'a decimal total': inTime({ total: 'decimal' }),
	'the total twice': inTime({ total: 'doubled' }),
	'two totals': late(25 * HOUR_MS, { total: 'contradictory' }),
	'a total below the rows': late(25 * HOUR_MS, { total: 'below-rows' }),
	'a total too high': late(PASS_MS, { total: 3 }),
	'a total too low': late(25 * HOUR_MS, { total: -1 }),
	'unknown parameters refused': inTime({ refusesUnknown: 400 }),
	'a cache that shows nothing': late(PASS_MS, { cache: KEPT }),
	'a cache that says HIT': late(PASS_MS, { cache: { ...KEPT, sign: 'x-cache' } }),
	'a cache with Age': late(PASS_MS, { cache: { ...KEPT, sign: 'age' } }),
	'a cache that parameters pass by': late(PASS_MS, {
		cache: { ...KEPT, sign: 'age', honours: ['unknown-parameters'] },
	}),
	'a cache that no-cache passes by': inTime({ cache: { ...KEPT, honours: ['no-cache'] } }),
	'one answer for a whole path': {
		faults: () => [{ pattern: '/(orders|products|coupons|customers)\\?', cache: { ...KEPT, keys: 'path' } }],
		lateMs: PASS_MS,
		outOfReach: 'ends',
	},
	'a slow database clock': late(10 * MINUTE_MS, { stampsBehindSeconds: 300 }),
	'a fast database clock': late(10 * MINUTE_MS, { stampsBehindSeconds: -90 }),
	'a store behind itself': late(10 * MINUTE_MS, { lagSeconds: 40 }),
	'two replicas': late(30 * MINUTE_MS, { lagSeconds: 40, every: 2 }),
	'a healthy proxy': inTime({ headers: { age: '0', 'x-cache': 'MISS', 'cf-cache-status': 'DYNAMIC' } }),
	'two dates': inTime({ secondDateSeconds: -1 }),
	'a product that answers 500': {
		faults: (id) => [{ match: '/products', poison: { id, as: 'error' } }],
		lateMs: PASS_MS,
		outOfReach: 'ends',
	},
	'a product of broken JSON in lists': {
		faults: (id) => [{ match: '/products', poison: { id, as: 'broken', in: 'list' } }],
		lateMs: PASS_MS,
		afterConnection: true,
	},
	'a product behind a firewall by its id': {
		faults: (id) => [{ match: '/products', poison: { id, as: 'firewall', in: 'item' } }],
		lateMs: PASS_MS,
	},
	'another product for an id': {
		faults: (id) => [{ match: '/products', poison: { id, as: 'another', in: 'item' } }],
		lateMs: PASS_MS,
	},
	'four seconds a row': late(PASS_MS, { secondsPerRow: 4, match: 'per_page=100' }),
	'lists as objects': inTime({ listAsObject: true }),
	'comments after the JSON': inTime({ comment: true }),
	'byte order marks': inTime({ bom: 3 }),
	'notices before the JSON': inTime({ notice: true }),
	'ten webhooks a page': { faults: () => [{ match: '/webhooks', rowsAlways: 10 }], ofWebhooks: true },
	'no batches of webhooks': {
		faults: () => [{ challenge: 'siteground', method: 'POST', match: 'webhooks/batch' }],
		ofWebhooks: true,
		lateMs: PASS_MS,
	},
	'a source in another language': {
		faults: () => [],
		knobs: { source: 'http://shop.example.com/de/?lang=de' },
		ofWebhooks: true,
	},
}

/** A deviation of a story: of which resources, and from which step on; before the first it is there from the connection on. */
export interface StoryDeviation {
	name: string
	/** A collection's name, or all. */
	of: 'orders' | 'products' | 'coupons' | 'customers' | 'all'
	fromStep: number
}

const ALL_OF = '/wc/v3/(orders|products|coupons|customers)\\b'

/** The faults of a story's deviation. */
export function toFaults({ name, of }: StoryDeviation, productId: number): Fault[] {
	const scope: Fault = of === 'all' ? { pattern: ALL_OF } : { match: `/${of}` }
	return DEVIATIONS[name]!.faults(productId).map((fault) =>
		fault.match === undefined && fault.pattern === undefined ? { ...scope, ...fault } : fault,
	)
}

/** How late events of a story may be because of its deviations, ms. */
export function getLatenessMs(deviations: readonly StoryDeviation[]): number {
	return deviations.reduce((sum, { name }) => sum + (DEVIATIONS[name]!.lateMs ?? 0), 0)
}

/**
 * Spans that a change must outlast to be sent: each begins with a whole poll and goes on for so long of the time in which the store was
 * polled. Times in which it was not (pauses, outages) do not count.
 */
export function toCoarsePolls(
	polls: readonly { startMs: number; endMs: number }[],
	lateMs: number,
): { startMs: number; endMs: number }[] {
	if (lateMs === 0) return [...polls]
	return polls.flatMap(({ startMs }, first) => {
		let polledMs = 0
		for (let index = first + 1; index < polls.length; index++) {
			polledMs += Math.min(polls[index]!.startMs - polls[index - 1]!.startMs, 20 * MINUTE_MS)
			if (polledMs >= lateMs) return [{ startMs, endMs: polls[index]!.endMs }]
		}
		return []
	})
}
