/** Members: what a notification's row says of its events. */
import { describe, expect, test } from 'vitest'
import { formatMembers, parseMembers, told } from '../../../src/events/member.ts'
import { stored } from './samples.ts'

describe('members', () => {
	test('are what rows had before, where nothing is told otherwise', () => {
		expect(
			formatMembers([
				[5, 1, 12],
				[6, 1, 'sku-7', {}],
			]),
		).toBe('[[5,1,12],[6,1,"sku-7"]]')
		expect(parseMembers('[[5,1,12],[6,1,"sku-7"]]')).toEqual([
			[5, 1, 12],
			[6, 1, 'sku-7'],
		])
	})

	test('keep what is told otherwise, null included', () => {
		const members = [[5, 1, 12, { p: null, c: 3, f: null, t: 'CREATED' as const }]] as const
		expect(parseMembers(formatMembers(members))).toEqual(members)
	})
})

describe('an event as it is told', () => {
	test('is the event itself where nothing is said', () => {
		expect(told(stored(), undefined)).toEqual(stored())
		expect(told(stored(), {})).toEqual(stored())
	})

	test('has what is said instead of its own', () => {
		expect(told(stored(), { p: null, c: 3, f: null, t: 'CREATED' })).toEqual({
			...stored({ previousSequence: null, changedFields: null, eventType: 'CREATED' }),
			coalesced: 3,
		})
		expect(told(stored(), { p: 0, f: ['a'] })).toEqual(stored({ previousSequence: 0, changedFields: ['a'] }))
	})
})
