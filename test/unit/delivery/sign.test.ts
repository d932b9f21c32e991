/** Signatures: published vectors, and the Standard Webhooks library as judge. */
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { elementsSignature, signatureHeaders, standardSignature, webhookId } from '../../../src/delivery/sign.ts'
import vectors from '../../fixtures/signatures.json'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe.each(vectors.cases)('$name', ({ key, body, notificationId, timestamp, elements, standard }) => {
	test('both signatures are those of the vector', () => {
		expect(elementsSignature(key, bytes(body))).toBe(elements)
		expect(standardSignature(key, webhookId(notificationId), timestamp, bytes(body))).toBe(standard)
	})

	test('the Standard Webhooks library accepts the headers, and refuses another body', () => {
		const startedMs = Date.now()
		const headers = signatureHeaders({ notificationId, body: bytes(body), startedMs }, { current: key, next: null })
		const judge = new Webhook(bytes(key), { format: 'raw' })
		expect(() => judge.verify(body, headers, { jsonParse: false })).not.toThrow()
		expect(() => judge.verify(`${body} `, headers, { jsonParse: false })).toThrow()
	})
})

test('without a key the ids are there and nothing is signed', () => {
	expect(signatureHeaders({ notificationId: 3_000_000_001, body: bytes('{}'), startedMs: 1_700_000_000_999 }, null)).toEqual({
		'Elements-Webhook-Id': 'ntf_3000000001',
		'webhook-id': 'ntf_3000000001',
		'webhook-timestamp': '1700000000',
	})
})

test('while keys change, old receivers and new ones both find theirs', () => {
	const body = bytes('{"a":1}')
	const headers = signatureHeaders({ notificationId: 3_000_000_001, body, startedMs: Date.now() }, { current: 'old', next: 'new' })
	expect(headers['Elements-Webhook-Signature']).toBe(elementsSignature('old', body))
	expect(headers['Elements-Webhook-Signature-Next']).toBe(elementsSignature('new', body))
	for (const key of ['old', 'new']) expect(() => new Webhook(bytes(key), { format: 'raw' }).verify('{"a":1}', headers)).not.toThrow()
})
