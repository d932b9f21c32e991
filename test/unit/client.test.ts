/** The typed client: what it sends for an operation, what it makes of an answer, and that nothing of the server comes along. */
import { build } from 'esbuild'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { operations } from '../../src/api/operations.ts'
import { ApiError, createClient, pages, type Client } from '../../src/client/client.ts'

/** A client that notes its requests and answers what it is told to. */
function listening(...answers: Response[]): { api: Client; requests: Request[] } {
	const requests: Request[] = []
	const api = createClient({
		baseUrl: 'https://bell.example.com/',
		authorization: 'User u, Organization o',
		fetch: async (request) => {
			requests.push(request)
			return answers.shift() ?? Response.json({})
		},
	})
	return { api, requests }
}

describe('what is sent', () => {
	test('path, query and headers', async () => {
		const { api, requests } = listening()
		await api.getSubscription({ params: { id: 'a/b' } })
		await api.listSubscriptions({ query: { pageSize: 5 } }, { authorization: 'Bearer x' })
		await api.healthz()
		expect(requests.map(({ method, url, headers }) => [method, url, headers.get('Authorization')])).toEqual([
			['GET', 'https://bell.example.com/elements/api-v2/notifications/subscriptions/a%2Fb', 'User u, Organization o'],
			['GET', 'https://bell.example.com/elements/api-v2/notifications/subscriptions?pageSize=5', 'Bearer x'],
			['GET', 'https://bell.example.com/healthz', 'User u, Organization o'],
		])
		expect(requests[0]!.headers.has('Content-Type')).toBe(false)
	})

	test('a body as JSON, and the key under which it is done once', async () => {
		const { api, requests } = listening()
		await api.changeSettings({ body: { 'events.retention.days': 3 } }, { idempotencyKey: 'k1' })
		const [request] = requests
		expect(request!.method).toBe('PATCH')
		expect(request!.headers.get('Content-Type')).toBe('application/json')
		expect(request!.headers.get('Idempotency-Key')).toBe('k1')
		expect(await request!.json()).toEqual({ 'events.retention.days': 3 })
	})

	test('a word of the path that is missing is noticed before anything is sent', async () => {
		const { api, requests } = listening()
		await expect(api.getSubscription({ params: { id: '' } })).rejects.toThrow('id is missing')
		expect(requests).toEqual([])
	})
})

describe('what comes back', () => {
	test('a refusal is an error with all that was said', async () => {
		const said = { message: 'Not found', requestId: 'r1', providerMessage: 'No such order' }
		const { api } = listening(Response.json(said, { status: 404 }), new Response('<html>', { status: 502 }))
		const error = await api.getSettings().catch((thrown: unknown) => thrown)
		expect(error).toBeInstanceOf(ApiError)
		expect(error).toMatchObject({ ...said, status: 404, operation: 'getSettings' })
		await expect(api.getSettings()).rejects.toMatchObject({
			status: 502,
			message: 'getSettings answered 502',
			providerMessage: null,
		})
	})

	test('an empty answer is undefined, and what is no JSON is handed on as it is', async () => {
		const { api } = listening(
			new Response(''),
			new Response('data: 1\n\n', { headers: { 'Content-Type': 'text/event-stream' } }),
		)
		expect(await api.deleteSubscription({ params: { id: 1 } })).toBeUndefined()
		expect(await api.getSettings()).toBeInstanceOf(Response)
	})

	test('pages follow the token until there is none', async () => {
		const page = (ids: number[], next?: string) =>
			Response.json(
				ids.map((id) => ({ id })),
				next === undefined ? {} : { headers: { 'Elements-Next-Page-Token': next, 'Elements-Total-Count': '3' } },
			)
		const { api, requests } = listening(page([1, 2], 'a b'), page([3]), page([9], 't'))
		const seen: unknown[] = []
		for await (const part of pages(api.listSubscriptions, { query: { pageSize: 2 } })) seen.push(part)
		expect(seen).toEqual([[{ id: 1 }, { id: 2 }], [{ id: 3 }]])
		expect(requests.map(({ url }) => new URL(url).search)).toEqual(['?pageSize=2', '?pageSize=2&nextPage=a+b'])
		expect(await api.listSubscriptions.page()).toMatchObject({ next: 't', total: 3 })
	})
})

test('types: what has to be there must be given, and answers are known', () => {
	const { api } = listening()
	expectTypeOf(api.getSettings)
		.parameter(0)
		.toEqualTypeOf<({ params?: undefined } & { query?: undefined } & { body?: undefined }) | undefined>()
	expectTypeOf<Awaited<ReturnType<Client['healthz']>>['status']>().toEqualTypeOf<'ok' | 'failing'>()
	// @ts-expect-error the path has an id
	void (() => api.getSubscription())
	// @ts-expect-error no such setting of the query
	void (() => api.listSubscriptions({ query: { pageSizes: 1 } }))
})

test('every operation has a method, and nothing of the server is in the bundle', async () => {
	expect(Object.keys(listening().api).sort()).toEqual(Object.keys(operations).sort())
	const { metafile } = await build({
		entryPoints: ['src/client/client.ts'],
		bundle: true,
		write: false,
		metafile: true,
		platform: 'node',
		format: 'esm',
		logLevel: 'silent',
	})
	const own = Object.keys(metafile.inputs).filter((name) => !name.startsWith('node_modules/'))
	expect(own).toContain('src/api/operations.ts')
	// Tables and shapes: no routes, no handlers, no bindings, no objects.
	expect(
		own.filter((name) =>
			/routes|handlers|\/(serve|access|environment|context|app|openapi|consumer|watcher\/watcher)\.tsx?$/.test(name),
		),
	).toEqual([])
	const outside = Object.values(metafile.inputs).flatMap(({ imports }) =>
		imports.filter(({ external }) => external === true),
	)
	expect(outside.map(({ path }) => path).filter((path) => !path.startsWith('node:'))).toEqual([])
})
