/** Why a signature does not match: one test for every reason, each with a request that Shopbell signed. */
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
	explainSignature,
	type SignatureExplanation,
	type MismatchReason,
	type VerificationInput,
} from '../../../../src/api/tools/explain.ts'
import { toSignatureHeaders } from '../../../../src/delivery/sign.ts'
import { toWhsec } from '../../../../src/instances/signature.ts'
import { VECTORS } from '../../../support/vectors.ts'

const KEY = 'Schlüssel of these tests'
const NEXT_KEY = 'the next one'
const NOW_MS = Date.parse('2026-06-01T12:00:00Z')
const BODY =
	'{"severity":"medium","createdDate":"Mon Jun 01 12:00:00 UTC 2026","topic":"t","action":"create","id":"7000000001","message":{"elementKey":"woocommercerest","accountId":1,"raw":{"orders":[{"total":"1.00","weight":1,"url":"https://shop.example.com/a","name":"Grüße 🎉"}]},"events":[{"eventId":"a"}]},"user":"n@x"}'

function createSignedHeaders(
	changes: { key?: string; next?: string | null; body?: string; startedMs?: number } = {},
): Record<string, string> {
	const { key = KEY, next = null, body = BODY, startedMs = NOW_MS } = changes
	return toSignatureHeaders(
		{ notificationId: 7_000_000_001, body: new TextEncoder().encode(body), startedMs },
		{ current: key, next },
	)
}

const pickHeaders = (headers: Record<string, string>, ...names: string[]): Record<string, string> =>
	Object.fromEntries(Object.entries(headers).filter(([name]) => names.includes(name)))
const omitHeaders = (headers: Record<string, string>, ...names: string[]): Record<string, string> =>
	Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)))
const ELEMENTS_HEADER = 'Elements-Webhook-Signature'
const STANDARD_HEADERS = ['webhook-id', 'webhook-timestamp', 'webhook-signature']

function explain(changes: Partial<VerificationInput> = {}): SignatureExplanation {
	return explainSignature({
		key: KEY,
		instance: null,
		headers: createSignedHeaders(),
		body: BODY,
		nowMs: NOW_MS,
		...changes,
	})
}

/** The reasons, each with whether it is certain. */
function summarize(explanation: SignatureExplanation): [MismatchReason, boolean][] {
	for (const { message } of explanation.reasons) expect(message).toMatch(/^[A-Z`w].{20,}$/)
	return explanation.reasons.map(({ reason, certain }) => [reason, certain])
}

/** It does not match, for these reasons, all of them certain. */
function expectReasons(explanation: SignatureExplanation, ...reasons: MismatchReason[]): void {
	expect([explanation.matches, summarize(explanation)]).toEqual([false, reasons.map((reason) => [reason, true])])
}

const computeMac = (key: string | Buffer, ...parts: (string | Buffer)[]): Buffer => {
	const hash = createHmac('sha256', key)
	for (const part of parts) hash.update(part)
	return hash.digest()
}

describe('what matches', () => {
	test('both headers, by the present key', () => {
		const matched = [
			{ header: 'Elements-Webhook-Signature', key: 'current' },
			{ header: 'webhook-signature', key: 'current' },
		]
		expect(explain()).toEqual({ matches: true, matched, reasons: [] })
		expect(explain({ key: null, instance: { current: KEY, next: null } })).toEqual({
			matches: true,
			matched,
			reasons: [],
		})
		const lower = Object.fromEntries(
			Object.entries(createSignedHeaders()).map(([name, value]) => [name.toLowerCase(), ` ${value} `]),
		)
		expect(explain({ headers: lower })).toEqual({ matches: true, matched, reasons: [] })
	})

	test('each vector, by either key', () => {
		for (const { key, nextKey, timestamp, headers, body } of VECTORS) {
			for (const signingKey of [key, nextKey]) {
				if (signingKey === null) continue
				expect(explain({ key: signingKey, headers, body, nowMs: timestamp * 1000 }).matches).toBe(true)
			}
		}
	})

	test('while the key is changed: which key each header is by', () => {
		const headers = createSignedHeaders({ next: NEXT_KEY })
		expect(explain({ headers }).matched).toEqual([
			{ header: 'Elements-Webhook-Signature', key: 'current' },
			{ header: 'webhook-signature', key: 'current' },
		])
		const byNext = [
			{ header: 'Elements-Webhook-Signature-Next', key: 'next' },
			{ header: 'webhook-signature', key: 'next' },
		]
		expect(explain({ headers, key: NEXT_KEY })).toEqual({ matches: true, matched: byNext, reasons: [] })
		expect(explain({ headers, key: NEXT_KEY, instance: { current: KEY, next: NEXT_KEY } })).toEqual({
			matches: true,
			matched: byNext,
			reasons: [],
		})
		expect(explain({ headers, key: null, instance: { current: KEY, next: NEXT_KEY } }).matched).toHaveLength(4)
	})
})

describe('headers', () => {
	test('none is there', () => {
		expectReasons(explain({ headers: {} }), 'missing-header')
		expectReasons(explain({ headers: { 'Content-Type': 'application/json' } }), 'missing-header')
	})

	test.each(['webhook-id', 'webhook-timestamp'])('%s is missing', (name) => {
		const explanation = explain({ headers: omitHeaders(pickHeaders(createSignedHeaders(), ...STANDARD_HEADERS), name) })
		expect(explanation.matches).toBe(false)
		expect(explanation.reasons[0]).toMatchObject({ reason: 'missing-header', header: name, certain: true })
	})

	test('what stands there is no signature', () => {
		for (const value of ['', 'true', 'sha256=', 'sha256=abc', 'SHA1=xxxx'])
			expectReasons(explain({ headers: { [ELEMENTS_HEADER]: value } }), 'unreadable-signature')
		expectReasons(
			explain({ headers: { ...createSignedHeaders(), [ELEMENTS_HEADER]: 'x', 'webhook-signature': 'v1' } }),
			'unreadable-signature',
			'unreadable-signature',
		)
	})

	test('sha256= or v1, is missing: then it is no signature', () => {
		expectReasons(
			explain({ headers: { [ELEMENTS_HEADER]: createSignedHeaders()[ELEMENTS_HEADER]!.slice(7) } }),
			'unreadable-signature',
		)
		const headers = pickHeaders(createSignedHeaders(), ...STANDARD_HEADERS)
		expectReasons(
			explain({ headers: { ...headers, 'webhook-signature': headers['webhook-signature']!.slice(3) } }),
			'unreadable-signature',
		)
	})

	test('hex in place of base64', () => {
		const hex = computeMac(KEY, BODY).toString('hex')
		expectReasons(explain({ headers: { [ELEMENTS_HEADER]: `sha256=${hex}` } }), 'hex')
		expectReasons(explain({ headers: { [ELEMENTS_HEADER]: `sha256=${hex.toUpperCase()}` } }), 'hex')
	})

	test('the signature of the other scheme: over the body alone, or with id and time', () => {
		const headers = createSignedHeaders()
		const swapped = {
			...headers,
			[ELEMENTS_HEADER]: `sha256=${headers['webhook-signature']!.slice(3)}`,
			'webhook-signature': `v1,${headers[ELEMENTS_HEADER]!.slice(7)}`,
		}
		expectReasons(explain({ headers: swapped }), 'wrong-content', 'wrong-content')
		expectReasons(explain({ headers: pickHeaders(swapped, ...STANDARD_HEADERS) }), 'wrong-content')
	})

	test('id or time is not what was signed, and the body shows that key and body are right', () => {
		const explanation = explain({
			headers: { ...createSignedHeaders(), 'webhook-timestamp': String(NOW_MS / 1000 - 7) },
		})
		expect([explanation.matches, summarize(explanation)]).toEqual([true, [['id-or-timestamp-changed', true]]])
	})

	test('the time is too far away, or no number', () => {
		const headers = pickHeaders(createSignedHeaders(), ...STANDARD_HEADERS)
		expect(explain({ headers, nowMs: NOW_MS + 300_000 }).matches).toBe(true)
		expectReasons(explain({ headers, nowMs: NOW_MS + 301_000 }), 'timestamp-outside-tolerance')
		expectReasons(explain({ headers, nowMs: NOW_MS - 301_000 }), 'timestamp-outside-tolerance')
		const odd = { ...headers, 'webhook-timestamp': '2026-06-01' }
		const value = `v1,${computeMac(KEY, `ntf_7000000001.2026-06-01.${BODY}`).toString('base64')}`
		expectReasons(explain({ headers: { ...odd, 'webhook-signature': value } }), 'timestamp-outside-tolerance')
		// The other header covers no time: it still matches.
		expect(explain({ nowMs: NOW_MS + 3_600_000 }).matched).toEqual([{ header: ELEMENTS_HEADER, key: 'current' }])
	})
})

describe('the key', () => {
	test('there is none', () => {
		expectReasons(explain({ key: null, instance: { current: null, next: null } }), 'no-key')
		const explanation = explain({
			instance: { current: null, next: null },
			headers: omitHeaders(createSignedHeaders(), ELEMENTS_HEADER, 'webhook-signature'),
		})
		expectReasons(explanation, 'missing-header', 'no-key')
	})

	test('is another one: certain where the instance is named, a guess where it is not', () => {
		expectReasons(explain({ key: 'other', instance: { current: KEY, next: null } }), 'wrong-key')
		expectReasons(
			explain({
				key: 'other',
				headers: createSignedHeaders({ next: NEXT_KEY }),
				instance: { current: KEY, next: NEXT_KEY },
			}),
			'wrong-key',
		)
		expect(summarize(explain({ key: 'other' }))).toEqual([['wrong-key', false]])
		expect(summarize(explain({ key: null, instance: { current: 'other', next: null } }))).toEqual([
			['wrong-key', false],
		])
	})

	test('lacks whitespace of the key that signs', () => {
		const instance = { current: ` ${KEY}\n`, next: null }
		const signed = { instance, headers: createSignedHeaders({ key: ` ${KEY}\n` }) }
		expect(summarize(explain({ key: KEY, ...signed }))).toEqual([['signing-key-whitespace', true]])
		expect(explain({ key: null, ...signed }).matches).toBe(true)
	})

	test('begins with whsec_ and signs as text: it matches, and libraries refuse it', () => {
		const key = toWhsec(KEY)
		const answer = explain({ key, instance: { current: key, next: null }, headers: createSignedHeaders({ key }) })
		expect([answer.matches, summarize(answer)]).toEqual([true, [['signing-key-is-whsec', false]]])
	})

	test('is in its whsec_ form', () => {
		expectReasons(explain({ key: toWhsec(KEY) }), 'key-is-whsec')
		expectReasons(explain({ key: `${toWhsec(KEY)}\n` }), 'key-is-whsec')
	})

	test.each([`${KEY}\n`, ` ${KEY}`, `${KEY}\r\n`, `\t${KEY} `])('has whitespace around it: %j', (key) => {
		expectReasons(explain({ key }), 'key-whitespace')
	})
})

describe('the body', () => {
	const value = JSON.parse(BODY)
	const escapeNonAscii = (text: string) =>
		text.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
	const spaced = BODY.replace(/("[^"]*")|[,:]/g, (found, text) => (text === undefined ? `${found} ` : found))
	const sortKeys = (given: any): any =>
		Array.isArray(given)
			? given.map(sortKeys)
			: typeof given === 'object' && given !== null
				? Object.fromEntries(
						Object.entries(given)
							.sort(([a], [b]) => (a < b ? -1 : 1))
							.map(([key, nested]) => [key, sortKeys(nested)]),
					)
				: given
	const changed: [string, string, MismatchReason[]][] = [
		['a newline at the end', `${BODY}\n`, ['body-trailing-newline']],
		['a newline of Windows at the end', `${BODY}\r\n`, ['body-trailing-newline']],
		['a byte order mark', `\ufeff${BODY}`, ['body-bom']],
		['other whitespace', spaced, ['body-rewritten']],
		['escaped slashes', BODY.replaceAll('/', '\\/'), ['body-rewritten']],
		['escaped letters', escapeNonAscii(BODY), ['body-rewritten']],
		["PHP's way", escapeNonAscii(BODY).replaceAll('/', '\\/'), ['body-rewritten']],
		["Python's way", escapeNonAscii(spaced), ['body-rewritten']],
	]

	test.each(changed)('came with %s', (_, body, reasons) => {
		expectReasons(explain({ body }), ...reasons)
		expectReasons(explain({ body, headers: pickHeaders(createSignedHeaders(), ...STANDARD_HEADERS) }), ...reasons)
	})

	test.each([2, 4, '\t'])('came indented with %j', (indent) => {
		expectReasons(explain({ body: JSON.stringify(value, null, indent) }), 'body-rewritten')
	})

	test('came indented, with numbers that JavaScript would round', () => {
		const sent = '{"message":{"raw":{"products":[{"id":7615917337495251231,"ratio":1.10}]}}}'
		const indented = sent.replaceAll(/[{[,:]/g, (mark) => `${mark}\n  `)
		expectReasons(explain({ headers: createSignedHeaders({ body: sent }), body: indented }), 'body-rewritten')
	})

	test.each([`\ufeff${BODY}`, `${BODY}\n`])('was signed with a byte order mark or a newline', (body) => {
		const { reasons } = explain({ headers: createSignedHeaders({ body }) })
		expect(reasons).toMatchObject([{ reason: expect.stringMatching(/^body-(bom|trailing-newline)$/), certain: true }])
	})

	test('came with its keys in another order: a guess, since the order of a record is not known', () => {
		expect(summarize(explain({ body: JSON.stringify(sortKeys(value)) }))).toEqual([
			['body-key-order', false],
			['wrong-key', false],
		])
	})

	test('was read as Latin-1', () => {
		expectReasons(explain({ body: Buffer.from(BODY, 'utf8').toString('latin1') }), 'body-encoding')
	})

	test('was changed, and the key is wrong too', () => {
		expectReasons(explain({ key: `${KEY}\n`, body: escapeNonAscii(BODY) }), 'key-whitespace', 'body-rewritten')
		expectReasons(
			explain({ key: 'other', instance: { current: KEY, next: null }, body: `${BODY}\n` }),
			'wrong-key',
			'body-trailing-newline',
		)
	})

	test('of a million characters is looked at within a second or two, whatever it is made of', () => {
		const bodies = [
			'a'.repeat(1_000_000),
			`"${'\\"'.repeat(499_000)}"`,
			`{"a":"${'é'.repeat(900_000)}"}`,
			`[${'1,'.repeat(499_000)}1]`,
			`${'['.repeat(400_000)}${']'.repeat(400_000)}`,
			`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
			`${'[1,'.repeat(20_000)}1${']'.repeat(20_000)}`,
			'\n'.repeat(1_000_000),
			'\ufeff'.repeat(300_000),
		]
		for (const body of bodies) {
			const startedMs = performance.now()
			expect(summarize(explain({ body }))).toContainEqual(['wrong-key', false])
			expect(performance.now() - startedMs).toBeLessThan(4_000)
		}
	})
})
