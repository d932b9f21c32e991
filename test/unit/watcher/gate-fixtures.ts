/** What the gate's tests share: an object as it is known, as it is seen, and what is true around it. */
import { hashContent, type ObjectContent } from '../../../src/watcher/changes/content.ts'
import type { GateContext, KnownObject, Observation, GateVerdict } from '../../../src/watcher/changes/gate-types.ts'

/** A moment on the object's clock, ms, and the same on the store's, seconds. */
export const NOW_MS = Date.UTC(2026, 5, 15, 12)
export const NOW_SEC = NOW_MS / 1000

/** The number of the current content profile. */
export const PROFILE = 3

/** Content of fields with plain values. */
export function sampleContent(fields: Record<string, unknown>): ObjectContent {
	return hashContent(
		Object.keys(fields)
			.sort()
			.map((name) => ({ name, value: JSON.stringify(fields[name]) })),
	)
}

/** An object that was accepted a minute ago. */
export function knownObject(change: Partial<KnownObject> = {}): KnownObject {
	return {
		modifiedSec: NOW_SEC - 600,
		createdSec: NOW_SEC - 9_000,
		identityHash: null,
		content: sampleContent({ name: 'Mug', price: '9.00' }),
		profile: PROFILE,
		state: 'live',
		asOfMs: NOW_MS - 60_000,
		...change,
	}
}

/** The same object as a list shows it now. */
export function observed(change: Partial<Observation> = {}): Observation {
	return {
		id: 12,
		via: 'read',
		kind: 'live',
		modifiedSec: NOW_SEC - 600,
		createdSec: NOW_SEC - 9_000,
		identityHash: null,
		content: sampleContent({ name: 'Mug', price: '9.00' }),
		requestedAtMs: NOW_MS - 200,
		listed: true,
		...change,
	}
}

/** The store says there is no such object. */
export function observedGone(change: Partial<Observation> = {}): Observation {
	return observed({ kind: 'gone', modifiedSec: null, createdSec: null, content: null, listed: false, ...change })
}

/** After the baseline, nothing special. */
export function gateContext(change: Partial<GateContext> = {}): GateContext {
	return {
		nowMs: NOW_MS,
		profile: PROFILE,
		baseline: null,
		began: { t0Sec: NOW_SEC - 86_400, highestId: 0 },
		hasTwoStates: false,
		filtered: false,
		ignoredNames: [],
		pendingCheck: {},
		...change,
	}
}

/** A baseline that began ten minutes ago with ids up to 100. */
export function baselineContext(change: Partial<NonNullable<GateContext['baseline']>> = {}): GateContext {
	return gateContext({
		baseline: {
			t0Sec: NOW_SEC - 600,
			highestId: 100,
			backfill: 'none',
			toleranceSec: 0,
			storeNowSec: NOW_SEC,
			...change,
		},
	})
}

/** Other content than `known` and `seen` have. */
export const OTHER_CONTENT = sampleContent({ name: 'Mug', price: '12.00' })

/** A verdict in one line: `emit CREATED`, `store live`, `remove`, `recheck`, `nothing`. */
export function describeVerdict(verdict: GateVerdict): string {
	if (verdict.do === 'nothing' || verdict.do === 'recheck') return verdict.do
	if (verdict.do === 'store') return verdict.row === null ? 'remove' : `store ${verdict.row.state}`
	return `emit ${verdict.changes.map((change) => change.type).join(' ')}`
}
