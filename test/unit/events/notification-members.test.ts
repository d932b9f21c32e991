/** Members: what a notification's row says of its events. */
import { describe, expect, test } from 'vitest'
import { formatMembers, parseMembers, applyMemberOverrides } from '../../../src/events/notification-members.ts'
import { createStoredEvent } from './stored-events.ts'

describe('members', () => {
	test('are what rows had before, where nothing says otherwise', () => {
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

	test('keep what differs, null included', () => {
		const members = [[5, 1, 12, { p: null, c: 3, f: null, t: 'CREATED' as const }]] as const
		expect(parseMembers(formatMembers(members))).toEqual(members)
	})
})

describe('an event as it is sent', () => {
	test('is the event itself where nothing is said', () => {
		expect(applyMemberOverrides(createStoredEvent(), undefined)).toEqual(createStoredEvent())
		expect(applyMemberOverrides(createStoredEvent(), {})).toEqual(createStoredEvent())
	})

	test('has what is said instead of its own', () => {
		expect(applyMemberOverrides(createStoredEvent(), { p: null, c: 3, f: null, t: 'CREATED' })).toEqual({
			...createStoredEvent({ previousSequence: null, changedFields: null, eventType: 'CREATED' }),
			coalesced: 3,
		})
		expect(applyMemberOverrides(createStoredEvent(), { p: 0, f: ['a'] })).toEqual(
			createStoredEvent({ previousSequence: 0, changedFields: ['a'] }),
		)
	})
})
