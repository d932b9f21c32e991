/** docs/cost.md holds what is computed from the counts and the price list. `npx vitest run test/unit/cost.test.ts -u` brings it up to date. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { CASES, costs, MARKS, page, total, usage } from '../bench/bill.ts'
import { PLAN } from '../bench/prices.ts'

test('the page says what is computed', async () => {
	const text = readFileSync('docs/cost.md', 'utf8')
	const [begin, end] = MARKS.map((mark) => text.indexOf(mark))
	const brought = text.slice(0, begin) + page() + text.slice(end! + MARKS[1].length)
	await expect(brought).toMatchFileSnapshot('../../docs/cost.md')
})

test('what is included costs nothing, and ten events a notification cost less than ten notifications', () => {
	const [alone, ten] = CASES.map((one) => usage(one))
	const nothing = Object.fromEntries(Object.keys(alone!).map((item) => [item, 0])) as typeof alone
	expect(total(nothing!)).toBe(PLAN)
	expect(costs({ ...nothing!, queue: 3_000_000 }).queue).toBeCloseTo(0.8)
	expect(total(ten!)).toBeLessThan(total(alone!))
})
