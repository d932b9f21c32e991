/** The table of limits, row by row: what is as large as a row says is not refused for it; one more is, with the row's status, and the answer names the field and the value. */
import { beforeAll, describe, expect, test } from 'vitest'
import { type LimitName, LIMITS, getLimitRows, formatLimit } from '../../../src/lib/limits.ts'
import { createStore } from '../../store/store.ts'
import { env, resetDatabase, instanceBody, startApiWorld, type ApiClient } from './harness.ts'
import { insertInstanceCopies } from './support.ts'

let client: ApiClient
let connection: Record<string, unknown>
let made: { id: number; token: string }

beforeAll(async () => {
	await resetDatabase()
	const store = createStore({ objects: 1, url: 'https://shop.example.com' })
	client = await startApiWorld((request) => store.fetch(request))
	const { key, secret } = store.credentials
	const configuration = {
		'store.url': store.url,
		'oauth.api.key': key,
		'oauth.api.secret': secret,
		'event.vendor.type': 'hybrid',
		'event.notification.callback.url': 'https://callback.example.com/hook',
	}
	connection = instanceBody({ configuration })
	made = (await client.call('POST', '/instances', connection)).body
})

interface Case {
	/** What the refusal names. */
	field: string
	/** Asks with so many of what the row counts. */
	ask(n: number): Promise<Answer>
}
type Answer = { status: number; body: any }

const element = { key: 'woocommercerest' }
const text = (n: number): string => 'k'.repeat(n)
const list = <T>(n: number, one: (index: number) => T): T[] => Array.from({ length: n }, (_, index) => one(index))
const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
	client.call(method, path, body, { headers })

const hub = (method: string, path: string, body?: unknown): Promise<Answer> =>
	client.call(method, `/hubs/ecommerce/${path}`, body, {
		authorization: `User ${client.userSecret}, Element ${made.token}`,
	})

/** An instance with one configuration key; what else it lacks is named beside. */
const configured = (key: string, value: (n: number) => unknown): Case => ({
	field: key,
	ask: (n) => call('POST', '/instances', { element, configuration: { [key]: value(n) } }),
})
const ignoring = (ignore: string[]): Promise<Answer> =>
	call('PATCH', `/instances/${made.id}`, {
		configuration: { 'event.poller.configuration': { orders: { url: '/orders', ignore } } },
	})
const posted = (field: string, path: string, body: (n: number) => unknown): Case => ({
	field,
	ask: (n) => call('POST', path, body(n)),
})
const asked = (field: string, path: string, rest = ''): Case => ({
	field,
	ask: (n) => call('GET', `${path}?${field}=${text(n)}${rest}`),
})
const setting = (name: string, value: (n: number) => unknown): Case => ({
	field: name,
	ask: (n) => call('PATCH', '/accounts/settings', { [name]: value(n) }),
})

/** An address of exactly so many characters. */
const address = (n: number): string => `https://shop.example.com/${text(n - 25)}`

/** Lists, one of each kind. */
const LISTS = [
	'/instances',
	'/instances/1/events',
	'/instances/events',
	'/notifications',
	'/users',
	'/accounts/audit',
	'/accounts/api-keys',
]
const MERGED = ['/instances/events?', '/notifications?hydrate=false&', '/notifications/subscriptions/deliveries?']

/** JSON text of exactly so many bytes. */
const json = (n: number): string => `{"name":"${text(n - 11)}"}`
/** Sent by a store: without Authorization. */
async function delivered(n: number): Promise<Answer> {
	const response = await client.send(
		new Request(`https://bell.example.com/elements/api-v2/events/woocommercerest/${btoa('1')}`, {
			method: 'POST',
			headers: {
				'Content-Type': 'application/json',
				'X-WC-Webhook-Topic': 'order.created',
				'X-WC-Webhook-Signature': btoa(text(32)),
			},
			body: json(n),
		}),
	)
	return { status: response.status, body: await response.json().catch(() => ({})) }
}

/** Instances that had events, and what a list across them answers. */
async function merged(path: string, n: number): Promise<Answer> {
	await insertInstanceCopies(n)
	return await call('GET', `${path}tags[]=many`)
}

/** One row after another is made until so many were asked for. */
async function subscriptions(n: number): Promise<Answer> {
	let last: Answer = { status: 0, body: null }
	for (let index = 0; index < n; index++)
		last = await call('POST', '/notifications/subscriptions', {
			topics: [`limit.${index}`],
			config: { url: `https://callback.example.com/${n}/${index}` },
		})
	await env.DB.prepare('DELETE FROM subscriptions').run()
	return last
}

/** Replays across instances that do not end, since none of their instances can be asked. */
async function replayJobs(n: number): Promise<Answer> {
	let last: Answer = { status: 0, body: null }
	client.world.watchers.failingCall = 'replay'
	for (let index = 0; index < n; index++)
		last = await call('POST', '/replays', { failedSince: '2026-01-01T00:00:00Z', instanceIds: [made.id] })
	client.world.watchers.failingCall = null
	await env.DB.batch(['replay_parts', 'replay_jobs'].map((table) => env.DB.prepare(`DELETE FROM ${table}`)))
	return last
}

/** An instance that gets this id. */
async function makeWithId(n: number): Promise<Answer> {
	const setLast = (value: number) =>
		env.DB.prepare("UPDATE sequences SET value = ? WHERE name = 'instance'").bind(value).run()
	await setLast(n - 1)
	const answer = await call('POST', '/instances', connection)
	await env.DB.prepare('DELETE FROM instances WHERE id > 100000').run()
	await setLast(made.id)
	return answer
}

/** A row that names several places has a case for each. */
const CASES: Record<LimitName, Case | Case[]> = {
	instanceId: { field: 'id', ask: makeWithId },
	body: { field: 'body', ask: (n) => call('POST', '/instances', json(n)) },
	hubBody: { field: 'body', ask: (n) => hub('POST', 'orders', json(n)) },
	receiverBody: { field: 'body', ask: delivered },
	nesting: { field: 'body', ask: (n) => call('POST', '/notifications', '['.repeat(n) + ']'.repeat(n)) },
	pageSize: LISTS.map((path) => ({ field: 'pageSize', ask: (n) => call('GET', `${path}?pageSize=${n}`) })),
	pageToken: LISTS.map((path) => asked('nextPage', path)),
	mergedInstances: MERGED.map((path) => ({ field: 'instances', ask: (n) => merged(path, n) })),
	resourceNames: {
		field: 'resources[]',
		ask: (n) => call('GET', `/instances/1/events?${list(n, (index) => `resources[]=r${index}`).join('&')}`),
	},
	intervals: {
		field: 'interval',
		ask: (n) =>
			call(
				'GET',
				`/instances/1/events/analytics?interval=minute&from=0000000060000&to=${String(n * 60_000).padStart(13, '0')}`,
			),
	},
	searchText: asked('searchText', '/instances'),
	where: [
		{ field: 'where', ask: (n) => hub('GET', `orders?where=${text(n)}`) },
		asked('where', '/notifications/subscriptions/deliveries'),
		{ field: 'where', ask: (n) => call('PUT', `/notifications/subscriptions/deliveries?where=${text(n)}`) },
	],
	fields: { field: 'fields', ask: (n) => hub('GET', `orders?fields=${text(n)}`) },
	orderBy: { field: 'orderBy', ask: (n) => hub('GET', `orders?orderBy=${text(n)}`) },
	name: posted('name', '/instances', (n) => ({ element, name: text(n), configuration: {} })),
	tags: posted('tags', '/instances', (n) => ({ element, tags: list(n, String), configuration: {} })),
	tag: posted('tags[0]', '/instances', (n) => ({ element, tags: [text(n)], configuration: {} })),
	configuration: {
		field: 'configuration',
		ask: (n) => call('POST', '/instances', { element, configuration: { k: text(n - 8) } }),
	},
	configurationKey: posted('configuration.', '/instances', (n) => ({
		element,
		configuration: { [text(n)]: 'x' },
	})),
	storeKey: [configured('oauth.api.key', text), configured('oauth.api.secret', text)],
	url: [
		configured('store.url', address),
		configured('event.notification.callback.url', address),
		posted('config.url', '/notifications/subscriptions', (n) => ({ topics: ['limits'], config: { url: address(n) } })),
		posted('callbackUrl', '/elements/woocommercerest/oauth/url', (n) => ({ callbackUrl: address(n) })),
		asked('siteAddress', '/elements/woocommercerest/oauth/url'),
		setting('operator.webhook.url', address),
	],
	resources: configured('event.poller.configuration', (n) =>
		Object.fromEntries(list(n, (index) => [`r${index}`, { url: `/r${index}` }])),
	),
	resourceLabel: configured('event.poller.configuration', (n) => ({ [text(n)]: { url: '/orders' } })),
	resourceSeconds: ['pollDelay', 'createdCheckTolerance'].map((name) => ({
		...configured('event.poller.configuration', (n) => ({ orders: { url: '/orders', [name]: n } })),
		field: `event.poller.configuration.orders.${name}`,
	})),
	ignoredPaths: {
		field: 'event.poller.configuration.orders.ignore',
		ask: (n) => ignoring(list(n, (index) => `meta_data.m${index}`)),
	},
	ignoredPath: {
		field: 'event.poller.configuration.orders.ignore.0',
		ask: (n) => ignoring([text(n)]),
	},
	scanBudget: configured('event.poller.scanBudget', (n) => n),
	signatureKey: [
		configured('event.notification.signature.key', text),
		setting('operator.webhook.key', text),
		posted('key', '/instances/1/signature-key/rotate', (n) => ({ key: text(n), grace: 0 })),
	],
	signatureGrace: posted('grace', '/instances/1/signature-key/rotate', (grace) => ({ grace })),
	basicAuth: [
		configured('event.notification.basic.username', text),
		configured('event.notification.basic.password', text),
	],
	callbackHeaders: configured('event.notification.callback.headers', (n) =>
		Object.fromEntries(list(n, (index) => [`X-Mine-${index}`, 'x'])),
	),
	callbackHeader: configured('event.notification.callback.headers', (n) => ({ 'X-Mine': text(n) })),
	batch: configured('event.notification.batch', (n) => n),
	rate: configured('event.notification.rate', (n) => n),
	filterTypes: configured('event.notification.filter.types', text),
	filterResources: configured('event.notification.filter.resources', text),
	filterWhere: configured('event.notification.filter.where', text),
	subscriptions: { field: 'subscriptions', ask: subscriptions },
	topics: posted('topics', '/notifications/subscriptions', (n) => ({
		topics: list(n, (index) => `limit.${index}`),
		config: { url: 'not a url' },
	})),
	topic: [
		posted('topic', '/notifications', (n) => ({ topic: text(n), message: 1 })),
		posted('topic', '/notifications/subscriptions', (n) => ({ topics: [text(n)], config: { url: 'not a url' } })),
	],
	message: posted('message', '/notifications', (n) => ({ topic: 'limits', message: text(n - 2) })),
	from: posted('from', '/notifications', (n) => ({ topic: 'limits', message: 1, from: text(n) })),
	// How many run is the object's to say: here it is one that says so; that it says so at this number, a story of the watcher shows.
	replays: {
		field: 'replays',
		async ask(n) {
			client.world.watchers.subscriptions.set(made.id, [
				{
					number: 1,
					url: 'https://callback.example.com/hook',
					topics: null,
					active: true,
					reason: null,
					failingSinceMs: null,
					lastStatus: null,
					parkedUntilMs: null,
					createdMs: 0,
				},
			])
			client.world.watchers.replay =
				n > LIMITS.replays.value
					? 'too-many'
					: {
							id: n,
							kind: 'replay',
							total: 1,
							failed: 0,
							status: 'running',
							left: 1,
							estimateSeconds: 0,
							createdMs: 0,
							endedMs: null,
						}
			return await call('POST', '/instances/1/replays', { failedSince: '2026-01-01T00:00:00Z' })
		},
	},
	replayText: posted('text', '/instances/1/replays', (n) => ({ filter: { text: text(n) } })),
	replayInstances: posted('instanceIds', '/replays', (n) => ({
		failedSince: '2026-01-01T00:00:00Z',
		instanceIds: list(n, (index) => index + 1),
	})),
	replayJobs: { field: 'replays', ask: replayJobs },
	time: [
		asked('from', '/instances/1/coverage'),
		asked('to', '/accounts/audit'),
		asked('from', '/instances/events'),
		posted('expiresDate', '/accounts/api-keys', (n) => ({ name: 'k', scopes: ['hub:read'], expiresDate: text(n) })),
		asked('lastEventId', '/instances/1/events/stream'),
	],
	objectId: [
		{ field: 'objectId', ask: (n) => call('DELETE', `/instances/1/events/objects/orders/${text(n)}`) },
		{ field: 'resource', ask: (n) => call('DELETE', `/instances/1/events/objects/${text(n)}/1`) },
		{ field: 'objectId', ask: (n) => call('GET', `/instances/1/objects/orders/${text(n)}/timeline`) },
	],
	retentionDays: setting('events.retention.days', (n) => n),
	scheduleSteps: setting('notification.webhook.retry.schedule', (n) => list(n, () => 1).join()),
	scheduleDays: setting('notification.webhook.retry.schedule', (n) => String(n * 86_400)),
	personName: [
		posted('firstName', '/users', (n) => ({
			email: 'x@example.com',
			firstName: text(n),
			lastName: 'Lee',
			role: 'viewer',
		})),
		posted('lastName', '/users', (n) => ({
			email: 'y@example.com',
			firstName: 'Ann',
			lastName: text(n),
			role: 'viewer',
		})),
		{ field: 'name', ask: (n) => call('PATCH', '/accounts/1', { name: text(n) }) },
		posted('name', '/accounts/api-keys', (n) => ({ name: text(n), scopes: ['hub:read'] })),
	],
	email: posted('email', '/users', (n) => ({
		email: `${text(n - 12)}@example.com`,
		firstName: 'Ann',
		lastName: 'Lee',
		role: 'viewer',
	})),
	password: [
		{
			field: 'password',
			ask: (n) => call('PUT', '/users/me/password', { current: 'the password so far', password: text(n) }),
		},
		posted('password', '/authentication/accept', (n) => ({ token: 'no such token', password: text(n) })),
	],
	signIn: [
		posted('username', '/authentication', (n) => ({ username: text(n), password: 'a password' })),
		posted('password', '/authentication', (n) => ({ username: 'somebody', password: text(n) })),
		{
			field: 'current',
			ask: (n) => call('PUT', '/users/me/password', { current: text(n), password: 'correct horse battery' }),
		},
	],
	secretGrace: [
		posted('grace', '/users/2/secrets/rotate', (grace) => ({ grace })),
		posted('grace', '/accounts/secrets/rotate', (grace) => ({ grace })),
	],
	apiKeyDays: posted('expiresDays', '/accounts/api-keys', (expiresDays) => ({
		name: 'k',
		scopes: ['hub:read'],
		expiresDays,
	})),
	scopes: posted('scopes', '/accounts/api-keys', (n) => ({ name: 'k', scopes: list(n, () => 'hub:read') })),
	linkToken: posted('token', '/authentication/accept', (n) => ({ token: text(n), password: 'correct horse battery' })),
	auditAction: asked('action', '/accounts/audit'),
	idempotencyKey: {
		field: 'Idempotency-Key',
		ask: (n) => call('POST', '/accounts/api-keys', { name: 'k', scopes: ['hub:read'] }, { 'Idempotency-Key': text(n) }),
	},
	toolHeaders: posted('headers', '/tools/verify-signature', (n) => ({
		key: 'k',
		headers: Object.fromEntries(list(n, (index) => [`h${index}`, 'x'])),
		body: '',
	})),
	toolHeaderName: posted('headers', '/tools/verify-signature', (n) => ({
		key: 'k',
		headers: { [text(n)]: 'x' },
		body: '',
	})),
	toolHeader: posted('headers.h', '/tools/verify-signature', (n) => ({ key: 'k', headers: { h: text(n) }, body: '' })),
	toolKey: posted('key', '/tools/verify-signature', (n) => ({ key: text(n), headers: {}, body: '' })),
}

describe('past each limit the answer names it and its value', () => {
	const all = getLimitRows().flatMap((row) =>
		[CASES[row.name]].flat().map((one, index) => ({ ...row, ...one, place: index + 1 })),
	)
	test.each(all)('$name: $most (place $place, $field)', async ({ name, status, field, ask }) => {
		const { value, unit } = LIMITS[name]
		const said = unit === 'bytes' ? formatLimit(name) : String(value)
		const refused = (message: unknown): boolean => {
			const parts = String(message).split('; ')
			return parts.some((part) => part.includes(field) && new RegExp(`(?<![\\d.])${said}(?![\\d.]\\d)`).test(part))
		}
		const past = await ask(value + 1)
		expect([past.status, refused(past.body.message)], past.body.message).toEqual([status, true])
		const at = await ask(value)
		expect(refused(at.body?.message), at.body?.message).toBe(false)
		expect([413, 500]).not.toContain(at.status)
	})
})
