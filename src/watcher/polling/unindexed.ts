/** Polling without an index (`filterByUpdatedDate: false`): dates alone decide (docs/contract.md §3). */
import { hashContent } from '../changes/content.ts'
import { getLagMs } from '../changes/lag.ts'
import { createStoreEvent, emitEvents } from '../changes/new-event.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import { endLimit, noteLimit } from '../core/resource-limits.ts'
import type { ResourceState, Sweep, SweepState } from '../core/resource-state.ts'
import type { Tx } from '../core/tx.ts'
import { forgetDates } from '../core/unreadable-dates.ts'
import type { NewEvent } from '../log/event-log.ts'
import type { ListedPage, SliceBudget } from '../source/requests.ts'
import { DAY_MS } from '../../lib/time.ts'
import type { EventType } from '../../events/event.ts'
import type { Resource, Snapshot } from '../../elements/store.ts'
import { listPage } from './pages.ts'
import { getHorizonSec, OVERLAP_MS } from './poll.ts'
import { advanceSweep, beginSweep, getReadUpToMs, isSweepPaused, limitKeys, settleKeys } from './sweep.ts'

const NO_SWEEP: SweepState = { floorSec: null, running: null, head: null }

/** The code of the limit for changes that no page shows. */
const UNREAD_LIMIT = 'unread-changes'

/**
 * Reads a page of the newest rows, and sends those that were modified since the last poll by the platform's rule:
 * modified within `createdCheckTolerance` of its creation → CREATED, later → UPDATED. True: all that changed was read,
 * or the next poll goes on. Throws StoreError.
 */
export async function pollUnindexed(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<boolean> {
	const { state: rs } = watched
	const sweep = getSweep(core, watched)
	const limit = rs.pageSize
	const { order, offset, beforeSec } = sweep
	const place = beforeSec === null ? { offset } : { modifiedBeforeSec: beforeSec }
	const page = await listPage(core, watched, { order, limit, ...place }, budget)
	return core.commit((tx) => recordSweepPage(tx, core, watched, sweep, page, page.limit))
}

/** The sweep to go on with, or a new one. */
function getSweep(core: Core, { resource, state: rs }: WatchedResource): Sweep {
	const order = resource.modifiedFilter ? 'modified-desc' : 'id-desc'
	const runId = core.state.run?.id ?? 0
	const running = rs.sweep?.running ?? null
	if (running === null || running.order !== order) return beginSweep(order, getHorizon(core, resource, rs), runId)
	return running.runId === runId ? running : { ...running, runId, runPages: 0 }
}

/** Rows up to this date are known, s. */
function getHorizon(core: Core, { pollDelaySec }: Resource, { sweep, cursorMs, t0Sec }: ResourceState): number {
	const isFirst = (sweep?.floorSec ?? null) === null
	// Earlier versions counted all up to the last poll's time as read, and remembered no more than its last second.
	if (isFirst && cursorMs !== null) return Math.floor(cursorMs / 1000) - 1 - pollDelaySec
	if (isFirst) return t0Sec - 1
	if (cursorMs === null) return sweep!.floorSec!
	const zone = core.config.connection.timeZone
	return Math.max(sweep!.floorSec!, getHorizonSec(cursorMs, pollDelaySec, zone, core.ports.now()))
}

/** A row, its key, and the event that it is. */
interface AssessedRow {
	snapshot: Snapshot
	/** Equal while the row is unchanged. */
	key: string
	/** null: the row is known, or was there before. */
	eventType: Extract<EventType, 'CREATED' | 'UPDATED'> | null
}

function recordSweepPage(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	before: Sweep,
	page: ListedPage,
	limit: number,
): boolean {
	const { resource, state: rs } = watched
	const isFirstPage = before.pages === 0 && before.passes === 1
	const sweep = noteDatesOfPage(isFirstPage ? { ...before, ...getBeginning(page) } : before, page)
	const known = new Set(rs.recent)
	const rows = page.snapshots.map((snapshot) => assessRow(resource, rs, sweep, known, snapshot))
	const fresh = rows.filter(
		({ key, eventType, snapshot }) => !known.has(key) && counts(resource, sweep, snapshot, eventType),
	)
	const wasThere = ({ snapshot }: AssessedRow): boolean =>
		(getChangeSec(resource, snapshot) ?? -Infinity) * 1000 <= sweep.startedMs
	// The oldest comes first.
	const emitted = fresh
		.filter(({ eventType, snapshot }) => eventType !== null && snapshot.state === 'live')
		.toReversed()
	const events = emitted.map((row) => createUnindexedEvent(tx, core, watched, row, page.storeNowMs))
	rs.recent = limitKeys([...new Set([...rs.recent, ...fresh.map(({ key }) => key)])])
	const head = isFirstPage ? toHead(rs, rows, page) : (rs.sweep?.head ?? null)
	const isSettled = isFirstPage && head?.settled === true && fresh.length === 0
	const step = advanceSweep(sweep, {
		limit,
		// A row that stands twice, or in every page, is beside what was asked for.
		rows: Math.min(page.rows, limit),
		total: page.total,
		ids: page.snapshots.map(({ id }) => id),
		orderedSecs: page.orderedSecs,
		misplaced: page.snapshots.filter(
			({ listModifiedSec }, index) => listModifiedSec !== null && page.orderedSecs[index] === null,
		).length,
		unseen: fresh.length,
		unseenBefore: fresh.filter(wasThere).length,
	})
	const ended = step.ended || isSettled
	rs.sweep = { ...(rs.sweep ?? NO_SWEEP), head, running: ended ? null : step.sweep }
	if (ended) completeSweep(core, watched, step.sweep)
	emitEvents(tx, core, events)
	const isDone = ended || isSweepPaused(step.sweep)
	if (isDone) {
		rs.lastPollMs = core.ports.now()
		rs.error = null
	}
	return isDone
}

function getBeginning({ requestedAtMs, storeNowMs }: ListedPage): Pick<Sweep, 'beganMs' | 'startedMs'> {
	return { beganMs: requestedAtMs, startedMs: storeNowMs }
}

/** The sweep with the newest date and the highest id so far. Dates of the future do not count. */
function noteDatesOfPage(sweep: Sweep, { snapshots, isStale }: ListedPage): Sweep {
	const secs = snapshots.flatMap(({ listModifiedSec, modifiedSec }) => listModifiedSec ?? modifiedSec ?? [])
	const past = [
		...secs.filter((sec) => sec * 1000 <= sweep.startedMs),
		...(sweep.newestSec === null ? [] : [sweep.newestSec]),
	]
	const ids = snapshots.flatMap(({ id }) => (typeof id === 'number' ? [id] : []))
	return {
		...sweep,
		newestSec: past.length === 0 ? null : Math.max(...past),
		highestId: Math.max(sweep.highestId, ...ids),
		...(isStale && { isStale: true as const }),
	}
}

/** The first page as it is now. It is settled once all behind it was read after late commits have appeared. */
function toHead(rs: ResourceState, rows: readonly AssessedRow[], page: ListedPage): SweepState['head'] {
	const digest = rows.map(({ key }) => key).join(',')
	const known = rs.sweep?.head ?? null
	if (known?.digest === digest) return known
	return { digest, sinceMs: page.requestedAtMs, settled: false }
}

/**
 * What can differ without being in the first page is read to its end before that counts. Rows of the future could fill
 * the first page, so that a change would not stand there.
 */
function isHeadSettled({ resource, state: rs }: WatchedResource, sweep: Sweep): boolean {
	const head = rs.sweep?.head ?? null
	if (head === null || !sweep.isOrdered || sweep.isCut || sweep.newestSec === null) return false
	return sweep.beganMs - head.sinceMs >= OVERLAP_MS + resource.pollDelaySec * 1000
}

function completeSweep(core: Core, watched: WatchedResource, sweep: Sweep): void {
	const { resource, state: rs } = watched
	const now = core.ports.now()
	const state = rs.sweep ?? NO_SWEEP
	const floorSec = state.floorSec ?? getFirstFloor(rs, sweep)
	const readUpToMs = getReadUpToMs(sweep)
	if (readUpToMs !== null) rs.cursorMs = Math.max(rs.cursorMs ?? 0, readUpToMs)
	rs.newestId = Math.max(rs.newestId, rs.highestId, sweep.highestId)
	const head = state.head === null ? null : { ...state.head, settled: isHeadSettled(watched, sweep) }
	const polledMs = sweep.isCut || sweep.isStale === true ? state.polledMs : sweep.startedMs
	rs.sweep = { floorSec, running: null, head, ...(polledMs !== undefined && { polledMs }) }
	const settled = settleKeys(rs.recent, getHorizon(core, resource, rs), floorSec)
	rs.recent = settled.keys
	rs.sweep = { ...rs.sweep, floorSec: settled.floorSec }
	if (sweep.isCut) noteUnread(rs, now)
	else endLimit(rs, UNREAD_LIMIT)
	forgetDates(rs, resource, now - DAY_MS)
}

/**
 * The date up to which rows were there before the first sweep, s. The store's clock does not say: the dates may come
 * from one that is behind. Rows of the newest second are among the keys.
 */
function getFirstFloor({ cursorMs }: ResourceState, { newestSec, horizonSec }: Sweep): number {
	return cursorMs !== null ? horizonSec : Math.min(horizonSec, (newestSec ?? 1) - 1)
}

function noteUnread(rs: ResourceState, nowMs: number): void {
	const message =
		`The store shows only the newest ${rs.pageSize} ${rs.objectType}, whatever page is asked for: changes are lost ` +
		'if there are more between two polls. Poll more often, or remove filterByUpdatedDate.'
	noteLimit(rs, UNREAD_LIMIT, message, nowMs)
}

/**
 * When a row last changed, s: the configured date, or that of the list where the configured one leaves out the time.
 * null: not known.
 */
function getChangeSec({ dates: { updated } }: Resource, { modifiedSec, listModifiedSec }: Snapshot): number | null {
	if (updated === null || updated.stepSec === 1 || modifiedSec === null) return modifiedSec
	// It may be any moment of the step.
	return listModifiedSec ?? modifiedSec + updated.stepSec - 1
}

/** Whether a row is one that a sweep remembers. */
function counts(
	resource: Resource,
	{ horizonSec, newestSec }: Sweep,
	snapshot: Snapshot,
	eventType: AssessedRow['eventType'],
): boolean {
	const changeSec = getChangeSec(resource, snapshot)
	return eventType !== null || changeSec === null || changeSec > Math.min(horizonSec, (newestSec ?? Infinity) - 1)
}

function assessRow(
	resource: Resource,
	rs: ResourceState,
	{ horizonSec, startedMs }: Sweep,
	known: ReadonlySet<string>,
	snapshot: Snapshot,
): AssessedRow {
	const isFirst = (rs.sweep?.floorSec ?? null) === null
	const changeSec = getChangeSec(resource, snapshot)
	const key = toKey(resource, snapshot, changeSec)
	const row = (eventType: AssessedRow['eventType']): AssessedRow => ({ snapshot, key, eventType })
	if (known.has(key)) return row(null)
	if (changeSec !== null) {
		if (changeSec <= horizonSec) return row(null)
		// Imports write dates of the future; such a row may have been there before.
		const isFuture = isFirst && changeSec * 1000 > startedMs + OVERLAP_MS && !isNewId(rs, snapshot)
		if (isFuture) return row(null)
		return row(isCreation(resource, rs, snapshot, changeSec) ? 'CREATED' : 'UPDATED')
	}
	// Without a date, only an id tells what is new.
	if (isNewId(rs, snapshot)) return row('CREATED')
	if (isFirst) return row(null)
	if (snapshot.unreadableDates.updated !== null) return row('UPDATED')
	return row(typeof snapshot.id === 'string' ? 'CREATED' : null)
}

/** A date that does not say when a row changed says too little; then the content does. */
function toKey({ dates: { updated } }: Resource, snapshot: Snapshot, changeSec: number | null): string {
	const { id, listModifiedSec, unreadableDates, fields } = snapshot
	const isExact = updated === null || updated.stepSec === 1 || listModifiedSec !== null
	if (changeSec !== null) return isExact ? `${id}:${changeSec}` : `${id}:${changeSec}:${hashContent(fields).hash}`
	return unreadableDates.updated === null ? `${id}:null` : `${id}:?${hashContent(fields).hash}`
}

/** Whether an id is higher than all that earlier sweeps showed, and this one has not sent it. */
function isNewId({ newestId, highestId, recent }: ResourceState, { id }: Snapshot): boolean {
	return typeof id === 'number' && id > Math.max(newestId, highestId) && !recent.some((key) => key.startsWith(`${id}:`))
}

function isCreation(resource: Resource, rs: ResourceState, snapshot: Snapshot, changeSec: number): boolean {
	const { createdSec, listModifiedSec, id } = snapshot
	const { updated, created } = resource.dates
	const isExact = (created?.stepSec ?? 1) === 1 && ((updated?.stepSec ?? 1) === 1 || listModifiedSec !== null)
	if (createdSec === null || (!isExact && typeof id === 'number')) return isNewId(rs, snapshot)
	return changeSec - createdSec <= resource.createdToleranceSec + (created?.stepSec ?? 1) - 1
}

/** Records an object that could not be read when it changed, if it was modified after `sinceMs` (store clock). */
export function recordUnindexed(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	snapshot: Snapshot,
	{ sinceMs, storeNowMs }: { sinceMs: number; storeNowMs: number },
): void {
	const { resource, state: rs } = watched
	const changeSec = getChangeSec(resource, snapshot)
	const key = toKey(resource, snapshot, changeSec)
	if (snapshot.state !== 'live' || changeSec === null || changeSec * 1000 <= sinceMs || rs.recent.includes(key)) return
	const eventType = isCreation(resource, rs, snapshot, changeSec) ? 'CREATED' : 'UPDATED'
	emitEvents(tx, core, [createUnindexedEvent(tx, core, watched, { snapshot, key, eventType }, storeNowMs)])
	rs.recent = limitKeys([...rs.recent, key])
}

function createUnindexedEvent(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	{ snapshot, eventType }: AssessedRow,
	storeNowMs: number,
): NewEvent {
	const { resource, state: rs } = watched
	const type = eventType ?? 'UPDATED'
	const isNew = type === 'CREATED'
	return createStoreEvent(tx, core, watched, {
		objectId: snapshot.id,
		eventType: type,
		dateSec: isNew ? snapshot.createdSec : snapshot.modifiedSec,
		lagMs: getLagMs(
			{ type },
			{
				known: null,
				observation: { ...snapshot, createdSec: isNew ? snapshot.createdSec : null, kind: 'live', listed: true },
				skewMs: core.state.skewMs ?? 0,
				seenUpToMs: (rs.cursorMs ?? rs.t0Sec * 1000) - resource.pollDelaySec * 1000,
				modifiedFilter: resource.modifiedFilter,
				storeNowMs,
			},
		),
		source: 'poll',
		changedFields: null,
		flags: {},
		record: snapshot.record,
		chain: null,
	})
}
