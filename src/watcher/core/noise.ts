/**
 * Noise: parts of records that differ between reads although nobody edited the object, such as signed image addresses.
 * It is proven by three reads of the same objects within a minute, twice at least an hour apart, and again every week;
 * what is not proven is a change (docs/architecture.md, Polling). Pure.
 */
import { HOUR_MS } from '../../lib/time.ts'
import { toCanonicalForm } from '../../elements/canonical-urls.ts'
import { readPath } from '../../elements/paths.ts'
import { isRecord } from '../../elements/values.ts'
import { toNoiseExample, type NoiseExample } from './noise-examples.ts'
import type { ObjectId, Snapshot } from '../../elements/store.ts'

/** Reads of a round. */
export const ROUND_READS = 3
/** Time between two reads of a round, so that all three lie within a minute, ms. */
export const ROUND_READ_INTERVAL_MS = 20_000
/** In this time all reads of a round must be made, ms. A later one begins the round anew. */
const MAX_READS_MS = 60_000
/** How long objects wait for a round, ms. */
const MAX_ROUND_MS = 120_000
/** How often a round is begun anew. */
const MAX_RESTARTS = 3
/** In how many objects a path must differ. */
const MIN_OBJECTS = 3
/** More objects of a look than this wait for a round. */
const MAX_UNPROVEN = 10
/** Objects that a round reads. */
export const MAX_ROUND_OBJECTS = 10
const CONFIRM_AFTER_MS = HOUR_MS
const RENEW_AFTER_MS = 7 * 24 * HOUR_MS

/** A path that is taken for noise. `confirmedMs` null: it was seen in one round only. Times epoch ms. */
export interface NoiseProof {
	path: string
	firstMs: number
	confirmedMs: number | null
	/** Objects that showed it. */
	ids: ObjectId[]
	/** Its values have URLs that stay the same without their query, so these count. Earlier versions did not store it. */
	urls?: boolean
	/** What differed. Earlier versions did not store it. */
	example?: NoiseExample | null
}

/** Reads under way. */
export interface NoiseRound {
	ids: ObjectId[]
	/** When it was planned. */
	startedMs: number
	/** When its next read is due. */
	dueMs: number
	/** A look waits for its result, until `getRoundDeadlineMs`. */
	waiting: boolean
	/** How often it was begun anew, and when last. */
	restarts?: number
	restartedMs?: number
}

/** What the reads of a round showed of a path. */
export interface NoiseFinding {
	ids: ObjectId[]
	urls: boolean
	example: NoiseExample | null
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
	const waiting = canWait && isTooManyUnproven(unstampedIds)
	const { round, roundDoneMs } = state
	if (round !== null)
		return waiting && !round.waiting && nowMs < getRoundDeadlineMs(round) ? { ...round, waiting } : null
	if (unstampedIds.length < MIN_OBJECTS || (roundDoneMs !== null && nowMs - roundDoneMs < CONFIRM_AFTER_MS)) return null
	// Proofs that are due are judged by the same reads.
	const ids = [...unstampedIds.slice(0, MAX_ROUND_OBJECTS), ...getDueIds(state, nowMs)]
	return { ids: [...new Set(ids)].slice(0, 2 * MAX_ROUND_OBJECTS), startedMs: nowMs, dueMs: nowMs, waiting }
}

/** Whether so many objects differ without a new date that they wait for a round. */
export function isTooManyUnproven(unstampedIds: readonly ObjectId[]): boolean {
	return unstampedIds.length > MAX_UNPROVEN
}

/** Until when objects wait for a round, epoch ms. What is not proven then is a change, also if the round goes on. */
export function getRoundDeadlineMs({ startedMs }: NoiseRound): number {
	return startedMs + MAX_ROUND_MS
}

/** Whether a look of a resource waits for a round. */
export function isWaitingForRound({ round }: NoiseState, nowMs: number): boolean {
	return round !== null && round.waiting && nowMs < getRoundDeadlineMs(round)
}

/**
 * The round that confirms or renews proofs once it is due. `otherIds`: further objects, since those that showed a path
 * may be gone.
 */
export function planRenewal(state: NoiseState, otherIds: readonly ObjectId[], nowMs: number): NoiseRound {
	const dueIds = getDueIds(state, nowMs).slice(0, 2 * MAX_ROUND_OBJECTS)
	const ids = dueIds.length === 0 ? [] : [...new Set([...dueIds, ...otherIds])]
	return { ids, startedMs: nowMs, dueMs: nowMs, waiting: false }
}

function getDueIds({ proofs }: NoiseState, nowMs: number): ObjectId[] {
	return [...new Set(proofs.filter((proof) => getRenewalMs(proof) <= nowMs).flatMap((proof) => proof.ids))]
}

/** Whether the reads of a round can no longer be made in time. `firstReadMs`: when the first was made; null: none. */
export function isRoundLate(round: NoiseRound, firstReadMs: number | null, nowMs: number): boolean {
	return firstReadMs === null
		? nowMs >= (round.restartedMs ?? round.startedMs) + MAX_ROUND_MS
		: nowMs - firstReadMs > MAX_READS_MS
}

/** The round begun anew; null: that was done often enough. */
export function restartRound(round: NoiseRound, nowMs: number): NoiseRound | null {
	const restarts = (round.restarts ?? 0) + 1
	return restarts > MAX_RESTARTS ? null : { ...round, restarts, restartedMs: nowMs, dueMs: nowMs }
}

/** When the next read of a round is due; null: none is planned. */
export function getNextRoundMs({ proofs, round, roundDoneMs }: NoiseState): number | null {
	if (round !== null) return round.dueMs
	if (proofs.length === 0) return null
	// A round that proved nothing, since the store was too slow, is not repeated at once.
	const earliestMs = roundDoneMs === null ? 0 : roundDoneMs + CONFIRM_AFTER_MS
	return Math.max(earliestMs, Math.min(...proofs.map(getRenewalMs)))
}

/** When a proof is confirmed or renewed, epoch ms. */
export function getRenewalMs({ firstMs, confirmedMs }: NoiseProof): number {
	return confirmedMs === null ? firstMs + CONFIRM_AFTER_MS : confirmedMs + RENEW_AFTER_MS
}

/** The proofs after a round that read the objects `readIds` and showed `found`: path → what it showed. */
export function concludeRound(
	proofs: readonly NoiseProof[],
	found: ReadonlyMap<string, NoiseFinding>,
	readIds: readonly ObjectId[],
	nowMs: number,
): NoiseProof[] {
	const kept = proofs.flatMap((proof): NoiseProof[] => {
		const finding = found.get(proof.path)
		if (getRenewalMs(proof) <= nowMs && proof.ids.filter((id) => readIds.includes(id)).length >= MIN_OBJECTS)
			return finding === undefined ? [] : [{ ...proof, ...finding, confirmedMs: nowMs }]
		// Addresses that begin to differ in more than their query no longer count, without waiting for the renewal.
		return [finding === undefined ? proof : { ...proof, urls: proof.urls !== false && finding.urls }]
	})
	const added = [...found].filter(([path]) => !proofs.some((proof) => proof.path === path))
	return [...kept, ...added.map(([path, finding]) => ({ path, firstMs: nowMs, confirmedMs: null, ...finding }))]
}

/** What of noise a profile leaves out, and of what only URLs without their query count. Both sorted. */
export function toNoisePaths(
	proofs: readonly NoiseProof[],
	reliableDates: boolean,
): { paths: string[]; urlPaths: string[] } {
	const isUrlPath = (proof: NoiseProof): boolean => reliableDates && proof.urls === true
	const toSorted = (some: readonly NoiseProof[]): string[] => some.map(({ path }) => path).sort()
	return {
		paths: toSorted(proofs.filter((proof) => !isUrlPath(proof))),
		urlPaths: toSorted(proofs.filter(isUrlPath)),
	}
}

/** Paths that differed between every two reads of at least three objects whose date did not move. */
export function findNoise(reads: readonly (readonly Snapshot[])[]): Map<string, NoiseFinding> {
	const found = new Map<string, Snapshot[][]>()
	const [first = [], ...later] = reads
	for (const snapshot of first) {
		const series = [snapshot, ...later.flatMap((read) => read.find((other) => other.id === snapshot.id) ?? [])]
		if (series.length !== reads.length || series.some((other) => other.modifiedSec !== snapshot.modifiedSec)) continue
		const names = new Set(snapshot.fields.map((field) => field.name.split('.')[0]))
		const steps = series.slice(1).map((other, index) => findDifferences(series[index]!.record, other.record, names))
		for (const path of steps[0] ?? [])
			if (steps.every((paths) => paths.has(path))) found.set(path, [...(found.get(path) ?? []), series])
	}
	const proven = [...found].filter(([, shown]) => shown.length >= MIN_OBJECTS)
	return new Map(proven.map(([path, shown]) => [path, toFinding(path, shown)]))
}

/** `shown`: the reads of each object that showed the path. */
function toFinding(path: string, shown: readonly (readonly Snapshot[])[]): NoiseFinding {
	const [before, after] = shown[0]!
	return {
		ids: shown.slice(0, MAX_ROUND_OBJECTS).map(([snapshot]) => snapshot!.id),
		urls: hasSteadyUrls(path, shown),
		example: toNoiseExample(path, before!, after!),
	}
}

/** Whether URLs are the same in all reads of an object without their query. One object may just have been edited. */
function hasSteadyUrls(path: string, shown: readonly (readonly Snapshot[])[]): boolean {
	const forms = shown.map((series) => series.map(({ record }) => readPath(record, path).map(toCanonicalForm)))
	const steady = forms.filter((reads) => reads.every((read) => JSON.stringify(read) === JSON.stringify(reads[0])))
	const withUrls = steady.filter(([read]) => read?.some((form) => form !== null))
	return withUrls.length >= MIN_OBJECTS && forms.length - steady.length < MIN_OBJECTS
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
