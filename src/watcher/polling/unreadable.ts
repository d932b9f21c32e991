/**
 * Objects that cannot be read: lists leave them out, and they are read by id now and then, for as long as it lasts
 * (docs/polling.md, When one record or one resource fails).
 */
import { DAY_MS, HOUR_MS } from '../../lib/time.ts'
import { readIndexRows } from '../changes/object-index.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import { endLimit, noteLimit } from '../core/resource-limits.ts'
import { countChanges, type ResourceState } from '../core/resource-state.ts'
import type { Tx } from '../core/tx.ts'
import type { Gap } from '../core/unreadable.ts'
import { describeFailure } from '../source/record-failures.ts'
import type { Failure, ObjectId, Snapshot } from '../../elements/store.ts'

/** Ids that a list is asked to leave out: addresses longer than a few thousand characters are refused. */
const MAX_EXCLUDED = 400
const MAX_EXCLUDED_LENGTH = 3_500
/** How long a row that cannot be left out is passed over, ms. */
const GAP_MS = HOUR_MS
/** Gaps of a list, and lists with gaps. */
const MAX_GAPS = 500
const MAX_GAP_LISTS = 6
/** The first delay of a retry, and the longest one in the first day, ms. */
const MIN_RETRY_MS = 30_000
const MAX_RETRY_MS = HOUR_MS
/** More objects than this are read further apart: about twenty an hour. */
const MAX_HURRIED = 20
const RETRY_MS_PER_OBJECT = 3 * 60_000
/** Rows of the first page after one that could not be read, where there are more of them. */
const DENSE_STRIDE = 8
const MIN_DENSE = 3
/** Names in a message. */
const MAX_NAMES = 5
const UNREADABLE_LIMIT = 'unreadable-records'

/** Ids that lists are asked without. */
export function getExcludedIds({ unreadable }: ResourceState): readonly ObjectId[] {
	return unreadable === undefined || unreadable.ignoresExclusion === true ? [] : unreadable.excluded
}

/** Listed objects of the index that lists can show: those of an answer's total. */
export function countInLists(core: Core, rs: ResourceState): number {
	const excluded = getExcludedIds(rs)
	return excluded.length === 0
		? rs.listed
		: rs.listed - core.unreadable.countListed(rs.number, JSON.stringify(excluded))
}

/** Of these ids, those that are not known to be unreadable: the others say nothing by being absent from a list. */
export function withoutUnreadable<Id extends ObjectId>(core: Core, rs: ResourceState, ids: readonly Id[]): Id[] {
	if (ids.length === 0 || rs.unreadable === undefined) return [...ids]
	const unreadableIds = new Set(core.unreadable.list(rs.number).map(({ id }) => id))
	return ids.filter((id) => !unreadableIds.has(id))
}

/** Objects that a list shows although they count as unreadable are read soon. */
export function hurryShown(core: Core, rs: ResourceState, snapshots: readonly Snapshot[]): void {
	if (rs.unreadable === undefined) return
	const unreadableIds = new Set(core.unreadable.list(rs.number).map(({ id }) => id))
	const shown = snapshots.map(({ id }) => id).filter((id) => unreadableIds.has(id))
	if (shown.length === 0) return
	core.commit((tx) => core.unreadable.hurry(tx, rs.number, JSON.stringify(shown), core.ports.now()))
}

/** The delay of the next read of an object that could not be read `tries` times since `sinceMs`. Pure. */
export function getObjectRetryMs(tries: number, ageMs: number, count: number): number {
	const slowestMs = ageMs >= DAY_MS ? DAY_MS : MAX_RETRY_MS
	const steppedMs = Math.min(MIN_RETRY_MS * 2 ** Math.min(tries, 30), slowestMs)
	const apartMs = count > MAX_HURRIED ? count * RETRY_MS_PER_OBJECT : 0
	return Math.min(Math.max(steppedMs, apartMs), DAY_MS)
}

/** A row that spoils its pages. */
export interface UnreadableRow {
	id: ObjectId | null
	afterId: ObjectId | null
	hidesIds: boolean
	at: number
	gapKey: string
	/** The list was asked without it. */
	isExcluded: boolean
	/** The list has everything in the order of ids. */
	isScan: boolean
	failure: Failure
}

/** Remembers a row that cannot be read: by its id, or by its place in the list. */
export function noteUnreadableRow(core: Core, { resource, state: rs }: WatchedResource, row: UnreadableRow): void {
	const { id, afterId, hidesIds, at, gapKey, isExcluded, isScan, failure } = row
	const now = core.ports.now()
	const reason = describeFailure(failure)
	core.commit((tx) => {
		const unreadable = rs.unreadable ?? { excluded: [] }
		rs.unreadable = {
			...unreadable,
			...(hidesIds && { hidesIds }),
			...(isExcluded && { ignoresExclusion: true as const }),
		}
		if (id !== null) {
			const isKnown = readIndexRows(core, rs.number, [id]).has(id)
			const fromBaseline = rs.baseline !== null && !isKnown
			if (fromBaseline) rs.unreadable.fromBaseline = true
			core.unreadable.add(tx, {
				resource: rs.number,
				id,
				sinceMs: now,
				dueMs: now + MIN_RETRY_MS,
				tries: 0,
				reason,
				fromBaseline,
				cursorMs: rs.cursorMs ?? rs.t0Sec * 1000,
			})
		}
		updateUnreadable(tx, core, rs)
		if (id === null || !getExcludedIds(rs).includes(id))
			addGap(rs, gapKey, { at, id, afterId, reason, untilMs: now + GAP_MS })
		// A scan in the order of ids finds its name.
		if (id === null && !isScan && resource.indexed && rs.baseline === null) rs.rereadAsked = true
		noteUnreadableLimit(core, rs)
	})
}

function addGap(rs: ResourceState, key: string, gap: Gap): void {
	const { [key]: before = [], ...others } = rs.gaps ?? {}
	const gaps = [...before.filter(({ at }) => at !== gap.at), gap].slice(-MAX_GAPS)
	rs.gaps = Object.fromEntries([...Object.entries(others).slice(-MAX_GAP_LISTS + 1), [key, gaps]])
	rs.stride = DENSE_STRIDE
}

/** Brings what lists are asked without in line with the table. */
export function updateUnreadable(_tx: Tx, core: Core, rs: ResourceState): void {
	const objects = core.unreadable.list(rs.number)
	const before = rs.unreadable?.excluded ?? []
	const excluded = chooseExcluded(objects.map(({ id }) => id))
	if (JSON.stringify(before) !== JSON.stringify(excluded)) {
		// Rows have other places in lists without these, and totals do not count them.
		delete rs.gaps
		delete rs.spans
		rs.head = null
		rs.searched = null
		countChanges(rs, { listing: 1 })
	}
	if (objects.length === 0 && rs.gaps === undefined) delete rs.unreadable
	else rs.unreadable = { ...rs.unreadable, excluded }
	if (excluded.length >= MIN_DENSE && excluded.length > before.length) rs.stride = DENSE_STRIDE
}

/** The newest of these, as many as an address can name. Pure. */
export function chooseExcluded(ids: readonly ObjectId[]): ObjectId[] {
	const chosen: ObjectId[] = []
	let length = 0
	for (const id of ids.toReversed()) {
		length += encodeURIComponent(`${id},`).length
		if (chosen.length >= MAX_EXCLUDED || length > MAX_EXCLUDED_LENGTH) break
		chosen.push(id)
	}
	return chosen.toReversed()
}

/** Says in health which objects cannot be read, or that all can. */
export function noteUnreadableLimit(core: Core, rs: ResourceState): void {
	const named = core.unreadable.list(rs.number).map(({ id, reason }) => ({ name: String(id), reason }))
	const failing = core.lookups
		.listFailed(rs.number)
		.map(({ id, reason }) => ({ name: String(id), reason }))
		.filter(({ name }) => !named.some((other) => other.name === name))
	// Those that lists show although they are asked not to are likely the ones that have a name.
	const unnamed = getUnnamed(rs, core.ports.now()).slice(named.length - getExcludedIds(rs).length)
	const message = toUnreadableMessage(rs.objectType, [...named, ...failing, ...unnamed])
	if (message === null) endLimit(rs, UNREADABLE_LIMIT)
	else noteLimit(rs, UNREADABLE_LIMIT, message, core.ports.now())
}

/** The rows without a name. The same ones stand in several lists: the list with the most of them counts. */
function getUnnamed({ gaps = {} }: ResourceState, nowMs: number): { name: string; reason: string }[] {
	const lists = Object.values(gaps).map((list) => list.filter(({ id, untilMs }) => id === null && untilMs > nowMs))
	const longest = lists.reduce((most, list) => (list.length > most.length ? list : most), [])
	return longest.map(({ afterId, reason }) => ({
		name: afterId === null ? 'the first one listed' : `one after ${afterId}`,
		reason,
	}))
}

/** `1 product cannot be read: 1234, the store answers 500.` null: all can be read. Pure. */
export function toUnreadableMessage(
	objectType: string,
	objects: readonly { name: string; reason: string }[],
): string | null {
	const [first] = objects
	if (first === undefined) return null
	const count = objects.length
	const names = objects.slice(0, MAX_NAMES).map(({ name }) => name)
	const more = count - names.length
	const list = more > 0 ? `${names.join(', ')} and ${more.toLocaleString('en-US')} more` : names.join(', ')
	const noun = count === 1 ? toSingular(objectType) : objectType
	const reasons = [...new Set(objects.map(({ reason }) => reason))]
	const others = reasons.length > 1 ? ' for the first of them' : ''
	return (
		`${count.toLocaleString('en-US')} ${noun} cannot be read: ${list}, ${first.reason}${others}. ` +
		'The others are read, and Shopbell tries again.'
	)
}

function toSingular(plural: string): string {
	if (/[^aeiou]ies$/.test(plural)) return `${plural.slice(0, -3)}y`
	return /[^s]s$/.test(plural) ? plural.slice(0, -1) : plural
}
