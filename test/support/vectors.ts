/** The vectors of docs/verify as questions with an answer each, for every verifier in every language. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

/** What Shopbell sends with a body. */
export interface SignatureVector {
	name: string
	key: string
	/** The key that takes over, while the key is changed. */
	nextKey: string | null
	id: string
	/** Epoch seconds. */
	timestamp: number
	body: string
	headers: Record<string, string>
}

/** A question: does this request verify under this key, at this time? */
export interface VerificationCase {
	name: string
	scheme: 'standard' | 'elements'
	key: string
	headers: Record<string, string>
	body: string
	/** Epoch seconds. */
	now: number
	expected: boolean
}

/** All of them. */
export const VECTORS = (
	JSON.parse(readFileSync(resolve(import.meta.dirname, '../../docs/verify/vectors.json'), 'utf8')) as {
		vectors: readonly SignatureVector[]
	}
).vectors

/** What is asked of a verifier: every vector as it is, and changed in every way that must be refused. */
export const VERIFICATION_CASES: readonly VerificationCase[] = VECTORS.flatMap((vector) =>
	[vector.key, vector.nextKey]
		.filter((key) => key !== null)
		.flatMap((key) => [...standardCases(vector, key), ...elementsCases(vector, key)]),
)

function standardCases(vector: SignatureVector, key: string): VerificationCase[] {
	const { name, headers, body, timestamp } = vector
	const toCase = (
		description: string,
		expected: boolean,
		changes: Partial<VerificationCase> = {},
	): VerificationCase => ({
		...{ name: `${name}: ${description}`, scheme: 'standard', key, headers, body, now: timestamp, expected },
		...changes,
	})
	const signature = headers['webhook-signature']!
	return [
		toCase('as it is', true),
		toCase('at the end of the tolerance', true, { now: timestamp + 300 }),
		toCase('at its beginning', true, { now: timestamp - 300 }),
		toCase('too late', false, { now: timestamp + 301 }),
		toCase('too early', false, { now: timestamp - 301 }),
		toCase('header names in capitals', true, { headers: withUpperCaseNames(headers) }),
		toCase('one byte more', false, { body: `${body}\n` }),
		toCase('another key', false, { key: `${key}x` }),
		toCase('another id', false, { headers: { ...headers, 'webhook-id': `${vector.id}0` } }),
		toCase('another timestamp', false, { headers: { ...headers, 'webhook-timestamp': String(timestamp + 1) } }),
		toCase('a timestamp that is none', false, { headers: { ...headers, 'webhook-timestamp': 'now' } }),
		toCase('another signature before it', true, {
			headers: { ...headers, 'webhook-signature': `v1,bm90aGluZw== ${signature}` },
		}),
		toCase('another version', false, {
			headers: { ...headers, 'webhook-signature': signature.replaceAll('v1,', 'v9,') },
		}),
		toCase('the signature of the body alone', false, {
			headers: { ...headers, 'webhook-signature': `v1,${headers['Elements-Webhook-Signature']!.slice(7)}` },
		}),
		...['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((header) =>
			toCase(`without ${header}`, false, { headers: withoutHeader(headers, header) }),
		),
	]
}

function elementsCases(vector: SignatureVector, key: string): VerificationCase[] {
	const { name, headers, body, timestamp } = vector
	const toCase = (
		description: string,
		expected: boolean,
		changes: Partial<VerificationCase> = {},
	): VerificationCase => ({
		...{
			name: `${name}, the body alone: ${description}`,
			scheme: 'elements',
			key,
			headers,
			body,
			now: timestamp,
			expected,
		},
		...changes,
	})
	const headersWithoutPrefix = Object.fromEntries(
		Object.entries(headers).map(([header, value]) => [header, value.replace('sha256=', '')]),
	)
	const signatureHeader = key === vector.key ? 'Elements-Webhook-Signature' : 'Elements-Webhook-Signature-Next'
	return [
		toCase('as it is', true),
		toCase('at any time', true, { now: 0 }),
		toCase('header names in capitals', true, { headers: withUpperCaseNames(headers) }),
		toCase('one byte more', false, { body: `${body}\n` }),
		toCase('another key', false, { key: `${key}x` }),
		toCase('without sha256=', false, { headers: headersWithoutPrefix }),
		toCase(`without ${signatureHeader}`, false, { headers: withoutHeader(headers, signatureHeader) }),
	]
}

function withUpperCaseNames(headers: Record<string, string>): Record<string, string> {
	return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]))
}

function withoutHeader(headers: Record<string, string>, name: string): Record<string, string> {
	return Object.fromEntries(Object.entries(headers).filter(([header]) => header !== name))
}
