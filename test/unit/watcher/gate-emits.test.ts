/** The gate against what rings, row by row. */
import { describe, expect, test } from 'vitest'
import { gate } from '../../../src/watcher/changes/gate.ts'
import type { GateVerdict, KnownObject, ObjectState, Observation } from '../../../src/watcher/changes/gate-types.ts'
import {
	observedGone,
	sampleContent,
	gateContext,
	knownObject,
	NOW_MS,
	NOW_SEC,
	OTHER_CONTENT,
	describeVerdict,
	observed,
} from './gate-fixtures.ts'

/** What changes a verdict rings; fails when it rings nothing. */
function changes(verdict: GateVerdict): object[] {
	if (verdict.do !== 'emit') throw new Error(`it does not ring: ${describeVerdict(verdict)}`)
	return verdict.changes
}

describe('an object that was never seen', () => {
	test('emits CREATED with its created date, whatever its dates say §10.4', () => {
		expect(
			changes(gate(null, observed({ createdSec: NOW_SEC - 9e7, modifiedSec: NOW_SEC + 9e7 }), gateContext())),
		).toEqual([{ type: 'CREATED', changedFields: null, dateSec: NOW_SEC - 9e7, withRecord: true }])
	})
	test('is stored in silence while it is hidden', () => {
		expect(describeVerdict(gate(null, observed({ kind: 'hidden' }), gateContext()))).toBe('store hidden')
	})
	test('emits nothing from the trash, and leaves no row', () => {
		expect(gate(null, observed({ kind: 'trashed' }), gateContext())).toEqual({ do: 'nothing' })
	})
	test('emits nothing when it is gone', () => {
		expect(gate(null, observedGone(), gateContext())).toEqual({ do: 'nothing' })
	})
	test('is stored as unlisted when only its address shows it', () => {
		expect(describeVerdict(gate(null, observed({ listed: false }), gateContext()))).toBe('store unlisted')
	})
})

describe('a live object', () => {
	test('emits UPDATED with the fields that changed and its stamp', () => {
		expect(
			changes(gate(knownObject(), observed({ content: OTHER_CONTENT, modifiedSec: NOW_SEC - 5 }), gateContext())),
		).toEqual([{ type: 'UPDATED', changedFields: ['price'], dateSec: NOW_SEC - 5, withRecord: true }])
	})
	test('emits UPDATED without a stamp that moved, dated when it was seen', () => {
		expect(changes(gate(knownObject(), observed({ content: OTHER_CONTENT }), gateContext()))).toEqual([
			{ type: 'UPDATED', changedFields: ['price'], dateSec: null, withRecord: true },
		])
	})
	test('emits nothing for a save that changed nothing, and keeps the new stamp', () => {
		const verdict = gate(knownObject(), observed({ modifiedSec: NOW_SEC - 5 }), gateContext())
		expect(verdict).toMatchObject({
			do: 'store',
			row: { state: 'live', modifiedSec: NOW_SEC - 5, asOfMs: NOW_MS - 200 },
		})
	})
	test('that is as it was is not even stored', () => {
		expect(gate(knownObject(), observed(), gateContext())).toEqual({ do: 'nothing' })
	})
	test('in the trash emits DELETED, marked and with its record, dated by the trash stamp', () => {
		const verdict = gate(knownObject(), observed({ kind: 'trashed', modifiedSec: NOW_SEC - 5 }), gateContext())
		expect(changes(verdict)).toEqual([
			{ type: 'DELETED', changedFields: null, trashed: true, dateSec: NOW_SEC - 5, withRecord: true },
		])
		expect(verdict).toMatchObject({ row: { state: 'trashed' } })
	})
	test('in the trash without a stamp that moved is dated when it was seen', () => {
		expect(changes(gate(knownObject(), observed({ kind: 'trashed' }), gateContext()))).toMatchObject([
			{ dateSec: null },
		])
	})
	test('that leaves the list and still exists with other content emits UPDATED, unlisted', () => {
		const verdict = gate(
			knownObject(),
			observed({ content: OTHER_CONTENT, listed: false, modifiedSec: NOW_SEC - 5 }),
			gateContext(),
		)
		expect(changes(verdict)).toMatchObject([{ type: 'UPDATED', unlisted: true, changedFields: ['price'] }])
		expect(verdict).toMatchObject({ row: { state: 'unlisted' } })
	})
	test('that leaves the list with the same content emits nothing and is unlisted', () => {
		expect(describeVerdict(gate(knownObject(), observed({ listed: false }), gateContext()))).toBe('store unlisted')
	})
	test('that leaves the where of its url emits nothing, whatever changed', () => {
		expect(
			describeVerdict(
				gate(
					knownObject(),
					observed({ content: OTHER_CONTENT, listed: false, modifiedSec: NOW_SEC - 5 }),
					gateContext({ filtered: true }),
				),
			),
		).toBe('store unlisted')
	})
	test('with another created date is the same object: UPDATED, whether its identity is known or not', () => {
		const redated = { content: OTHER_CONTENT, createdSec: NOW_SEC - 50 }
		for (const [before, after] of [
			[null, null],
			['a', 'a'],
			[null, 'b'],
			['a', null],
		] as const)
			expect(
				describeVerdict(
					gate(knownObject({ identityHash: before }), observed({ ...redated, identityHash: after }), gateContext()),
				),
			).toBe('emit UPDATED')
	})
	test('with another identity and the same created date is the same object', () => {
		expect(
			describeVerdict(
				gate(
					knownObject({ identityHash: 'a' }),
					observed({ content: OTHER_CONTENT, identityHash: 'b' }),
					gateContext(),
				),
			),
		).toBe('emit UPDATED')
	})
	describe('with another identity and another created date is another object', () => {
		const other = { identityHash: 'b', createdSec: NOW_SEC - 50 }
		const verdict = (before: Partial<KnownObject>, after: Partial<Observation> = {}, context = gateContext()) =>
			gate(knownObject({ identityHash: 'a', ...before }), observed({ ...other, ...after }), context)
		test('DELETED without record, then CREATED, even if all that counts is equal', () => {
			expect(changes(verdict({}))).toEqual([
				{ type: 'DELETED', changedFields: null, dateSec: null, withRecord: false },
				{ type: 'CREATED', changedFields: null, dateSec: NOW_SEC - 50, withRecord: true },
			])
		})
		test('DELETED alone if the other one is not to be seen yet, or is in the trash', () => {
			expect(verdict({}, { kind: 'hidden' })).toMatchObject({
				changes: [{ type: 'DELETED' }],
				row: { state: 'hidden' },
			})
			expect(verdict({}, { kind: 'trashed' })).toMatchObject({
				changes: [{ type: 'DELETED', withRecord: false }],
				row: { state: 'trashed' },
			})
		})
		test('CREATED alone, and not restored, after one that was trashed, gone or hidden', () => {
			for (const state of ['trashed', 'gone', 'hidden'] as const) {
				expect(changes(verdict({ state }))).toEqual([
					{ type: 'CREATED', changedFields: null, dateSec: NOW_SEC - 50, withRecord: true },
				])
			}
		})
		test('a webhook alone does not prove it', () => {
			expect(describeVerdict(verdict({}, { via: 'hook', modifiedSec: NOW_SEC - 5 }))).toBe('recheck')
		})
	})
	test('whose identity was not known is stored with it, in silence', () => {
		expect(gate(knownObject(), observed({ identityHash: 'a' }), gateContext())).toMatchObject({
			do: 'store',
			row: { identityHash: 'a' },
		})
		expect(describeVerdict(gate(knownObject({ identityHash: 'a' }), observed(), gateContext()))).toBe('nothing')
	})
	test('that becomes hidden was live and stays so, and its change is emitted', () => {
		expect(
			gate(
				knownObject(),
				observed({ kind: 'hidden', content: OTHER_CONTENT, modifiedSec: NOW_SEC - 5 }),
				gateContext(),
			),
		).toMatchObject({
			do: 'emit',
			changes: [{ type: 'UPDATED' }],
			row: { state: 'live' },
		})
	})
})

describe('a hidden object', () => {
	test('emits CREATED when it becomes live', () => {
		expect(changes(gate(knownObject({ state: 'hidden' }), observed(), gateContext()))).toEqual([
			{ type: 'CREATED', changedFields: null, dateSec: NOW_SEC - 9_000, withRecord: true },
		])
	})
	test('that changes is stored in silence', () => {
		expect(
			describeVerdict(
				gate(knownObject({ state: 'hidden' }), observed({ kind: 'hidden', content: OTHER_CONTENT }), gateContext()),
			),
		).toBe('store hidden')
	})
	test('in the trash, or gone, leaves without a word', () => {
		expect(describeVerdict(gate(knownObject({ state: 'hidden' }), observed({ kind: 'trashed' }), gateContext()))).toBe(
			'remove',
		)
		expect(
			describeVerdict(
				gate(
					knownObject({ state: 'hidden' }),
					observedGone(),
					gateContext({ pendingCheck: { goneAtMs: NOW_MS - 6_000 } }),
				),
			),
		).toBe('remove')
	})
})

describe('an unlisted object', () => {
	test('that is listed again with the same content emits nothing', () => {
		expect(describeVerdict(gate(knownObject({ state: 'unlisted' }), observed(), gateContext()))).toBe('store live')
	})
	test('that is listed again with other content emits UPDATED, not marked', () => {
		const [change] = changes(
			gate(
				knownObject({ state: 'unlisted' }),
				observed({ content: OTHER_CONTENT, modifiedSec: NOW_SEC - 5 }),
				gateContext(),
			),
		)
		expect(change).toEqual({ type: 'UPDATED', changedFields: ['price'], dateSec: NOW_SEC - 5, withRecord: true })
	})
	test('in the trash, or gone, emits DELETED', () => {
		expect(
			describeVerdict(
				gate(knownObject({ state: 'unlisted' }), observed({ kind: 'trashed', listed: false }), gateContext()),
			),
		).toBe('emit DELETED')
		expect(
			describeVerdict(
				gate(
					knownObject({ state: 'unlisted' }),
					observedGone(),
					gateContext({ pendingCheck: { goneAtMs: NOW_MS - 6_000 } }),
				),
			),
		).toBe('emit DELETED')
	})
})

describe('a trashed object', () => {
	test('that is gone emits nothing: it was emitted before; its row stays as a tombstone', () => {
		expect(
			describeVerdict(
				gate(
					knownObject({ state: 'trashed' }),
					observedGone(),
					gateContext({ pendingCheck: { goneAtMs: NOW_MS - 6_000 } }),
				),
			),
		).toBe('store gone')
	})
	test('that changes in the trash emits nothing', () => {
		expect(
			gate(
				knownObject({ state: 'trashed' }),
				observed({ kind: 'trashed', content: OTHER_CONTENT, modifiedSec: NOW_SEC - 5 }),
				gateContext(),
			),
		).toEqual({
			do: 'nothing',
		})
	})
	test('that is live again emits CREATED, restored', () => {
		expect(
			changes(gate(knownObject({ state: 'trashed' }), observed({ modifiedSec: NOW_SEC - 5 }), gateContext())),
		).toMatchObject([{ type: 'CREATED', restored: true }])
	})
	test('that is live again with another created date is restored all the same', () => {
		expect(
			changes(
				gate(
					knownObject({ state: 'trashed' }),
					observed({ createdSec: NOW_SEC - 50, modifiedSec: NOW_SEC - 5 }),
					gateContext(),
				),
			),
		).toMatchObject([{ type: 'CREATED', restored: true }])
	})
	test('that comes back hidden waits in silence', () => {
		expect(
			describeVerdict(
				gate(knownObject({ state: 'trashed' }), observed({ kind: 'hidden', modifiedSec: NOW_SEC - 5 }), gateContext()),
			),
		).toBe('store hidden')
	})
})

test('an object that is gone and comes back with its birth emits CREATED, restored', () => {
	expect(
		changes(gate(knownObject({ state: 'gone' }), observed({ modifiedSec: NOW_SEC - 5 }), gateContext())),
	).toMatchObject([{ type: 'CREATED', restored: true }])
})

describe('gone', () => {
	test('takes a second 404 five seconds after the first, and is emitted without record', () => {
		const first = gate(knownObject(), observedGone({ requestedAtMs: NOW_MS }), gateContext())
		expect(first).toEqual({ do: 'recheck', dueMs: NOW_MS + 5_000, pendingCheck: { goneAtMs: NOW_MS } })
		const early = gate(
			knownObject(),
			observedGone({ requestedAtMs: NOW_MS + 4_999 }),
			gateContext({ nowMs: NOW_MS + 4_999, pendingCheck: { goneAtMs: NOW_MS } }),
		)
		expect(early).toEqual({ do: 'recheck', dueMs: NOW_MS + 5_000, pendingCheck: { goneAtMs: NOW_MS } })
		const second = gate(
			knownObject(),
			observedGone({ requestedAtMs: NOW_MS + 5_000 }),
			gateContext({ nowMs: NOW_MS + 5_000, pendingCheck: { goneAtMs: NOW_MS } }),
		)
		expect(changes(second)).toEqual([{ type: 'DELETED', changedFields: null, dateSec: null, withRecord: false }])
		expect(second).toMatchObject({ row: { state: 'gone', asOfMs: NOW_MS + 5_000 } })
	})
	test('that was asked before the object was last accepted says nothing: it is read again', () => {
		expect(
			describeVerdict(
				gate(
					knownObject({ asOfMs: NOW_MS }),
					observedGone({ requestedAtMs: NOW_MS - 1 }),
					gateContext({ pendingCheck: { goneAtMs: NOW_MS - 60_000 } }),
				),
			),
		).toBe('recheck')
	})
	test('is emitted once', () => {
		expect(
			gate(knownObject({ state: 'gone' }), observedGone(), gateContext({ pendingCheck: { goneAtMs: NOW_MS - 6_000 } })),
		).toEqual({
			do: 'nothing',
		})
	})
})

test('what was emitted is never emitted again for the same snapshot, in any state', () => {
	for (const state of ['live', 'hidden', 'unlisted', 'trashed', 'gone'] satisfies ObjectState[]) {
		for (const what of ['live', 'hidden', 'trashed'] as const) {
			for (const listed of [true, false]) {
				const look = observed({ kind: what, listed, content: OTHER_CONTENT, modifiedSec: NOW_SEC - 5 })
				const verdict = gate(knownObject({ state }), look, gateContext())
				if (verdict.do !== 'emit') continue
				expect([
					state,
					what,
					listed,
					describeVerdict(gate(verdict.row, { ...look, requestedAtMs: NOW_MS }, gateContext())),
				]).toEqual([state, what, listed, 'nothing'])
			}
		}
	}
})

test('fields one level deeper are named so', () => {
	const before = sampleContent({ 'billing.phone': '1', 'billing.email': 'a' })
	const after = sampleContent({ 'billing.phone': '2', 'billing.email': 'a' })
	expect(
		changes(
			gate(knownObject({ content: before }), observed({ content: after, modifiedSec: NOW_SEC - 5 }), gateContext()),
		),
	).toMatchObject([{ changedFields: ['billing.phone'] }])
})
