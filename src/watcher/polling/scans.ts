/** Scans of whole collections in anchored id pages: the baseline, the re-read, the pass of resources without a modified filter. */
import { createHash } from 'node:crypto'
import { contentOf, difference } from '../changes/content.ts'
import type { Core, Watched } from '../core/core.ts'
import { listedBetween, readRows, unlisted } from '../changes/object-index.ts'
import { brakes, searchKey } from './poll.ts'
import { isNews, putLookup, recordPage } from '../changes/recorder.ts'
import { list, type Budget, type Listed } from '../source/requests.ts'
import { watchedResources } from '../source/resources.ts'
import { scanOffset, scanPage } from './scan.ts'
import { type ResourceState, SCAN_START, type ScanPosition } from '../core/state.ts'
import { holdDeletions } from './totals.ts'
import type { Sighting } from '../../elements/store.ts'

const HOUR_MS = 3_600_000
/** Objects of a re-read that are looked at for fields that change without a stamp, and how many of them make a field volatile. */
const VOLATILE_SAMPLE = 200
const VOLATILE_COUNT = VOLATILE_SAMPLE / 5
const RECENT_ROWS = 200
const UNLISTED_LOOKS = 1_000

/** One page of the baseline. Throws StoreTrouble. */
export async function baselineStep(core: Core, watched: Watched, budget: Budget): Promise<void> {
	const { state: rs } = watched
	const baseline = rs.baseline
	if (baseline === null) return
	const limit = rs.pageSize
	const page = await list(core, watched, { order: 'id-asc', offset: scanOffset(baseline.position), limit }, budget)
	const sorted = inOrder(page.sightings)
	const step = scanPage(
		baseline.position,
		sorted.map((one) => one.id),
		page.total,
		limit,
	)
	core.commit(() => {
		if (step.again) {
			rs.baseline = { ...baseline, position: step.position }
			return
		}
		const fresh = sorted.slice(step.from)
		recordPage(core, watched, page, 'poll', fresh)
		rs.baseline = { ...baseline, position: step.position, total: Math.max(page.total ?? 0, step.position.seen) }
		if (!step.ended) return
		rs.baseline = null
		rs.baselineDoneMs = core.ports.now()
		rs.agreedMs = baseline.startedMs + (core.state.skewMs ?? 0)
	})
}

/** Asks for a re-read of everything that has an index to hold it against. Call it inside a commit. */
export function askReread(core: Core): void {
	for (const { resource, state: rs } of watchedResources(core)) if (resource.indexed && !resource.placeholders) rs.rereadAsked = true
}

/** Whether a re-read is due, running or asked for. */
export function rereadDue(core: Core, watched: Watched): boolean {
	const { resource, state: rs } = watched
	if (rs.baseline !== null || !resource.indexed || resource.placeholders) return false
	if (rs.rereadAsked) return true
	if (!resource.modifiedFilter) return rs.passLeft > 0
	if (rs.reread !== null) return true
	const hours = core.config.rereadHours ?? resource.rereadHours
	return hours > 0 && core.ports.now() - (rs.rereadDoneMs ?? rs.baselineDoneMs ?? 0) >= hours * HOUR_MS
}

/** When the next re-read of a resource begins; null: never by itself. */
export function nextReread(core: Core, watched: Watched): number | null {
	const { resource, state: rs } = watched
	if (rs.baseline !== null || !resource.indexed || !resource.modifiedFilter || resource.placeholders) return null
	const times: number[] = []
	const hours = core.config.rereadHours ?? resource.rereadHours
	if (hours > 0) times.push((rs.rereadDoneMs ?? rs.baselineDoneMs ?? 0) + hours * HOUR_MS)
	if (recentHours(core, watched) > 0) times.push(recentAt(watched) + recentHours(core, watched) * HOUR_MS)
	return times.length === 0 ? null : Math.min(...times)
}

/** A page of a re-read that is to be gated. */
interface Turn {
	page: Listed
	fresh: Sighting[]
	/** Last id before this page. */
	above: number | string | null
	position: ScanPosition
	ended: boolean
}

/** First pages of a re-read, held back until it is known which fields change by themselves. In memory: lost, the re-read begins again. */
const samples = new WeakMap<ResourceState, { position: ScanPosition; turns: Turn[] }>()

/** One page of the re-read or the pass. Throws StoreTrouble. */
export async function rereadStep(core: Core, watched: Watched, budget: Budget): Promise<void> {
	const { resource, state: rs } = watched
	if (rs.reread === null || rs.rereadAsked) {
		rs.reread = { position: SCAN_START, startedMs: core.ports.now(), sampled: false, missing: 0 }
		rs.rereadAsked = false
		samples.delete(rs)
	}
	const running = rs.reread
	const sample = running.sampled ? null : (samples.get(rs) ?? { position: SCAN_START, turns: [] })
	const position = sample === null ? running.position : sample.position
	if (!resource.modifiedFilter) rs.passLeft = Math.max(0, rs.passLeft - 1)
	const page = await list(core, watched, { order: 'id-asc', offset: scanOffset(position), limit: rs.pageSize }, budget)
	const sorted = inOrder(page.sightings)
	const step = scanPage(
		position,
		sorted.map((one) => one.id),
		page.total,
		rs.pageSize,
	)
	if (step.again) {
		if (sample === null) rs.reread = { ...running, position: step.position }
		else samples.set(rs, { ...sample, position: step.position })
		return
	}
	const turn: Turn = { page, fresh: sorted.slice(step.from), above: position.lastId, position: step.position, ended: step.ended }
	if (sample === null) {
		commitTurns(core, watched, [turn])
		return
	}
	const turns = [...sample.turns, turn]
	const paused = !resource.modifiedFilter && rs.passLeft === 0
	if (step.position.seen < VOLATILE_SAMPLE && !step.ended && !paused) {
		samples.set(rs, { position: step.position, turns })
		return
	}
	samples.delete(rs)
	const found = volatileFields(core, watched, turns)
	if (found.length === 0) {
		commitTurns(core, watched, turns)
		return
	}
	// A store upgrade must not ring a hundred thousand times: the re-read begins again without these fields.
	core.commit(() => {
		rs.volatile = [...new Set([...rs.volatile, ...found])].sort()
		rs.reread = { position: SCAN_START, startedMs: running.startedMs, sampled: true, missing: 0 }
		rs.head = null
		core.state.run?.notes.push(`${rs.objectType}: ${found.join(', ')} changes without a stamp in most objects and is left out from now on`)
	})
}

/** Names of the fields that changed without a stamp in more than a fifth of the sample. */
function volatileFields(core: Core, watched: Watched, turns: readonly Turn[]): string[] {
	const { state: rs } = watched
	const counts = new Map<string, number>()
	const sample = turns.flatMap((turn) => turn.fresh.map((sighting) => ({ turn, sighting }))).slice(0, VOLATILE_SAMPLE)
	// Nothing has changed on a page that is as it was: its rows need not be read.
	const unchanged = new Set(turns.filter((turn) => unchangedPage(core, watched, turn)))
	const looked = sample.filter(({ turn }) => !unchanged.has(turn)).map(({ sighting }) => sighting)
	const known = readRows(
		core,
		rs.number,
		looked.map((one) => one.id),
	)
	for (const sighting of looked) {
		const row = known.get(sighting.id)
		if (row === undefined || row.state !== 'live' || row.stampSec !== sighting.stampSec) continue
		const content = contentOf(sighting.fields)
		if (content.hash === row.content.hash) continue
		for (const name of difference(row.content, content, rs.volatile).changed) counts.set(name, (counts.get(name) ?? 0) + 1)
	}
	return [...counts].filter(([, count]) => count > VOLATILE_COUNT).map(([name]) => name)
}

/** Gates pages of a re-read and notes which listed ids they did not show. */
function commitTurns(core: Core, watched: Watched, turns: Turn[]): void {
	const { state: rs } = watched
	const running = rs.reread
	const last = turns.at(-1)
	if (running === null || last === undefined) return
	let missingCount = running.missing
	const pending = turns.filter((turn) => turn.ended || !unchangedPage(core, watched, turn))
	const next = { ...running, sampled: true, position: last.position }
	if (pending.length === 0) {
		// Nothing to write but the position, which the end of the slice saves.
		rs.reread = next
		return
	}
	core.commit(() => {
		let news = last.ended
		for (const turn of pending) {
			const unchanged = unchangedPage(core, watched, turn)
			const missing = listedBetween(
				core.ports.sql,
				rs.number,
				unchanged ? turn.position.lastId : turn.above,
				turn.ended ? null : turn.position.lastId,
				turn.page.askedAtMs,
			)
			const shown = new Set(turn.page.sightings.map((one) => one.id))
			if (!unchanged && recordFresh(core, watched, turn.page, turn.fresh)) news = true
			for (const id of missing) {
				if (shown.has(id)) continue
				missingCount++
				news = true
				if (rs.heldSinceMs === null) putLookup(core, rs.number, id, core.ports.now(), { missing: true })
				else core.ports.sql.run(`INSERT OR IGNORE INTO held (resource, id, since) VALUES (?, ?, ?)`, rs.number, id, core.ports.now())
			}
		}
		rs.reread = { ...next, missing: missingCount }
		if (last.ended) rereadEnded(core, watched, running.startedMs, missingCount === 0 ? last.page.total : null)
		return news
	}, Boolean)
	if (rs.heldSinceMs === null && brakes(missingCount - (running.decided ?? 0), rs.listed)) holdDeletions(core, watched)
}

/** Whether a page of a pass is as it was: told by its digest, one row read instead of a hundred. */
function unchangedPage(core: Core, watched: Watched, turn: Turn): boolean {
	const first = turn.fresh[0]
	const last = turn.fresh.at(-1)
	if (watched.resource.modifiedFilter || first === undefined || last === undefined) return false
	const known = core.ports.sql.all<{ last: number | string; digest: string }>(
		`SELECT last, digest FROM pages WHERE resource = ? AND first = ?`,
		watched.state.number,
		first.id,
	)[0]
	return known !== undefined && known.last === last.id && known.digest === digestOf(turn.fresh)
}

/** `total`: what the last page said, null when something that is known was not shown. */
function rereadEnded(core: Core, watched: Watched, startedMs: number, total: number | null): void {
	const { state: rs } = watched
	if (total !== null && rs.searched === searchKey(total, total - rs.listed - rs.drift)) {
		// The difference that this re-read was to explain stands, and everything was read: the store counts what it does not list.
		rs.drift = total - rs.listed
		rs.searched = null
		core.state.run?.notes.push(`${rs.objectType}: the store's total differs by ${rs.drift} from what it lists`)
	}
	rs.reread = null
	rs.rereadDoneMs = core.ports.now()
	// All that is listed was read since: what pointed at an object before says no more.
	for (const [key, touch] of core.touched) if (touch.number === rs.number && touch.atMs < startedMs) core.touched.delete(key)
	rs.rereadBeganMs = startedMs
	rs.recentDoneMs = core.ports.now()
	if (!watched.resource.modifiedFilter) rs.passLeft = 0
	// What exists without being listed shows in no scan: each is read by itself.
	for (const id of unlisted(core.ports.sql, rs.number, UNLISTED_LOOKS)) putLookup(core, rs.number, id, core.ports.now(), { missing: true })
}

/** Gates the rows of a page; for resources without a modified filter an unchanged page is told by its digest. True when they brought news. */
function recordFresh(core: Core, watched: Watched, page: Listed, fresh: Sighting[]): boolean {
	const { resource, state: rs } = watched
	const first = fresh[0]
	const last = fresh.at(-1)
	if (first === undefined || last === undefined) return false
	const recorded = recordPage(core, watched, page, 'reread', fresh)
	if (resource.modifiedFilter) return isNews(recorded)
	core.ports.sql.run(
		`INSERT OR REPLACE INTO pages (resource, first, last, digest) VALUES (?, ?, ?, ?)`,
		rs.number,
		first.id,
		last.id,
		digestOf(fresh),
	)
	return isNews(recorded)
}

/** The newest objects again, where stamps miss many edits. True when one is due. */
export function recentDue(core: Core, watched: Watched): boolean {
	const hours = recentHours(core, watched)
	return (
		hours > 0 &&
		watched.state.baseline === null &&
		!watched.resource.placeholders &&
		core.ports.now() - recentAt(watched) >= hours * HOUR_MS
	)
}

/** Reads the newest objects of a resource once more. Throws StoreTrouble. */
export async function recentStep(core: Core, watched: Watched, budget: Budget): Promise<void> {
	const { state: rs } = watched
	for (let offset = 0; offset < RECENT_ROWS; offset += rs.pageSize) {
		const page = await list(core, watched, { order: 'id-desc', offset, limit: rs.pageSize }, budget)
		core.commit(() => recordPage(core, watched, page, 'reread'), isNews)
		if (page.rows < rs.pageSize) break
	}
	rs.recentDoneMs = core.ports.now()
}

function recentHours(core: Core, watched: Watched): number {
	return core.config.rereadHours === 0 || !watched.resource.indexed ? 0 : watched.resource.recentHours
}

function recentAt(watched: Watched): number {
	return watched.state.recentDoneMs ?? watched.state.baselineDoneMs ?? 0
}

function inOrder(sightings: Sighting[]): Sighting[] {
	return sightings.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}

function digestOf(page: Sighting[]): string {
	const hash = createHash('sha256')
	for (const one of page) hash.update(`${one.id}:${one.state}:${one.stampSec}:${contentOf(one.fields).hash}\n`)
	return hash.digest('base64url').slice(0, 22)
}
