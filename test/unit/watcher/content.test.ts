/** What an object consists of: one hash for all of it, short ones to tell which fields changed. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hashContent, diffContent } from '../../../src/watcher/changes/content.ts'

type Fields = { name: string; value: string }[]
const fieldsOf = (record: Record<string, string>): Fields =>
	Object.keys(record)
		.sort()
		.map((name) => ({ name, value: JSON.stringify(record[name]) }))
const record = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'billing.phone', 'd', 'e'), fc.string({ maxLength: 5 }))

describe('content', () => {
	test('is equal exactly when the fields are', () => {
		fc.assert(
			fc.property(record, record, (one, other) => {
				const same = JSON.stringify(fieldsOf(one)) === JSON.stringify(fieldsOf(other))
				expect(hashContent(fieldsOf(one)).hash === hashContent(fieldsOf(other)).hash).toBe(same)
			}),
		)
	})
	test('a value cannot pass for a name', () => {
		expect(
			hashContent([
				{ name: 'a', value: '1' },
				{ name: 'b', value: '2' },
			]).hash,
		).not.toBe(hashContent([{ name: 'a', value: '1\nb\u00002' }]).hash)
	})
	test('costs eight digits a field', () => {
		expect(hashContent(fieldsOf({ a: '1', b: '2', c: '3' })).fieldHashes).toMatch(/^[0-9a-f]{24}$/)
	})
	test('its difference names what changed, what came and what went', () => {
		const before = hashContent(fieldsOf({ a: '1', b: '2', c: '3' }))
		const after = hashContent(fieldsOf({ a: '1', b: '9', d: '4' }))
		expect(diffContent(before, after)).toEqual({ changed: ['b'], addedOrRemoved: ['d', 'c'] })
		expect(diffContent(before, after, ['b', 'd'])).toEqual({ changed: [], addedOrRemoved: ['c'] })
		expect(diffContent(before, before)).toEqual({ changed: [], addedOrRemoved: [] })
	})
	test('its difference is what a comparison of the fields says, whatever they are', () => {
		fc.assert(
			fc.property(record, record, (one, other) => {
				const { changed, addedOrRemoved } = diffContent(hashContent(fieldsOf(one)), hashContent(fieldsOf(other)))
				const names = [...new Set([...Object.keys(one), ...Object.keys(other)])]
				const has = (set: Record<string, string>, name: string): boolean => Object.hasOwn(set, name)
				expect(changed.toSorted()).toEqual(
					names.filter((name) => has(one, name) && has(other, name) && one[name] !== other[name]).sort(),
				)
				expect(addedOrRemoved.toSorted()).toEqual(names.filter((name) => has(one, name) !== has(other, name)).sort())
			}),
		)
	})
})
