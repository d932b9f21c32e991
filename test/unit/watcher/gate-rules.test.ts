/** The gate's rules: which observation is believed, which is read again, what a baseline rings. */
import { describe, expect, test } from 'vitest'
import { HASH_VERSION } from '../../../src/watcher/changes/content.ts'
import { gate, type Known } from '../../../src/watcher/changes/gate.ts'
import { absent, baseline, content, context, known, NOW_MS, NOW_SEC, OTHER, said, seen } from './gate-samples.ts'

describe('a read', () => {
	test('that was asked after the last accepted one is the truth, whether its stamp moved or not', () => {
		expect(said(gate(known({ asOfMs: NOW_MS }), seen({ content: OTHER, askedAtMs: NOW_MS }), context()))).toBe('ring UPDATED')
	})
	test('that was under way while another was accepted is dropped, and the object read again when its content differs', () => {
		const row = known({ asOfMs: NOW_MS })
		expect(gate(row, seen({ content: OTHER, askedAtMs: NOW_MS - 1 }), context())).toEqual({ do: 'look', dueMs: NOW_MS, doubt: {} })
		expect(gate(row, seen({ what: 'trashed', askedAtMs: NOW_MS - 1 }), context())).toMatchObject({ do: 'look' })
		expect(gate(row, seen({ askedAtMs: NOW_MS - 1 }), context())).toEqual({ do: 'nothing' })
	})
	test('that was under way counts with a strictly newer stamp', () => {
		expect(said(gate(known({ asOfMs: NOW_MS }), seen({ content: OTHER, askedAtMs: NOW_MS - 1, stampSec: NOW_SEC - 599 }), context()))).toBe(
			'ring UPDATED',
		)
	})
	test('without a stamp, or of a row without one, never counts as newer', () => {
		expect(said(gate(known({ asOfMs: NOW_MS }), seen({ content: OTHER, askedAtMs: NOW_MS - 1, stampSec: null }), context()))).toBe('look')
		expect(said(gate(known({ asOfMs: NOW_MS, stampSec: null }), seen({ content: OTHER, askedAtMs: NOW_MS - 1 }), context()))).toBe('look')
	})
	test('with an older stamp and the same content says nothing new', () => {
		expect(said(gate(known(), seen({ stampSec: NOW_SEC - 700 }), context()))).toBe('store live')
	})
})

describe('a read with an older stamp and other content', () => {
	const stale = seen({ content: OTHER, stampSec: NOW_SEC - 601 })
	const doubtOf = (verdict: ReturnType<typeof gate>): object => (verdict.do === 'look' ? verdict.doubt : {})

	test('is looked at again thirty seconds later', () => {
		const first = gate(known(), stale, context())
		expect(first).toMatchObject({ do: 'look', dueMs: NOW_MS + 30_000 })
	})
	test('counts when the second look says the same', () => {
		const doubt = doubtOf(gate(known(), stale, context()))
		const later = { ...stale, askedAtMs: NOW_MS + 30_000 }
		expect(said(gate(known(), later, context({ nowMs: NOW_MS + 30_000, doubt })))).toBe('ring UPDATED')
	})
	test('does not count a moment too early, and the first look’s time stands', () => {
		const doubt = doubtOf(gate(known(), stale, context()))
		expect(gate(known(), { ...stale, askedAtMs: NOW_MS + 29_999 }, context({ nowMs: NOW_MS + 29_999, doubt }))).toMatchObject({
			do: 'look',
			dueMs: NOW_MS + 30_000,
			doubt,
		})
	})
	test('begins anew when the second look says something else', () => {
		const doubt = doubtOf(gate(known(), stale, context()))
		const third = content({ name: 'Mug', price: '1.00' })
		expect(
			gate(known(), { ...stale, content: third, askedAtMs: NOW_MS + 40_000 }, context({ nowMs: NOW_MS + 40_000, doubt })),
		).toMatchObject({ do: 'look', dueMs: NOW_MS + 70_000 })
	})
	test('that is in the trash is another saying than the same content live', () => {
		const doubt = doubtOf(gate(known(), stale, context()))
		expect(said(gate(known(), { ...stale, what: 'trashed', askedAtMs: NOW_MS + 40_000 }, context({ nowMs: NOW_MS + 40_000, doubt })))).toBe(
			'look',
		)
	})
})

describe('a hook', () => {
	const hook = (change: Parameters<typeof seen>[0] = {}): ReturnType<typeof seen> => seen({ source: 'hook', askedAtMs: NOW_MS, ...change })

	test('of an id never seen, with a full record, rings CREATED', () => {
		expect(said(gate(null, hook(), context()))).toBe('ring CREATED')
	})
	test('with a strictly newer stamp is a change', () => {
		expect(said(gate(known(), hook({ content: OTHER, stampSec: NOW_SEC - 599 }), context()))).toBe('ring UPDATED')
	})
	test.each([
		['equal', NOW_SEC - 600],
		['older', NOW_SEC - 601],
		['missing', null],
	])('with an %s stamp and other content is read again', (_name, stampSec) => {
		expect(said(gate(known(), hook({ content: OTHER, stampSec }), context()))).toBe('look')
	})
	test('with what is known already says nothing', () => {
		expect(gate(known(), hook(), context())).toEqual({ do: 'nothing' })
	})
	test('never says trashed or gone by itself', () => {
		expect(said(gate(known(), hook({ what: 'trashed', stampSec: NOW_SEC - 5 }), context()))).toBe('look')
		expect(said(gate(null, hook({ what: 'trashed' }), context()))).toBe('look')
	})
	test('never brings back what is trashed or gone: a read does', () => {
		for (const state of ['trashed', 'gone', 'unlisted'] as const)
			expect(said(gate(known({ state }), hook({ content: OTHER, stampSec: NOW_SEC - 5 }), context()))).toBe('look')
	})
	test('with another created date is read again', () => {
		expect(said(gate(known(), hook({ content: OTHER, stampSec: NOW_SEC - 5, createdSec: NOW_SEC - 50 }), context()))).toBe('look')
	})
	test('that says too little is read', () => {
		expect(said(gate(known(), hook({ what: 'hint', content: null }), context()))).toBe('look')
		expect(said(gate(null, hook({ what: 'hint', content: null }), context()))).toBe('look')
	})
})

describe('content', () => {
	const more = content({ name: 'Mug', price: '9.00', brand: 'x' })

	test('that differs only by keys that came or went, the stamp unmoved, is stored in silence', () => {
		expect(said(gate(known(), seen({ content: more }), context()))).toBe('store live')
		expect(said(gate(known({ content: more }), seen(), context()))).toBe('store live')
	})
	test('that differs by keys, the stamp moved, rings and names them', () => {
		expect(gate(known(), seen({ content: more, stampSec: NOW_SEC - 5 }), context())).toMatchObject({
			do: 'ring',
			changes: [{ type: 'UPDATED', changedFields: ['brand'] }],
		})
	})
	test('of an older hashVersion, the stamp unmoved, is stored in silence', () => {
		const verdict = gate(known({ hashVersion: HASH_VERSION - 1, content: OTHER }), seen(), context())
		expect(verdict).toMatchObject({ do: 'store', row: { hashVersion: HASH_VERSION } })
	})
	test('of an older hashVersion rings when its stamp moved', () => {
		expect(said(gate(known({ hashVersion: HASH_VERSION - 1, content: OTHER }), seen({ stampSec: NOW_SEC - 5 }), context()))).toBe(
			'ring UPDATED',
		)
	})
	test('that differs by a volatile field alone is stored in silence, with or without a stamp', () => {
		const after = content({ name: 'Mug' })
		for (const stampSec of [NOW_SEC - 600, NOW_SEC - 5])
			expect(said(gate(known(), seen({ content: after, stampSec }), context({ volatile: ['price'] })))).toBe('store live')
	})
	test('that differs by another field besides rings without the volatile one', () => {
		const after = content({ name: 'Cup' })
		expect(gate(known(), seen({ content: after }), context({ volatile: ['price'] }))).toMatchObject({
			do: 'ring',
			changes: [{ changedFields: ['name'] }],
		})
	})
})

describe('a baseline', () => {
	const old = { id: 50, createdSec: NOW_SEC - 90_000, stampSec: NOW_SEC - 90_000 }

	test('learns what was there in silence', () => {
		expect(said(gate(null, seen(old), baseline()))).toBe('store live')
	})
	test('rings CREATED for an id above the highest of T0, whatever its dates', () => {
		expect(said(gate(null, seen({ ...old, id: 101 }), baseline()))).toBe('ring CREATED')
		expect(said(gate(null, seen({ ...old, id: 100 }), baseline()))).toBe('store live')
	})
	test('rings CREATED for what was created at T0 or later', () => {
		expect(said(gate(null, seen({ ...old, createdSec: NOW_SEC - 600 }), baseline()))).toBe('ring CREATED')
		expect(said(gate(null, seen({ ...old, createdSec: NOW_SEC - 601 }), baseline()))).toBe('store live')
	})
	test('rings UPDATED without changedFields for what was changed at T0 or later', () => {
		expect(gate(null, seen({ ...old, stampSec: NOW_SEC - 600 }), baseline())).toMatchObject({
			do: 'ring',
			changes: [{ type: 'UPDATED', changedFields: null, dateSec: NOW_SEC - 600 }],
		})
		expect(said(gate(null, seen({ ...old, stampSec: NOW_SEC - 601 }), baseline()))).toBe('store live')
	})
	test('takes created and changed within createdCheckTolerance for created', () => {
		const both = { ...old, createdSec: NOW_SEC - 620, stampSec: NOW_SEC - 590 }
		expect(said(gate(null, seen(both), baseline({ toleranceSec: 30 })))).toBe('ring CREATED')
		expect(said(gate(null, seen(both), baseline({ toleranceSec: 29 })))).toBe('ring UPDATED')
	})
	test('3.5 is not misled by dates in the future', () => {
		expect(said(gate(null, seen({ ...old, createdSec: NOW_SEC + 9_000, stampSec: NOW_SEC + 9_000 }), baseline()))).toBe('store live')
	})
	test('stores hidden ones, which ring when they become live', () => {
		const verdict = gate(null, seen({ ...old, what: 'hidden' }), baseline())
		expect(said(verdict)).toBe('store hidden')
		expect(said(gate((verdict as { row: Known }).row, seen({ ...old, askedAtMs: NOW_MS }), baseline()))).toBe('ring CREATED')
	})
	test('rings what it already knows like any other time', () => {
		expect(said(gate(known(), seen({ content: OTHER }), baseline()))).toBe('ring UPDATED')
	})
	test('confirms twice that something is gone', () => {
		expect(said(gate(known(), absent(), baseline()))).toBe('look')
	})
	test('backfill all rings CREATED, marked, for everything', () => {
		expect(gate(null, seen(old), baseline({ backfill: 'all' }))).toMatchObject({
			do: 'ring',
			changes: [{ type: 'CREATED', backfill: true }],
		})
	})
	test('backfill all does not mark what is new', () => {
		expect(gate(null, seen({ ...old, id: 101 }), baseline({ backfill: 'all' }))).not.toMatchObject({ changes: [{ backfill: true }] })
	})
	describe('backfill from a date', () => {
		const from = baseline({ backfill: (NOW_SEC - 50_000) * 1000, toleranceSec: 10 })

		test('rings CREATED for what was created since then, within the tolerance', () => {
			expect(gate(null, seen({ ...old, createdSec: NOW_SEC - 50_010, stampSec: NOW_SEC - 50_000 }), from)).toMatchObject({
				do: 'ring',
				changes: [{ type: 'CREATED', backfill: true }],
			})
		})
		test('rings UPDATED for what was only changed since then', () => {
			expect(gate(null, seen({ ...old, stampSec: NOW_SEC - 49_999 }), from)).toMatchObject({
				do: 'ring',
				changes: [{ type: 'UPDATED', backfill: true }],
			})
		})
		test('leaves older ones in silence', () => {
			expect(said(gate(null, seen(old), from))).toBe('store live')
		})
	})
	test('text ids above nothing ring by their dates', () => {
		expect(said(gate(null, seen({ ...old, id: 'zzz' }), baseline()))).toBe('store live')
	})
})
