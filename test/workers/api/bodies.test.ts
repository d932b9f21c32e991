/** What a request may send, before anything is made of it: how much, how deep, declared as what. */
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { LIMITS } from '../../../src/lib/limits.ts'
import { API_BASE, resetDatabase, startApiWorld, type ApiClient } from './harness.ts'

let client: ApiClient

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
})

/** A body that comes piece by piece and does not say how long it is; `read()` is how much of it was asked for. */
function stream(bytes: number): { body: ReadableStream; read: () => number } {
	const piece = new Uint8Array(64 * 1024).fill(32)
	let sent = 0
	const body = new ReadableStream({
		pull(controller) {
			if (sent >= bytes) return controller.close()
			sent += piece.length
			controller.enqueue(piece)
		},
	})
	return { body, read: () => sent }
}

describe('a body that is too large is a 413 that names the limit', () => {
	const url = (path: string) =>
		path.startsWith('//') ? `https://bell.example.com${path.slice(1)}` : `${API_BASE}${path}`

	test.each([
		['of a call that anybody may make', 'POST', '//setup'],
		['of a POST that takes none, with an Idempotency-Key', 'POST', '/instances/1/webhooks/rotate'],
		['of a PUT that takes none', 'PUT', '/instances/1/enabled'],
		['of a DELETE', 'DELETE', '/instances/1'],
	])('%s', async (_what, method, path) => {
		const { body, read } = stream(16 * LIMITS.body.value)
		const headers = {
			'Idempotency-Key': 'one',
			Authorization: `User ${client.userSecret}, Organization ${client.organizationSecret}`,
		}
		const sent = { method, headers, body }
		const response = await client.send(new Request(url(path), sent))
		expect([response.status, await response.json()]).toEqual([
			413,
			expect.objectContaining({ message: 'body: expected at most 1 MB' }),
		])
		// The rest was not even read.
		expect(read()).toBeLessThan(2 * LIMITS.body.value)
	})
})

describe('a body that is nested too deep is a 400 that names the limit', () => {
	const nested = (depth: number) => '[{"a":'.repeat(depth / 2) + '1' + '}]'.repeat(depth / 2)

	test.each([
		['POST', '/notifications', (inner: string) => `{"topic":"stock.low","message":${inner}}`],
		['PATCH', '/accounts/settings', (inner: string) => `{"events.retention.days":${inner}}`],
		[
			'POST',
			'/instances',
			(inner: string) => `{"element":{"key":"woocommercerest"},"configuration":{"store.url":${inner}}}`,
		],
		['POST', '//setup', (inner: string) => `{"email":${inner}}`],
	])('%s %s', async (method, path, body) => {
		const deep = await client.call(method, path, body(nested(6_000)))
		expect([deep.status, deep.body.message]).toEqual([
			400,
			'body: expected at most 512 levels of nested lists and objects',
		])
		// What may be that deep is heeded or refused for what it is.
		const shallow = await client.call(method, path, body(nested(500)))
		expect([200, 400, 404]).toContain(shallow.status)
		expect(shallow.body?.message ?? '').not.toContain('levels')
	})

	test('brackets inside text are none', async () => {
		const { status } = await client.call('POST', '/notifications', { topic: 'stock.low', message: '[{'.repeat(1_000) })
		expect(status).toBe(200)
	})
})

describe('a body under any name of JSON is heeded', () => {
	test.each([
		'application/json',
		'application/json; charset=utf-8',
		'application/merge-patch+json',
		'application/a+b+json',
		'Application/JSON ;x=y',
	])('%s', async (type) => {
		const { status, body } = await client.call(
			'PATCH',
			'/accounts/1',
			{ name: 'Renamed' },
			{ headers: { 'Content-Type': type } },
		)
		expect([status, body.name]).toEqual([200, 'Renamed'])
	})

	test('under any other it is a 415', async () => {
		for (const type of ['text/plain', 'application/jsonp', 'application/x-www-form-urlencoded'])
			expect(
				(await client.call('PATCH', '/accounts/1', '{"name":"Renamed"}', { headers: { 'Content-Type': type } })).status,
			).toBe(415)
	})
})

test.each([
	['thousands of unknown names', Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`k${index}`, 1]))],
	['one long unknown name', { ['k'.repeat(70_000)]: '1' }],
	['names of lone surrogates', { ['\uD800'.repeat(3000)]: '1' }],
])('%s in a body are refused with a message of at most 2,000 characters §1.9', async (_what, body) => {
	const { status, body: answer } = await client.call('PATCH', '/accounts/settings', body)
	expect(status).toBe(400)
	expect(answer.message.length).toBeLessThanOrEqual(2_000)
	expect(answer.message).toMatch(/expected one of .+|Unrecognized/)
})

test.each([
	['with its length', 'PATCH', '/accounts/1', { 'Content-Length': '100' }],
	['in chunks', 'PATCH', '/accounts/1', {}],
	['in chunks, where none is expected', 'DELETE', '/instances/1', {}],
	['of a call that anybody may make', 'POST', '//setup', {}],
	['where none is expected, with an Idempotency-Key', 'POST', '/users/me/reset', { 'Idempotency-Key': '1' }],
	[
		'with its length, where none is expected, with an Idempotency-Key',
		'POST',
		'/users/me/reset',
		{ 'Idempotency-Key': '1', 'Content-Length': '100' },
	],
])('a caller that disconnects while it sends a body %s is no internal error', async (_how, method, path, headers) => {
	const logged = vi.spyOn(console, 'error')
	const url = path.startsWith('//') ? `https://bell.example.com${path.slice(1)}` : `${API_BASE}${path}`
	const body = new ReadableStream({
		start(controller) {
			controller.enqueue(new TextEncoder().encode('{"name":'))
		},
		pull: (controller) => controller.error(new Error('disconnected')),
	})
	const authorization = `User ${client.userSecret}, Organization ${client.organizationSecret}`
	const sent = { method, headers: { Authorization: authorization, ...headers }, body } as RequestInit
	const answer = await client.send(new Request(url, sent))
	expect([answer.status, await answer.json()]).toEqual([
		400,
		expect.objectContaining({ message: 'body: it ended early' }),
	])
	expect(logged).not.toHaveBeenCalled()
})
