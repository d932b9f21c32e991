/** The requests a day that a check names agree with what the benches count (docs/cost.md). */
import { expect, test } from 'vitest'
import { parseResource } from '../../../src/elements/woocommerce/resources.ts'
import { DEFAULT_POLLER } from '../../../src/elements/woocommerce/configuration.ts'
import { estimateDailyRequests } from '../../../src/watcher/polling/request-estimate.ts'
import { BENCH_COUNTS } from '../../bench/bill.ts'
import type { Connection, Resource } from '../../../src/elements/store.ts'

const connection: Connection = {
	home: 'https://shop.example',
	root: 'https://shop.example/wp-json/',
	auth: 'basic',
	name: '',
	timeZone: 'UTC',
	gmtOffset: 0,
	version: '11.0.1',
	hpos: true,
	storeNowMs: 0,
	collections: {},
}

function resourceOf(label: string, settings = DEFAULT_POLLER[label]!): Resource {
	const parsed = parseResource(label, settings, connection)
	if (!parsed.ok) throw new Error(parsed.message)
	return parsed.resource
}

const every = (minutes: number, rereadHours: number | null = null) => ({
	pollMs: minutes * 60_000,
	rereadHours,
	scanBudget: 10,
})

test.each([5, 15, 60] as const)(
	'four resources of 1,000 objects at %i minutes are what npm run bench cost counts',
	(minutes) => {
		const total = Object.keys(DEFAULT_POLLER).reduce(
			(sum, label) => sum + estimateDailyRequests(resourceOf(label), 1_000, every(minutes)),
			0,
		)
		const counted = (BENCH_COUNTS.polls[minutes].storeRequests * 24 * 60) / minutes
		expect(Math.abs(total - counted) / counted).toBeLessThan(0.1)
	},
)

test('a poll is a request, whatever the number of objects', () => {
	const orders = resourceOf('orders')
	expect(estimateDailyRequests(orders, 0, every(5))).toBe(288)
	expect(estimateDailyRequests(orders, 100, every(5, 0))).toBe(288)
	expect(estimateDailyRequests(orders, 100, every(10 * 365 * 24 * 60, 0))).toBe(0)
})

test('without a modified date all pages are read in an hour, as many a poll as the budget allows', () => {
	const customers = resourceOf('customers')
	expect(estimateDailyRequests(customers, 50, every(5))).toBe(2 * 288)
	expect(estimateDailyRequests(customers, 150, every(5))).toBe(288 + 2 * 24)
	expect(estimateDailyRequests(customers, 100_000, every(5))).toBeLessThanOrEqual(11 * 288)
})
