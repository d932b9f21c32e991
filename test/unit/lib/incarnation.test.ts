/** Incarnations, and the texts that name an object by its id and incarnation. */
import { expect, test } from 'vitest'
import { newIncarnation, parseRefText, toIncarnation, toRefText } from '../../../src/lib/incarnation.ts'

test('no two incarnations are the same, and none is the text of an id', () => {
	const made = Array.from({ length: 1000 }, newIncarnation)
	expect(new Set(made).size).toBe(1000)
	for (const incarnation of made) expect(incarnation).toMatch(/^[\w-]{22}$/)
})

test('what an earlier version stored has the id as its incarnation', () => {
	expect([toIncarnation('', 7), toIncarnation(null, 7), toIncarnation(undefined, 7)]).toEqual(['7', '7', '7'])
	expect(toIncarnation('abc', 7)).toBe('abc')
})

test('a reference is the id alone for those of earlier versions, and is read back as it was', () => {
	const made = { id: 9_000_000, incarnation: newIncarnation() }
	expect(toRefText({ id: 7, incarnation: '7' })).toBe('7')
	expect(parseRefText('7')).toEqual({ id: 7, incarnation: '7' })
	expect(toRefText(made)).toBe(`9000000.${made.incarnation}`)
	expect(parseRefText(toRefText(made))).toEqual(made)
})

test.each([
	'',
	'0',
	'07',
	'-1',
	'7.',
	'7.8',
	'7.abc',
	`7.${'a'.repeat(23)}`,
	`.${'a'.repeat(22)}`,
	'7 ',
	'9'.repeat(16),
])('%j is no reference', (text) => expect(parseRefText(text)).toBeNull())
