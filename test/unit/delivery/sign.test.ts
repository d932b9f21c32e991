/** Signatures: published vectors, the Standard Webhooks library as judge, and the verifiers that users are given. */
import { readFileSync } from 'node:fs'
import { Webhook } from 'standardwebhooks'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { verifyElements, verifyStandard } from '../../../docs/verify/verify.ts'
import { signElements, getSigningKeys, NO_KEY_ROTATION, toSignatureHeaders } from '../../../src/delivery/sign.ts'
import { toWhsec } from '../../../src/instances/signature.ts'
import { VERIFICATION_CASES, VECTORS } from '../../support/vectors.ts'

const toBytes = (text: string): Uint8Array => new TextEncoder().encode(text)

afterEach(() => {
	vi.useRealTimers()
})

describe('vectors', () => {
	test.each(VECTORS)('$name: what is sent', ({ key, nextKey, id, timestamp, body, headers }) => {
		const signable = {
			notificationId: Number(id.replace('ntf_', '')),
			body: toBytes(body),
			startedMs: timestamp * 1000 + 999,
		}
		expect(toSignatureHeaders(signable, { current: key, next: nextKey })).toEqual(headers)
	})

	test("the platform's published one is among them §4.5", () => {
		expect(VECTORS[0]).toMatchObject({
			key: 'MySecretEventSignatureKey',
			body: '<INSERT_EVENT_NOTIFICATION_RESPONSE_BODY>',
			headers: { 'Elements-Webhook-Signature': 'sha256=jHdbRx5EZAsOfTwAPJOGkNUzQMVVdu5VJlxcsk+G6jQ=' },
		})
	})

	test.each(VERIFICATION_CASES)('docs/verify/verify.ts: $name', ({ scheme, key, headers, body, now, expected }) => {
		const verifyAnswer = (given: Headers | Record<string, string>) =>
			scheme === 'standard' ? verifyStandard(key, given, toBytes(body), now) : verifyElements(key, given, toBytes(body))
		expect(verifyAnswer(headers)).toBe(expected)
		expect(verifyAnswer(new Headers(headers))).toBe(expected)
	})

	test.each(VERIFICATION_CASES.filter(({ scheme }) => scheme === 'standard'))(
		'the library of Standard Webhooks, given the whsec_ form: $name',
		({ key, headers, body, now, expected }) => {
			vi.useFakeTimers({ now: now * 1000, toFake: ['Date'] })
			const verify = () => new Webhook(toWhsec(key)).verify(body, headers, { jsonParse: false })
			if (expected) expect(verify).not.toThrow()
			else expect(verify).toThrow()
		},
	)
})

test('the page about verifying shows the very files', () => {
	const page = readFileSync('docs/verify/README.md', 'utf8')
	const shown = Object.fromEntries(
		[...page.matchAll(/^```(ts|python|php)\n(.*?)^```$/gms)].map(([, language, code]) => [language!, code!]),
	)
	expect(shown).toEqual({
		ts: readFileSync('docs/verify/verify.ts', 'utf8'),
		python: readFileSync('docs/verify/verify.py', 'utf8'),
		php: readFileSync('docs/verify/verify.php', 'utf8'),
	})
})

test('without a key the ids are there and nothing is signed §4.5', () => {
	expect(
		toSignatureHeaders({ notificationId: 3_000_000_001, body: toBytes('{}'), startedMs: 1_700_000_000_999 }, null),
	).toEqual({
		'Elements-Webhook-Id': 'ntf_3000000001',
		'webhook-id': 'ntf_3000000001',
		'webhook-timestamp': '1700000000',
	})
})

test('§11.6 while keys change, old receivers and new ones both find theirs', () => {
	const body = toBytes('{"a":1}')
	const headers = toSignatureHeaders(
		{ notificationId: 3_000_000_001, body, startedMs: Date.now() },
		{ current: 'old', next: 'new' },
	)
	expect(headers['Elements-Webhook-Signature']).toBe(signElements('old', body))
	expect(headers['Elements-Webhook-Signature-Next']).toBe(signElements('new', body))
	for (const key of ['old', 'new'])
		expect(() => new Webhook(toBytes(key), { format: 'raw' }).verify('{"a":1}', headers)).not.toThrow()
})

describe('which keys sign', () => {
	const succession = { next: 'new', fromMs: 1_000_000 }

	test('both until the moment, the new one alone from it on', () => {
		expect(getSigningKeys('old', succession, 0)).toEqual({ current: 'old', next: 'new' })
		expect(getSigningKeys('old', succession, 999_999)).toEqual({ current: 'old', next: 'new' })
		expect(getSigningKeys('old', succession, 1_000_000)).toEqual({ current: 'new', next: null })
		expect(getSigningKeys('old', succession, Number.MAX_SAFE_INTEGER)).toEqual({ current: 'new', next: null })
	})

	test('the configured one, or none, where nothing takes over', () => {
		expect(getSigningKeys('old', NO_KEY_ROTATION, 5)).toEqual({ current: 'old', next: null })
		expect(getSigningKeys(null, NO_KEY_ROTATION, 5)).toBeNull()
		expect(getSigningKeys('old', { next: 'new', fromMs: null }, 5)).toEqual({ current: 'old', next: null })
		expect(getSigningKeys(null, succession, 5)).toEqual({ current: 'new', next: null })
	})
})
