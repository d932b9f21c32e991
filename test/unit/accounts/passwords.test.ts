/** Passwords of one name in several organizations. */
import { expect, test } from 'vitest'
import { findByPassword } from '../../../src/accounts/passwords.ts'

const ACCOUNTS = [
	{ id: 1, password: 'hash of a' },
	{ id: 2, password: 'hash of b' },
	{ id: 3, password: 'hash of a' },
]

test.each([
	[0, 'a', []],
	[1, 'a', [1]],
	[2, 'a', [1]],
	[2, 'b', [2]],
	[3, 'a', [1, 3]],
	[3, 'c', []],
])('of %i accounts, %s is the password of %j after as many checks as of none', async (count, password, ids) => {
	const checked: (string | null)[] = []
	const found = await findByPassword(ACCOUNTS.slice(0, count), password, 3, async (given, stored) => {
		checked.push(stored)
		return stored === `hash of ${given}`
	})
	expect(found.map(({ id }) => id)).toEqual(ids)
	expect(checked).toHaveLength(3)
})
