/** The gate's rules: which observation is believed, which is read again, what a baseline rings. */
import { describe, expect, test } from 'vitest'
import { gate } from '../../../src/watcher/changes/gate.ts'
import type { GateContext, KnownObject, Observation } from '../../../src/watcher/changes/gate-types.ts'
import {
	observedGone,
	baselineContext,
	sampleContent,
	gateContext,
	knownObject,
	NOW_MS,
	NOW_SEC,
	OTHER_CONTENT,
	PROFILE,
	describeVerdict,
	observed,
} from './gate-fixtures.ts'

describe('a read', () => {
	test('that was asked after the last accepted one is the truth, whether its stamp moved or not', () => {
		expect(
			describeVerdict(
				gate(
					knownObject({ asOfMs: NOW_MS }),
					observed({ content: OTHER_CONTENT, requestedAtMs: NOW_MS }),
					gateContext(),
				),
			),
		).toBe('emit UPDATED')
	})
	test('that was under way while another was accepted is dropped, and the object read again when its content differs', () => {
		const row = knownObject({ asOfMs: NOW_MS })
		expect(gate(row, observed({ content: OTHER_CONTENT, requestedAtMs: NOW_MS - 1 }), gateContext())).toEqual({
			do: 'recheck',
			dueMs: NOW_MS,
			pendingCheck: {},
		})
		expect(gate(row, observed({ kind: 'trashed', requestedAtMs: NOW_MS - 1 }), gateContext())).toMatchObject({
			do: 'recheck',
		})
		expect(gate(row, observed({ requestedAtMs: NOW_MS - 1 }), gateContext())).toEqual({ do: 'nothing' })
	})
	test('that was under way counts with a strictly newer stamp', () => {
		expect(
			describeVerdict(
				gate(
					knownObject({ asOfMs: NOW_MS }),
					observed({ content: OTHER_CONTENT, requestedAtMs: NOW_MS - 1, modifiedSec: NOW_SEC - 599 }),
					gateContext(),
				),
			),
		).toBe('emit UPDATED')
	})
	test('without a stamp, or of a row without one, never counts as newer', () => {
		expect(
			describeVerdict(
				gate(
					knownObject({ asOfMs: NOW_MS }),
					observed({ content: OTHER_CONTENT, requestedAtMs: NOW_MS - 1, modifiedSec: null }),
					gateContext(),
				),
			),
		).toBe('recheck')
		expect(
			describeVerdict(
				gate(
					knownObject({ asOfMs: NOW_MS, modifiedSec: null }),
					observed({ content: OTHER_CONTENT, requestedAtMs: NOW_MS - 1 }),
					gateContext(),
				),
			),
		).toBe('recheck')
	})
	test('with an older stamp and the same content says nothing new', () => {
		expect(describeVerdict(gate(knownObject(), observed({ modifiedSec: NOW_SEC - 700 }), gateContext()))).toBe(
			'store live',
		)
	})
})

describe('a read with an older stamp and other content', () => {
	const stale = observed({ content: OTHER_CONTENT, modifiedSec: NOW_SEC - 601 })
	const getPendingCheck = (verdict: ReturnType<typeof gate>): object =>
		verdict.do === 'recheck' ? verdict.pendingCheck : {}

	test('is looked at again thirty seconds later', () => {
		const first = gate(knownObject(), stale, gateContext())
		expect(first).toMatchObject({ do: 'recheck', dueMs: NOW_MS + 30_000 })
	})
	test('counts when every look says the same for a quarter of an hour', () => {
		let nowMs = NOW_MS
		let verdict = gate(knownObject(), stale, gateContext())
		const looks: number[] = []
		while (verdict.do === 'recheck') {
			looks.push((verdict.dueMs - nowMs) / 1000)
			nowMs = verdict.dueMs
			const { pendingCheck } = verdict
			verdict = gate(knownObject(), { ...stale, requestedAtMs: nowMs }, gateContext({ nowMs, pendingCheck }))
		}
		expect(looks).toEqual([30, 120, 240, 480])
		expect(describeVerdict(verdict)).toBe('emit UPDATED')
	})
	test('does not count a moment too early, and the first look’s time stands', () => {
		const pendingCheck = getPendingCheck(gate(knownObject(), stale, gateContext()))
		expect(
			gate(
				knownObject(),
				{ ...stale, requestedAtMs: NOW_MS + 29_999 },
				gateContext({ nowMs: NOW_MS + 29_999, pendingCheck }),
			),
		).toMatchObject({
			do: 'recheck',
			dueMs: NOW_MS + 30_000,
			pendingCheck,
		})
	})
	test('begins anew when the second look says something else', () => {
		const pendingCheck = getPendingCheck(gate(knownObject(), stale, gateContext()))
		const third = sampleContent({ name: 'Mug', price: '1.00' })
		expect(
			gate(
				knownObject(),
				{ ...stale, content: third, requestedAtMs: NOW_MS + 40_000 },
				gateContext({ nowMs: NOW_MS + 40_000, pendingCheck }),
			),
		).toMatchObject({ do: 'recheck', dueMs: NOW_MS + 70_000 })
	})
	test('that is in the trash is another saying than the same content live', () => {
		const pendingCheck = getPendingCheck(gate(knownObject(), stale, gateContext()))
		expect(
			describeVerdict(
				gate(
					knownObject(),
					{ ...stale, kind: 'trashed', requestedAtMs: NOW_MS + 40_000 },
					gateContext({ nowMs: NOW_MS + 40_000, pendingCheck }),
				),
			),
		).toBe('recheck')
	})
})

describe('a hook', () => {
	const hook = (change: Parameters<typeof observed>[0] = {}): ReturnType<typeof observed> =>
		observed({ via: 'hook', requestedAtMs: NOW_MS, ...change })

	test('of an id never seen, with a full record, emits CREATED', () => {
		expect(describeVerdict(gate(null, hook(), gateContext()))).toBe('emit CREATED')
	})
	test('with a strictly newer stamp is a change', () => {
		expect(
			describeVerdict(gate(knownObject(), hook({ content: OTHER_CONTENT, modifiedSec: NOW_SEC - 599 }), gateContext())),
		).toBe('emit UPDATED')
	})
	test.each([
		['equal', NOW_SEC - 600],
		['older', NOW_SEC - 601],
		['missing', null],
	])('with an %s stamp and other content is read again', (_name, stampSec) => {
		expect(
			describeVerdict(gate(knownObject(), hook({ content: OTHER_CONTENT, modifiedSec: stampSec }), gateContext())),
		).toBe('recheck')
	})
	test('with what is known already says nothing', () => {
		expect(gate(knownObject(), hook(), gateContext())).toEqual({ do: 'nothing' })
	})
	test('never says trashed or gone by itself', () => {
		expect(
			describeVerdict(gate(knownObject(), hook({ kind: 'trashed', modifiedSec: NOW_SEC - 5 }), gateContext())),
		).toBe('recheck')
		expect(describeVerdict(gate(null, hook({ kind: 'trashed' }), gateContext()))).toBe('recheck')
	})
	test('never brings back what is trashed or gone: a read does', () => {
		for (const state of ['trashed', 'gone', 'unlisted'] as const)
			expect(
				describeVerdict(
					gate(knownObject({ state }), hook({ content: OTHER_CONTENT, modifiedSec: NOW_SEC - 5 }), gateContext()),
				),
			).toBe('recheck')
	})
	test('with another created date and a newer stamp emits UPDATED at once', () => {
		expect(
			describeVerdict(
				gate(
					knownObject(),
					hook({ content: OTHER_CONTENT, modifiedSec: NOW_SEC - 5, createdSec: NOW_SEC - 50 }),
					gateContext(),
				),
			),
		).toBe('emit UPDATED')
	})
	test('that says too little is read', () => {
		expect(describeVerdict(gate(knownObject(), hook({ kind: 'hint', content: null }), gateContext()))).toBe('recheck')
		expect(describeVerdict(gate(null, hook({ kind: 'hint', content: null }), gateContext()))).toBe('recheck')
	})
})

describe('content', () => {
	const more = sampleContent({ name: 'Mug', price: '9.00', brand: 'x' })

	test('that differs only by keys that came or went, the stamp unmoved, is stored in silence', () => {
		expect(describeVerdict(gate(knownObject(), observed({ content: more }), gateContext()))).toBe('store live')
		expect(describeVerdict(gate(knownObject({ content: more }), observed(), gateContext()))).toBe('store live')
	})
	test('that differs by keys, the stamp moved, is emitted and names them', () => {
		expect(gate(knownObject(), observed({ content: more, modifiedSec: NOW_SEC - 5 }), gateContext())).toMatchObject({
			do: 'emit',
			changes: [{ type: 'UPDATED', changedFields: ['brand'] }],
		})
	})
	test('under an older profile is compared there and stored under the current one', () => {
		const nextContent = sampleContent({ name: 'Mug' })
		const same = gate(knownObject({ profile: 2 }), observed({ nextContent }), gateContext())
		expect(same).toMatchObject({ do: 'store', row: { profile: PROFILE, content: nextContent } })
		for (const state of ['live', 'hidden'] as const)
			expect(
				describeVerdict(
					gate(knownObject({ profile: 2, state }), observed({ nextContent, kind: state }), gateContext()),
				),
			).toBe(`store ${state}`)
		const edited = gate(knownObject({ profile: 2, content: OTHER_CONTENT }), observed({ nextContent }), gateContext())
		expect(edited).toMatchObject({
			do: 'emit',
			changes: [{ type: 'UPDATED', changedFields: ['price'] }],
			row: { profile: PROFILE, content: nextContent },
		})
	})
	test('that differs by a volatile field alone is stored in silence, with or without a stamp', () => {
		const after = sampleContent({ name: 'Mug' })
		for (const stampSec of [NOW_SEC - 600, NOW_SEC - 5])
			expect(
				describeVerdict(
					gate(
						knownObject(),
						observed({ content: after, modifiedSec: stampSec }),
						gateContext({ ignoredNames: ['price'] }),
					),
				),
			).toBe('store live')
	})
	test('that differs by another field besides is emitted without the volatile one', () => {
		const after = sampleContent({ name: 'Cup' })
		expect(gate(knownObject(), observed({ content: after }), gateContext({ ignoredNames: ['price'] }))).toMatchObject({
			do: 'emit',
			changes: [{ changedFields: ['name'] }],
		})
	})
})

describe('a baseline', () => {
	const old = { id: 50, createdSec: NOW_SEC - 90_000, modifiedSec: NOW_SEC - 90_000 }

	test('learns what was there in silence', () => {
		expect(describeVerdict(gate(null, observed(old), baselineContext()))).toBe('store live')
	})
	test('emits CREATED for an id above the highest of T0, whatever its dates', () => {
		expect(describeVerdict(gate(null, observed({ ...old, id: 101 }), baselineContext()))).toBe('emit CREATED')
		expect(describeVerdict(gate(null, observed({ ...old, id: 100 }), baselineContext()))).toBe('store live')
	})
	test('emits CREATED for what was created at T0 or later', () => {
		expect(describeVerdict(gate(null, observed({ ...old, createdSec: NOW_SEC - 600 }), baselineContext()))).toBe(
			'emit CREATED',
		)
		expect(describeVerdict(gate(null, observed({ ...old, createdSec: NOW_SEC - 601 }), baselineContext()))).toBe(
			'store live',
		)
	})
	test('emits UPDATED without changedFields for what was changed at T0 or later', () => {
		expect(gate(null, observed({ ...old, modifiedSec: NOW_SEC - 600 }), baselineContext())).toMatchObject({
			do: 'emit',
			changes: [{ type: 'UPDATED', changedFields: null, dateSec: NOW_SEC - 600 }],
		})
		expect(describeVerdict(gate(null, observed({ ...old, modifiedSec: NOW_SEC - 601 }), baselineContext()))).toBe(
			'store live',
		)
	})
	test('takes created and changed within createdCheckTolerance for created', () => {
		const both = { ...old, createdSec: NOW_SEC - 620, modifiedSec: NOW_SEC - 590 }
		expect(describeVerdict(gate(null, observed(both), baselineContext({ toleranceSec: 30 })))).toBe('emit CREATED')
		expect(describeVerdict(gate(null, observed(both), baselineContext({ toleranceSec: 29 })))).toBe('emit UPDATED')
	})
	test('3.5 is not misled by dates in the future', () => {
		expect(
			describeVerdict(
				gate(null, observed({ ...old, createdSec: NOW_SEC + 9_000, modifiedSec: NOW_SEC + 9_000 }), baselineContext()),
			),
		).toBe('store live')
	})
	test('stores hidden ones, which are emitted when they become live', () => {
		const verdict = gate(null, observed({ ...old, kind: 'hidden' }), baselineContext())
		expect(describeVerdict(verdict)).toBe('store hidden')
		expect(
			describeVerdict(
				gate((verdict as { row: KnownObject }).row, observed({ ...old, requestedAtMs: NOW_MS }), baselineContext()),
			),
		).toBe('emit CREATED')
	})
	test('emits what it already knows like any other time', () => {
		expect(describeVerdict(gate(knownObject(), observed({ content: OTHER_CONTENT }), baselineContext()))).toBe(
			'emit UPDATED',
		)
	})
	test('confirms twice that something is gone', () => {
		expect(describeVerdict(gate(knownObject(), observedGone(), baselineContext()))).toBe('recheck')
	})
	test('backfill all emits CREATED, marked, for everything', () => {
		expect(gate(null, observed(old), baselineContext({ backfill: 'all' }))).toMatchObject({
			do: 'emit',
			changes: [{ type: 'CREATED', backfill: true }],
		})
	})
	test('backfill all does not mark what is new', () => {
		expect(gate(null, observed({ ...old, id: 101 }), baselineContext({ backfill: 'all' }))).not.toMatchObject({
			changes: [{ backfill: true }],
		})
	})
	describe('backfill from a date', () => {
		const from = baselineContext({ backfill: (NOW_SEC - 50_000) * 1000, toleranceSec: 10 })

		test('emits CREATED for what was created since then, within the tolerance', () => {
			expect(
				gate(null, observed({ ...old, createdSec: NOW_SEC - 50_010, modifiedSec: NOW_SEC - 50_000 }), from),
			).toMatchObject({
				do: 'emit',
				changes: [{ type: 'CREATED', backfill: true }],
			})
		})
		test('emits UPDATED for what was only changed since then', () => {
			expect(gate(null, observed({ ...old, modifiedSec: NOW_SEC - 49_999 }), from)).toMatchObject({
				do: 'emit',
				changes: [{ type: 'UPDATED', backfill: true }],
			})
		})
		test('leaves older ones in silence', () => {
			expect(describeVerdict(gate(null, observed(old), from))).toBe('store live')
		})
	})
	test('text ids above nothing are emitted by their dates', () => {
		expect(describeVerdict(gate(null, observed({ ...old, id: 'zzz' }), baselineContext()))).toBe('store live')
	})
})

describe('a store that answers with two states in turn', () => {
	/** Looks until something else is decided: the seconds between them, and the verdict. */
	const look = (
		known: KnownObject | null,
		seen: Observation,
		change: Partial<GateContext> = {},
	): { seconds: number[]; verdict: string } => {
		let nowMs = NOW_MS
		let verdict = gate(known, seen, gateContext(change))
		const seconds: number[] = []
		while (verdict.do === 'recheck' && seconds.length < 20) {
			seconds.push((verdict.dueMs - nowMs) / 1000)
			nowMs = verdict.dueMs
			const { pendingCheck } = verdict
			verdict = gate(known, { ...seen, requestedAtMs: nowMs }, gateContext({ ...change, nowMs, pendingCheck }))
		}
		return { seconds, verdict: describeVerdict(verdict) }
	}
	const twofold = { hasTwoStates: true }

	test('has deleted an object when every look of a quarter of an hour says so, and longer after each return', () => {
		expect(look(knownObject(), observedGone({ requestedAtMs: NOW_MS })).seconds).toEqual([5])
		const first = look(knownObject(), observedGone({ requestedAtMs: NOW_MS }), twofold)
		expect(first).toEqual({ seconds: [5, 30, 120, 240, 480], verdict: 'emit DELETED' })
		const returned = knownObject({ earlier: { hash: 'x', returns: 1 } })
		const second = look(returned, observedGone({ requestedAtMs: NOW_MS }), twofold)
		expect(second.seconds).toEqual([5, 30, 120, 240, 480, 960, 1_920])
	})
	test('has a new object when a second look shows it', () => {
		expect(look(null, observed())).toEqual({ seconds: [], verdict: 'emit CREATED' })
		expect(look(null, observed(), twofold)).toEqual({ seconds: [30], verdict: 'emit CREATED' })
	})
	test('brings a deleted object back a quarter of an hour after its deletion, and counts that', () => {
		const gone = knownObject({ state: 'gone' })
		expect(look(gone, observed())).toEqual({ seconds: [840], verdict: 'emit CREATED' })
		expect(look(knownObject({ state: 'gone', asOfMs: NOW_MS - 3_600_000 }), observed()).seconds).toEqual([30])
		expect(look(gone, observed({ modifiedSec: NOW_SEC }))).toEqual({ seconds: [], verdict: 'emit CREATED' })
		const pendingCheck = { staleHash: 'back', staleAtMs: NOW_MS - 30_000 }
		const old = { ...gone, asOfMs: NOW_MS - 3_600_000 }
		expect(gate(old, observed(), gateContext({ pendingCheck }))).toMatchObject({ row: { earlier: { returns: 1 } } })
	})
})

describe('an object of before the index that no list has shown', () => {
	const began = { t0Sec: NOW_SEC - 300, highestId: 100 }
	test.each<[string, Partial<Observation>, Partial<GateContext>, string]>([
		['is indexed in silence', {}, {}, 'store live'],
		['was restored or published, if it was modified since', { modifiedSec: NOW_SEC - 299 }, {}, 'emit CREATED'],
		['is new if its id is higher', { id: 101 }, {}, 'emit CREATED'],
		['is new if it was created since', { createdSec: NOW_SEC - 299 }, {}, 'emit CREATED'],
		['may be new without dates', { modifiedSec: null }, {}, 'emit CREATED'],
		['enters a `where`', {}, { filtered: true }, 'emit CREATED'],
	])('%s', (_, change, context, verdict) => {
		expect(describeVerdict(gate(null, observed(change), gateContext({ began, ...context })))).toBe(verdict)
	})
})
