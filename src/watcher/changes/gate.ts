/**
 * The gate: one pure function holds an observation against what is known of that object and answers with a change, with
 * "read it again", or with nothing (design, The gate and What rings). Polls, webhooks, searches and re-reads all pass here,
 * which is why a change seen twice rings once.
 */
import { difference, type Content } from './content.ts'
import type { ObjectId } from '../../elements/store.ts'

/** `live`; `hidden`: listed, not yet a thing; `unlisted`: exists, not listed; `trashed`; `gone` (design, What rings). */
export type ObjectState = 'live' | 'hidden' | 'unlisted' | 'trashed' | 'gone'

/** What is known of an object: its index row. Stamps in whole seconds since the epoch, `asOfMs` on the object's own clock. */
export interface Known {
	stampSec: number | null
	createdSec: number | null
	content: Content
	hashVersion: number
	state: ObjectState
	/** When the accepted read was started, or the accepted hook arrived. */
	asOfMs: number
}

/** What was seen of an object. */
export interface Observation {
	id: ObjectId
	source: 'read' | 'hook'
	/** `gone`: the store said in JSON that there is no such object. `hint`: a hook that says too little to decide. */
	what: 'live' | 'hidden' | 'trashed' | 'gone' | 'hint'
	stampSec: number | null
	createdSec: number | null
	/** null for `gone` and `hint`. */
	content: Content | null
	/** When the request to the store was started (reads) or the delivery arrived (hooks), ms. */
	askedAtMs: number
	/** False: read by id because a list no longer shows it. */
	listed: boolean
}

/** What an earlier observation asked for: carried from one look to the next. */
export interface Doubt {
	/** The id was missing from a list. */
	missing?: boolean
	/** The first JSON 404 came then, ms. */
	goneAtMs?: number
	/** A webhook asked for the read: what follows counts as told by it. */
	hook?: boolean
	/** A webhook's payload that the read is held against. */
	probe?: { hash: string; stampSec: number | null }
	/** A read older than the row showed this content, first then, ms. */
	staleHash?: string
	staleAtMs?: number
}

/** What is true around the observation. */
export interface GateContext {
	nowMs: number
	hashVersion: number
	/** While the resource's baseline is incomplete: the moment the bell went on (store clock) and the highest id then. */
	baseline: { t0Sec: number; highestId: number; backfill: 'none' | 'all' | number; toleranceSec: number; storeNowSec: number } | null
	/** The resource has a `where`: leaving it rings nothing. */
	filtered: boolean
	/** Names that the instance found to be volatile. */
	volatile: readonly string[]
	doubt: Doubt
}

/** One change that rings. `dateSec` null: the moment it was seen. */
export interface Change {
	type: 'CREATED' | 'UPDATED' | 'DELETED'
	changedFields: string[] | null
	trashed?: true
	unlisted?: true
	restored?: true
	backfill?: true
	dateSec: number | null
	/** false: the record of the event is only `{<idField>: id}`. */
	withRecord: boolean
}

/** The gate's answer. `row: null` removes the row; `row` absent leaves it. */
export type Verdict =
	| { do: 'nothing' }
	| { do: 'store'; row: Known | null }
	| { do: 'ring'; changes: Change[]; row: Known }
	| { do: 'look'; dueMs: number; doubt: Doubt }

/** Two JSON 404 must lie this far apart before an object is gone. */
export const GONE_APART_MS = 5_000
/** Two reads that show an older state must lie this far apart before it is believed (caches, replicas, clock changes, restores). */
export const STALE_APART_MS = 30_000
/** Stamps later than the store's clock by more than this say nothing about when something happened (imports write future dates). */
const FUTURE_SEC = 120

const NOTHING: Verdict = { do: 'nothing' }

/** Decides what an observation means. Pure. */
export function gate(known: Known | null, seen: Observation, context: GateContext): Verdict {
	if (seen.what === 'gone') return gone(known, seen, context)
	if (seen.what === 'hint' || seen.content === null) return { do: 'look', dueMs: context.nowMs, doubt: {} }
	if (seen.source === 'hook') return hook(known, seen, seen.content, context)
	if (known === null) return first(seen, seen.content, context)

	const same = known.content.hash === seen.content.hash
	const sameState = settled(known.state, seen)
	if (seen.askedAtMs < known.asOfMs && !newer(seen, known)) {
		// Something was accepted while this read was under way: it may be older than what is known.
		return same && sameState ? NOTHING : { do: 'look', dueMs: context.nowMs, doubt: {} }
	}
	if (older(seen, known) && !(same && sameState)) {
		const { staleHash, staleAtMs } = context.doubt
		const key = `${seen.what}:${seen.content.hash}`
		if (staleHash !== key || staleAtMs === undefined || context.nowMs - staleAtMs < STALE_APART_MS) {
			const since = staleHash === key && staleAtMs !== undefined ? staleAtMs : context.nowMs
			return { do: 'look', dueMs: since + STALE_APART_MS, doubt: { ...context.doubt, staleHash: key, staleAtMs: since } }
		}
	}
	return accept(known, seen, seen.content, context)
}

function newer(seen: Observation, known: Known): boolean {
	return seen.stampSec !== null && known.stampSec !== null && seen.stampSec > known.stampSec
}

function older(seen: Observation, known: Known): boolean {
	return seen.stampSec !== null && known.stampSec !== null && seen.stampSec < known.stampSec
}

/** Whether a known state already says what was seen. */
function settled(state: ObjectState, seen: Observation): boolean {
	if (seen.what === 'trashed') return state === 'trashed' || state === 'gone'
	if (seen.what === 'hidden') return state === 'hidden' || state === 'live'
	return state === (seen.listed ? 'live' : 'unlisted') || (state === 'live' && !seen.listed)
}

function hook(known: Known | null, seen: Observation, content: Content, context: GateContext): Verdict {
	// "Gone" and "trashed" come from reads only (WooCommerce facts, 7.5 and 7.6).
	if (seen.what === 'trashed') return { do: 'look', dueMs: context.nowMs, doubt: {} }
	if (known === null) return first(seen, content, context)
	const usual = known.state === 'live' || known.state === 'hidden'
	if (usual && newer(seen, known) && !(known.createdSec !== null && seen.createdSec !== null && known.createdSec !== seen.createdSec)) {
		return accept(known, seen, content, context)
	}
	if (usual && known.content.hash === content.hash && settled(known.state, seen)) return NOTHING
	return { do: 'look', dueMs: context.nowMs, doubt: {} }
}

/** An object never seen before. */
function first(seen: Observation, content: Content, context: GateContext): Verdict {
	// Created and gone between two looks, or trashed before we came: the receiver never knew it.
	if (seen.what === 'trashed') return NOTHING
	const state: ObjectState = seen.what === 'hidden' ? 'hidden' : seen.listed ? 'live' : 'unlisted'
	const row = rowOf(seen, content, state, context)
	if (state === 'hidden') return { do: 'store', row }
	const created: Change = { type: 'CREATED', changedFields: null, dateSec: seen.createdSec, withRecord: true }
	const baseline = context.baseline
	if (baseline === null) return state === 'unlisted' ? { do: 'store', row } : { do: 'ring', changes: [created], row }

	const past = (sec: number | null): sec is number => sec !== null && sec <= baseline.storeNowSec + FUTURE_SEC
	const updated: Change = { type: 'UPDATED', changedFields: null, dateSec: seen.stampSec, withRecord: true }
	if (typeof seen.id === 'number' && seen.id > baseline.highestId) return { do: 'ring', changes: [created], row }
	if (past(seen.createdSec) && seen.createdSec >= baseline.t0Sec) return { do: 'ring', changes: [created], row }
	if (past(seen.stampSec) && seen.stampSec >= baseline.t0Sec) {
		const together = seen.createdSec !== null && seen.stampSec - seen.createdSec <= baseline.toleranceSec
		return { do: 'ring', changes: [together ? created : updated], row }
	}
	if (baseline.backfill === 'all') return { do: 'ring', changes: [{ ...created, backfill: true }], row }
	if (typeof baseline.backfill === 'number') {
		const from = Math.floor(baseline.backfill / 1000)
		const newest = Math.max(seen.createdSec ?? -Infinity, seen.stampSec ?? -Infinity)
		if (newest >= from) {
			const isNew = seen.createdSec !== null && seen.createdSec + baseline.toleranceSec >= from
			return { do: 'ring', changes: [{ ...(isNew ? created : updated), backfill: true }], row }
		}
	}
	return { do: 'store', row }
}

/** An observation that is to be believed, of an object that is known. */
function accept(known: Known, seen: Observation, content: Content, context: GateContext): Verdict {
	const same = known.content.hash === content.hash
	const row = rowOf(seen, content, nextState(known, seen), context)
	const moved = known.stampSec !== seen.stampSec

	if (seen.what === 'trashed') {
		if (known.state === 'hidden') return { do: 'store', row: null }
		if (known.state === 'trashed' || known.state === 'gone') return NOTHING
		return {
			do: 'ring',
			row,
			changes: [{ type: 'DELETED', changedFields: null, trashed: true, dateSec: moved ? seen.stampSec : null, withRecord: true }],
		}
	}
	const created: Change = { type: 'CREATED', changedFields: null, dateSec: seen.createdSec, withRecord: true }
	const sameBirth = known.createdSec === null || seen.createdSec === null || known.createdSec === seen.createdSec

	if (known.state === 'trashed' || known.state === 'gone') {
		if (seen.what === 'hidden') return { do: 'store', row }
		return { do: 'ring', row, changes: [sameBirth ? { ...created, restored: true } : created] }
	}
	if (known.state === 'hidden') {
		if (seen.what === 'hidden') return same && !moved ? NOTHING : { do: 'store', row }
		return { do: 'ring', row, changes: [created] }
	}

	// Known to the receiver: live or unlisted.
	if (same) return moved || known.state !== row.state || known.hashVersion !== context.hashVersion ? { do: 'store', row } : NOTHING
	if (!moved && known.hashVersion !== context.hashVersion) return { do: 'store', row }
	const { changed, cameOrWent } = difference(known.content, content, context.volatile)
	const onlyKeys = changed.length === 0 && (cameOrWent.length > 0 || known.content.names.some((name) => context.volatile.includes(name)))
	if (onlyKeys && (!moved || cameOrWent.length === 0)) return { do: 'store', row }
	if (context.filtered && (row.state === 'unlisted' || seen.what === 'hidden')) return { do: 'store', row }
	if (!sameBirth) {
		// A backup was restored, or the id was given to another object.
		return { do: 'ring', row, changes: [{ type: 'DELETED', changedFields: null, dateSec: null, withRecord: false }, created] }
	}
	const change: Change = {
		type: 'UPDATED',
		changedFields: [...changed, ...cameOrWent].sort(),
		dateSec: moved ? seen.stampSec : null,
		withRecord: true,
	}
	if (row.state === 'unlisted') change.unlisted = true
	return { do: 'ring', row, changes: [change] }
}

function nextState(known: Known, seen: Observation): ObjectState {
	if (seen.what === 'trashed') return 'trashed'
	if (seen.what === 'hidden' && known.state !== 'live' && known.state !== 'unlisted') return 'hidden'
	return seen.listed ? 'live' : 'unlisted'
}

function gone(known: Known | null, seen: Observation, context: GateContext): Verdict {
	if (known === null || known.state === 'gone') return NOTHING
	if (seen.askedAtMs < known.asOfMs) return { do: 'look', dueMs: context.nowMs, doubt: {} }
	const { goneAtMs } = context.doubt
	if (goneAtMs === undefined || seen.askedAtMs - goneAtMs < GONE_APART_MS) {
		const since = goneAtMs ?? seen.askedAtMs
		return { do: 'look', dueMs: since + GONE_APART_MS, doubt: { ...context.doubt, goneAtMs: since } }
	}
	if (known.state === 'hidden') return { do: 'store', row: null }
	const row: Known = { ...known, state: 'gone', asOfMs: seen.askedAtMs }
	if (known.state === 'trashed') return { do: 'store', row }
	return { do: 'ring', row, changes: [{ type: 'DELETED', changedFields: null, dateSec: null, withRecord: false }] }
}

function rowOf(seen: Observation, content: Content, state: ObjectState, context: GateContext): Known {
	return { stampSec: seen.stampSec, createdSec: seen.createdSec, content, hashVersion: context.hashVersion, state, asOfMs: seen.askedAtMs }
}
