/** Which edits of a look are a mass change. */
import { describe, expect, test } from 'vitest'
import {
	canChangeInMass,
	countEdit,
	findMassChanges,
	isMassChange,
	type Look,
} from '../../../src/watcher/core/mass-change.ts'

const look = (...sets: [fields: string[], objects: number][]): Look =>
	Object.fromEntries(sets.map(([fields, objects]) => [JSON.stringify(fields), objects]))
const find = (found: Look, listed: number) =>
	findMassChanges(found, listed, 1).map(({ fields, objects }) => ({ fields, objects }))

test.each([
	[50, 209, false],
	[51, 209, true],
	[51, 1_019, true],
	[51, 1_020, false],
	[5_000, 100_000, false],
	[5_001, 100_000, true],
	[51, 51, true],
])('%i of %i objects: %s', (objects, listed, expected) => {
	expect(isMassChange(objects, listed)).toBe(expected)
})

test('a resource of 50 objects has none', () => {
	expect([50, 51].map(canChangeInMass)).toEqual([false, true])
})

describe('a look', () => {
	test('that shows the same set of fields is one mass change', () => {
		expect(find(look([['price', 'regular_price'], 60]), 209)).toEqual([
			{ fields: ['price', 'regular_price'], objects: 60 },
		])
		expect(find(look([['price'], 50], [['name'], 50]), 209)).toEqual([])
	})

	test('counts objects with further fields, and names those that all have in common', () => {
		const sets = look(
			[['price', 'regular_price'], 35],
			[['on_sale', 'price', 'regular_price', 'sale_price'], 25],
			[['name'], 4],
		)
		expect(find(sets, 209)).toEqual([{ fields: ['price', 'regular_price'], objects: 60 }])
		expect(findMassChanges(sets, 209, 1)[0]!.sets).toEqual(Object.keys(sets).slice(0, 2))
	})

	test('tells two mass changes apart', () => {
		expect(find(look([['stock_quantity'], 60], [['price', 'regular_price'], 90]), 209)).toEqual([
			{ fields: ['price', 'regular_price'], objects: 90 },
			{ fields: ['stock_quantity'], objects: 60 },
		])
	})

	test('keeps the sets with the most objects', () => {
		let counted: Look | null = null
		for (let i = 0; i < 30; i++) counted = countEdit(counted, ['price'])
		for (let i = 0; i < 500; i++) counted = countEdit(counted, [`field_${i}`])
		for (let i = 0; i < 30; i++) counted = countEdit(counted, ['price'])
		expect(Object.keys(counted!)).toHaveLength(100)
		expect(find(counted!, 209)).toEqual([{ fields: ['price'], objects: 60 }])
	})
})
