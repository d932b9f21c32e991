/** The gate against the design's table "What rings", row by row. */
import { describe, expect, test } from 'vitest'
import { gate, type ObjectState, type Verdict } from '../../../src/watcher/changes/gate.ts'
import { absent, content, context, known, NOW_MS, NOW_SEC, OTHER, said, seen } from './gate-samples.ts'

/** What changes a verdict rings; fails when it rings nothing. */
function changes(verdict: Verdict): object[] {
	if (verdict.do !== 'ring') throw new Error(`it does not ring: ${said(verdict)}`)
	return verdict.changes
}

describe('an object that was never seen', () => {
	test('rings CREATED with its created date, whatever its dates say §10.4', () => {
		expect(changes(gate(null, seen({ createdSec: NOW_SEC - 9e7, stampSec: NOW_SEC + 9e7 }), context()))).toEqual([
			{ type: 'CREATED', changedFields: null, dateSec: NOW_SEC - 9e7, withRecord: true },
		])
	})
	test('is stored in silence while it is hidden', () => {
		expect(said(gate(null, seen({ what: 'hidden' }), context()))).toBe('store hidden')
	})
	test('rings nothing from the trash, and leaves no row', () => {
		expect(gate(null, seen({ what: 'trashed' }), context())).toEqual({ do: 'nothing' })
	})
	test('rings nothing when it is gone', () => {
		expect(gate(null, absent(), context())).toEqual({ do: 'nothing' })
	})
	test('is stored as unlisted when only its address shows it', () => {
		expect(said(gate(null, seen({ listed: false }), context()))).toBe('store unlisted')
	})
})

describe('a live object', () => {
	test('rings UPDATED with the fields that changed and its stamp', () => {
		expect(changes(gate(known(), seen({ content: OTHER, stampSec: NOW_SEC - 5 }), context()))).toEqual([
			{ type: 'UPDATED', changedFields: ['price'], dateSec: NOW_SEC - 5, withRecord: true },
		])
	})
	test('rings UPDATED without a stamp that moved, dated when it was seen', () => {
		expect(changes(gate(known(), seen({ content: OTHER }), context()))).toEqual([
			{ type: 'UPDATED', changedFields: ['price'], dateSec: null, withRecord: true },
		])
	})
	test('rings nothing for a save that changed nothing, and keeps the new stamp', () => {
		const verdict = gate(known(), seen({ stampSec: NOW_SEC - 5 }), context())
		expect(verdict).toMatchObject({ do: 'store', row: { state: 'live', stampSec: NOW_SEC - 5, asOfMs: NOW_MS - 200 } })
	})
	test('that is as it was is not even stored', () => {
		expect(gate(known(), seen(), context())).toEqual({ do: 'nothing' })
	})
	test('in the trash rings DELETED, marked and with its record, dated by the trash stamp', () => {
		const verdict = gate(known(), seen({ what: 'trashed', stampSec: NOW_SEC - 5 }), context())
		expect(changes(verdict)).toEqual([{ type: 'DELETED', changedFields: null, trashed: true, dateSec: NOW_SEC - 5, withRecord: true }])
		expect(verdict).toMatchObject({ row: { state: 'trashed' } })
	})
	test('in the trash without a stamp that moved is dated when it was seen', () => {
		expect(changes(gate(known(), seen({ what: 'trashed' }), context()))).toMatchObject([{ dateSec: null }])
	})
	test('that leaves the list and still exists with other content rings UPDATED, unlisted', () => {
		const verdict = gate(known(), seen({ content: OTHER, listed: false, stampSec: NOW_SEC - 5 }), context())
		expect(changes(verdict)).toMatchObject([{ type: 'UPDATED', unlisted: true, changedFields: ['price'] }])
		expect(verdict).toMatchObject({ row: { state: 'unlisted' } })
	})
	test('that leaves the list with the same content rings nothing and is unlisted', () => {
		expect(said(gate(known(), seen({ listed: false }), context()))).toBe('store unlisted')
	})
	test('that leaves the where of its url rings nothing, whatever changed', () => {
		expect(said(gate(known(), seen({ content: OTHER, listed: false, stampSec: NOW_SEC - 5 }), context({ filtered: true })))).toBe(
			'store unlisted',
		)
	})
	test('with another created date and other content is another object: DELETED without record, then CREATED', () => {
		expect(changes(gate(known(), seen({ content: OTHER, createdSec: NOW_SEC - 50 }), context()))).toEqual([
			{ type: 'DELETED', changedFields: null, dateSec: null, withRecord: false },
			{ type: 'CREATED', changedFields: null, dateSec: NOW_SEC - 50, withRecord: true },
		])
	})
	test('with another created date and the same content is the same object', () => {
		expect(said(gate(known(), seen({ createdSec: NOW_SEC - 50, stampSec: NOW_SEC - 5 }), context()))).toBe('store live')
	})
	test('that becomes hidden was live and stays so, and its change rings', () => {
		expect(gate(known(), seen({ what: 'hidden', content: OTHER, stampSec: NOW_SEC - 5 }), context())).toMatchObject({
			do: 'ring',
			changes: [{ type: 'UPDATED' }],
			row: { state: 'live' },
		})
	})
})

describe('a hidden object', () => {
	test('rings CREATED when it becomes live', () => {
		expect(changes(gate(known({ state: 'hidden' }), seen(), context()))).toEqual([
			{ type: 'CREATED', changedFields: null, dateSec: NOW_SEC - 9_000, withRecord: true },
		])
	})
	test('that changes is stored in silence', () => {
		expect(said(gate(known({ state: 'hidden' }), seen({ what: 'hidden', content: OTHER }), context()))).toBe('store hidden')
	})
	test('in the trash, or gone, leaves without a word', () => {
		expect(said(gate(known({ state: 'hidden' }), seen({ what: 'trashed' }), context()))).toBe('remove')
		expect(said(gate(known({ state: 'hidden' }), absent(), context({ doubt: { goneAtMs: NOW_MS - 6_000 } })))).toBe('remove')
	})
})

describe('an unlisted object', () => {
	test('that is listed again with the same content rings nothing', () => {
		expect(said(gate(known({ state: 'unlisted' }), seen(), context()))).toBe('store live')
	})
	test('that is listed again with other content rings UPDATED, not marked', () => {
		const [change] = changes(gate(known({ state: 'unlisted' }), seen({ content: OTHER, stampSec: NOW_SEC - 5 }), context()))
		expect(change).toEqual({ type: 'UPDATED', changedFields: ['price'], dateSec: NOW_SEC - 5, withRecord: true })
	})
	test('in the trash, or gone, rings DELETED', () => {
		expect(said(gate(known({ state: 'unlisted' }), seen({ what: 'trashed', listed: false }), context()))).toBe('ring DELETED')
		expect(said(gate(known({ state: 'unlisted' }), absent(), context({ doubt: { goneAtMs: NOW_MS - 6_000 } })))).toBe('ring DELETED')
	})
})

describe('a trashed object', () => {
	test('that is gone rings nothing: it has rung; its row stays as a tombstone', () => {
		expect(said(gate(known({ state: 'trashed' }), absent(), context({ doubt: { goneAtMs: NOW_MS - 6_000 } })))).toBe('store gone')
	})
	test('that changes in the trash rings nothing', () => {
		expect(gate(known({ state: 'trashed' }), seen({ what: 'trashed', content: OTHER, stampSec: NOW_SEC - 5 }), context())).toEqual({
			do: 'nothing',
		})
	})
	test('that is live again rings CREATED, restored', () => {
		expect(changes(gate(known({ state: 'trashed' }), seen({ stampSec: NOW_SEC - 5 }), context()))).toMatchObject([
			{ type: 'CREATED', restored: true },
		])
	})
	test('whose id was given to another object rings a plain CREATED', () => {
		expect(
			changes(gate(known({ state: 'trashed' }), seen({ createdSec: NOW_SEC - 50, stampSec: NOW_SEC - 5 }), context())),
		).not.toMatchObject([{ restored: true }])
	})
	test('that comes back hidden waits in silence', () => {
		expect(said(gate(known({ state: 'trashed' }), seen({ what: 'hidden', stampSec: NOW_SEC - 5 }), context()))).toBe('store hidden')
	})
})

test('an object that is gone and comes back with its birth rings CREATED, restored', () => {
	expect(changes(gate(known({ state: 'gone' }), seen({ stampSec: NOW_SEC - 5 }), context()))).toMatchObject([
		{ type: 'CREATED', restored: true },
	])
})

describe('gone', () => {
	test('takes a second 404 five seconds after the first, and rings without record', () => {
		const first = gate(known(), absent({ askedAtMs: NOW_MS }), context())
		expect(first).toEqual({ do: 'look', dueMs: NOW_MS + 5_000, doubt: { goneAtMs: NOW_MS } })
		const early = gate(known(), absent({ askedAtMs: NOW_MS + 4_999 }), context({ nowMs: NOW_MS + 4_999, doubt: { goneAtMs: NOW_MS } }))
		expect(early).toEqual({ do: 'look', dueMs: NOW_MS + 5_000, doubt: { goneAtMs: NOW_MS } })
		const second = gate(known(), absent({ askedAtMs: NOW_MS + 5_000 }), context({ nowMs: NOW_MS + 5_000, doubt: { goneAtMs: NOW_MS } }))
		expect(changes(second)).toEqual([{ type: 'DELETED', changedFields: null, dateSec: null, withRecord: false }])
		expect(second).toMatchObject({ row: { state: 'gone', asOfMs: NOW_MS + 5_000 } })
	})
	test('that was asked before the object was last accepted says nothing: it is read again', () => {
		expect(
			said(gate(known({ asOfMs: NOW_MS }), absent({ askedAtMs: NOW_MS - 1 }), context({ doubt: { goneAtMs: NOW_MS - 60_000 } }))),
		).toBe('look')
	})
	test('rings once', () => {
		expect(gate(known({ state: 'gone' }), absent(), context({ doubt: { goneAtMs: NOW_MS - 6_000 } }))).toEqual({ do: 'nothing' })
	})
})

test('what rings once rings never again on the same look, in any state', () => {
	for (const state of ['live', 'hidden', 'unlisted', 'trashed', 'gone'] satisfies ObjectState[]) {
		for (const what of ['live', 'hidden', 'trashed'] as const) {
			for (const listed of [true, false]) {
				const look = seen({ what, listed, content: OTHER, stampSec: NOW_SEC - 5 })
				const verdict = gate(known({ state }), look, context())
				if (verdict.do !== 'ring') continue
				expect([state, what, listed, said(gate(verdict.row, { ...look, askedAtMs: NOW_MS }, context()))]).toEqual([
					state,
					what,
					listed,
					'nothing',
				])
			}
		}
	}
})

test('fields one level deeper are named so', () => {
	const before = content({ 'billing.phone': '1', 'billing.email': 'a' })
	const after = content({ 'billing.phone': '2', 'billing.email': 'a' })
	expect(changes(gate(known({ content: before }), seen({ content: after, stampSec: NOW_SEC - 5 }), context()))).toMatchObject([
		{ changedFields: ['billing.phone'] },
	])
})
