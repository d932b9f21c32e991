/** What is known of caches between Shopbell and a resource's lists, and whether they are asked past. Pure. */
import { DAY_MS, HOUR_MS } from '../../lib/time.ts'
import type { ListQuery } from '../../elements/store.ts'
import { endLimit, noteLimit, type ResourceLimits } from './resource-limits.ts'

/** After this time without a new sign of a cache, lists are asked for without a parameter again, ms. */
const MAX_SIGN_AGE_MS = 7 * DAY_MS
/** A list is asked for past caches at least this often, ms. */
const CONTROL_INTERVAL_MS = DAY_MS
const LIMIT = 'cached-lists'

/** Times epoch ms, own clock. */
export interface Freshness {
	/** The last sign of a cache: lists are asked for with a parameter that changes. */
	signMs?: number
	/** WooCommerce's own cache answered. */
	skipsOwnCache?: true
	/** When one answer was last given to every question. */
	oneAnswerMs?: number
	/** The store refused the parameter. */
	refusedMs?: number
	/** The last list that was asked for past caches, and its newest modified date until the next list came. */
	controlMs?: number
	controlSec?: number
}

/** What keeps it. */
interface Cached {
	freshness?: Freshness
	limits?: ResourceLimits
}

/** A query as it is to be sent. */
export function withFreshness(rs: Cached, query: ListQuery, nowMs: number): ListQuery {
	const { signMs, refusedMs, skipsOwnCache } = rs.freshness ?? {}
	const { fresh: wanted, ...plain } = query
	if (refusedMs !== undefined && nowMs - refusedMs <= MAX_SIGN_AGE_MS) return plain
	if (wanted !== true && (signMs === undefined || nowMs - signMs > MAX_SIGN_AGE_MS)) return plain
	return { ...plain, fresh: true, ...(skipsOwnCache === true && { skipCache: true }) }
}

/** A sign of a cache: lists are asked past it, and health says so. `message`: a sentence for people. */
export function noteCacheSign(rs: Cached, message: string, nowMs: number, ownCache = false): void {
	rs.freshness = { ...rs.freshness, signMs: nowMs, ...(ownCache && { skipsOwnCache: true }) }
	noteLimit(rs, LIMIT, message, nowMs)
}

/** A cache gives one answer to every question: what lists show says nothing of what the store can do. */
export function noteOneAnswer(rs: Cached, objectType: string, nowMs: number): void {
	noteCacheSign(
		rs,
		`A cache answers all lists of ${objectType} alike, whatever is asked: changes are found when its answer expires. ` +
			'Exclude /wp-json/ from the cache.',
		nowMs,
	)
	rs.freshness = { ...rs.freshness, oneAnswerMs: nowMs }
}

/** Whether a cache gave one answer to every question within the last hour. */
export function isOneAnswer({ freshness }: Cached, nowMs: number): boolean {
	return nowMs - (freshness?.oneAnswerMs ?? Number.NEGATIVE_INFINITY) <= HOUR_MS
}

/** The store refuses the parameter. */
export function noteParameterRefused(rs: Cached, nowMs: number): void {
	rs.freshness = { ...rs.freshness, refusedMs: nowMs }
}

/** Ends what was last confirmed a week ago. */
export function endOldSign(rs: Cached, nowMs: number): void {
	const { signMs, ...others } = rs.freshness ?? {}
	if (signMs === undefined || nowMs - signMs <= MAX_SIGN_AGE_MS) return
	rs.freshness = others
	endLimit(rs, LIMIT)
}

/** Whether the next newest rows are to be asked for past caches. The first time is spread over a day. */
export function isControlDue(rs: Cached & { number: number }, instanceId: number, nowMs: number): boolean {
	const { controlMs } = rs.freshness ?? {}
	if (controlMs !== undefined) return nowMs - controlMs >= CONTROL_INTERVAL_MS
	const spreadMs = ((instanceId * 7_919 + rs.number * 3_571) % 1_440) * 60_000
	rs.freshness = { ...rs.freshness, controlMs: nowMs - spreadMs }
	return false
}
