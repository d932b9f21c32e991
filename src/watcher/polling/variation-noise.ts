/**
 * Noise in variations: several of one product that differ without a new date are read twice more, and what differs each
 * time does not count (docs/polling.md, Variations).
 */
import type { Core } from '../core/core.ts'
import { findNoise, ROUND_READ_INTERVAL_MS, ROUND_READS } from '../core/noise.ts'
import type { ResourceState } from '../core/resource-state.ts'
import type { VariationOwner } from '../core/variation-table.ts'
import type { ObjectId, Snapshot } from '../../elements/store.ts'

/** Reads that are further apart prove nothing, and begin anew, ms. */
const MAX_ROUND_MS = 120_000
/** Nothing waits longer for a proof, ms. */
const MAX_WAIT_MS = 10 * 60_000

/** Reads under way, in memory: after its loss they begin anew. */
interface Round {
	owner: ObjectId
	reads: (readonly Snapshot[])[]
	startedMs: number
	lastMs: number
}

const rounds = new WeakMap<ResourceState, Round>()

/** `wait`: for another read; `noise`: these paths differ each time; `accept`: they are edits. Times epoch ms. */
export type Judgement =
	| { do: 'wait'; dueMs: number }
	| { do: 'noise'; paths: string[]; dueMs: number }
	| { do: 'accept' }

/** Judges variations of an object that differ without a new date. Keeps the read. */
export function judgeUnexplained(
	core: Core,
	rs: ResourceState,
	owner: VariationOwner,
	snapshots: readonly Snapshot[],
): Judgement {
	const now = core.ports.now()
	const round = rounds.get(rs)
	const isCurrent = round !== undefined && now - round.startedMs <= MAX_ROUND_MS
	if (now - (owner.doubt.noiseMs ?? now) > MAX_WAIT_MS) return { do: 'accept' }
	// What is proven of one object holds for the others.
	if (isCurrent && round.owner !== owner.id)
		return { do: 'wait', dueMs: round.startedMs + ROUND_READS * ROUND_READ_INTERVAL_MS }
	if (isCurrent && now - round.lastMs < ROUND_READ_INTERVAL_MS)
		return { do: 'wait', dueMs: round.lastMs + ROUND_READ_INTERVAL_MS }
	const next: Round = isCurrent
		? { ...round, reads: [...round.reads, snapshots], lastMs: now }
		: { owner: owner.id, reads: [snapshots], startedMs: now, lastMs: now }
	rounds.set(rs, next)
	const found = next.reads.length < 2 ? null : [...findNoise(next.reads).keys()]
	if (found === null || (found.length > 0 && next.reads.length < ROUND_READS))
		return { do: 'wait', dueMs: now + ROUND_READ_INTERVAL_MS }
	rounds.delete(rs)
	return found.length === 0 ? { do: 'accept' } : { do: 'noise', paths: found, dueMs: now }
}
