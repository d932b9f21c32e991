/**
 * Reads of variations (docs/polling.md, Variations): with the page that shows that their products were saved, so that
 * one save is one event; when they are asked for; and, where the store has no list of all, one product after another.
 */
import { HOUR_MS } from '../../lib/time.ts'
import { getCurrentProfile } from '../core/content-profiles.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import { endLimit, noteLimit } from '../core/resource-limits.ts'
import type { Tx } from '../core/tx.ts'
import { getLastWholeReadMs, knowsAllOwners, MAX_VARIATION_REQUESTS_AN_HOUR } from '../core/variation-state.ts'
import type { VariationOwner } from '../core/variation-table.ts'
import { readIndexRows } from '../changes/object-index.ts'
import { updateProfile } from '../changes/profile-updates.ts'
import { hasNewInformation, recordObservations } from '../changes/recorder.ts'
import { diffVariations, MIN_MISSING_MS, type VariationDiff, type VariationRead } from '../changes/variation-changes.ts'
import {
	getVariationRetryMs,
	holdVariations,
	recordVariations,
	takeVariations,
	toFailure,
} from '../changes/variation-decisions.ts'
import { getParentedLists, readKnownVariations, toVariationContext } from '../changes/variation-index.ts'
import { answersNow } from '../source/failure-scope.ts'
import { canBeOfRecord, describeFailure } from '../source/record-failures.ts'
import { isBudgetSpent, readObject, StoreError, type SliceBudget } from '../source/requests.ts'
import { getWatchedResources } from '../source/resources.ts'
import type { ObjectId, Snapshot, VariationLists } from '../../elements/store.ts'
import { findMissingVariations, readVariationList } from './variation-lists.ts'
import { judgeUnexplained } from './variation-noise.ts'
import { getNextPassMs, isPassDue, variationPassStep } from './variation-pass.ts'

/** Products of a page whose variations are read with it; those of others are read afterwards. */
const MAX_READ_WITH_PAGE = 10
/** Variations that are removed at a time when they are no longer read. */
const REMOVED_SLICE = 5_000
/** What does not count as a change is found anew after this long, ms. */
const MAX_NOISE_AGE_MS = 30 * 24 * HOUR_MS
const UNREADABLE_LIMIT = 'unreadable-variations'
const MAX_NAMES = 5

/** Begins and ends the reading of variations, as the configuration says. */
export function syncVariations(core: Core): void {
	for (const { resource, state: rs, configured } of getWatchedResources(core)) {
		const now = core.ports.now()
		const lists = core.element.getVariationLists(configured ?? resource, core.config.connection)
		const isRead = core.config.variations === 'parent' && lists !== null
		const { variations } = rs
		if (isRead && variations === undefined)
			core.commit(() => {
				const isFirst = rs.baseline?.position.seen === 0
				rs.variations = {
					sinceMs: isFirst ? 0 : now,
					pass: null,
					passBeganMs: null,
					spent: { hour: 0, requests: 0 },
					noise: [],
				}
				// It names the products that have variations.
				if (!isFirst) rs.rereadAsked = true
			})
		if (!isRead && variations !== undefined)
			core.commit((tx) => {
				if (!core.variations.removeSlice(tx, rs.number, REMOVED_SLICE)) return
				delete rs.variations
				endLimit(rs, UNREADABLE_LIMIT)
			})
		if (isRead && variations?.noise.some(({ sinceMs }) => now - sinceMs > MAX_NOISE_AGE_MS) === true)
			rs.variations = {
				...variations,
				noise: variations.noise.filter(({ sinceMs }) => now - sinceMs <= MAX_NOISE_AGE_MS),
			}
	}
}

/**
 * Reads the variations of objects that a page or a read shows as saved since they were observed last, for at most a
 * few. What fails or does not fit is queued when the objects are recorded.
 */
export async function readMovedVariations(
	core: Core,
	watched: WatchedResource,
	snapshots: readonly Snapshot[],
	source: VariationRead['source'],
	budget: SliceBudget,
): Promise<void> {
	const lists = getParentedLists(core, watched)
	const { state: rs } = watched
	if (lists === null || rs.baseline !== null) return
	const moved = findMoved(core, watched, lists, snapshots)
	for (const id of moved.slice(0, MAX_READ_WITH_PAGE)) {
		if (isBudgetSpent(core, budget)) return
		const owner = core.variations.getOwners(rs.number, [id]).get(id)
		// One that is in doubt has its own time.
		if (owner !== undefined && Object.keys(owner.doubt).length > 0) continue
		try {
			const read = await readVariationList(core, watched, lists, id, budget, { fresh: false, failedTries: 0 })
			if (read === null) return
			holdVariations(core, rs.number, id, { ...read, gone: [], trashed: [], isProven: false, source })
		} catch (error) {
			if (error instanceof StoreError) return
			throw error
		}
	}
}

/** Objects with variations that were saved since they were observed last, or that are new. */
function findMoved(
	core: Core,
	{ state: rs }: WatchedResource,
	lists: VariationLists,
	snapshots: readonly Snapshot[],
): ObjectId[] {
	const live = snapshots.filter(({ state }) => state === 'live')
	const ids = live.map(({ id }) => id)
	const owners = core.variations.getOwners(rs.number, ids)
	const candidates = live.filter(({ id, record }) => owners.has(id) || lists.has(record))
	const rows = readIndexRows(
		core,
		rs.number,
		candidates.map(({ id }) => id),
	)
	return candidates
		.filter(({ id, modifiedSec }) => rows.get(id)?.modifiedSec !== modifiedSec || !rows.has(id))
		.map(({ id }) => id)
}

/** Whether a resource has variations to read now. */
export function isVariationReadDue(core: Core, watched: WatchedResource): boolean {
	return (getNextVariationMs(core, watched) ?? Infinity) <= core.ports.now()
}

/** When the variations of a resource are read next, epoch ms; null: none are to be read. */
export function getNextVariationMs(core: Core, watched: WatchedResource): number | null {
	const { state: rs } = watched
	if (rs.variations === undefined || rs.baseline !== null || getParentedLists(core, watched) === null) return null
	const times = [core.variations.nextDueMs(rs.number), getNextPassMs(core, watched), getNextScheduledMs(core, watched)]
	const present = times.filter((timeMs) => timeMs !== null)
	return present.length === 0 ? null : Math.min(...present)
}

/** When the next object's turn is, where the store has no list of all; null: all were read since the last re-read. */
function getNextScheduledMs(core: Core, { state: rs }: WatchedResource): number | null {
	const { variations } = rs
	if (variations?.noListMs === undefined || !knowsAllOwners(rs)) return null
	const oldest = core.variations.getOldest(rs.number)
	if (oldest === null || (oldest.readMs !== null && oldest.readMs >= getLastWholeReadMs(rs))) return null
	const { hour, requests } = variations.spent
	const isSpent = requests >= MAX_VARIATION_REQUESTS_AN_HOUR && hour === Math.floor(core.ports.now() / HOUR_MS)
	return isSpent ? (hour + 1) * HOUR_MS : core.ports.now()
}

/** Reads the variations whose turn it is. Throws StoreError. */
export async function variationStep(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void> {
	const lists = getParentedLists(core, watched)
	const { state: rs } = watched
	if (lists === null || rs.variations === undefined) return
	const queued = core.variations.nextDue(rs.number, core.ports.now())
	if (queued !== null) return readOwner(core, watched, lists, queued, budget)
	if (isPassDue(core, watched)) return variationPassStep(core, watched, lists, budget)
	const scheduled = (getNextScheduledMs(core, watched) ?? Infinity) <= core.ports.now()
	const oldest = scheduled ? core.variations.getOldest(rs.number) : null
	if (oldest === null) return
	const before = budget.requests
	try {
		await readOwner(core, watched, lists, { ...oldest, source: 'reread' }, budget)
	} finally {
		spend(core, watched, before - budget.requests)
	}
}

/** Counts requests in the budget of the hour. */
function spend(core: Core, { state: { variations } }: WatchedResource, requests: number): void {
	if (variations === undefined) return
	const hour = Math.floor(core.ports.now() / HOUR_MS)
	const spent = variations.spent.hour === hour ? variations.spent.requests : 0
	variations.spent = { hour, requests: spent + requests }
}

/** Reads the variations of one object; what they show is recorded with the object. Throws StoreError. */
async function readOwner(
	core: Core,
	watched: WatchedResource,
	lists: VariationLists,
	owner: VariationOwner,
	budget: SliceBudget,
): Promise<void> {
	try {
		const read = await readVariations(core, watched, lists, owner, budget)
		if (read === 'contradicted')
			return postpone(core, watched, owner, 'its list of variations lacks some that are there')
		if (read === 'too-long') {
			// The next slice has the requests that it takes.
			budget.requests = 0
			return
		}
		const diff = compareRead(core, watched, lists, owner, read)
		if (diff.unexplained.length > 0 && waitForProof(core, watched, owner, read, diff)) return
		const proven = diff.unexplained.length > 0 ? { ...read, isProven: true } : read
		const isTold = diff.unexplained.length > 0 || diff.told.length > 0
		if (!isTold) recordAlone(core, watched, lists, owner.id, proven)
		else await recordWithObject(core, watched, owner, proven, budget)
		noteUnreadable(core, watched)
	} catch (error) {
		if (!(error instanceof StoreError)) throw error
		const isOwn = error.scope !== 'store' || (canBeOfRecord(error.failure) && (await answersNow(core, watched, budget)))
		if (!isOwn) throw error
		postpone(core, watched, owner, describeFailure(error.failure))
	}
}

/** An object's row as it is now: a webhook may have asked for another read meanwhile, or the object is gone. */
function getOwner(core: Core, { state: rs }: WatchedResource, id: ObjectId): VariationOwner | undefined {
	return core.variations.getOwners(rs.number, [id]).get(id)
}

/** Records a read that shows no change. */
function recordAlone(
	core: Core,
	watched: WatchedResource,
	lists: VariationLists,
	id: ObjectId,
	read: VariationRead,
): void {
	core.commit(
		(tx) => {
			const owner = getOwner(core, watched, id)
			if (owner === undefined || read.profile !== getCurrentProfile(watched.state).number) return
			recordVariations(tx, core, watched, lists, owner, read, [])
		},
		() => false,
	)
}

function compareRead(
	core: Core,
	watched: WatchedResource,
	lists: VariationLists,
	owner: VariationOwner,
	read: VariationRead,
): VariationDiff {
	return diffVariations(
		readKnownVariations(core, watched.state.number, owner.id),
		read,
		toVariationContext(core, watched, lists, owner, []),
	)
}

/**
 * Reads a list, and what it lacks by id once that has been missing for a while. `contradicted`: some that it lacks are
 * there; `too-long`: for what is left of the slice.
 */
async function readVariations(
	core: Core,
	watched: WatchedResource,
	lists: VariationLists,
	owner: VariationOwner,
	budget: SliceBudget,
): Promise<VariationRead | 'contradicted' | 'too-long'> {
	const { doubt } = owner
	// What decides about a deletion or an older state must not come from a cache.
	const fresh = Object.keys(doubt).length > 0
	const list = await readVariationList(core, watched, lists, owner.id, budget, {
		fresh,
		failedTries: doubt.failed?.tries ?? 0,
	})
	if (list === null) return 'too-long'
	const read: VariationRead = { ...list, gone: [], trashed: [], isProven: false, source: owner.source }
	const { missing } = compareRead(core, watched, lists, owner, read)
	const isLong = doubt.missingMs !== undefined && core.ports.now() - doubt.missingMs >= MIN_MISSING_MS
	if (missing.length === 0 || !isLong) return read
	const found = await findMissingVariations(core, watched, lists, owner.id, missing, budget)
	return found.isContradicted ? 'contradicted' : { ...read, ...found }
}

/** Whether variations that differ without a new date wait for further reads, in case that they differ in each. */
function waitForProof(
	core: Core,
	watched: WatchedResource,
	owner: VariationOwner,
	read: VariationRead,
	diff: VariationDiff,
): boolean {
	const { state: rs } = watched
	const judged = judgeUnexplained(core, rs, owner, diff.unexplained)
	if (judged.do === 'accept') return false
	core.commit((tx) => {
		if (judged.do === 'noise' && rs.variations !== undefined) {
			const sinceMs = core.ports.now()
			const added = judged.paths.map((path) => ({ path, sinceMs }))
			rs.variations = { ...rs.variations, noise: [...rs.variations.noise, ...added] }
			updateProfile(tx, core, watched)
		}
		const current = getOwner(core, watched, owner.id)
		if (current === undefined) return
		core.variations.writeOwner(tx, rs.number, {
			...current,
			dueMs: judged.dueMs,
			source: read.source,
			doubt: judged.do === 'noise' ? {} : { ...owner.doubt, noiseMs: owner.doubt.noiseMs ?? core.ports.now() },
		})
	})
	return true
}

/** Reads the object too, so that the change has its record, and records both. Throws StoreError. */
async function recordWithObject(
	core: Core,
	watched: WatchedResource,
	owner: VariationOwner,
	read: VariationRead,
	budget: SliceBudget,
): Promise<void> {
	const { number } = watched.state
	const { id } = owner
	const { snapshot, requestedAtMs, storeNowMs } = await readObject(core, watched, id, budget)
	holdVariations(core, number, id, read)
	core.commit((tx) => {
		const recorded = recordObservations(
			tx,
			core,
			watched,
			[snapshot === null ? { id, gone: true } : { id: snapshot.id, snapshot }],
			{
				source: read.source,
				via: 'read',
				requestedAtMs,
				storeNowMs,
				listed: readIndexRows(core, number, [id]).get(id)?.state !== 'unlisted',
				backfill: core.config.backfill,
			},
		)
		// The object itself is in doubt, or gone: its own read comes first.
		if (takeVariations(core, number, id) !== undefined) wait(tx, core, watched, id)
		return recorded
	}, hasNewInformation)
}

/** The delay of variations whose object is read first, ms. */
const OBJECT_FIRST_MS = 60_000

function wait(tx: Tx, core: Core, watched: WatchedResource, id: ObjectId): void {
	const owner = getOwner(core, watched, id)
	if (owner === undefined) return
	core.variations.writeOwner(tx, watched.state.number, { ...owner, dueMs: core.ports.now() + OBJECT_FIRST_MS })
}

/** The variations of an object cannot be read: they are read again, ever more seldom, in smaller pages. */
function postpone(core: Core, watched: WatchedResource, owner: VariationOwner, reason: string): void {
	const { state: rs } = watched
	core.commit((tx) => {
		const failed = toFailure(owner.doubt, reason)
		const now = core.ports.now()
		const current = getOwner(core, watched, owner.id)
		if (current === undefined) return
		core.variations.writeOwner(tx, rs.number, {
			...current,
			dueMs: now + getVariationRetryMs(failed.tries),
			doubt: { ...current.doubt, failed },
		})
		noteUnreadable(core, watched)
	})
}

/** Says of which objects the variations cannot be read. */
function noteUnreadable(core: Core, { state: rs }: WatchedResource): void {
	const had = rs.limits?.[UNREADABLE_LIMIT] !== undefined
	const failed = core.variations.listFailed(rs.number)
	if (failed.length === 0) {
		if (had) endLimit(rs, UNREADABLE_LIMIT)
		return
	}
	const names = failed.slice(0, MAX_NAMES).map(({ id, reason }) => `${id} (${reason})`)
	const more = failed.length > MAX_NAMES ? ` and ${failed.length - MAX_NAMES} more` : ''
	const which = `${names.join(', ')}${more}`
	const message = `The variations of some ${rs.objectType} cannot be read: ${which}. They are tried again.`
	noteLimit(rs, UNREADABLE_LIMIT, message, core.ports.now())
}
