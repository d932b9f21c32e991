/** Signatures: published vectors, the Standard Webhooks library as judge, and the verifiers that users are given. */
import { readFileSync } from 'node:fs'
import { Webhook } from 'standardwebhooks'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { verifyElements, verifyStandard } from '../../../docs/verify/verify.ts'
import { elementsSignature, keysAt, NO_SUCCESSION, signatureHeaders } from '../../../src/delivery/sign.ts'
import { whsecOf } from '../../../src/instances/signature.ts'
import { QUESTIONS, VECTORS } from '../../support/vectors.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

afterEach(() => {
	vi.useRealTimers()
})

describe('vectors', () => {
	test.each(VECTORS)('$name: what is sent', ({ key, nextKey, id, timestamp, body, headers }) => {
		const signable = { notificationId: Number(id.replace('ntf_', '')), body: bytes(body), startedMs: timestamp * 1000 + 999 }
		expect(signatureHeaders(signable, { current: key, next: nextKey })).toEqual(headers)
	})

	test("the platform's published one is among them §4.5", () => {
		expect(VECTORS[0]).toMatchObject({
			key: 'MySecretEventSignatureKey',
			body: '<INSERT_EVENT_NOTIFICATION_RESPONSE_BODY>',
			headers: { 'Elements-Webhook-Signature': 'sha256=jHdbRx5EZAsOfTwAPJOGkNUzQMVVdu5VJlxcsk+G6jQ=' },
		})
	})

	test.each(QUESTIONS)('docs/verify/verify.ts: $name', ({ scheme, key, headers, body, now, expected }) => {
		const answer = (given: Headers | Record<string, string>) =>
			scheme === 'standard' ? verifyStandard(key, given, bytes(body), now) : verifyElements(key, given, bytes(body))
		expect(answer(headers)).toBe(expected)
		expect(answer(new Headers(headers))).toBe(expected)
	})

	test.each(QUESTIONS.filter(({ scheme }) => scheme === 'standard'))(
		'the library of Standard Webhooks, given the whsec_ form: $name',
		({ key, headers, body, now, expected }) => {
			vi.useFakeTimers({ now: now * 1000, toFake: ['Date'] })
			const verify = () => new Webhook(whsecOf(key)).verify(body, headers, { jsonParse: false })
			if (expected) expect(verify).not.toThrow()
			else expect(verify).toThrow()
		},
	)
})

test('the page about verifying shows the very files', () => {
	const page = readFileSync('docs/verify/README.md', 'utf8')
	const shown = Object.fromEntries([...page.matchAll(/^```(ts|python|php)\n(.*?)^```$/gms)].map(([, language, code]) => [language!, code!]))
	expect(shown).toEqual({
		ts: readFileSync('docs/verify/verify.ts', 'utf8'),
		python: readFileSync('docs/verify/verify.py', 'utf8'),
		php: readFileSync('docs/verify/verify.php', 'utf8'),
	})
})

test('without a key the ids are there and nothing is signed §4.5', () => {
	expect(signatureHeaders({ notificationId: 3_000_000_001, body: bytes('{}'), startedMs: 1_700_000_000_999 }, null)).toEqual({
		'Elements-Webhook-Id': 'ntf_3000000001',
		'webhook-id': 'ntf_3000000001',
		'webhook-timestamp': '1700000000',
	})
})

test('§11.6 while keys change, old receivers and new ones both find theirs', () => {
	const body = bytes('{"a":1}')
	const headers = signatureHeaders({ notificationId: 3_000_000_001, body, startedMs: Date.now() }, { current: 'old', next: 'new' })
	expect(headers['Elements-Webhook-Signature']).toBe(elementsSignature('old', body))
	expect(headers['Elements-Webhook-Signature-Next']).toBe(elementsSignature('new', body))
	for (const key of ['old', 'new']) expect(() => new Webhook(bytes(key), { format: 'raw' }).verify('{"a":1}', headers)).not.toThrow()
})

describe('which keys sign', () => {
	const succession = { next: 'new', fromMs: 1_000_000 }

	test('both until the moment, the new one alone from it on', () => {
		expect(keysAt('old', succession, 0)).toEqual({ current: 'old', next: 'new' })
		expect(keysAt('old', succession, 999_999)).toEqual({ current: 'old', next: 'new' })
		expect(keysAt('old', succession, 1_000_000)).toEqual({ current: 'new', next: null })
		expect(keysAt('old', succession, Number.MAX_SAFE_INTEGER)).toEqual({ current: 'new', next: null })
	})

	test('the configured one, or none, where nothing takes over', () => {
		expect(keysAt('old', NO_SUCCESSION, 5)).toEqual({ current: 'old', next: null })
		expect(keysAt(null, NO_SUCCESSION, 5)).toBeNull()
		expect(keysAt('old', { next: 'new', fromMs: null }, 5)).toEqual({ current: 'old', next: null })
		expect(keysAt(null, succession, 5)).toEqual({ current: 'new', next: null })
	})
})
