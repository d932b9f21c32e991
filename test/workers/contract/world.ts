/** The world of the tests of every call, around the Worker in this very process. */
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { vi } from 'vitest'
import worker from '../../../src/index.ts'
import {
	answerWorld,
	type ApiRequest,
	type ContractWorld,
	createStores,
	setUpWorld,
} from '../../support/contract-world.ts'
import { env, resetDatabase } from '../api/harness.ts'
import { findViolation } from './document.ts'

export {
	type ApiRequest,
	type ContractWorld,
	fillPath,
	pathParametersFor,
	type TestOrganization,
} from '../../support/contract-world.ts'
export { BASE_PATH } from '../../../src/lib/base-path.ts'

/** Opens it: both stores are learned, both callbacks were told of an order. */
export async function createContractWorld(): Promise<ContractWorld> {
	await resetDatabase()
	const stores = createStores()
	const reached = new Set<string>()
	vi.stubGlobal('fetch', async (input: RequestInfo, init?: RequestInit) =>
		answerWorld(stores, new Request(input, init), reached),
	)
	return await setUpWorld(
		{
			db: env.DB,
			setupToken: 'setup-token-of-the-tests',
			send: (request) => sendToWorker(request, reached),
			reached,
		},
		stores,
	)
}

async function sendToWorker(request: ApiRequest, reached: Set<string>): ReturnType<ContractWorld['send']> {
	const WATCHER = new Proxy(env.WATCHER, {
		get: (target, name) =>
			name === 'getByName'
				? (object: string) => (reached.add(object.split('.')[0]!), target.getByName(object))
				: (Reflect.get(target, name) as unknown),
	})
	const search = (request.query ?? [])
		.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
		.join('&')
	const context = createExecutionContext()
	const url = `https://bell.example.com${request.path}${search === '' ? '' : `?${search}`}`
	const response = await worker.fetch(
		new Request(url, {
			method: request.method,
			headers: { ...(request.body === undefined ? {} : { 'Content-Type': 'application/json' }), ...request.headers },
			...(request.body === undefined ? {} : { body: request.body }),
		}) as never,
		{ ...env, WATCHER },
		context,
	)
	const media = response.headers.get('Content-Type') ?? ''
	const text = await readAnswerText(response)
	await waitOnExecutionContext(context)
	let body: unknown = text
	if (/json/.test(media) && !media.includes('ndjson')) body = text === '' ? null : JSON.parse(text)
	return {
		status: response.status,
		body,
		text,
		headers: response.headers,
		violation: findViolation(request.method, new URL(url).pathname, response.status, media, body),
	}
}

/** An answer's text; a stream is read until it has said something, then left. */
export async function readAnswerText(response: Response): Promise<string> {
	if (response.headers.get('Content-Type')?.startsWith('text/event-stream') !== true) return await response.text()
	const reader = response.body!.getReader()
	const { value } = await reader.read()
	await reader.cancel()
	return new TextDecoder().decode(value)
}
