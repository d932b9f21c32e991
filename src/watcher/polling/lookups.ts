/** Reads by id: confirmations of what a list no longer shows, second looks at what is doubtful, objects that others point at. */
import type { Core, Watched } from '../core/core.ts'
import { GONE_APART_MS, type Doubt } from '../changes/gate.ts'
import { readRows } from '../changes/object-index.ts'
import { isNews, mayLookUp, putLookup, record } from '../changes/recorder.ts'
import { read, readInList, StoreTrouble, type Budget } from '../source/requests.ts'
import { judgeProbe } from '../changes/probe.ts'
import type { ObjectId } from '../../elements/store.ts'

/** Reads an instance makes a minute because something pointed at an object; what another object's change points at may use half of them. */
const READS_A_MINUTE = 60
const TOUCHES_A_MINUTE = READS_A_MINUTE / 2
/** A read that the store refused for this object alone is tried again after this long. */
const READS_KEPT = 1_000
const REFUSED_MS = 5 * 60_000
/** A lookup that only a list can settle. */
const NEVER_MS = 10 * 365 * 86_400_000

interface LookupRow {
	resource: number
	id: ObjectId
	doubt: string
}

/** When the next read by id is due; null: none. */
export function nextLookupMs(core: Core): number | null {
	if (!mayLookUp(core)) return null
	const due = core.ports.sql.all<{ due: number | null }>(`SELECT min(due) AS due FROM lookups`)[0]?.due ?? null
	if (due === null) core.lookups = false
	return due
}

/** When the next object that another one's change pointed at may be read; null: none. */
export function nextTouchMs(core: Core): number | null {
	if (core.touched.size === 0) return null
	const { reads } = core.state
	const now = core.ports.now()
	const spentMinute = reads.count >= TOUCHES_A_MINUTE && reads.minute === Math.floor(now / 60_000)
	return spentMinute ? (reads.minute + 1) * 60_000 : now
}

/** Reads the object whose lookup is most overdue. False: none is due. Throws StoreTrouble. */
export async function lookupStep(core: Core, watchedOf: (number: number) => Watched | null, budget: Budget): Promise<boolean> {
	if (!mayLookUp(core)) return false
	const row = core.ports.sql.all<LookupRow>(
		`SELECT resource, id, doubt FROM lookups WHERE due <= ? ORDER BY due LIMIT 1`,
		core.ports.now(),
	)[0]
	if (row === undefined) return false
	const watched = watchedOf(row.resource)
	if (watched === null) {
		core.ports.sql.run(`DELETE FROM lookups WHERE resource = ? AND id = ?`, row.resource, row.id)
		return true
	}
	const doubt = JSON.parse(row.doubt) as Doubt
	// What a list misses is confirmed at once, whoever else pointed at it.
	if (doubt.hook === true && doubt.missing !== true && doubt.goneAtMs === undefined && !mayAsk(core, READS_A_MINUTE)) {
		// So many hints a minute and no more; they wait for the next one.
		core.ports.sql.run(
			`UPDATE lookups SET due = ? WHERE resource = ? AND id = ?`,
			(Math.floor(core.ports.now() / 60_000) + 1) * 60_000,
			row.resource,
			row.id,
		)
		return true
	}
	try {
		await look(core, watched, row.id, doubt, budget)
	} catch (error) {
		if (!(error instanceof StoreTrouble) || error.scope === 'store') throw error
		if (error.failure.kind === 'no-route' && error.failure.status === null) {
			leaveToLists(core, watched, row.id, doubt)
			return true
		}
		putLookup(core, row.resource, row.id, core.ports.now() + REFUSED_MS, doubt)
		watched.state.error = { atMs: core.ports.now(), kind: error.failure.kind, message: error.message }
	}
	return true
}

/**
 * An object that has no address, since its id is another field than the vendor's: whole lists decide. Missing from two complete
 * re-reads, one begun after the other, it is gone; any other doubt is settled by the next list that shows it.
 */
function leaveToLists(core: Core, watched: Watched, id: ObjectId, doubt: Doubt): void {
	const { state: rs } = watched
	const now = core.ports.now()
	core.commit(() => {
		if (doubt.hook === true && doubt.missing !== true) {
			// A webhook names it by an id that the index does not go by.
			core.ports.sql.run(`DELETE FROM lookups WHERE resource = ? AND id = ?`, rs.number, id)
			core.state.nextPollMs = now
			return
		}
		if (doubt.missing === true && doubt.goneAtMs !== undefined) {
			record(core, watched, [{ id, gone: true }], {
				source: 'reread',
				by: 'read',
				askedAtMs: now,
				storeNowMs: now,
				listed: false,
				doubts: new Map([[id, doubt]]),
				backfill: 'none',
			})
			return
		}
		// The re-read that found it missing must end before the one that counts begins.
		if (rs.reread !== null) putLookup(core, rs.number, id, now + GONE_APART_MS, doubt)
		else {
			putLookup(core, rs.number, id, now + NEVER_MS, doubt.missing === true ? { ...doubt, goneAtMs: now } : doubt)
			rs.rereadAsked = true
		}
	})
}

/** Reads one object that another one's change pointed at. False: none, or too many this minute. Throws StoreTrouble. */
export async function touchedStep(core: Core, watchedOf: (number: number) => Watched | null, budget: Budget): Promise<boolean> {
	const next = core.touched.entries().next().value
	if (next === undefined) return false
	if (!mayAsk(core, TOUCHES_A_MINUTE)) return false
	const [key, target] = next
	core.touched.delete(key)
	const watched = watchedOf(target.number)
	if (watched === null) return true
	try {
		await look(core, watched, target.id, {}, budget)
	} catch (error) {
		if (!(error instanceof StoreTrouble) || error.scope === 'store') throw error
	}
	return true
}

/** Whether one more object may be read in this minute because something pointed at it; counts it. */
function mayAsk(core: Core, limit: number): boolean {
	const { state } = core
	const minute = Math.floor(core.ports.now() / 60_000)
	if (state.reads.minute !== minute) state.reads = { minute, count: 0 }
	if (state.reads.count >= limit) return false
	state.reads.count++
	return true
}

/** When objects were last read: the newest thousand. */
function remember(core: Core, key: string, atMs: number): void {
	core.readAt.delete(key)
	core.readAt.set(key, atMs)
	if (core.readAt.size > READS_KEPT)
		for (const oldest of core.readAt.keys()) {
			core.readAt.delete(oldest)
			break
		}
}

async function look(core: Core, watched: Watched, id: ObjectId, doubt: Doubt, budget: Budget): Promise<void> {
	const { state: rs } = watched
	// Whether an object that a webhook named is inside a `where` only the list knows.
	const inList = watched.resource.filtered && doubt.hook === true && doubt.missing !== true
	const answer = await (inList ? readInList : read)(core, watched, id, budget)
	remember(core, `${rs.number}:${id}`, answer.askedAtMs)
	core.commit(() => {
		const known = readRows(core, rs.number, [id]).get(id)
		const settled = (): void =>
			core.ports.sql.run(`DELETE FROM lookups WHERE resource = ? AND id = ? AND since <= ?`, rs.number, id, answer.askedAtMs)
		if (inList && answer.sighting === null) {
			settled()
			// One that was inside has left it, or is gone: its own address decides.
			if (known !== undefined && known.state !== 'gone') putLookup(core, rs.number, id, core.ports.now(), { ...doubt, missing: true })
			return { accepted: 0, undecided: [] }
		}
		judgeProbe(core, watched, doubt, answer.sighting)
		const recorded = record(
			core,
			watched,
			[answer.sighting === null ? { id, gone: true } : { id: answer.sighting.id, sighting: answer.sighting }],
			{
				source: doubt.hook === true ? 'webhook' : 'poll',
				by: 'read',
				askedAtMs: answer.askedAtMs,
				storeNowMs: answer.storeNowMs,
				listed: doubt.missing !== true && known?.state !== 'unlisted',
				doubts: new Map([[id, doubt]]),
				backfill: core.config.backfill,
			},
		)
		// An id that answers as another one would be looked at for ever.
		if (recorded.undecided.length === 0) settled()
		return recorded
	}, isNews)
}
