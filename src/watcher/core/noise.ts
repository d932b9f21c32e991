/**
 * Noise: parts of records that differ between reads although nobody edited the object, such as signed image addresses.
 * It is proven by three reads of the same objects within a minute, twice at least an hour apart, and again every week;
 * what is not proven is a change (docs/architecture.md, Polling). Pure.
 */
import { HOUR_MS } from '../../lib/time.ts'
import { isRecord } from '../../elements/values.ts'
import type { ObjectId, Snapshot } from '../../elements/store.ts'

/** Reads of a round. */
export const ROUND_READS = 3
/** Time between two reads of a round, so that all three lie within a minute, ms. */
export const ROUND_READ_INTERVAL_MS = 20_000
/** How long objects wait for a round, and how long it may take, ms. */
export const MAX_ROUND_MS = 120_000
/** In how many objects a path must differ. */
const MIN_OBJECTS = 3
/** More objects of a look than this wait for a round. */
const MAX_UNPROVEN = 10
/** Objects that a round reads. */
const MAX_ROUND_OBJECTS = 10
const CONFIRM_AFTER_MS = HOUR_MS
const RENEW_AFTER_MS = 7 * 24 * HOUR_MS

/** A path that is taken for noise. `confirmedMs` null: it was seen in one round only. Times epoch ms. */
export interface NoiseProof {
	path: string
	firstMs: number
	confirmedMs: number | null
	/** Objects that showed it. */
	ids: ObjectId[]
}

/** Reads under way. `waiting`: a look waits for their result. */
export interface NoiseRound {
	ids: ObjectId[]
	startedMs: number
	dueMs: number
	waiting: boolean
}

/** A resource's proofs and rounds, as stored. */
export interface NoiseState {
	proofs: NoiseProof[]
	round: NoiseRound | null
	/** When the last round ended. */
	roundDoneMs: number | null
}

export const NO_NOISE: NoiseState = { proofs: [], round: null, roundDoneMs: null }

/**
 * The round to make because objects differ without a new date. null: none, or none other than the one under way.
 * `canWait`: whether the look can be repeated afterwards.
 */
export function planRound(
	state: NoiseState,
	unstampedIds: readonly ObjectId[],
	canWait: boolean,
	nowMs: number,
): NoiseRound | null {
	const waiting = canWait && unstampedIds.length > MAX_UNPROVEN
	const { round, roundDoneMs } = state
	if (round !== null && nowMs < round.startedMs + MAX_ROUND_MS)
		return waiting && !round.waiting ? { ...round, waiting } : null
	if (unstampedIds.length < MIN_OBJECTS || (roundDoneMs !== null && nowMs - roundDoneMs < CONFIRM_AFTER_MS)) return null
	return { ids: unstampedIds.slice(0, MAX_ROUND_OBJECTS), startedMs: nowMs, dueMs: nowMs, waiting }
}

/** Whether a look of a resource waits for a round. */
export function isWaitingForRound({ round }: NoiseState, nowMs: number): boolean {
	return round !== null && round.waiting && nowMs < round.startedMs + MAX_ROUND_MS
}

/** The round that confirms or renews proofs once it is due. */
export function planRenewal({ proofs }: NoiseState, nowMs: number): NoiseRound {
	const ids = proofs.filter((proof) => getRenewalMs(proof) <= nowMs).flatMap((proof) => proof.ids)
	return { ids: [...new Set(ids)].slice(0, 2 * MAX_ROUND_OBJECTS), startedMs: nowMs, dueMs: nowMs, waiting: false }
}

/** When the next read of a round is due; null: none is planned. */
export function getNextRoundMs({ proofs, round }: NoiseState): number | null {
	if (round !== null) return round.dueMs
	return proofs.length === 0 ? null : Math.min(...proofs.map(getRenewalMs))
}

function getRenewalMs({ firstMs, confirmedMs }: NoiseProof): number {
	return confirmedMs === null ? firstMs + CONFIRM_AFTER_MS : confirmedMs + RENEW_AFTER_MS
}

/** The proofs after a round whose reads showed `found`: path → objects. */
export function concludeRound(
	proofs: readonly NoiseProof[],
	found: ReadonlyMap<string, ObjectId[]>,
	nowMs: number,
): NoiseProof[] {
	const kept = proofs.flatMap((proof): NoiseProof[] => {
		if (getRenewalMs(proof) > nowMs) return [proof]
		const ids = found.get(proof.path)
		return ids === undefined ? [] : [{ ...proof, ids, confirmedMs: nowMs }]
	})
	const added = [...found].filter(([path]) => !proofs.some((proof) => proof.path === path))
	return [...kept, ...added.map(([path, ids]) => ({ path, firstMs: nowMs, confirmedMs: null, ids }))]
}

/** Paths that differed between every two reads of at least three objects whose date did not move: path → objects. */
export function findNoise(reads: readonly (readonly Snapshot[])[]): Map<string, ObjectId[]> {
	const found = new Map<string, ObjectId[]>()
	const [first = [], ...later] = reads
	for (const snapshot of first) {
		const series = [snapshot, ...later.flatMap((read) => read.find((other) => other.id === snapshot.id) ?? [])]
		if (series.length !== ROUND_READS || series.some((other) => other.modifiedSec !== snapshot.modifiedSec)) continue
		const names = new Set(snapshot.fields.map((field) => field.name.split('.')[0]))
		const steps = series.slice(1).map((other, index) => findDifferences(series[index]!.record, other.record, names))
		for (const path of steps[0] ?? [])
			if (steps.every((paths) => paths.has(path))) found.set(path, [...(found.get(path) ?? []), snapshot.id])
	}
	return new Map([...found].filter(([, ids]) => ids.length >= MIN_OBJECTS))
}

/** Paths in which two records differ, of the named fields: never a whole field that has parts. */
function findDifferences(before: unknown, after: unknown, names: ReadonlySet<string | undefined>): Set<string> {
	const paths = new Set<string>()
	if (!isRecord(before) || !isRecord(after)) return paths
	for (const name of names)
		if (name !== undefined) collectDifferences(before[name], after[name], name, name === 'meta_data', paths)
	return paths
}

function collectDifferences(before: unknown, after: unknown, path: string, keyed: boolean, paths: Set<string>): void {
	if (JSON.stringify(before) === JSON.stringify(after)) return
	if (keyed && Array.isArray(before) && Array.isArray(after)) {
		const [left, right] = [before, after].map(groupByKey)
		for (const key of new Set([...left!.keys(), ...right!.keys()]))
			if (left!.get(key) !== right!.get(key)) paths.add(`${path}.${key}`)
	} else if (Array.isArray(before) && Array.isArray(after) && before.length === after.length)
		before.forEach((entry, index) => collectDifferences(entry, after[index], `${path}.*`, false, paths))
	else if (isRecord(before) && isRecord(after))
		for (const name of new Set([...Object.keys(before), ...Object.keys(after)]))
			collectDifferences(before[name], after[name], `${path}.${name}`, name === 'meta_data', paths)
	else if (path.includes('.') || isPlain(before, after)) paths.add(path)
}

/** Whether neither value has parts: such a field is a path of its own. */
function isPlain(...values: readonly unknown[]): boolean {
	return values.every((value) => !Array.isArray(value) && !isRecord(value))
}

/** Values of meta entries by key; entries with one key together. */
function groupByKey(entries: readonly unknown[]): Map<string, string> {
	const values = new Map<string, string[]>()
	for (const entry of entries)
		if (isRecord(entry))
			values.set(String(entry['key']), [
				...(values.get(String(entry['key'])) ?? []),
				JSON.stringify(entry['value']) ?? '',
			])
	return new Map([...values].map(([key, texts]) => [key, texts.sort().join('\n')]))
}
