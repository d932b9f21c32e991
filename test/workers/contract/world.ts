/** What the tests of every call share: two organizations with a store each, real objects, and something of every kind that has an id. */
import { readRef } from '../api/harness.ts'
import { toRefText } from '../../../src/lib/incarnation.ts'
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { vi } from 'vitest'
import worker from '../../../src/index.ts'
import { hashPassword } from '../../../src/accounts/passwords.ts'
import { hashSecret, newToken } from '../../../src/accounts/secrets.ts'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { addOrganization, API_BASE, env, resetDatabase, instanceBodyForStore } from '../api/harness.ts'
import { findViolation } from './document.ts'

/** A request as the tests build it. */
export interface ApiRequest {
	method: string
	/** Below the host. */
	path: string
	query?: [string, string][]
	headers?: Record<string, string>
	/** JSON text; undefined: none. */
	body?: string | undefined
}

/** What an organization has. */
export interface TestOrganization {
	/** `User …, Organization …`. */
	authorization: string
	user: string
	/** `User …, Element …` of its instance. */
	tokenAuthorization: string
	token: string
	/** By the words in braces of paths. */
	ids: Record<string, string>
}

/** The world. */
export interface ContractWorld {
	store: SimulatedStore
	own: TestOrganization
	other: TestOrganization
	/** Names of the objects and addresses of the stores that were reached since they were last forgotten. */
	reached: Set<string>
	/** The password of my user, who may sign in as `admin@example.com`. */
	password: string
	/** A user of mine who may only look. */
	viewer: number
	/** A session, of my user unless it is another's. */
	session(user?: number): Promise<string>
	/** An API key of my user. */
	key(scopes: readonly string[]): Promise<string>
	/** Puts people and their secrets back as they were: some calls take away what the next one needs. */
	restore(): Promise<void>
	send(
		request: ApiRequest,
	): Promise<{ status: number; body: unknown; text: string; headers: Headers; violation: string | null }>
}

const CALLBACK = 'https://callback.example.com/hook'

/** Opens it: both stores are learned, both callbacks were told of an order. */
export async function createContractWorld(): Promise<ContractWorld> {
	await resetDatabase()
	const stores = [
		createStore({ objects: 4, url: 'https://shop.example.com' }),
		createStore({ objects: 4, url: 'https://other.example.com' }),
	]
	const reached = new Set<string>()
	vi.stubGlobal('fetch', async (input: RequestInfo, init?: RequestInit) => {
		const request = new Request(input, init)
		if (request.url.startsWith(CALLBACK)) return new Response(null, { status: 204 })
		const store = stores.find((candidate) => request.url.startsWith(candidate.url))
		if (store !== undefined) reached.add(store.url)
		return store === undefined ? new Response('', { status: 503 }) : store.fetch(request)
	})
	const send = (request: ApiRequest) => sendToWorker(request, reached)
	const account = (
		await send({ method: 'POST', path: '/setup', headers: { Authorization: 'Bearer setup-token-of-the-tests' } })
	).body as any
	const own = await setUpOrganization(
		send,
		`User ${account.userSecret}, Organization ${account.organizationSecret}`,
		stores[0]!,
	)
	const other = await setUpOrganization(send, await addOrganization(2), stores[1]!)
	return { store: stores[0]!, own, other, reached, send, ...(await setUpPeople(own, other)) }
}

/** Gives my user a password and a colleague, both organizations an API key, and remembers who there is. */
async function setUpPeople(
	own: TestOrganization,
	other: TestOrganization,
): Promise<Pick<ContractWorld, 'password' | 'viewer' | 'session' | 'key' | 'restore'>> {
	const password = 'correct horse battery staple'
	const hash = await hashPassword(password)
	await env.DB.batch([
		env.DB.prepare('UPDATE users SET password = ?').bind(hash),
		env.DB.prepare(
			"INSERT INTO users (id, organization_id, email, first_name, last_name, password, secret_hash, secret_sealed, created_ms) VALUES (9, 1, 'bo@example.com', 'B', 'O', ?, 'none/9', '', 0)",
		).bind(hash),
		env.DB.prepare(
			"INSERT INTO users (id, organization_id, email, first_name, last_name, role, secret_hash, secret_sealed, created_ms) VALUES (8, 1, 'vi@example.com', 'V', 'I', 'viewer', 'none/8', '', 0)",
		),
		...[own, other].map(({ ids }) =>
			env.DB.prepare(
				"INSERT INTO api_keys (id, organization_id, user_id, name, key_hash, hint, scopes, created_ms) SELECT id + 100, organization_id, id, 'Export', 'hash of ' || id, 'abcd', '[]', 0 FROM users WHERE id = ?",
			).bind(ids['user']!),
		),
	])
	for (const { ids } of [own, other]) ids['apiKey'] = String(Number(ids['user']) + 100)
	const snapshot: Record<string, Record<string, unknown>[]> = {}
	for (const table of ['organizations', 'users'])
		snapshot[table] = (await env.DB.prepare(`SELECT * FROM ${table}`).all()).results
	return {
		password,
		viewer: 8,
		async key(scopes) {
			const key = newToken('key')
			await env.DB.prepare(
				"INSERT INTO api_keys (organization_id, user_id, name, key_hash, hint, scopes, created_ms) VALUES (1, 1, '', ?, '', ?, 0)",
			)
				.bind(hashSecret(key), JSON.stringify(scopes))
				.run()
			return key
		},
		async session(user = 1) {
			const token = newToken('session')
			await env.DB.prepare(
				"INSERT INTO sessions (token_hash, organization_id, user_id, agent, created_ms, expires_ms) VALUES (?, 1, ?, '', 0, ?)",
			)
				.bind(hashSecret(token), user, Date.now() + 86_400_000)
				.run()
			return token
		},
		async restore() {
			await env.DB.batch([
				// One who was invited meanwhile may have taken an address.
				env.DB.prepare('UPDATE users SET login = NULL'),
				...Object.entries(snapshot).flatMap(([table, rows]) =>
					rows.map((row) => {
						const names = Object.keys(row).filter((name) => name !== 'id')
						return env.DB.prepare(
							`UPDATE ${table} SET ${names.map((name) => `${name} = ?`).join(', ')} WHERE id = ?`,
						).bind(...names.map((name) => row[name]), row['id'])
					}),
				),
				env.DB.prepare('DELETE FROM sign_in_attempts'),
			])
		},
	}
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
	// A stream is read until it has said something, then left.
	const media = response.headers.get('Content-Type') ?? ''
	const text = media.startsWith('text/event-stream') ? await readFirstChunk(response) : await response.text()
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

async function readFirstChunk(response: Response): Promise<string> {
	const reader = response.body!.getReader()
	const { value } = await reader.read()
	await reader.cancel()
	return new TextDecoder().decode(value)
}

/** An instance with events and everything that comes of them. */
async function setUpOrganization(
	send: ContractWorld['send'],
	authorization: string,
	store: SimulatedStore,
): Promise<TestOrganization> {
	const call = async (method: string, path: string, body?: unknown): Promise<any> => {
		const answer = await send({
			method,
			path: `/elements/api-v2${path}`,
			headers: { Authorization: authorization },
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		})
		if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
		return answer.body
	}
	const created = await call(
		'POST',
		'/instances',
		instanceBodyForStore(store, {
			'event.notification.callback.url': CALLBACK,
			'event.notification.signature.key': 'a key of the tests',
			'event.notification.basic.username': 'user of the callback',
			'event.notification.basic.password': 'password of the callback',
			'event.vendor.type': 'hybrid',
			'event.poller.refresh_interval': '999999999',
			'event.poller.configuration': null,
		}),
	)
	const instancePath = `/instances/${created.id}`
	const eventually = async (check: () => Promise<any>): Promise<any> => {
		for (const end = Date.now() + 20_000; Date.now() < end;) {
			const found = await check()
			if (found !== null && found !== undefined && found !== false) return found
			await new Promise((resolve) => setTimeout(resolve, 30))
		}
		throw new Error('it never came to that')
	}
	await eventually(async () => {
		const report = await call('GET', `${instancePath}/poller`)
		return (
			!report.running &&
			report.resources.length > 0 &&
			report.resources.every((resource: any) => resource.baseline.complete)
		)
	})
	store.act({ do: 'create', resource: 'orders', set: {} })
	await call('PUT', `${instancePath}/poll`, { depth: 'window' })
	const [event] = await eventually(async () => {
		const events = await call('GET', `${instancePath}/events`)
		return events.length > 0 && events[0].status === 'NOTIFIED' ? events : null
	})
	const hub = await createHubObjects(
		send,
		`User ${/User (\S+),/.exec(authorization)![1]!}, Element ${created.token}`,
		store,
	)
	const secondSubscription = await call('POST', '/notifications/subscriptions', {
		topics: [`instance-${created.id}-woocommercerest-events`],
		config: { url: `${CALLBACK}/further` },
	})
	const posted = await call('POST', '/notifications', { topic: 'stock.low', message: { left: 2 } })
	// Replays are numbered by instance: only where one has more than the other does a number name another's.
	let replay = { id: 0 }
	while (replay.id < created.user.id)
		replay = await eventually(() =>
			call('POST', `${instancePath}/replays`, { notificationId: event.notifiedData[0].id }).catch(() => null),
		)
	const job = await call('POST', '/replays', { failedSince: '2026-01-01T00:00:00Z' })
	const user = /User (\S+),/.exec(authorization)![1]!
	return {
		authorization,
		user,
		token: created.token,
		tokenAuthorization: `User ${user}, Element ${created.token}`,
		ids: {
			store: store.url,
			instance: String(created.id),
			instanceRef: toRefText(await readRef(Number(created.id))),
			notification: String(event.notifiedData[0].id),
			posted: String(posted.id),
			subscription: String(secondSubscription.id),
			callback: String(created.subscriptionId),
			event: event.id,
			replay: String(replay.id),
			jobId: String(job.id),
			order: event.objectId,
			account: String(created.user.id === 1 ? 1 : 2),
			user: String(created.user.id),
			...hub,
		},
	}
}

/** Something of every kind at the store, by the word of its collection; those of paths by the store's own names have no other use. */
async function createHubObjects(
	send: ContractWorld['send'],
	authorization: string,
	store: SimulatedStore,
): Promise<Record<string, string>> {
	const make = async (path: string, body: unknown): Promise<string> => {
		const answer = await send({
			method: 'POST',
			path: `/elements/api-v2/hubs/ecommerce/${path}`,
			headers: { Authorization: authorization },
			body: JSON.stringify(body),
		})
		if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`)
		return String((answer.body as { id: number }).id)
	}
	const order = await make('orders', {
		line_items: [{ product_id: [...store.state('products').keys()][0], quantity: 2 }],
	})
	const product = await make('products', { name: 'One', type: 'variable' })
	const attribute = await make('products-attributes', { name: 'Size' })
	return {
		'hub/orders': order,
		'hub/comments': await make(`orders/${order}/comments`, { note: 'one' }),
		'hub/refunds': await make(`orders/${order}/refunds`, { amount: '1.00', api_refund: false }),
		'hub/customers': await make('customers', { email: 'one@example.com' }),
		'hub/discounts': await make('discounts', { code: 'one' }),
		'hub/products': await make('products', { name: 'Two' }),
		'hub/products-attributes': await make('products-attributes', { name: 'Weight' }),
		'hub/products-categories': await make('products-categories', { name: 'One' }),
		'hub/products-tags': await make('products-tags', { name: 'One' }),
		'hub/at2': `taxes/${await make('taxes', { rate: '1.0000' })}`,
		'hub/at3': `products/categories/${await make('products/categories', { name: 'Two' })}`,
		'hub/at4': `products/${product}/variations/${await make(`products/${product}/variations`, { regular_price: '1.00' })}`,
		'hub/at5': `products/attributes/${attribute}/terms/${await make(`products/attributes/${attribute}/terms`, { name: 'Small' })}`,
	}
}

/** What stands in the braces of a path of the hub. */
function hubIdsFor(path: string, ids: Record<string, string>, name: string): string {
	if (name === 'hub') return 'ecommerce'
	if (name === 'name') return 'orders'
	const segments = path.split('/hubs/{hub}/')[1]!.split('/')
	if (name === 'id') return ids[`hub/${segments[0]}`] ?? ids['order']!
	if (name === 'subId') return ids[`hub/${segments[2]}`] ?? ids['order']!
	return segments.length === 1
		? 'taxes'
		: (ids[`hub/at${segments.length}`]?.split('/')[segments.indexOf(`{${name}}`)] ?? ids['order']!)
}

/** What stands in the braces of a path: ids of a household, words that fit. */
export function pathParametersFor(path: string, ids: Record<string, string>): Record<string, string> {
	const after = (name: string): string => path.split(`{${name}}`)[0]!
	const valueFor = (name: string): string => {
		if (path.includes('/hubs/{hub}/')) return hubIdsFor(path, ids, name)
		if (name === 'keyOrId' || name === 'elementKey') return 'woocommercerest'
		if (name === 'instance') return btoa(ids['instanceRef'] ?? '1')
		if (name === 'configId') return 'event.poller.refresh_interval'
		if (name === 'replayId') return ids['replay']!
		if (name === 'eventId') return ids['event']!
		if (name === 'subscriptionId') return ids['callback']!
		if (name === 'resource') return 'orders'
		if (name === 'objectId') return ids['order']!
		if (name === 'state') return 'A'.repeat(43)
		const before = after(name)
		if (before.endsWith('/instances/')) return ids['instance']!
		if (before.endsWith('/notifications/subscriptions/')) return ids['subscription']!
		if (before.endsWith('/notifications/')) return ids['notification']!
		if (before.endsWith('/users/')) return ids['user']!
		if (before.endsWith('/accounts/api-keys/')) return ids['apiKey']!
		if (before.endsWith('/accounts/')) return ids['account']!
		return ids[name] ?? ids['order']!
	}
	return Object.fromEntries([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name!, valueFor(name!)]))
}

/** A path with its braces filled. */
export function fillPath(path: string, values: Record<string, string>): string {
	return path.replace(/\{(\w+)\}/g, (_whole, name: string) => encodeURIComponent(values[name] ?? ''))
}

/** The API's base path. */
export const BASE_PATH = new URL(API_BASE).pathname
