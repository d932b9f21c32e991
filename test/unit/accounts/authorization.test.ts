/** The Authorization header of the contract, and the limit on guessing. */
import { expect, test } from 'vitest'
import { parseAuthorization } from '../../../src/accounts/authorization.ts'
import { FailureLimiter, MAX_FAILURES_PER_MINUTE } from '../../../src/accounts/failure-limiter.ts'
import { secretsEqual, newSecret } from '../../../src/accounts/secrets.ts'

test.each<[string, object | null]>([
	['User a, Organization b', { user: 'a', organization: 'b', element: null, bearer: null }],
	['Organization b,User a', { user: 'a', organization: 'b', element: null, bearer: null }],
	['  user  a== ,  ELEMENT c/+=  ', { user: 'a==', organization: null, element: 'c/+=', bearer: null }],
	['User a, Organization b, Element c,', { user: 'a', organization: 'b', element: 'c', bearer: null }],
	['User a, User b', null],
	['User', null],
	['User a b', null],
	['Basic abc', null],
	['', null],
	[',', null],
	[`User ${'a'.repeat(3000)}`, null],
])('%s', (header, parts) => {
	expect(parseAuthorization(header)).toEqual(parts)
})

test('secrets are 44 characters of base64, and compared whole', () => {
	expect(newSecret()).toMatch(/^[A-Za-z0-9+/]{43}=$/)
	expect(newSecret()).not.toBe(newSecret())
	expect([secretsEqual('a', 'a'), secretsEqual('a', 'b'), secretsEqual('a', 'aa'), secretsEqual('', '')]).toEqual([
		true,
		false,
		false,
		true,
	])
})

test('failures are counted by address and minute, and memory stays bounded', () => {
	const limit = new FailureLimiter()
	for (let n = 0; n < MAX_FAILURES_PER_MINUTE; n++) limit.count('a', 1000)
	expect(limit.blockedSeconds('a', 2000)).toBe(59)
	expect(limit.blockedSeconds('b', 2000)).toBeNull()
	expect(limit.blockedSeconds('a', 61_000)).toBeNull()
	for (let n = 0; n < 20_000; n++) limit.count(`x${n}`, 62_000)
	expect(limit.blockedSeconds('a', 62_000)).toBeNull()
})
