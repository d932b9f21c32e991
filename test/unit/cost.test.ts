/** docs/cost.md holds what is computed from the counts and the price list. `npx vitest run test/unit/cost.test.ts -u` brings it up to date. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { BILLING_CASES, itemCosts, PAGE_MARKERS, costPage, monthlyTotal, monthlyUsage } from '../bench/bill.ts'
import { PLAN_DOLLARS } from '../bench/prices.ts'

test('the page says what is computed', async () => {
	const text = readFileSync('docs/cost.md', 'utf8')
	const [begin, end] = PAGE_MARKERS.map((mark) => text.indexOf(mark))
	const brought = text.slice(0, begin) + costPage() + text.slice(end! + PAGE_MARKERS[1].length)
	await expect(brought).toMatchFileSnapshot('../../docs/cost.md')
})

test('what is included costs nothing, and ten events a notification cost less than ten notifications', () => {
	const [alone, ten] = BILLING_CASES.map((one) => monthlyUsage(one))
	const nothing = Object.fromEntries(Object.keys(alone!).map((item) => [item, 0])) as typeof alone
	expect(monthlyTotal(nothing!)).toBe(PLAN_DOLLARS)
	expect(itemCosts({ ...nothing!, queue: 3_000_000 }).queue).toBeCloseTo(0.8)
	expect(monthlyTotal(ten!)).toBeLessThan(monthlyTotal(alone!))
})
