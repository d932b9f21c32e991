/** The table of docs/hub.md: what of a where the store is asked, and what is tested here. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { woocommerce } from '../../../src/elements/woocommerce/woocommerce.ts'
import { DENVER } from './support.ts'

const ROWS = [
	...readFileSync('docs/hub.md', 'utf8').matchAll(/^\| `([^`]+)` \| `([^`]+)` \| (?:`(\w+)`|–) \| (yes|no) \|$/gm),
].map(([, list, where, parameter, here]) => ({
	list: list!,
	where: where!,
	parameter: parameter ?? null,
	here: here === 'yes',
}))

function planned(path: string, where: string | null) {
	const found = woocommerce.records.planList(
		path,
		{ where, orderBy: null },
		{ ...DENVER, version: '11.0.1', hpos: true },
	)
	if (!found.ok) throw new Error(found.message)
	return found.plan
}

test('docs/hub.md has its table', () => {
	expect(ROWS.length).toBeGreaterThan(20)
})

test.each(ROWS)('$list: $where', ({ list, where, parameter, here }) => {
	const plan = planned(list, where)
	const { query } = planned(list, null)
	const asked = Object.keys(plan.query).filter((name) => plan.query[name] !== query[name] && name !== 'dates_are_gmt')
	expect(asked).toEqual(parameter === null ? [] : [parameter])
	expect(plan.matches !== null).toBe(here)
})
