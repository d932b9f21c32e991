/** Filters: what they let through, and how their keys are read. */
import { describe, expect, test } from 'vitest'
import { type SendFilter, NO_FILTER, parseFilter, matchesFilter } from '../../../src/events/filter.ts'
import { createStoredEvent } from './stored-events.ts'

const LABELS = ['orders', 'products']

function readFilter(types?: string | null, resources?: string | null, where?: string | null): SendFilter {
	const result = parseFilter(
		{
			'event.notification.filter.types': types,
			'event.notification.filter.resources': resources,
			'event.notification.filter.where': where,
		},
		LABELS,
	)
	if (!result.ok) throw new Error(JSON.stringify(result.problems))
	return result.filter
}

const createOrder = (record: Record<string, unknown>, changes: Parameters<typeof createStoredEvent>[0] = {}) =>
	createStoredEvent({ record: JSON.stringify({ id: 12, currency: 'USD', ...record }), ...changes })

describe('a filter', () => {
	test('of nothing lets everything through', () => {
		expect(readFilter()).toEqual(NO_FILTER)
		expect(readFilter('', ' ', '')).toEqual(NO_FILTER)
		expect(readFilter(' | ', null, null)).toEqual(NO_FILTER)
		expect(matchesFilter(NO_FILTER, createStoredEvent({ record: null }))).toBe(true)
	})

	test('names types in any case, each once', () => {
		const filter = readFilter(' created | DELETED|created')
		expect(filter.types).toEqual(['CREATED', 'DELETED'])
		expect(matchesFilter(filter, createStoredEvent({ eventType: 'CREATED' }))).toBe(true)
		expect(matchesFilter(filter, createStoredEvent({ eventType: 'UPDATED' }))).toBe(false)
		expect(matchesFilter(filter, createStoredEvent({ eventType: 'DELETED' }))).toBe(true)
	})

	test('names resources by their labels', () => {
		const filter = readFilter(null, 'products')
		expect(matchesFilter(filter, createStoredEvent({ resource: 'products' }))).toBe(true)
		expect(matchesFilter(filter, createStoredEvent({ resource: 'orders' }))).toBe(false)
		expect(matchesFilter(filter, createStoredEvent({ resource: 'orders', eventType: 'DELETED' }))).toBe(false)
	})

	test.each<[string, Record<string, unknown>, boolean]>([
		["status = 'completed'", { status: 'completed' }, true],
		["status = 'completed'", { status: 'pending' }, false],
		["status = 'completed'", {}, false],
		["status != 'completed'", {}, true],
		["status IN ('completed', 'processing') AND total >= 100", { status: 'processing', total: '100.00' }, true],
		["status IN ('completed', 'processing') AND total >= 100", { status: 'processing', total: '99.99' }, false],
		["billing.country = 'US'", { billing: { country: 'US' } }, true],
		["billing.country = 'US'", { billing: null }, false],
		["billing.email LIKE '%@example.com'", { billing: { email: 'Ann@Example.com' } }, true],
		["number LIKE 'A_1%'", { number: 'AB17' }, true],
		["number LIKE 'A_1%'", { number: 'A1' }, false],
		["date_paid_gmt > '2026-01-31'", { date_paid_gmt: '2026-01-31T00:00:01' }, true],
		["date_paid_gmt > '2026-01-31 12:00:00'", { date_paid_gmt: '2026-01-31T09:00:00' }, false],
		["date_paid_gmt <= '2026-01-31T12:00:00+02:00'", { date_paid_gmt: '2026-01-31T10:00:00' }, true],
		["date_paid_gmt = '2026-01-31T10:00:00Z'", { date_paid_gmt: '2026-01-31T10:00:00' }, true],
		["date_paid_gmt > '2026-01-31'", { date_paid_gmt: null }, false],
		["coupon_lines = 'save4'", { coupon_lines: [{ id: 1, name: 'save4' }] }, true],
	])('%s of %j: %s', (where, record, expected) => {
		expect(matchesFilter(readFilter(null, null, where), createOrder(record))).toBe(expected)
	})

	test('its condition never keeps a deletion from a receiver, nor what it cannot judge', () => {
		const filter = readFilter(null, null, "status = 'completed'")
		expect(matchesFilter(filter, createOrder({ status: 'pending' }, { eventType: 'DELETED' }))).toBe(true)
		expect(matchesFilter(filter, createStoredEvent({ record: null }))).toBe(true)
		expect(matchesFilter(filter, createStoredEvent({ record: null, flags: { large: 'orders/12' } }))).toBe(true)
		expect(matchesFilter(filter, createStoredEvent({ record: '{"id":12}' }))).toBe(true)
	})

	test('a pattern of many wildcards is no way to keep it busy', () => {
		const filter = readFilter(null, null, `note LIKE '${'%a'.repeat(200)}%b'`)
		const startedMs = performance.now()
		expect(matchesFilter(filter, createOrder({ note: 'a'.repeat(50_000) }))).toBe(false)
		expect(performance.now() - startedMs).toBeLessThan(5_000)
	})
})

describe('what is refused, by its key', () => {
	const getProblems = (
		types: string | null,
		resources: string | null,
		where: string | null,
		labels: string[] | null = LABELS,
	) => {
		const result = parseFilter(
			{
				'event.notification.filter.types': types,
				'event.notification.filter.resources': resources,
				'event.notification.filter.where': where,
			},
			labels,
		)
		return result.ok ? [] : result.problems.map(({ field, message }) => `${field}: ${message}`)
	}

	test('names what was expected', () => {
		expect(getProblems('CREATED|RENAMED', null, null)).toEqual([
			'event.notification.filter.types: expected names out of CREATED, UPDATED, DELETED, joined with |',
		])
		expect(getProblems(null, 'orders|things', null)).toEqual([
			'event.notification.filter.resources: expected labels of watched resources, joined with |: out of orders, products',
		])
		expect(getProblems(null, null, "status = 'a' OR status = 'b'")).toEqual([
			`event.notification.filter.where: expected AND, the only connective at " OR status = 'b'"`,
		])
		expect(getProblems('x', 'y', 'z')).toHaveLength(3)
	})

	test('labels are held against the poller only where it is known', () => {
		expect(getProblems(null, 'things', null, null)).toEqual([])
	})
})
