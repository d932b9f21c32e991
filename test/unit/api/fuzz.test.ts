/** The fuzz itself: a seed makes the same calls, whatever is wrong with an answer is found, and a failure can be made again. */
import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { Random } from '../../store/random.ts'
import { createDocumentCheck, type OpenApiDocument } from '../../support/document.ts'
import { createCall, toFuzzOperations, type FuzzCall, type FuzzKnowledge } from '../../support/fuzz/calls.ts'
import { toCurl } from '../../support/fuzz/curl.ts'
import { findFault, type FuzzAnswer } from '../../support/fuzz/oracle.ts'

const error = { $ref: '#/components/schemas/Error' }
const document = {
	paths: {
		'/elements/api-v2/things/{id}': {
			put: {
				operationId: 'changeThing',
				parameters: [{ name: 'pageSize', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 200 } }],
				requestBody: {
					content: { 'application/json': { schema: { type: 'object' }, example: { name: 'One', sub: { a: [1] } } } },
				},
				responses: {
					200: {
						content: {
							'application/json': {
								schema: {
									type: 'object',
									required: ['id'],
									additionalProperties: false,
									properties: { id: { type: 'number' } },
								},
							},
						},
					},
					400: { content: { 'application/json': { schema: error } } },
					502: { content: { 'application/json': { schema: error } } },
				},
			},
		},
	},
	components: {
		schemas: {
			Error: {
				type: 'object',
				required: ['message', 'requestId'],
				properties: { message: { type: 'string' }, requestId: { type: 'string' } },
			},
		},
	},
} as unknown as OpenApiDocument
const both = { plain: 'User a, Organization b', token: 'User a, Element c' }
const knowledge: FuzzKnowledge = {
	own: { instance: '1', order: '2' },
	other: { instance: '3', order: '4' },
	learned: new Map(),
	pages: [],
	authorizations: { owner: both, session: both, viewer: both, key: both, other: both, foreign: both, former: both },
}
const [operation] = toFuzzOperations(document, (text) => text)

describe('calls', () => {
	const callsOf = (seed: number): FuzzCall[] =>
		Array.from({ length: 500 }, (_, index) => createCall(new Random(seed, index), operation!, knowledge))

	test('a seed makes the same calls, another seed others', () => {
		expect(callsOf(3)).toEqual(callsOf(3))
		expect(callsOf(3)).not.toEqual(callsOf(4))
	})

	test('some fit, most are broken, each in its own way', () => {
		const calls = callsOf(5)
		const broken = calls.filter(({ changes }) => changes.length > 0)
		expect(broken.length).toBeGreaterThan(300)
		expect(calls.length - broken.length).toBeGreaterThan(50)
		expect(new Set(broken.map(({ changes }) => changes.join())).size).toBeGreaterThan(200)
		expect(new Set(calls.map(({ method }) => method)).size).toBeGreaterThan(3)
	})
})

describe('what is wrong with an answer', () => {
	const check = createDocumentCheck(document)
	const call: FuzzCall = {
		operation: 'changeThing',
		actor: 'viewer',
		method: 'PUT',
		target: '/elements/api-v2/things/1',
		headers: [],
		body: null,
		changes: [],
	}
	const faultOf = (answer: Partial<FuzzAnswer> & { status: number }, change: Partial<FuzzCall> = {}): string | null =>
		findFault(
			{ ...call, ...change },
			{ headers: new Headers({ 'Content-Type': 'application/json', 'Elements-Request-Id': 'r' }), text: '', ...answer },
			check,
			[{ text: 'top-secret', readers: ['owner'] }],
		)
	const refusal = (message: string): string => JSON.stringify({ message, requestId: 'r' })

	test('nothing', () => {
		expect(faultOf({ status: 200, text: '{"id":1}' })).toBeNull()
		expect(faultOf({ status: 400, text: refusal('name: expected text') })).toBeNull()
		expect(faultOf({ status: 502, text: refusal('The store failed') })).toBeNull()
		expect(faultOf({ status: 404, text: refusal('Not found') }, { target: '/elements/api-v2/nothing' })).toBeNull()
	})

	test.each([
		['a field that is not declared', { status: 200, text: '{"id":1,"more":2}' }, 'more'],
		['a status that is not declared', { status: 409, text: refusal('Busy') }, 'declares 200, 400, 502'],
		['a 5xx', { status: 500, text: refusal('Internal error') }, '500'],
		['a 400 that names no field', { status: 400, text: refusal('Invalid') }, 'names no field'],
		['no JSON', { status: 200, text: '{"id"' }, 'not the JSON'],
		[
			'another media type',
			{ status: 200, text: 'x', headers: new Headers({ 'Content-Type': 'text/html' }) },
			'text/html',
		],
		['an error without its id', { status: 400, text: '{"message":"name: expected text"}' }, 'requestId'],
		['a stack', { status: 400, text: refusal('name: TypeError: x is not a function') }, 'implementation'],
		['SQL', { status: 400, text: refusal('name: D1_ERROR: no such column: x') }, 'implementation'],
		['a secret', { status: 200, text: '{"id":1,"key":"top-secret"}' }, 'a secret'],
	])('%s', (_what, answer, fault) => {
		expect(faultOf(answer)).toContain(fault)
	})

	test('a secret may be read by its owner, though not in an error, and by who sent it', () => {
		const shown = {
			status: 200,
			text: '{"id":1}',
			headers: new Headers({ 'Content-Type': 'application/json', X: 'top-secret' }),
		}
		expect(faultOf(shown)).toContain('a secret')
		expect(faultOf(shown, { actor: 'owner' })).toBeNull()
		expect(faultOf({ status: 400, text: refusal('a: top-secret') }, { actor: 'owner' })).toContain('a secret')
		expect(faultOf({ status: 400, text: refusal('a: top-secret') }, { headers: [['X', 'top-secret']] })).toBeNull()
	})
})

test('the curl of a failure holds every byte', () => {
	const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
	for (const body of [bytes, bytes.slice(1), Uint8Array.from(Buffer.from('{"a":"it\'s \\\\"}'))]) {
		const command = toCurl('http://127.0.0.1:1', {
			...createCall(new Random(1, 1), operation!, knowledge),
			method: 'PUT',
			body,
		})
		// In place of curl: what stands after --data-binary.
		const script = `curl() { while [ "$1" != --data-binary ]; do shift; done; case "$2" in @*) cat "\${2#@}";; *) printf %s "$2";; esac; }\n${command}`
		expect(new Uint8Array(execFileSync('bash', ['-c', script]))).toEqual(body)
	}
})
