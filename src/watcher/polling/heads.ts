/** The first request of a poll: the newest rows, held against what earlier ones showed, past caches where needed. */
import { createHash } from 'node:crypto'
import type { Core, WatchedResource } from '../core/core.ts'
import { noteFinding } from '../core/findings.ts'
import { isControlDue, noteCacheSign, withFreshness } from '../core/freshness.ts'
import type { ResourceState } from '../core/resource-state.ts'
import { isConfirmedTwofold, noteTwoStates } from '../core/two-states.ts'
import { isListed, readIndexRows } from '../changes/object-index.ts'
import type { ListedPage, SliceBudget } from '../source/requests.ts'
import type { ListQuery, Snapshot } from '../../elements/store.ts'
import { listPage } from './pages.ts'
import { countInLists } from './unreadable.ts'
import { HEAD_ROWS, isNearClockChange, OVERLAP_MS } from './poll.ts'

/** By this posts, which are ordered by local time, may stand elsewhere around a change of the clocks, s. */
const LOCAL_ORDER_SEC = 2 * 3_600
/** Rows whose newest date is this old have been written whatever the database's clock says, ms. */
const MAX_SETTLING_MS = 15 * 60_000

/** The newest modified date of a page that is not in the store's future, seconds; null: none. */
export function getNewestSec({ snapshots, storeNowMs }: Pick<ListedPage, 'snapshots' | 'storeNowMs'>): number | null {
	const seconds = snapshots
		.map(({ listModifiedSec }) => listModifiedSec)
		.filter((sec) => sec !== null && sec * 1000 <= storeNowMs) as number[]
	return seconds.length === 0 ? null : Math.max(...seconds)
}

/** Rows of the idle request: as many as the store gives. */
export function getHeadRows({ state: { abilities } }: WatchedResource): number {
	return Math.min(HEAD_ROWS, abilities?.maxRows?.rows ?? HEAD_ROWS)
}

/** Reads the newest rows. Where they are older than what the store has shown, past caches. Throws StoreError. */
export async function readHead(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<ListedPage> {
	const { resource, state: rs } = watched
	const now = core.ports.now()
	const query: ListQuery = { order: resource.modifiedFilter ? 'modified-desc' : 'id-desc', limit: getHeadRows(watched) }
	const readPast = (): Promise<ListedPage> => listPage(core, watched, { ...query, fresh: true }, budget)
	const isPast = withFreshness(rs, query, now).fresh === true
	if (isControlDue(rs, core.config.instanceId, now)) {
		const page = await readPast()
		const top = getTop(watched, page)
		rs.freshness = { ...rs.freshness, controlMs: now, ...(top !== null && { controlSec: top }) }
		return page
	}
	const page = await listPage(core, watched, query, budget)
	if (isOlderThanControl(rs, getTop(watched, page)) && !isPast) {
		const past = await readPast()
		if ((getTop(watched, past) ?? 0) > (getTop(watched, page) ?? 0))
			noteCacheSign(
				rs,
				`A cache answers lists of ${resource.objectType}: they show more with a parameter that changes, and are asked ` +
					'for with one. Exclude /wp-json/ from the cache.',
				now,
			)
		return past
	}
	return noteLateRows(core, watched, page) && !isPast ? await readPast() : page
}

/** What is highest in a head that is in order: a date, or an id. */
function getTop({ resource }: WatchedResource, page: ListedPage): number | null {
	if (resource.modifiedFilter) return getNewestSec(page)
	const ids = page.snapshots.map(({ id }) => id).filter((id) => typeof id === 'number')
	return ids.length === 0 ? null : Math.max(...ids)
}

/** Whether a list shows less than the one before it that was asked for past caches. */
function isOlderThanControl(rs: ResourceState, top: number | null): boolean {
	const { controlSec, ...freshness } = rs.freshness ?? {}
	if (controlSec === undefined) return false
	rs.freshness = freshness
	return (top ?? 0) < controlSec
}

/**
 * By how many minutes rows are late that the last poll, by its clock, should have shown; null: none. An object that is
 * created with an old date gets it as its modified date too (docs/woocommerce.md 3.8).
 */
function getLateMinutes(core: Core, { resource, state: rs }: WatchedResource, page: ListedPage): number | null {
	const { seenMs, cursorMs } = rs
	if (seenMs == null || cursorMs === null || rs.baseline !== null || !resource.modifiedFilter) return null
	if (isNearClockChange(core.config.connection.timeZone, core.ports.now())) return null
	const isLate = ({ listModifiedSec, createdSec }: Snapshot): boolean =>
		listModifiedSec !== null &&
		listModifiedSec !== createdSec &&
		listModifiedSec * 1000 > seenMs &&
		listModifiedSec * 1000 < cursorMs - OVERLAP_MS - resource.pollDelaySec * 1000
	const late = page.snapshots.filter(isLate).map(({ listModifiedSec }) => listModifiedSec!)
	return late.length === 0 ? null : Math.ceil((page.storeNowMs / 1000 - Math.min(...late)) / 60)
}

/** A time as people say it: `22 minutes`, `6 hours`, `3 days`. */
function toRoughTime(minutes: number): string {
	if (minutes < 120) return minutes === 1 ? '1 minute' : `${minutes} minutes`
	const hours = Math.round(minutes / 60)
	return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24).toLocaleString('en-US')} days`
}

/** Notes rows that the last poll should have shown. Returns whether there are any. */
export function noteLateRows(core: Core, watched: WatchedResource, page: ListedPage): boolean {
	const { resource, state: rs } = watched
	const minutes = getLateMinutes(core, watched, page)
	if (minutes === null) return false
	const now = core.ports.now()
	const isPast = withFreshness(rs, { order: 'modified-desc', limit: 1 }, now).fresh === true
	const late = toRoughTime(minutes)
	const what = `Changes of ${resource.objectType} appeared up to ${late} after their modified date`
	noteFinding(rs, { kind: 'late-rows', weight: 'benign', detail: `rows appeared ${late} late` }, now)
	noteCacheSign(
		rs,
		isPast
			? `${what}, also past caches: the database's clock is slow, or changes are written late.`
			: `${what}. In case a cache answers, lists are asked for with a parameter that changes.`,
		now,
	)
	return true
}

/**
 * The head lacks rows of the one before that would stand in it, and deletions do not explain it, as after a backup was
 * restored: then everything is read again, since older contents further back show nowhere else.
 */
export function noteReturn(core: Core, { resource, state: rs }: WatchedResource, page: ListedPage): void {
	if (rs.head === null || page.isStale || page.total === null || !resource.modifiedFilter || rs.baseline !== null)
		return
	const ids = page.snapshots.map(({ id }) => id)
	const before = rs.head.split(',').map((row) => row.split(':').map(Number))
	const lowestSec = getLowestSec(page) + (resource.postsStored ? LOCAL_ORDER_SEC : 0)
	const lacking = before.flatMap(([id, sec]) =>
		id !== undefined && (sec ?? 0) > lowestSec && !ids.includes(id) ? [id] : [],
	)
	if (lacking.length === 0) return
	const known = readIndexRows(core, rs.number, [...lacking, ...ids])
	const listed = lacking.filter((id) => isListed(known.get(id)?.state ?? 'gone'))
	const added = ids.filter((id) => !known.has(id)).length
	const gone = countInLists(core, rs) + added + rs.drift - page.total
	if (listed.length === 0 || (listed.length <= gone && listed.length < before.length)) return
	const now = core.ports.now()
	// Of a store that shows two states in turn, this is nothing new.
	if (!isConfirmedTwofold(rs, now)) rs.rereadAsked = true
	noteTwoStates(rs, 'the newest rows are older than those of the answer before', now)
}

/** What is modified later stands in the page. */
function getLowestSec({ snapshots, rows, limit }: ListedPage): number {
	if (rows < limit) return -Infinity
	return Math.min(...snapshots.map(({ listModifiedSec }) => listModifiedSec ?? Infinity))
}

/**
 * Remembers since when the newest rows are the same. Returns whether they are settled: windows that were read since
 * then have shown what was written beside them.
 */
export function noteNewestRows(rs: ResourceState, page: ListedPage, nowMs: number): boolean {
	if (page.isStale) return false
	const text = page.snapshots.map(({ id, listModifiedSec }) => `${id}:${listModifiedSec}`).join(',')
	const rows = createHash('sha256').update(text).digest('base64url').slice(0, 11)
	if (rs.newest?.rows !== rows) rs.newest = { rows, sinceMs: nowMs, isSettled: false }
	return rs.newest.isSettled
}

/** A poll has ended that began at a time: rows that committed late have been read if it is late enough. */
export function settleNewestRows(
	rs: ResourceState,
	pollDelaySec: number,
	begun: { nowMs: number; storeNowMs: number },
): void {
	const { newest, seenMs } = rs
	if (newest === undefined || newest.isSettled) return
	const isOld = seenMs != null && begun.storeNowMs - seenMs >= MAX_SETTLING_MS
	if (isOld || begun.nowMs - newest.sinceMs >= OVERLAP_MS + pollDelaySec * 1000)
		rs.newest = { ...newest, isSettled: true }
}
