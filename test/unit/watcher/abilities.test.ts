/** The table of what lists can do and the strategies that follow, and how the answers of a probe are read. */
import { describe, expect, test } from 'vitest'
import {
	applyEvidence,
	applyMaxRows,
	toAbilityLimits,
	toStrategy,
	toSupportedResource,
} from '../../../src/watcher/core/abilities.ts'
import type { Abilities, Ability } from '../../../src/watcher/core/abilities.ts'
import { evaluateProbe, provesModifiedOrder } from '../../../src/watcher/polling/ability-probe.ts'
import type { ProbeAnswer, ProbeAnswers, ProbeRow } from '../../../src/watcher/polling/ability-probe.ts'
import type { Resource } from '../../../src/elements/store.ts'

const NOW = Date.UTC(2026, 5, 15)
const PRODUCTS = { modifiedFilter: true, trash: true, pageSize: 100, rereadHours: 168, recentHours: 1 } as Resource
const CUSTOMERS = { ...PRODUCTS, modifiedFilter: false, trash: false } as Resource

function lacking(...missing: Ability[]): Abilities {
	return missing.reduce<Abilities>(
		(abilities, ability) => applyEvidence(abilities, { ability, works: false, example: '' }, NOW),
		{},
	)
}

const proven = (abilities: Abilities): Abilities =>
	applyEvidence(abilities, { ability: 'modifiedOrder', works: true, example: '' }, NOW)

describe('strategies', () => {
	test.each<[string, Resource, Abilities | undefined, string, string, string | null]>([
		['nothing known', PRODUCTS, undefined, 'window', 'anchored', 'offset'],
		['proven order, no bound', PRODUCTS, proven(lacking('bound')), 'head', 'anchored', 'offset'],
		['an order that nothing proves, no bound', PRODUCTS, lacking('bound'), 'newest', 'anchored', 'offset'],
		['no order by date', PRODUCTS, lacking('modifiedOrder'), 'newest', 'anchored', 'offset'],
		['no order at all', PRODUCTS, lacking('modifiedOrder', 'idOrder'), 'whole', 'plain', 'offset'],
		['order by date alone', PRODUCTS, lacking('idOrder'), 'window', 'plain', 'offset'],
		['pages, no offset', PRODUCTS, lacking('offset'), 'window', 'plain', 'page'],
		['neither', PRODUCTS, lacking('offset', 'page'), 'window', 'plain', null],
		['whole lists', PRODUCTS, lacking('parts'), 'whole', 'anchored', 'offset'],
		['customers', CUSTOMERS, undefined, 'newest', 'anchored', 'offset'],
		['customers in no order', CUSTOMERS, lacking('idOrder'), 'whole', 'plain', 'offset'],
	])('%s', (_name, resource, abilities, poll, scan, paging) => {
		expect(toStrategy(resource, abilities)).toEqual({ poll, scan, paging })
	})

	test('a resource that can do all of it stays as it is, and says nothing', () => {
		const abilities = proven({})
		expect(toSupportedResource(PRODUCTS, abilities)).toBe(PRODUCTS)
		expect(toAbilityLimits(PRODUCTS, abilities)).toEqual({})
	})

	test('what is missing shows in the resource and in a sentence with its time', () => {
		const abilities = applyMaxRows(lacking('modifiedOrder', 'total', 'trash'), 10, NOW)
		expect(toSupportedResource(PRODUCTS, abilities)).toMatchObject({
			modifiedFilter: false,
			trash: false,
			pageSize: 10,
			rereadHours: 24,
			recentHours: 0,
		})
		expect(toAbilityLimits(PRODUCTS, abilities)).toMatchObject({
			'modified-order': expect.stringContaining('at least every hour'),
			'page-size': expect.stringContaining('pages of 10'),
			trash: expect.any(String),
			total: expect.any(String),
		})
		expect(toAbilityLimits(PRODUCTS, proven(lacking('bound')))['modified-after']).toContain('with every poll')
		expect(toAbilityLimits(PRODUCTS, lacking('total'))['total']).toContain('daily')
	})

	test('what is known again keeps its time, and what works again ends', () => {
		const before = lacking('offset')
		expect(applyEvidence(before, { ability: 'offset', works: false, example: 'later' }, NOW + 1)).toBe(before)
		const after = applyEvidence(before, { ability: 'offset', works: true, example: '' }, NOW + 1)
		expect(toStrategy(PRODUCTS, after).paging).toBe('offset')
		expect(applyMaxRows(applyMaxRows({}, 10, NOW), null, NOW).maxRows).toBeUndefined()
	})
})

const HOUR = 3_600
const T = NOW / 1000

function row(id: number, hoursAgo: number, more: Partial<ProbeRow> = {}): ProbeRow {
	return { id, modifiedSec: T - hoursAgo * HOUR, createdSec: T - (1_000 - id) * HOUR, trashed: false, ...more }
}

const answer = (rows: ProbeRow[], total: number | null = 50): ProbeAnswer => ({ rows, total, isWholeList: false })

const FIRST = [row(1, 90), row(2, 80), row(3, 9)]
const LAST = [row(50, 5), row(49, 60), row(48, 70)]
const HEAD = [row(20, 1), row(50, 5), row(3, 9)]
const TAIL = [row(1, 90), row(2, 80), row(48, 70)]

const WELL: ProbeAnswers = {
	first: answer(FIRST),
	last: answer(LAST),
	offset: answer([row(4, 40), row(5, 41), row(6, 42)]),
	page: answer([row(4, 40), row(5, 41), row(6, 42)]),
	head: answer(HEAD),
	tail: answer(TAIL),
	since: answer([row(20, 1)], 1),
	trash: answer([row(7, 3, { trashed: true })], 1),
}

function verdicts(answers: ProbeAnswers): Partial<Record<Ability, boolean>> {
	return Object.fromEntries(evaluateProbe(answers).map(({ ability, works }) => [ability, works]))
}

describe('a probe', () => {
	test('of a store that answers as asked finds that everything works', () => {
		expect(verdicts(WELL)).toEqual({
			parts: true,
			total: true,
			idOrder: true,
			offset: true,
			page: true,
			modifiedOrder: true,
			bound: true,
			trash: true,
		})
	})

	test.each<[string, Partial<ProbeAnswers>, Ability]>([
		['the whole list', { first: { ...answer(FIRST)!, isWholeList: true } }, 'parts'],
		['no total', { first: answer(FIRST, null) }, 'total'],
		['a total below the rows', { first: answer(FIRST, 2) }, 'total'],
		['the newest ids, ascending or not', { first: answer(LAST) }, 'idOrder'],
		['the first rows, descending or not', { last: answer(FIRST) }, 'idOrder'],
		['the first page at another offset', { offset: answer(FIRST) }, 'offset'],
		['a refused offset', { offset: null }, 'offset'],
		['the first page under another number', { page: answer(FIRST) }, 'page'],
		[
			'the newest ids for the newest changes',
			{ head: answer([row(50, 60), row(49, 5), row(48, 70)]) },
			'modifiedOrder',
		],
		['the same rows for the oldest changes', { tail: answer(HEAD) }, 'modifiedOrder'],
		['a refused order', { head: null }, 'modifiedOrder'],
		['everything for what was modified since', { since: answer(TAIL) }, 'bound'],
		['nothing for what was modified since', { since: answer([], 0) }, 'bound'],
		['other objects for the trash', { trash: answer([row(7, 3)]) }, 'trash'],
	])('finds %s', (_name, change, ability) => {
		expect(verdicts({ ...WELL, ...change })[ability]).toBe(false)
	})

	test('looks past a row that stands in every page', () => {
		const pin = row(7, 500)
		const pinned = Object.fromEntries(
			Object.entries(WELL as Record<string, NonNullable<ProbeAnswer>>).map(([name, one]) => [
				name,
				name === 'trash' ? one : { ...one, rows: [pin, ...one.rows] },
			]),
		)
		expect(verdicts(pinned)).toEqual(verdicts(WELL))
	})

	test('finds that the newest rows lack what was modified since', () => {
		const rows = Array.from({ length: 10 }, (_, index) => row(50 - index, 5 + index * 6))
		const since = answer([row(50, 5), row(12, 1)], 2)
		expect(verdicts({ ...WELL, head: answer(rows), since, headAgain: answer(rows) }).modifiedOrder).toBe(false)
		const headAgain = answer([row(12, 1), ...rows.slice(0, 9)])
		expect(verdicts({ ...WELL, head: answer(rows), since, headAgain }).modifiedOrder).not.toBe(false)
	})

	test('of a list that is too short, or all of one time, says nothing', () => {
		const one = answer([row(1, 1)], 1)
		const short = verdicts({ first: one, last: one, offset: answer([], 1), page: answer([], 1), head: one, tail: one })
		expect(short).toEqual({ parts: true, total: true })
		const same = [row(1, 1), row(2, 1), row(3, 1)]
		expect(verdicts({ ...WELL, head: answer(same), tail: answer(same) }).modifiedOrder).toBeUndefined()
	})

	test('rows whose dates are in the order of their ids, or of their creation, prove no order', () => {
		expect(provesModifiedOrder(HEAD)).toBe(true)
		expect(provesModifiedOrder([row(3, 1), row(2, 2), row(1, 3)])).toBe(false)
		const byCreation = [row(1, 1, { createdSec: 3 }), row(2, 2, { createdSec: 2 }), row(3, 3, { createdSec: 1 })]
		expect(provesModifiedOrder(byCreation)).toBe(false)
		expect(provesModifiedOrder([row(1, 5), row(2, 1)])).toBe(false)
	})
})
