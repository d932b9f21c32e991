/** A poll of one resource: the idle request, the window when that does not suffice, and what the total says. */
import { contentOf } from '../changes/content.ts'
import type { Core, Watched } from '../core/core.ts'
import { afterWindowPage, HEAD_ROWS, headCloses, horizonSec, windowForced } from './poll.ts'
import { isNews, recordPage } from '../changes/recorder.ts'
import { list, type Budget, type Listed } from '../source/requests.ts'
import { judge } from './totals.ts'

const WINDOW_ROWS = 100

/** Polls a resource, or goes on with a window that a slice cut short. True when its poll has ended. Throws StoreTrouble. */
export async function pollResource(core: Core, watched: Watched, budget: Budget): Promise<boolean> {
	if (watched.state.window !== null) return windowPage(core, watched, budget)
	return watched.resource.modifiedFilter ? pollModified(core, watched, budget) : pollNewest(core, watched, budget)
}

async function pollModified(core: Core, watched: Watched, budget: Budget): Promise<boolean> {
	const { resource, state: rs } = watched
	const acceptedBefore = core.accepted.get(rs.number) ?? 0
	const page = await list(core, watched, { order: 'modified-desc', limit: HEAD_ROWS }, budget)
	const zone = core.config.connection.timeZone
	const cursorMs = rs.cursorMs ?? rs.t0Sec * 1000
	const horizon = horizonSec(cursorMs, resource.pollDelaySec, zone, core.ports.now())
	noteOffset(core, watched, page)
	const closes =
		headCloses(
			page.sightings.map((one) => one.listedSec),
			HEAD_ROWS,
			page.total,
			horizon,
		) &&
		!windowForced({
			postsStored: resource.postsStored,
			windowDoneMs: rs.windowDoneMs,
			offsetChangedMs: rs.offsetChangedMs,
			zone,
			nowMs: core.ports.now(),
		})
	const undisturbed = acceptedBefore === (core.accepted.get(rs.number) ?? 0)
	recordHead(core, watched, page, () => {
		if (closes) pollEnded(core, watched, page.storeNowMs)
		else
			rs.window = { afterSec: horizon, startedMs: page.storeNowMs, second: null, total: undisturbed ? page.total : null, listed: rs.listed }
	})
	if (!closes) return false
	if (undisturbed) await judge(core, watched, page, budget)
	return true
}

/**
 * Holds the total of a poll's first answer against what is known after all its pages. When they differ and the later pages brought
 * objects that the first answer need not have counted, it is asked once more. Throws StoreTrouble.
 */
async function judgeAfterPages(
	core: Core,
	watched: Watched,
	first: { total: number | null; storeNowMs: number; listed: number },
	budget: Budget,
): Promise<void> {
	const { resource, state: rs } = watched
	if (first.total !== null && (first.listed === rs.listed || first.total === rs.listed + rs.drift)) {
		await judge(core, watched, first, budget)
		return
	}
	if (rs.baseline !== null) return
	const acceptedBefore = core.accepted.get(rs.number) ?? 0
	const page = await list(core, watched, { order: resource.modifiedFilter ? 'modified-desc' : 'id-desc', limit: HEAD_ROWS }, budget)
	const undisturbed = acceptedBefore === (core.accepted.get(rs.number) ?? 0)
	recordHead(core, watched, page, () => undefined)
	if (undisturbed) await judge(core, watched, page, budget)
}

async function windowPage(core: Core, watched: Watched, budget: Budget): Promise<boolean> {
	const { state: rs } = watched
	const window = rs.window
	if (window === null) return true
	const limit = Math.min(WINDOW_ROWS, rs.pageSize)
	const second = window.second
	const page =
		second === null
			? await list(core, watched, { order: 'modified-asc', modifiedAfterSec: window.afterSec, limit }, budget)
			: await list(
					core,
					watched,
					{ order: 'id-asc', modifiedAfterSec: second.sec - 1, modifiedBeforeSec: second.sec + 1, offset: second.offset, limit },
					budget,
				)
	const next = afterWindowPage(
		window,
		page.sightings.map((one) => one.listedSec),
		page.total,
		limit,
	)
	core.commit(() => {
		const recorded = recordPage(core, watched, page, 'poll')
		if (isNews(recorded)) rs.head = null
		rs.window = next
		if (next === null) {
			rs.windowDoneMs = core.ports.now()
			pollEnded(core, watched, window.startedMs)
		}
		return recorded
	}, isNews)
	if (next !== null) return false
	await judgeAfterPages(core, watched, { total: window.total, storeNowMs: window.startedMs, listed: window.listed }, budget)
	return true
}

/** Without a modified filter: the newest ids and the total; what is older is the pass's matter. */
async function pollNewest(core: Core, watched: Watched, budget: Budget): Promise<boolean> {
	const { state: rs } = watched
	const acceptedBefore = core.accepted.get(rs.number) ?? 0
	const head = await list(core, watched, { order: 'id-desc', limit: HEAD_ROWS }, budget)
	const undisturbed = acceptedBefore === (core.accepted.get(rs.number) ?? 0)
	let unknown = recordHead(core, watched, head, () => undefined)
	const { listed } = rs
	let offset = HEAD_ROWS
	// A burst of new ones: further back until a page shows one that is known.
	while (rs.baseline === null && unknown === head.sightings.length && unknown > 0 && offset < (head.total ?? 0)) {
		const limit = Math.min(WINDOW_ROWS, rs.pageSize)
		const page = await list(core, watched, { order: 'id-desc', offset: Math.max(0, offset - 1), limit }, budget)
		const recorded = core.commit(() => recordPage(core, watched, page, 'poll'))
		offset += limit - 1
		if (page.rows === 0 || recorded.unknown < page.sightings.length - 1) unknown = 0
	}
	pollEnded(core, watched, head.storeNowMs)
	if (undisturbed) await judgeAfterPages(core, watched, { total: head.total, storeNowMs: head.storeNowMs, listed }, budget)
	return true
}

/** Gates the head, unless it is what was gated last and nothing else was accepted since. Returns how many ids were unknown. */
function recordHead(core: Core, watched: Watched, page: Listed, also: () => void): number {
	const { state: rs } = watched
	const digest = page.sightings.map((one) => `${one.id}:${one.stampSec}:${one.state}:${contentOf(one.fields).hash}`).join(',')
	if (rs.head === digest) {
		also()
		return 0
	}
	const recorded = core.commit(() => {
		const result = recordPage(core, watched, page, 'poll')
		// Rows that are to be read again must pass the gate again.
		rs.head = isNews(result) ? null : digest
		also()
		return result
	}, isNews)
	return recorded.unknown
}

function pollEnded(core: Core, watched: Watched, storeNowMs: number): void {
	const { state: rs } = watched
	// Never beyond what the store's clock said when the poll began, nor beyond what it says now; never back either (design, Seeing: polling).
	rs.cursorMs = Math.max(rs.cursorMs ?? 0, Math.min(storeNowMs, core.ports.now() + (core.state.skewMs ?? 0)))
	rs.lastPollMs = core.ports.now()
	rs.error = null
}

function noteOffset(core: Core, watched: Watched, page: Listed): void {
	const { state: rs } = watched
	const newest = page.sightings.find((one) => one.localOffsetSec !== null)
	if (newest === undefined || newest.localOffsetSec === rs.offsetSec) return
	if (rs.offsetSec !== null) rs.offsetChangedMs = core.ports.now()
	rs.offsetSec = newest.localOffsetSec
}
