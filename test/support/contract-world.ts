/**
 * What the tests of every call share: two organizations with a store each, real objects, and something of every kind that has an id.
 * Made over the API and in the tables, wherever the Worker runs.
 */
import { toIncarnation, toRefText } from '../../src/lib/incarnation.ts'
import { hashPassword } from '../../src/accounts/passwords.ts'
import { hashSecret, newSecret, newToken } from '../../src/accounts/secrets.ts'
import { BASE_PATH } from '../../src/lib/base-path.ts'
import { createStore, type SimulatedStore } from '../store/store.ts'

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

/** What the world is made with. */
export interface WorldPorts {
	db: D1Database
	setupToken: string
	send: ContractWorld['send']
	/** Notes of what was reached. */
	reached: Set<string>
}

/** Where the callbacks are. */
export const CALLBACK = 'https://callback.example.com/hook'

/** The stores of both organizations. */
export function createStores(): [SimulatedStore, SimulatedStore] {
	return [
		createStore({ objects: 4, url: 'https://shop.example.com' }),
		createStore({ objects: 4, url: 'https://other.example.com' }),
	]
}

/** Answers what the Worker asks of stores and callbacks; nothing else is there. */
export async function answerWorld(
	stores: readonly SimulatedStore[],
	request: Request,
	reached: Set<string>,
): Promise<Response> {
	if (request.url.startsWith(CALLBACK)) return new Response(null, { status: 204 })
	const store = stores.find((candidate) => request.url.startsWith(candidate.url))
	if (store !== undefined) reached.add(store.url)
	return store === undefined ? new Response('', { status: 503 }) : store.fetch(request)
}

/** Makes it in an empty database: both stores are learned, both callbacks were told of an order. */
export async function setUpWorld(
	{ db, setupToken, send, reached }: WorldPorts,
	[first, second]: readonly [SimulatedStore, SimulatedStore],
): Promise<ContractWorld> {
	const account = (await send({ method: 'POST', path: '/setup', headers: { Authorization: `Bearer ${setupToken}` } }))
		.body as any
	const own = await setUpOrganization(
		db,
		send,
		`User ${account.userSecret}, Organization ${account.organizationSecret}`,
		first,
	)
	const other = await setUpOrganization(db, send, await insertOrganization(db, 2), second)
	return { store: first, own, other, reached, send, ...(await setUpPeople(db, own, other)) }
}

/** A second organization with its user, put into the tables; the answer is its authorization. */
async function insertOrganization(db: D1Database, id: number): Promise<string> {
	const [organization, user] = [newSecret(), newSecret()]
	await db.batch([
		db
			.prepare(
				"INSERT INTO organizations (id, name, secret_hash, secret_sealed, created_ms) VALUES (?, 'Other', ?, '', 0)",
			)
			.bind(id, hashSecret(organization)),
		db
			.prepare(
				"INSERT INTO users (id, organization_id, email, first_name, last_name, secret_hash, secret_sealed, created_ms) VALUES (?, ?, 'o@example.com', 'O', 'Ther', ?, '', 0)",
			)
			.bind(id, id, hashSecret(user)),
	])
	return `User ${user}, Organization ${organization}`
}

/** An instance with everything that has secrets: webhooks, a signature key, a password of the callback. */
export function toInstanceBody({ url, credentials }: Pick<SimulatedStore, 'url' | 'credentials'>): object {
	return {
		element: { key: 'woocommercerest' },
		configuration: {
			'store.url': url,
			'oauth.api.key': credentials.key,
			'oauth.api.secret': credentials.secret,
			'event.notification.enabled': true,
			'event.vendor.type': 'hybrid',
			'event.notification.callback.url': CALLBACK,
			'event.notification.signature.key': 'a key of the tests',
			'event.notification.basic.username': 'user of the callback',
			'event.notification.basic.password': 'password of the callback',
			'event.poller.refresh_interval': '999999999',
		},
		tags: ['Docs'],
		name: 'API Instance with Polling',
	}
}

/** Gives my user a password and a colleague, both organizations an API key, and remembers who there is. */
async function setUpPeople(
	db: D1Database,
	own: TestOrganization,
	other: TestOrganization,
): Promise<Pick<ContractWorld, 'password' | 'viewer' | 'session' | 'key' | 'restore'>> {
	const password = 'correct horse battery staple'
	const hash = await hashPassword(password)
	await db.batch([
		db.prepare('UPDATE users SET password = ?').bind(hash),
		db
			.prepare(
				"INSERT INTO users (id, organization_id, email, first_name, last_name, password, secret_hash, secret_sealed, created_ms) VALUES (9, 1, 'bo@example.com', 'B', 'O', ?, 'none/9', '', 0)",
			)
			.bind(hash),
		db.prepare(
			"INSERT INTO users (id, organization_id, email, first_name, last_name, role, secret_hash, secret_sealed, created_ms) VALUES (8, 1, 'vi@example.com', 'V', 'I', 'viewer', 'none/8', '', 0)",
		),
		...[own, other].map(({ ids }) =>
			db
				.prepare(
					"INSERT INTO api_keys (id, organization_id, user_id, name, key_hash, hint, scopes, created_ms) SELECT id + 100, organization_id, id, 'Export', 'hash of ' || id, 'abcd', '[]', 0 FROM users WHERE id = ?",
				)
				.bind(ids['user']!),
		),
	])
	for (const { ids } of [own, other]) ids['apiKey'] = String(Number(ids['user']) + 100)
	const snapshot: Record<string, Record<string, unknown>[]> = {}
	for (const table of ['organizations', 'users'])
		snapshot[table] = (await db.prepare(`SELECT * FROM ${table}`).all()).results
	return {
		password,
		viewer: 8,
		async key(scopes) {
			const key = newToken('key')
			await db
				.prepare(
					"INSERT INTO api_keys (organization_id, user_id, name, key_hash, hint, scopes, created_ms) VALUES (1, 1, '', ?, '', ?, 0)",
				)
				.bind(hashSecret(key), JSON.stringify(scopes))
				.run()
			return key
		},
		async session(user = 1) {
			const token = newToken('session')
			await db
				.prepare(
					"INSERT INTO sessions (token_hash, organization_id, user_id, agent, created_ms, expires_ms) VALUES (?, 1, ?, '', 0, ?)",
				)
				.bind(hashSecret(token), user, Date.now() + 86_400_000)
				.run()
			return token
		},
		async restore() {
			await db.batch([
				// One who was invited meanwhile may have taken an address.
				db.prepare('UPDATE users SET login = NULL'),
				...Object.entries(snapshot).flatMap(([table, rows]) =>
					rows.map((row) => {
						const names = Object.keys(row).filter((name) => name !== 'id')
						return db
							.prepare(`UPDATE ${table} SET ${names.map((name) => `${name} = ?`).join(', ')} WHERE id = ?`)
							.bind(...names.map((name) => row[name]), row['id'])
					}),
				),
				db.prepare('DELETE FROM sign_in_attempts'),
			])
		},
	}
}

/** An instance with events and everything that comes of them. */
async function setUpOrganization(
	db: D1Database,
	send: ContractWorld['send'],
	authorization: string,
	store: SimulatedStore,
): Promise<TestOrganization> {
	const call = async (method: string, path: string, body?: unknown): Promise<any> => {
		const answer = await send({
			method,
			path: `${BASE_PATH}${path}`,
			headers: { Authorization: authorization },
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		})
		if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
		return answer.body
	}
	const created = await call('POST', '/instances', toInstanceBody(store))
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
			instanceRef: toRefText({ id: created.id, incarnation: await readIncarnation(db, created.id) }),
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

/** An instance's incarnation, which its receiver's address holds. */
async function readIncarnation(db: D1Database, id: number): Promise<string> {
	const row = await db
		.prepare('SELECT incarnation FROM instances WHERE id = ?')
		.bind(id)
		.first<{ incarnation: string }>()
	return toIncarnation(row?.incarnation, id)
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
			path: `${BASE_PATH}/hubs/ecommerce/${path}`,
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
		// A list: every object three words deep has a name with a dash, by which its calls are routed.
		'hub/at3': `customers/${await make('customers', { email: 'two@example.com' })}/downloads`,
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
