/** Roles, passwords at rest, and whose attempts are counted together. */
import { expect, test } from 'vitest'
import { toNetwork, getAttemptSubjects } from '../../../src/accounts/sign-in-attempts.ts'
import { hashPassword, needsRehash, verifyPassword } from '../../../src/accounts/passwords.ts'
import { hasRole, ROLES } from '../../../src/accounts/roles.ts'
import { isToken, newToken } from '../../../src/accounts/secrets.ts'

test('a role may what lesser ones may', () => {
	expect(ROLES.map((role) => ROLES.filter((least) => hasRole(role, least)))).toEqual([
		['viewer'],
		['viewer', 'developer'],
		['viewer', 'developer', 'admin'],
	])
})

test('a password is known again by its hash, whatever keyboard it was typed on', async () => {
	const stored = await hashPassword('caf\u00e9 au lait, sans sucre')
	expect(stored).not.toContain('lait')
	expect(await hashPassword('caf\u00e9 au lait, sans sucre')).not.toBe(stored)
	expect(await verifyPassword('cafe\u0301 au lait, sans sucre', stored)).toBe(true)
	expect(await verifyPassword('cafe au lait, sans sucre', stored)).toBe(false)
	expect(await verifyPassword('', null)).toBe(false)
	expect([needsRehash(stored), needsRehash(stored.replace('$5$', '$6$'))]).toEqual([false, true])
})

test('nobody’s password takes as long as somebody’s', async () => {
	const stored = await hashPassword('x'.repeat(12))
	const timed = async (of: string | null): Promise<number> => {
		const since = performance.now()
		await verifyPassword('wrong', of)
		return performance.now() - since
	}
	await timed(stored)
	const [some, none] = [await timed(stored), await timed(null)]
	// The same work; the bounds are wide since machines are busy.
	expect(none / some).toBeGreaterThan(0.2)
	expect(none / some).toBeLessThan(5)
})

test.each([
	['192.0.2.1', '192.0.2.1'],
	['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
	['2001:DB8:0001:2::', '2001:db8:1:2'],
	['2001:db8::1', '2001:db8:0:0'],
	['::1', '0:0:0:0'],
	['fe80::1%eth0', 'fe80:0:0:0'],
	['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
	['local', 'local'],
])('%s counts as %s', (address, network) => {
	expect(toNetwork(address)).toBe(network)
})

test('a name and an address are different subjects, and neither stands in the table', () => {
	const { name, address } = getAttemptSubjects('192.0.2.1', '192.0.2.1')
	expect(name).not.toBe(address)
	for (const subject of [name, address]) expect(subject).toMatch(/^[0-9a-f]{64}$/)
})

test('tokens show what they are', () => {
	for (const kind of ['session', 'key', 'link'] as const) {
		const token = newToken(kind)
		expect(['session', 'key', 'link'].filter((other) => isToken(other as 'key', token))).toEqual([kind])
		expect(isToken(kind, `${token}=`)).toBe(false)
	}
})
