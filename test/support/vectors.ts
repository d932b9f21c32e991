/** The vectors of docs/verify as questions with an answer each, for every verifier in every language. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

/** What Shopbell sends with a body. */
export interface Vector {
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
export interface Question {
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
	JSON.parse(readFileSync(resolve(import.meta.dirname, '../../docs/verify/vectors.json'), 'utf8')) as { vectors: readonly Vector[] }
).vectors

/** What is asked of a verifier: every vector as it is, and changed in every way that must be refused. */
export const QUESTIONS: readonly Question[] = VECTORS.flatMap((vector) =>
	[vector.key, vector.nextKey].filter((key) => key !== null).flatMap((key) => [...standard(vector, key), ...elements(vector, key)]),
)

function standard(vector: Vector, key: string): Question[] {
	const { name, headers, body, timestamp } = vector
	const ask = (what: string, expected: boolean, changes: Partial<Question> = {}): Question => ({
		...{ name: `${name}: ${what}`, scheme: 'standard', key, headers, body, now: timestamp, expected },
		...changes,
	})
	const signature = headers['webhook-signature']!
	return [
		ask('as it is', true),
		ask('at the end of the tolerance', true, { now: timestamp + 300 }),
		ask('at its beginning', true, { now: timestamp - 300 }),
		ask('too late', false, { now: timestamp + 301 }),
		ask('too early', false, { now: timestamp - 301 }),
		ask('header names in capitals', true, { headers: upper(headers) }),
		ask('one byte more', false, { body: `${body}\n` }),
		ask('another key', false, { key: `${key}x` }),
		ask('another id', false, { headers: { ...headers, 'webhook-id': `${vector.id}0` } }),
		ask('another timestamp', false, { headers: { ...headers, 'webhook-timestamp': String(timestamp + 1) } }),
		ask('a timestamp that is none', false, { headers: { ...headers, 'webhook-timestamp': 'now' } }),
		ask('another signature before it', true, { headers: { ...headers, 'webhook-signature': `v1,bm90aGluZw== ${signature}` } }),
		ask('another version', false, { headers: { ...headers, 'webhook-signature': signature.replaceAll('v1,', 'v9,') } }),
		ask('the signature of the body alone', false, {
			headers: { ...headers, 'webhook-signature': `v1,${headers['Elements-Webhook-Signature']!.slice(7)}` },
		}),
		...['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((header) =>
			ask(`without ${header}`, false, { headers: without(headers, header) }),
		),
	]
}

function elements(vector: Vector, key: string): Question[] {
	const { name, headers, body, timestamp } = vector
	const ask = (what: string, expected: boolean, changes: Partial<Question> = {}): Question => ({
		...{ name: `${name}, the body alone: ${what}`, scheme: 'elements', key, headers, body, now: timestamp, expected },
		...changes,
	})
	const bare = Object.fromEntries(Object.entries(headers).map(([header, value]) => [header, value.replace('sha256=', '')]))
	const own = key === vector.key ? 'Elements-Webhook-Signature' : 'Elements-Webhook-Signature-Next'
	return [
		ask('as it is', true),
		ask('at any time', true, { now: 0 }),
		ask('header names in capitals', true, { headers: upper(headers) }),
		ask('one byte more', false, { body: `${body}\n` }),
		ask('another key', false, { key: `${key}x` }),
		ask('without sha256=', false, { headers: bare }),
		ask(`without ${own}`, false, { headers: without(headers, own) }),
	]
}

function upper(headers: Record<string, string>): Record<string, string> {
	return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]))
}

function without(headers: Record<string, string>, name: string): Record<string, string> {
	return Object.fromEntries(Object.entries(headers).filter(([header]) => header !== name))
}
