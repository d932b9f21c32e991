/** Why a signature does not match: one test for every reason, told from a request that Shopbell signed. */
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
	explainSignature,
	type SignatureExplanation,
	type MismatchReason,
	type VerificationInput,
} from '../../../src/api/tools/explain.ts'
import { toSignatureHeaders } from '../../../src/delivery/sign.ts'
import { toWhsec } from '../../../src/instances/signature.ts'
import { VECTORS } from '../../support/vectors.ts'

const KEY = 'Schlüssel of these tests'
const NEXT_KEY = 'the next one'
const NOW_MS = Date.parse('2026-06-01T12:00:00Z')
const BODY =
	'{"severity":"medium","createdDate":"Mon Jun 01 12:00:00 UTC 2026","topic":"t","action":"create","id":"7000000001","message":{"elementKey":"woocommercerest","accountId":1,"raw":{"orders":[{"total":"1.00","weight":1.0,"url":"https://shop.example.com/a","name":"Grüße 🎉"}]},"events":[{"eventId":"a"}]},"user":"n@x"}'

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

	test('a key that begins with whsec_ is warned of: a library would decode it', () => {
		const key = 'whsec_TXlTZWNyZXQ='
		const explanation = explain({ key, headers: createSignedHeaders({ key }) })
		expect([explanation.matches, summarize(explanation)]).toEqual([true, [['key-looks-like-whsec', false]]])
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

	test('sha256= or v1, is missing', () => {
		expectReasons(
			explain({ headers: { [ELEMENTS_HEADER]: createSignedHeaders()[ELEMENTS_HEADER]!.slice(7) } }),
			'prefix',
		)
		const headers = pickHeaders(createSignedHeaders(), ...STANDARD_HEADERS)
		expectReasons(
			explain({ headers: { ...headers, 'webhook-signature': headers['webhook-signature']!.slice(3) } }),
			'prefix',
		)
	})

	test('hex in place of base64, and the other base64', () => {
		const bytes = computeMac(KEY, BODY)
		expectReasons(explain({ headers: { [ELEMENTS_HEADER]: `sha256=${bytes.toString('hex')}` } }), 'hex')
		expectReasons(explain({ headers: { [ELEMENTS_HEADER]: bytes.toString('hex').toUpperCase() } }), 'prefix', 'hex')
		expectReasons(
			explain({ headers: { [ELEMENTS_HEADER]: `sha256=${bytes.toString('base64url')}` } }),
			'base64-alphabet',
		)
	})

	test('the signature of the other scheme', () => {
		const headers = createSignedHeaders()
		const swapped = {
			...headers,
			[ELEMENTS_HEADER]: headers['webhook-signature']!,
			'webhook-signature': headers[ELEMENTS_HEADER]!,
		}
		expectReasons(explain({ headers: swapped }), 'other-scheme', 'other-scheme')
		expectReasons(
			explain({
				headers: {
					...pickHeaders(headers, ...STANDARD_HEADERS),
					'webhook-signature': `v1,${headers[ELEMENTS_HEADER]!.slice(7)}`,
				},
			}),
			'other-scheme',
		)
	})

	test('the id is another one: that of the other header, of the body, or without its beginning', () => {
		const headers = pickHeaders(createSignedHeaders(), ...STANDARD_HEADERS)
		expectReasons(
			explain({ headers: { ...headers, 'webhook-id': 'ntf_1', 'Elements-Webhook-Id': 'ntf_7000000001' } }),
			'id-mismatch',
		)
		expectReasons(explain({ headers: { ...headers, 'webhook-id': 'ntf_1' } }), 'id-mismatch')
		expectReasons(explain({ headers: { ...headers, 'webhook-id': '7000000001' } }), 'id-mismatch')
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
		expectReasons(explain({ headers: { ...odd, 'webhook-signature': value } }), 'timestamp-unreadable')
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

	test('was pasted as whsec_ and is used as it stands', () => {
		expectReasons(explain({ key: toWhsec(KEY) }), 'key-is-whsec')
		expectReasons(explain({ key: `${toWhsec(KEY)}\n` }), 'key-is-whsec', 'key-blanks')
	})

	test('or the other way round: in base64, or the whsec_ text signed', () => {
		expectReasons(explain({ key: toWhsec(KEY).slice(6) }), 'key-is-base64')
		expectReasons(explain({ headers: createSignedHeaders({ key: toWhsec(KEY) }) }), 'key-signed-as-whsec')
	})

	test.each([`${KEY}\n`, ` ${KEY}`, `${KEY}\r\n`, `\t${KEY} `])('has blanks or a newline around it: %j', (key) => {
		expectReasons(explain({ key }), 'key-blanks')
	})

	test.each([`${KEY}\n`, ` ${KEY}`, `${KEY} `, `${KEY}\r\n`])('lacks blanks that are part of it: %j', (key) => {
		expectReasons(explain({ headers: createSignedHeaders({ key }) }), 'key-blanks')
	})

	test('stands in quotes', () => {
		expectReasons(explain({ key: `"${KEY}"` }), 'key-quotes')
		expectReasons(explain({ key: `'${KEY}'` }), 'key-quotes')
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
	const rewritten: [string, string, MismatchReason[]][] = [
		['a newline at the end', `${BODY}\n`, ['body-trailing-newline']],
		['a newline of Windows at the end', `${BODY}\r\n`, ['body-trailing-newline']],
		['a byte order mark', `\ufeff${BODY}`, ['body-bom']],
		['other blanks', spaced, ['body-whitespace']],
		['escaped slashes', BODY.replaceAll('/', '\\/'), ['body-escapes']],
		['escaped letters', escapeNonAscii(BODY), ['body-escapes']],
		["PHP's way", escapeNonAscii(BODY).replaceAll('/', '\\/'), ['body-escapes']],
		["Python's way", escapeNonAscii(spaced), ['body-whitespace', 'body-escapes']],
	]

	test.each(rewritten)('came with %s', (_, body, reasons) => {
		expectReasons(explain({ body }), ...reasons)
		expectReasons(explain({ body, headers: pickHeaders(createSignedHeaders(), ...STANDARD_HEADERS) }), ...reasons)
	})

	test.each(rewritten)('was signed with %s', (_, body, reasons) => {
		expectReasons(explain({ headers: createSignedHeaders({ body }) }), ...reasons)
	})

	test('was signed indented, with its keys sorted, with its numbers shortened', () => {
		const wholeBody = BODY.replace('1.0,', '1,')
		const explainSignedAs = (body: string) => explain({ body: wholeBody, headers: createSignedHeaders({ body }) })
		for (const indent of [2, 4, '\t'])
			expectReasons(explainSignedAs(JSON.stringify(value, null, indent)), 'body-whitespace')
		expectReasons(explainSignedAs(JSON.stringify(sortKeys(value))), 'body-key-order')
		expectReasons(explain({ headers: createSignedHeaders({ body: JSON.stringify(value) }) }), 'body-numbers')
	})

	test('came indented', () => {
		const wholeBody = BODY.replace('1.0,', '1,')
		expectReasons(
			explain({ body: JSON.stringify(value, null, 2), headers: createSignedHeaders({ body: wholeBody }) }),
			'body-whitespace',
		)
	})

	test('came with its keys in another order: a guess, since nobody knows the order of a record', () => {
		expect(summarize(explain({ body: JSON.stringify(sortKeys(value)) }))).toEqual([
			['body-key-order', false],
			['wrong-key', false],
		])
	})

	test('came with blanks around it, with other line ends, or read as Latin-1', () => {
		expectReasons(explain({ body: `  ${BODY}\t` }), 'body-blanks')
		expectReasons(explain({ body: 'a\r\nb', headers: createSignedHeaders({ body: 'a\nb' }) }), 'body-line-ends')
		expectReasons(explain({ body: 'a\nb', headers: createSignedHeaders({ body: 'a\r\nb' }) }), 'body-line-ends')
		expectReasons(explain({ body: Buffer.from(BODY, 'utf8').toString('latin1') }), 'body-encoding')
	})

	test('is small, and the key is wrong too', () => {
		expectReasons(explain({ key: `${KEY}\n`, body: escapeNonAscii(BODY) }), 'key-blanks', 'body-escapes')
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
