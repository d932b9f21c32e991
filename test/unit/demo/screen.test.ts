/** The demo's lines: what they say, and that they stay within 100 columns. */
import { describe, expect, test } from 'vitest'
import {
	describeRecord,
	describeChange,
	eventLine,
	failureLine,
	truncate,
	createPaint,
	formatMs,
	formatSeconds,
	stepLines,
	type ShownEvent,
} from '../../demo/screen.ts'

const plain = createPaint(false, {})
const event: ShownEvent = {
	timeMs: Date.UTC(2026, 0, 1),
	eventType: 'CREATED',
	objectType: 'orders',
	objectId: '1061',
	detail: 'Ada Byron, 2 items',
	lagMs: 2_100,
	mark: '✓ signed',
}

describe('lines', () => {
	test('an event fills its line: type, object, detail, lag, mark', () => {
		const line = eventLine(event, plain)
		expect(line).toMatch(
			/^ {2}\d\d:\d\d:\d\d {2}● CREATED {2}orders {5}1061 {2}Ada Byron, 2 items {10,}2\.1 s {2}✓ signed$/,
		)
		expect(line).toHaveLength(100)
	})

	test.each(['', 'x'.repeat(500), 'a\u001B[2Jb\nc'])('no detail breaks it: %j', (detail) => {
		for (const mark of ['✓', '✓ delivered at try 12']) {
			const line = eventLine({ ...event, detail, mark }, plain)
			expect(line).toHaveLength(100)
			expect(line).not.toMatch(/\p{Cc}/u)
		}
	})

	test('what the callback did not take says when it is tried again', () => {
		expect(failureLine({ timeMs: 0, status: 500, what: 'orders 1061', nextSeconds: 5 }, plain)).toMatch(
			/✗ callback 500, kept, next try in 5 s {2}orders 1061$/,
		)
		expect(
			failureLine({ timeMs: 0, status: null, what: 'x'.repeat(200), nextSeconds: null }, plain).length,
		).toBeLessThanOrEqual(100)
	})

	test('a step has its address, and what is there in a column of its own', () => {
		expect(stepLines('shop', 'http://x  A shop:\n3 products')).toEqual([
			'  ✓ shop      http://x  A shop:',
			'                        3 products',
		])
		expect(stepLines('instance', '1 polls every 3 s')).toEqual(['  ✓ instance  1 polls every 3 s'])
	})
})

describe('colours', () => {
	test.each([
		[true, {}, true],
		[true, { NO_COLOR: '1' }, false],
		[true, { NO_COLOR: '' }, true],
		[true, { TERM: 'dumb' }, false],
		[false, {}, false],
	])('terminal %s with %j: %s', (isTerminal, env, coloured) => {
		expect(createPaint(isTerminal, env)('red', 'x') !== 'x').toBe(coloured)
	})
})

describe('words', () => {
	test('what a record is', () => {
		expect(
			describeRecord('orders', {
				billing: { first_name: 'Ada', last_name: 'Byron' },
				line_items: [1, 2],
				total: '84.00',
				currency: 'USD',
				status: 'pending',
			}),
		).toBe('Ada Byron, 2 items, 84.00 USD, pending')
		expect(describeRecord('orders', { line_items: [1], total: '1.00', currency: 'USD', status: 'pending' })).toBe(
			'somebody, 1 item, 1.00 USD, pending',
		)
		expect(describeRecord('products', { name: 'Hat', price: '' })).toBe('Hat')
		expect(describeRecord('discounts', { code: 'spring', amount: '10.00', discount_type: 'percent' })).toBe(
			'spring, 10.00 %',
		)
		expect(describeRecord('customers', { first_name: 'A', last_name: 'B', email: 'a@example.test' })).toBe(
			'A B, a@example.test',
		)
	})

	test('what changed: the status first, then what can be read', () => {
		expect(
			describeChange(
				['date_paid', 'date_paid_gmt', 'date_modified', 'status'],
				{ status: 'pending', date_modified_gmt: 1 },
				{ status: 'processing', date_modified_gmt: 2 },
			),
		).toBe('status, date_paid: pending → processing')
		expect(
			describeChange(['amount'], { amount: '10', date_modified_gmt: 1 }, { amount: '15', date_modified_gmt: 1 }),
		).toBe('amount: 10 → 15   (the shop kept the old date)')
		expect(describeChange(['billing.phone'], { billing: { phone: '1' } }, { billing: { phone: '2' } })).toBe(
			'billing.phone: 1 → 2',
		)
		expect(describeChange(['meta_data'], { meta_data: [] }, { meta_data: [1] })).toBe('meta_data')
		expect(describeChange(['a', 'b', 'c', 'd'], {}, {})).toBe('a, b, 2 more')
		expect(describeChange(['sale_price'], { sale_price: '' }, { sale_price: '9' })).toBe('sale_price: nothing → 9')
		expect(describeChange(['name'], undefined, { name: 'x' })).toBe('name: nothing → x')
	})

	test('times and lengths', () => {
		expect([formatMs(2_149), formatMs(59_949), formatMs(61_000), formatMs(-5)]).toEqual([
			'2.1 s',
			'59.9 s',
			'1 min 1 s',
			'0.0 s',
		])
		expect([formatSeconds(5), formatSeconds(60), formatSeconds(90), formatSeconds(7_200)]).toEqual([
			'5 s',
			'1 min',
			'1 min 30 s',
			'2 h',
		])
		expect([truncate('abc', 3), truncate('abcd', 3), truncate('a\tb', 5)]).toEqual(['abc', 'ab…', 'a b'])
	})
})
