/** A poll of one resource: the newest rows, then the window if they do not cover it, then the total. */
import { hashContent } from '../changes/content.ts'
import { applyEvidence, lacks } from '../core/abilities.ts'
import { getStrategy, type Core, type WatchedResource } from '../core/core.ts'
import {
	advanceWindow,
	getHorizonSec,
	headReachesHorizon,
	isNearClockChange,
	isWindowRequired,
	OVERLAP_MS,
	toComparableTotal,
} from './poll.ts'
import { DAY_MS } from '../../lib/time.ts'
import type { PollWindow, ResourceState } from '../core/resource-state.ts'
import {
	getHeadRows,
	getNewestSec,
	noteLateRows,
	noteNewestRows,
	noteReturn,
	readHead,
	settleNewestRows,
} from './heads.ts'
import { provesModifiedOrder } from './ability-probe.ts'
import { advanceBack, INITIAL_BACK_POSITION } from './head-paging.ts'
import { noteFinding } from '../core/findings.ts'
import { noteCacheSign } from '../core/freshness.ts'
import { noteTwoStates } from '../core/two-states.ts'
import { hasNewInformation, recordPage } from '../changes/recorder.ts'
import { noteUnfit } from '../source/checked-answers.ts'
import { StoreError, type ListedPage, type SliceBudget } from '../source/requests.ts'
import { setAbilities } from '../changes/known-abilities.ts'
import { noteDoubt } from '../source/doubts.ts'
import { reconcileTotal } from './totals.ts'
import { listPage } from './pages.ts'
import { checkHighestId } from './plain-scans.ts'
import { countInLists } from './unreadable.ts'
import { readMovedVariations } from './variation-reads.ts'

const MAX_WINDOW_ROWS = 100
/** A row of a window that is this much older than the poll had been written when the newest rows were read, s. */
const MIN_SHOWN_AGE_SEC = 60
/**
 * A window ends as unfit after so many pages in a row that showed nothing new of it, and pages in which they may be
 * needed: where the clocks change, dates are an hour off.
 */
const MAX_IDLE_PAGES = 20
const MAX_IDLE_PAGES_NEAR_CHANGE = 4_000

/** Polls a resource, or the next page of its open window. True when the poll has ended. Throws StoreError. */
export async function pollResource(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<boolean> {
	const { poll } = getStrategy(watched)
	const { window } = watched.state
	if (window !== null && poll === 'head') return pollBackPage(core, watched, budget)
	if (window !== null && poll === 'window') return pollWindowPage(core, watched, budget)
	if (!watched.resource.modifiedFilter)
		return poll === 'whole' ? pollWhole(core, watched) : pollNewest(core, watched, budget)
	return pollModified(core, watched, budget)
}

/** The pass reads everything: there is nothing to ask before it. */
function pollWhole(core: Core, watched: WatchedResource): true {
	completePoll(core, watched, core.ports.now() + (core.state.skewMs ?? 0), 0)
	return true
}

async function pollModified(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<boolean> {
	const { resource, state: rs } = watched
	const listedBefore = countInLists(core, rs)
	const page = await readHead(core, watched, budget)
	const total = getUsableTotal(page, { before: listedBefore, after: countInLists(core, rs) }, rs.drift)
	const zone = core.config.connection.timeZone
	const horizonSec = getHorizonSec(getCursorMs(rs), resource.pollDelaySec, zone, core.ports.now())
	updateZoneOffset(core, watched, page)
	const { poll } = getStrategy(watched)
	const isProven = isOrderProven(core, watched, page)
	const isSettled = noteNewestRows(rs, page, core.ports.now())
	const coversWindow =
		isSettled ||
		headReachesHorizon(
			page.snapshots.map((snapshot) => snapshot.listModifiedSec),
			page.limit,
			page.total,
			horizonSec,
		)
	const isHeadComplete =
		coversWindow &&
		!isWindowRequired({
			postsStored: resource.postsStored && poll === 'window',
			isOrderProven: isProven,
			windowDoneMs: rs.windowDoneMs,
			offsetChangedMs: rs.offsetChangedMs,
			zone,
			nowMs: core.ports.now(),
		})
	if (rs.head !== toHeadDigest(page)) await readMovedVariations(core, watched, page.snapshots, 'poll', budget)
	recordHead(core, watched, page, () => {
		if (isHeadComplete) completePoll(core, watched, page.storeNowMs, page.isStale ? null : (getNewestSec(page) ?? 0))
		else
			rs.window = {
				afterSec: horizonSec,
				startedMs: page.storeNowMs,
				second: null,
				total,
				listed: rs.listed,
				...(poll === 'head' && { back: INITIAL_BACK_POSITION }),
				...(poll === 'window' && toWindowHead(page, isProven)),
			}
	})
	if (!isHeadComplete) return false
	await reconcileTotal(core, watched, { total, storeNowMs: page.storeNowMs }, budget)
	return true
}

/** The time up to which changes are seen, epoch ms: neither past the store's clock nor past what it has shown. */
export function getCursorMs({ cursorMs, seenMs, t0Sec }: ResourceState): number {
	return Math.min(cursorMs ?? t0Sec * 1000, seenMs ?? Number.POSITIVE_INFINITY)
}

/** The total of a page, or null where it may be an old one, or may not count what came meanwhile. */
function getUsableTotal(page: ListedPage, listed: { before: number; after: number }, drift: number): number | null {
	return page.isStale ? null : toComparableTotal(page.total, listed, drift)
}

/**
 * Whether the head is what was modified last. Rows whose dates are in the order of their ids do not show it: then the
 * window is read too, every hour.
 */
function isOrderProven(core: Core, watched: WatchedResource, { snapshots, total }: ListedPage): boolean {
	const { abilities } = watched.state
	if (abilities?.modifiedOrder?.works === true || (total !== null && total <= snapshots.length)) return true
	const rows = snapshots.map(({ id, listModifiedSec, createdSec }) => ({
		id,
		modifiedSec: listModifiedSec,
		createdSec,
	}))
	if (!provesModifiedOrder(rows)) return false
	const example = `ids ${rows.map(({ id }) => id).join(', ')} as the newest`
	const now = core.ports.now()
	setAbilities(core, watched, applyEvidence(abilities, { ability: 'modifiedOrder', works: true, example }, now))
	return true
}

/** What a window is compared with. */
function toWindowHead({ snapshots, limit }: ListedPage, isProven: boolean): Pick<PollWindow, 'head'> {
	const secs = snapshots.flatMap(({ listModifiedSec }) => listModifiedSec ?? [])
	if (snapshots.length < limit || secs.length === 0) return {}
	return { head: { ids: snapshots.map(({ id }) => id), lastSec: Math.min(...secs), ...(isProven && { isProven }) } }
}

/** Whether dates may be wrong by an hour now, or lately were. */
function isClockDoubtful(core: Core, { offsetChangedMs }: ResourceState): boolean {
	const now = core.ports.now()
	const hasChanged = offsetChangedMs !== null && now - offsetChangedMs < DAY_MS
	return hasChanged || isNearClockChange(core.config.connection.timeZone, now)
}

/**
 * Whether a window shows rows that were newer than the newest ones: the store does not sort by modified date, or a
 * cache gave these. Not those that may have been written in between, nor where the site's clock has changed.
 */
function headLacksRows(
	core: Core,
	{ resource, state: rs }: WatchedResource,
	{ head, startedMs }: PollWindow,
	{ snapshots }: ListedPage,
	ageSec: number,
): boolean {
	if (head === undefined || isClockDoubtful(core, rs)) return false
	const beforeSec = startedMs / 1000 - ageSec - resource.pollDelaySec
	return snapshots.some(
		({ id, listModifiedSec: sec, localOffsetSec }) =>
			sec !== null &&
			sec > head.lastSec &&
			sec < beforeSec &&
			!head.ids.includes(id) &&
			// Posts are sorted by local time, which imports can write otherwise.
			(localOffsetSec === null || localOffsetSec === rs.offsetSec),
	)
}

/**
 * The newest rows were older than the window behind them. If a list of one row more shows others, a cache gave them.
 * Throws StoreError.
 */
async function checkOldHead(
	core: Core,
	watched: WatchedResource,
	{ head }: PollWindow,
	budget: SliceBudget,
): Promise<void> {
	const { resource, state: rs } = watched
	if (head?.isOld !== true || lacks(rs.abilities, 'modifiedOrder')) return
	const page = await listPage(core, watched, { order: 'modified-desc', limit: head.ids.length + 1 }, budget)
	recordHead(core, watched, page, () => undefined)
	if (page.snapshots.slice(0, head.ids.length).every(({ id }) => head.ids.includes(id)))
		return noteTwoStates(rs, 'the newest rows are older than those of another list', core.ports.now())
	const message =
		`A cache answers lists of ${resource.objectType}: the newest rows are older than those of another list. They are ` +
		'asked for with a parameter that changes. Exclude /wp-json/ from the cache.'
	noteCacheSign(rs, message, core.ports.now())
}

/** Ends a window whose pages show nothing of it: the next poll begins another one. Throws StoreError. */
function refuseIdleWindow(core: Core, watched: WatchedResource, { idle = 0 }: PollWindow): void {
	const { state: rs } = watched
	if (idle <= (isClockDoubtful(core, rs) ? MAX_IDLE_PAGES_NEAR_CHANGE : MAX_IDLE_PAGES)) return
	rs.window = null
	const detail = `${idle} pages in a row showed nothing of the time that was asked for`
	noteFinding(rs, { kind: 'no-progress', weight: 'fatal', detail }, core.ports.now())
	noteDoubt(rs, 'bound', core.ports.now())
	throw new StoreError(noteUnfit(watched, detail, core.ports.now()), watched)
}

/**
 * Compares the total of a poll's first answer with the index after all pages. Where later pages brought objects that
 * the first answer may not have counted, the total is requested again. Throws StoreError.
 */
async function reconcileTotalAfterPages(
	core: Core,
	watched: WatchedResource,
	firstPage: { total: number | null; storeNowMs: number; listed: number },
	budget: SliceBudget,
): Promise<void> {
	const { resource, state: rs } = watched
	if (
		firstPage.total !== null &&
		(firstPage.listed === rs.listed || firstPage.total === countInLists(core, rs) + rs.drift)
	) {
		await reconcileTotal(core, watched, firstPage, budget)
		return
	}
	if (rs.baseline !== null) return
	const listedBefore = countInLists(core, rs)
	const page = await listPage(
		core,
		watched,
		{ order: resource.modifiedFilter ? 'modified-desc' : 'id-desc', limit: getHeadRows(watched) },
		budget,
	)
	const total = getUsableTotal(page, { before: listedBefore, after: countInLists(core, rs) }, rs.drift)
	recordHead(core, watched, page, () => undefined)
	await reconcileTotal(core, watched, { total, storeNowMs: page.storeNowMs }, budget)
}

async function pollWindowPage(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<boolean> {
	const { state: rs } = watched
	const window = rs.window
	if (window === null) return true
	const limit = Math.min(MAX_WINDOW_ROWS, rs.pageSize)
	const second = window.second
	const page =
		second === null
			? await listPage(core, watched, { order: 'modified-asc', modifiedAfterSec: window.afterSec, limit }, budget)
			: await listPage(
					core,
					watched,
					{
						order: 'id-asc',
						modifiedAfterSec: second.sec - 1,
						modifiedBeforeSec: second.sec + 1,
						offset: second.offset,
						limit,
					},
					budget,
				)
	noteLateRows(core, watched, page)
	const shownSec = Math.max(window.newestSec ?? 0, getNewestSec(page) ?? 0)
	const isStale = window.isStale === true || page.isStale
	const isPaged = getStrategy(watched).paging !== null
	const advanced = advanceWindow(window, page.orderedSecs, page.total, page.limit, isPaged)
	const next = advanced && { ...advanced, newestSec: shownSec, ...(isStale && { isStale }) }
	await readMovedVariations(core, watched, page.snapshots, 'poll', budget)
	core.commit((tx) => {
		if (window.total !== null) checkHighestId(rs, page.snapshots, window.total)
		const recorded = recordPage(tx, core, watched, { ...page, growth: getGrowth(core, rs, window.total) }, 'poll')
		if (hasNewInformation(recorded)) rs.head = null
		if (window.head?.isProven !== true && headLacksRows(core, watched, window, page, OVERLAP_MS / 1000))
			noteDoubt(rs, 'modifiedOrder', core.ports.now(), true)
		if (window.head !== undefined && headLacksRows(core, watched, window, page, MIN_SHOWN_AGE_SEC))
			window.head = { ...window.head, isOld: true }
		rs.window = next && { ...next, ...(window.head && { head: window.head }) }
		if (next === null) {
			if (!isStale) rs.windowDoneMs = core.ports.now()
			completePoll(core, watched, window.startedMs, isStale ? null : shownSec)
		}
		return recorded
	}, hasNewInformation)
	if (next !== null) {
		refuseIdleWindow(core, watched, next)
		return false
	}
	await checkOldHead(core, watched, window, budget)
	await reconcileTotalAfterPages(
		core,
		watched,
		{ total: window.total, storeNowMs: window.startedMs, listed: window.listed },
		budget,
	)
	return true
}

/** A page further back from the newest rows. Throws StoreError. */
async function pollBackPage(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<boolean> {
	const { state: rs } = watched
	const { window } = rs
	if (window === null) return true
	const position = window.back ?? INITIAL_BACK_POSITION
	const limit = Math.min(MAX_WINDOW_ROWS, rs.pageSize)
	const page = await listPage(core, watched, { order: 'modified-desc', offset: position.offset, limit }, budget)
	const rows = page.snapshots.map(({ id, listModifiedSec }) => ({ id, modifiedSec: listModifiedSec }))
	const next = advanceBack(
		position,
		{ rows, total: page.total, limit: page.limit },
		{ horizonSec: window.afterSec, paging: getStrategy(watched).paging },
	)
	const shownSec = Math.max(window.newestSec ?? 0, getNewestSec(page) ?? 0)
	const isStale = window.isStale === true || page.isStale
	await readMovedVariations(core, watched, page.snapshots, 'poll', budget)
	core.commit((tx) => {
		if (window.total !== null) checkHighestId(rs, page.snapshots, window.total)
		const recorded = recordPage(tx, core, watched, { ...page, growth: getGrowth(core, rs, window.total) }, 'poll')
		if (hasNewInformation(recorded)) rs.head = null
		rs.window =
			next === null ? null : { ...window, back: next, newestSec: shownSec, ...(isStale && { isStale: true as const }) }
		if (next === null) {
			if (!isStale) rs.windowDoneMs = core.ports.now()
			completePoll(core, watched, window.startedMs, isStale ? null : shownSec)
		}
		return recorded
	}, hasNewInformation)
	if (next !== null) return false
	await reconcileTotalAfterPages(
		core,
		watched,
		{ total: window.total, storeNowMs: window.startedMs, listed: window.listed },
		budget,
	)
	return true
}

/** Without a modified filter: the newest ids and the total. The pass reads what is older. Throws StoreError. */
async function pollNewest(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<boolean> {
	const { state: rs } = watched
	const listedBefore = countInLists(core, rs)
	const head = await readHead(core, watched, budget)
	const total = getUsableTotal(head, { before: listedBefore, after: countInLists(core, rs) }, rs.drift)
	let unknownCount = recordHead(core, watched, head, () => undefined)
	const { listed } = rs
	const shown = new Set(head.snapshots.map(({ id }) => id))
	let offset = head.limit
	// Many new objects: further back until a page shows one that was known before.
	while (
		rs.baseline === null &&
		unknownCount === head.snapshots.length &&
		unknownCount > 0 &&
		(head.total === null || offset < head.total)
	) {
		const limit = Math.min(MAX_WINDOW_ROWS, rs.pageSize)
		const page = await listPage(core, watched, { order: 'id-desc', offset: Math.max(0, offset - 1), limit }, budget)
		const recorded = core.commit((tx) => recordPage(tx, core, watched, page, 'poll'))
		// Pages by number repeat more than a row.
		const again = page.snapshots.filter(({ id }) => shown.has(id)).length
		for (const { id } of page.snapshots) shown.add(id)
		offset += Math.max(1, page.limit - 1)
		const isEnd = page.rows === 0 || (head.total === null && page.rows < page.limit)
		if (isEnd || again === page.snapshots.length || recorded.unknown < page.snapshots.length - again) unknownCount = 0
	}
	completePoll(core, watched, head.storeNowMs, head.isStale ? null : 0)
	// A total that says nothing is requested again with the next poll.
	if (total !== null)
		await reconcileTotalAfterPages(core, watched, { total, storeNowMs: head.storeNowMs, listed }, budget)
	return true
}

/** How many objects a total counts that the index does not know; undefined: there is none. */
function getGrowth(core: Core, rs: ResourceState, total: number | null): number | undefined {
	return total === null ? undefined : total - rs.drift - countInLists(core, rs)
}

/** Gates the head, unless it is unchanged. Returns how many ids were not in the index. */
function recordHead(core: Core, watched: WatchedResource, page: ListedPage, afterRecording: () => void): number {
	const { state: rs } = watched
	const digest = toHeadDigest(page)
	if (rs.head === digest) {
		afterRecording()
		return 0
	}
	noteReturn(core, watched, page)
	const recorded = core.commit((tx) => {
		checkHighestId(rs, page.snapshots, page.total)
		const growth = getGrowth(core, rs, page.isStale ? null : page.total)
		const result = recordPage(tx, core, watched, { ...page, growth }, 'poll')
		// Rows to read again must pass the gate again.
		rs.head = hasNewInformation(result) ? null : digest
		afterRecording()
		return result
	}, hasNewInformation)
	return recorded.unknown
}

/** What a head is compared by with the last one. */
function toHeadDigest({ snapshots }: ListedPage): string {
	return snapshots
		.map((snapshot) => `${snapshot.id}:${snapshot.modifiedSec}:${snapshot.state}:${hashContent(snapshot.fields).hash}`)
		.join(',')
}

/**
 * Ends a poll that began at `storeNowMs`. `shownSec`: the newest modified date that it was shown, 0: none; null: a
 * cache answered, so that no cursor moves.
 */
function completePoll(
	core: Core,
	{ resource, state: rs }: WatchedResource,
	storeNowMs: number,
	shownSec: number | null,
): void {
	const now = core.ports.now()
	const skewMs = core.state.skewMs ?? 0
	rs.lastPollMs = now
	rs.error = null
	if (shownSec === null) return
	// At most the store's clock when the poll began and its clock now; never earlier than before.
	rs.cursorMs = Math.max(rs.cursorMs ?? 0, Math.min(storeNowMs, now + skewMs))
	if (resource.modifiedFilter && shownSec > 0)
		rs.seenMs = Math.max(rs.seenMs ?? 0, Math.min(shownSec * 1000, storeNowMs))
	settleNewestRows(rs, resource.pollDelaySec, { nowMs: storeNowMs - skewMs, storeNowMs })
}

function updateZoneOffset(core: Core, watched: WatchedResource, page: ListedPage): void {
	const { state: rs } = watched
	const newest = page.snapshots.find((snapshot) => snapshot.localOffsetSec !== null)
	if (newest === undefined || newest.localOffsetSec === rs.offsetSec) return
	if (rs.offsetSec !== null) rs.offsetChangedMs = core.ports.now()
	rs.offsetSec = newest.localOffsetSec
}
