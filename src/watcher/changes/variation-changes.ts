/**
 * What a read of an object's variations shows: the changes of the object that it means, and the variations' new rows
 * (docs/polling.md, Variations). Pure.
 */
import { diffContent, hashContent, type ObjectContent } from './content.ts'
import type { VariationDoubt, VariationSource, VariationStatus } from '../core/variation-table.ts'
import type { ObjectId, Snapshot, VendorRecord } from '../../elements/store.ts'

/** A variation is deleted when its own address says so, this long after a list did not show it, ms. */
export const MIN_MISSING_MS = 5_000
/** An older state is accepted when it is shown again this much later, ms. */
export const MIN_OLDER_MS = 30_000
/** So many variations that differ without a new date are read again, in case that they differ in every read. */
export const MIN_UNEXPLAINED = 3
/** More names than this in an event, and it names variations alone. */
const MAX_NAMES = 1_000

/** A variation as it was accepted last. */
export interface KnownVariation {
	id: ObjectId
	stampSec: number | null
	content: ObjectContent
	/** Number of the profile that `content` was read under. */
	profile: number
	state: VariationStatus
	/** When the accepted read was started, epoch ms. */
	asOfMs: number
}

/** A read of an object's variations. Times epoch ms. */
export interface VariationRead {
	/** Those that the list shows. */
	snapshots: readonly Snapshot[]
	/** Whether the list shows all that it says it has. */
	isComplete: boolean
	requestedAtMs: number
	storeNowMs: number
	/** Of those that the list lacks: what their own addresses say. */
	gone: readonly ObjectId[]
	trashed: readonly Snapshot[]
	/** Number of the profile that it was read under. */
	profile: number
	/** Differences without a new date count: reads have shown that they are no noise. */
	isProven: boolean
	source: VariationSource
}

/** What a read is compared with. */
export interface VariationContext {
	/** The first read of the object's variations: nothing is sent. */
	isFirst: boolean
	/** Number of the profile that the read is stored under. */
	profile: number
	/** Names of fields whose difference says nothing, for a row of another profile. */
	getIgnoredNames(known: KnownVariation, content: ObjectContent): readonly string[]
	/** Fields in which the object itself differs: variations take over some. */
	objectFields: readonly string[]
	doubt: VariationDoubt
	nowMs: number
}

/** A change of one variation, as it is sent. */
export interface ToldVariation {
	id: ObjectId
	/** Fields that changed; [] stands for the variation as a whole: it was created, deleted, trashed or restored. */
	names: readonly string[]
	/** As the store shows it; null: it is deleted. */
	record: VendorRecord | null
}

/** What a read means. */
export interface VariationDiff {
	/** The changes to send. */
	told: ToldVariation[]
	/** Rows to write, and variations whose rows are removed. */
	rows: KnownVariation[]
	removed: ObjectId[]
	/** Why they are read again, and when (epoch ms); null: they are not. */
	doubt: VariationDoubt
	againMs: number | null
	/** Those that differ without a new date and wait for another read. */
	unexplained: Snapshot[]
	/** Live ones that a complete list lacks, and of which nothing else is known. */
	missing: ObjectId[]
}

/** A change of one variation. */
interface Change {
	snapshot: Snapshot
	/** [] stands for the variation as a whole. */
	names: string[]
	isStamped: boolean
}

/** Compares a read with what is known. */
export function diffVariations(
	known: ReadonlyMap<ObjectId, KnownVariation>,
	read: VariationRead,
	context: VariationContext,
): VariationDiff {
	const { isFirst, doubt, nowMs } = context
	const changes: Change[] = []
	const older: Snapshot[] = []
	const rows: KnownVariation[] = []
	for (const snapshot of [...read.snapshots, ...read.trashed]) {
		const before = known.get(snapshot.id)
		if (before !== undefined && before.asOfMs > read.requestedAtMs) continue
		const row = toKnown(snapshot, read, context)
		const change = compare(before, snapshot, row, context)
		if (change === 'same') continue
		if (change === 'older') older.push(snapshot)
		if (change === 'silent') rows.push(row)
		if (typeof change === 'object') changes.push(change)
	}
	const { missing, removed } = findMissing(known, read)
	if (isFirst)
		return toSilentDiff(
			[...rows, ...[...changes.map(({ snapshot }) => snapshot), ...older].map((one) => toKnown(one, read, context))],
			[...removed, ...missing],
		)
	const isOlderShown = isShownAgain(doubt.older, older, nowMs)
	const unexplained = read.isProven
		? []
		: changes.filter((change) => !isExplained(change, context)).map(({ snapshot }) => snapshot)
	const waits = unexplained.length >= MIN_UNEXPLAINED
	const told = [
		...(waits ? changes.filter(({ snapshot }) => !unexplained.includes(snapshot)) : changes),
		...(isOlderShown ? older.flatMap((snapshot) => toOlderChange(known.get(snapshot.id)!, snapshot, context)) : []),
	]
	const next = toDoubt(doubt, { missing, older: isOlderShown ? [] : older, waits }, nowMs)
	return {
		told: [
			...removed.map((id): ToldVariation => ({ id, names: [], record: null })),
			...told.map(({ snapshot: { id, record }, names }): ToldVariation => ({ id, names, record })),
		],
		rows: [...rows, ...told.map(({ snapshot }) => toKnown(snapshot, read, context))],
		removed,
		...next,
		unexplained: waits ? unexplained : [],
		missing,
	}
}

/** What a variation shows, compared with its row. */
function compare(
	before: KnownVariation | undefined,
	snapshot: Snapshot,
	row: KnownVariation,
	context: VariationContext,
): 'same' | 'silent' | 'older' | Change {
	// One that is not published yet is not there, nor is one that was in the trash before it was first seen.
	if (before === undefined) return snapshot.state === 'live' ? { snapshot, names: [], isStamped: true } : 'same'
	if (snapshot.state === 'hidden') return 'same'
	if (before.state !== row.state) return { snapshot, names: [], isStamped: true }
	if (before.state === 'trashed') return 'same'
	const isStamped = before.stampSec !== row.stampSec
	const isSame = before.content.hash === row.content.hash
	if (isSame) return isStamped || before.profile !== row.profile ? 'silent' : 'same'
	const names = getChangedNames(before, row, isStamped, context)
	if (names.length === 0) return 'silent'
	const isOlder = before.stampSec !== null && row.stampSec !== null && row.stampSec < before.stampSec
	return isOlder ? 'older' : { snapshot, names, isStamped }
}

/** Fields that only one of the two has say nothing by themselves: an update of the store can bring or remove some. */
function getChangedNames(
	before: KnownVariation,
	row: KnownVariation,
	isStamped: boolean,
	context: VariationContext,
): string[] {
	const ignored = before.profile === row.profile ? [] : context.getIgnoredNames(before, row.content)
	const { changed, addedOrRemoved } = diffContent(before.content, row.content, ignored)
	return changed.length === 0 && !isStamped ? [] : [...changed, ...addedOrRemoved].sort()
}

function toOlderChange(before: KnownVariation, snapshot: Snapshot, context: VariationContext): Change[] {
	const row = toKnown(snapshot, { requestedAtMs: 0 }, context)
	return [{ snapshot, names: getChangedNames(before, row, true, context), isStamped: true }]
}

/** Whether a difference needs no proof: the variation has a new date, or takes over what changed in its object. */
function isExplained({ isStamped, names }: Change, { objectFields }: VariationContext): boolean {
	return isStamped || names.every((name) => objectFields.includes(name))
}

/** Live variations that a complete list lacks, and those of all it lacks that are gone. */
function findMissing(
	known: ReadonlyMap<ObjectId, KnownVariation>,
	{ snapshots, trashed, gone, isComplete, requestedAtMs }: VariationRead,
): { missing: ObjectId[]; removed: ObjectId[] } {
	const shown = new Set([...snapshots, ...trashed].map(({ id }) => id))
	const lacking = [...known.values()].filter(
		({ id, state, asOfMs }) => state === 'live' && !shown.has(id) && asOfMs <= requestedAtMs,
	)
	const removed = lacking.map(({ id }) => id).filter((id) => gone.includes(id))
	const missing = lacking.map(({ id }) => id).filter((id) => !gone.includes(id))
	return { missing: isComplete ? missing : [], removed }
}

function isShownAgain(before: VariationDoubt['older'], older: readonly Snapshot[], nowMs: number): boolean {
	return (
		before !== undefined && older.length > 0 && before.hash === toHash(older) && nowMs - before.sinceMs >= MIN_OLDER_MS
	)
}

function toHash(snapshots: readonly Snapshot[]): string {
	const parts = snapshots.map(({ id, fields }) => ({ name: String(id), value: hashContent(fields).hash }))
	return hashContent(parts).hash
}

/** What stays in doubt after a read, and when the next one is due. */
function toDoubt(
	before: VariationDoubt,
	found: { missing: readonly ObjectId[]; older: readonly Snapshot[]; waits: boolean },
	nowMs: number,
): { doubt: VariationDoubt; againMs: number | null } {
	const times: number[] = []
	const doubt: VariationDoubt = {}
	if (found.missing.length > 0) {
		doubt.missingMs = before.missingMs ?? nowMs
		times.push(Math.max(nowMs, doubt.missingMs + MIN_MISSING_MS))
	}
	if (found.older.length > 0) {
		const hash = toHash(found.older)
		doubt.older = before.older?.hash === hash ? before.older : { hash, sinceMs: nowMs }
		times.push(Math.max(nowMs, doubt.older.sinceMs + MIN_OLDER_MS))
	}
	if (found.waits) {
		doubt.noiseMs = before.noiseMs ?? nowMs
		times.push(nowMs)
	}
	return { doubt, againMs: times.length === 0 ? null : Math.min(...times) }
}

function toSilentDiff(rows: KnownVariation[], removed: ObjectId[]): VariationDiff {
	return { told: [], rows, removed, doubt: {}, againMs: null, unexplained: [], missing: [] }
}

/**
 * The changed fields that an event of these changes names: `variations.<id>.<field>`, or `variations.<id>` of a
 * variation as a whole. Too many name the variations alone.
 */
export function toChangedFields(told: readonly ToldVariation[]): string[] {
	const wholes = told.filter(({ names }) => names.length === 0).map(({ id }) => `variations.${id}`)
	const fields = told.flatMap(({ id, names }) => names.map((name) => `variations.${id}.${name}`))
	const all = [...wholes, ...fields]
	return all.length <= MAX_NAMES ? all : told.map(({ id }) => `variations.${id}`)
}

/** Changes in parts whose records have at most so many bytes together, or are of one variation. At least one part. */
export function splitTold(told: readonly ToldVariation[], maxBytes: number): ToldVariation[][] {
	const parts: ToldVariation[][] = [[]]
	let bytes = 0
	for (const one of told) {
		const own = Buffer.byteLength(JSON.stringify(one.record)) + 1
		if (bytes + own > maxBytes && parts.at(-1)!.length > 0) {
			parts.push([])
			bytes = 0
		}
		parts.at(-1)!.push(one)
		bytes += own
	}
	return parts
}

function toKnown(
	snapshot: Snapshot,
	{ requestedAtMs }: Pick<VariationRead, 'requestedAtMs'>,
	{ profile }: Pick<VariationContext, 'profile'>,
): KnownVariation {
	return {
		id: snapshot.id,
		stampSec: snapshot.modifiedSec,
		content: hashContent(snapshot.fields),
		profile,
		state: snapshot.state === 'trashed' ? 'trashed' : 'live',
		asOfMs: requestedAtMs,
	}
}
