/** What the API's tests share: a fresh database, an account, objects that note what they are asked, and the app around a simulated world. */
import { applyD1Migrations, createExecutionContext, reset, waitOnExecutionContext } from 'cloudflare:test'
import { env as cloudflareEnv } from 'cloudflare:workers'
import { createApp } from '../../../src/app.ts'
import type { Env } from '../../../src/context.ts'
import { HookKeys } from '../../../src/instances/webhook-keys.ts'
import { Rejections } from '../../../src/instances/rejections.ts'
import { Senders } from '../../../src/instances/senders.ts'
import type { SimulatedStore } from '../../store/store.ts'
import { undeclared } from '../contract/document.ts'
import type { Services } from '../../../src/instances/services.ts'
import { parseNotificationId } from '../../../src/events/ids.ts'
import type { ResendReport, SubscriptionReport } from '../../../src/rpc/delivery.ts'
import type { HookAnswer, HookDelivery, HookRejections, MetricsReport, WatcherRpc } from '../../../src/rpc/watcher.ts'
import type { EventRow, TallyBucket, TimelineReport } from '../../../src/rpc/log.ts'
import type { AttemptReport, NotificationReport } from '../../../src/rpc/notification.ts'

export const env = cloudflareEnv as unknown as Env
export const BASE = 'https://bell.example.com/elements/api-v2'

declare global {
	interface ImportMeta {
		/** Vite's; expanded when the test is built. */
		glob<T>(pattern: string, options: { query: string; import: string; eager: true }): Record<string, T>
	}
}

const files = import.meta.glob<string>('../../../migrations/*.sql', { query: '?raw', import: 'default', eager: true })

/** Empties everything and makes the tables. */
export async function freshDatabase(): Promise<void> {
	await reset()
	const migrations = Object.entries(files)
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([path, text]) => ({
			name: path.split('/').at(-1)!,
			queries: text
				.replace(/--.*$/gm, '')
				.split(';')
				.map((query) => query.trim())
				.filter((query) => query !== ''),
		}))
	await applyD1Migrations(env.DB, migrations)
}

/** What every such object counts. */
export const COUNTED: MetricsReport = {
	state: 'healthy',
	lagSeconds: 2,
	pollAgeSeconds: 30,
	seen: 7,
	delivered: 5,
	failed: 1,
	expired: 0,
	backlog: 3,
	backlogAgeSeconds: 61,
	storeRequests: 40,
}

/** An object that keeps nothing but what it was asked; each test says what it answers. */
export class FakeWatchers {
	readonly calls: string[] = []
	readonly events = new Map<number, EventRow[]>()
	/** A page of events never ends the log, and finds nothing. */
	endless = false
	/** How many characters the pages of events might hold that were asked for. */
	readonly shares: number[] = []
	/** Ids that know nothing until they are created. */
	readonly unknown = new Set<number>()
	fail: string | null = null
	/** What deliveries are answered with, and those that were taken. */
	answer: HookAnswer = 'taken'
	readonly deliveries: (HookDelivery & { instanceId: number })[] = []
	/** Refusals that an isolate handed over. */
	readonly handed = new Map<number, HookRejections>()
	/** By instance. */
	readonly notifications = new Map<number, NotificationReport[]>()
	readonly subscriptions = new Map<number, SubscriptionReport[]>()
	/** Of every notification that there is. */
	attempts: AttemptReport[] = []
	/** What a replay is answered with, and what is listed. */
	replay: ResendReport | 'too-many' = 'too-many'
	resends: ResendReport[] = []
	/** … and of one instance, which is listed then. */
	readonly replays = new Map<number, ResendReport | 'too-many'>()
	testEvent: { notificationId: number; eventId: string } | null = null
	/** By instance: counts of hours. */
	tallies: Map<number, TallyBucket[]> | 'too-many' = new Map()
	timeline: TimelineReport | null = null
	/** More was recorded than its coverage counts. */
	uncounted = false
	/** Whether its events are on, and what happens each time it is asked what followed. */
	running = true
	onAsk: (() => void) | null = null

	of(id: number): WatcherRpc {
		const note = (call: string): void => {
			this.calls.push(`${id} ${call}`)
			if (this.fail !== null && call.startsWith(this.fail)) throw new Error('the object cannot be reached')
		}
		const known = <T>(answer: T): T | 'unknown' => (this.unknown.has(id) ? 'unknown' : answer)
		const numberOf = (one: NotificationReport) => parseNotificationId(one.id)?.counter ?? 0
		const reports = () => [...(this.notifications.get(id) ?? [])].sort((a, b) => b.id - a.id)
		const rows = () => [...(this.events.get(id) ?? [])].sort((a, b) => b.sequence - a.sequence)
		return {
			create: async () => (note('create'), this.unknown.delete(id) ? 'created' : 'exists'),
			configure: async (version, options) => (note(`configure ${version}${JSON.stringify(options ?? {})}`), known('ok')),
			destroy: async () => (note('destroy'), void this.unknown.add(id)),
			wake: async () => (note('wake'), known('ok')),
			poll: async (depth) => (note(`poll ${depth}`), known({ run: 'r1', depth, state: 'queued' })),
			health: async () => (
				note('health'),
				known({
					state: 'healthy',
					since: '2026-01-01T00:00:00Z',
					reason: 'Webhooks do not exist yet: this instance is polled',
					action: '',
					resources: [],
					webhooks: null,
					callback: { url: null, state: 'none', lastStatus: null, waiting: 0 },
				})
			),
			metrics: async () => (note('metrics'), known(COUNTED)),
			poller: async () => (
				note('poller'),
				known({
					running: false,
					pending: 0,
					nextLookup: null,
					lastRun: null,
					nextRun: null,
					storeRequests: 0,
					backoffUntil: null,
					resources: [],
					runs: [],
				})
			),
			events: async ({ pageSize, before, fromMs, toMs, types, resources, objectId, statuses, text, characters }) => {
				note('events')
				if (characters !== undefined) this.shares.push(characters)
				if (this.endless) return known({ events: [], next: { number: (before ?? 1e9) - 1_000, atMs: (before ?? 1e9) - 1_000 } })
				const all = rows().filter(
					(row) =>
						(before === undefined || row.sequence < before) &&
						(fromMs === undefined || row.recordedMs >= fromMs) &&
						(toMs === undefined || row.recordedMs <= toMs) &&
						(types?.includes(row.eventType) ?? true) &&
						(resources?.includes(row.objectType) ?? true) &&
						(objectId === undefined || objectId === row.objectId) &&
						(statuses?.includes(row.status) ?? true) &&
						(text === undefined || (row.record ?? '').includes(text)),
				)
				const events = all.slice(0, pageSize).map((row): EventRow => {
					const size = row.record?.length ?? 0
					return size <= (characters ?? Infinity) ? row : { ...row, record: null, withheld: size }
				})
				const last = events.at(-1)
				return known({ events, next: all.length > pageSize ? { number: last!.sequence, atMs: last!.recordedMs } : null })
			},
			tally: async ({ fromMs, toMs, unit }) => (
				note(`tally ${unit} ${fromMs} ${toMs}`),
				known(this.tallies === 'too-many' ? this.tallies : (this.tallies.get(id) ?? []).filter(({ atMs }) => atMs <= toMs))
			),
			timeline: async (resource, objectId) => (note(`timeline ${resource} ${objectId}`), known(this.timeline)),
			eventsAfter: async (sequence, limit) => {
				note(`eventsAfter ${sequence}`)
				this.onAsk?.()
				const after = rows().filter((row) => sequence !== null && row.sequence > sequence)
				const last = rows()[0]?.sequence ?? 0
				return known({ events: after.reverse().slice(0, limit), last, running: this.running })
			},
			event: async (sequence) => (note(`event ${sequence}`), known(rows().find((row) => row.sequence === sequence) ?? null)),
			deletions: async () => (note('deletions'), known({ held: [] })),
			decide: async (decision) => (note(`decide ${decision}`), known({ decided: 3 })),
			hook: async (delivery) => {
				note(`hook ${delivery.topic}`)
				const answer = known(this.answer)
				if (answer === 'taken') this.deliveries.push({ ...delivery, instanceId: id })
				return answer
			},
			rejected: async (rejections) => (note('rejected'), this.handed.set(id, rejections), known('ok')),
			rejections: async () => (note('rejections'), known(this.handed.get(id) ?? { sinceMs: 0, counts: {}, samples: [] })),
			webhooks: async () => (
				note('webhooks'),
				known({
					webhooks: [],
					checkedAt: null,
					lastDeliveryAt: null,
					foreignSource: null,
					hintsOnly: [],
					deliveries: { taken: this.deliveries.length, disabled: 0, unknownTopic: 0 },
					repairs: [],
					degraded: null,
				})
			),
			coverage: async (fromMs, toMs) => {
				note(`coverage ${fromMs} ${toMs}`)
				const lag = { p50: null, p99: null }
				const counted = { firstByWebhook: 0, firstByPoll: 0, confirmed: 0, recovered: 0, lag: { webhook: lag, poll: lag, recovered: lag } }
				return known(this.uncounted ? 'too-many' : counted)
			},
			notifications: async (query) => {
				note(`notifications ${JSON.stringify(query)}`)
				const all = reports()
					.filter((one) => query.before === undefined || numberOf(one) < query.before)
					.filter((one) => query.toMs === undefined || one.createdMs <= query.toMs)
					.filter((one) => query.statuses?.includes(one.status) ?? true)
					.filter((one) => query.subscriptions?.includes(one.subscription ?? 0) ?? true)
					.filter((one) => query.urls?.includes(one.url ?? '') ?? true)
					.filter((one) => query.topics?.includes(one.objectType) ?? true)
				const notifications = all.slice(0, query.pageSize).map((one) => ({ ...one, body: null }))
				const last = notifications.at(-1)
				return known({ notifications, next: all.length > query.pageSize ? { number: numberOf(last!), atMs: last!.createdMs } : null })
			},
			notification: async (counter) => (note(`notification ${counter}`), known(reports().find((one) => numberOf(one) === counter) ?? null)),
			bodies: async (counters, characters) => {
				note(`bodies ${counters.join(' ')}`)
				const all = counters.map((counter) => reports().find((one) => numberOf(one) === counter)?.body ?? null)
				let left = characters
				return known(all.filter((body, index) => (left -= body?.length ?? 0) >= 0 || index === 0))
			},
			attempts: async (counter) => (
				note(`attempts ${counter}`),
				known(reports().some((one) => numberOf(one) === counter) ? this.attempts : null)
			),
			acknowledge: async (counter) => {
				note(`acknowledge ${counter}`)
				const found = reports().find((one) => numberOf(one) === counter)
				if (found !== undefined) found.acknowledged = true
				return known(found !== undefined)
			},
			subscriptions: async () => (note('subscriptions'), known(this.subscriptions.get(id) ?? [])),
			release: async (which) => (
				note(`release ${JSON.stringify(which)}`),
				known(reports().filter((one) => one.status === 'queued' && one.subscription === which.subscription).length)
			),
			replay: async (query, dryRun, job) => (
				note(`replay ${JSON.stringify(query)} ${dryRun}${job === undefined ? '' : ` ${job}`}`),
				known(this.replays.get(id) ?? this.replay)
			),
			resends: async () => {
				note('resends')
				const own = this.replays.get(id)
				return known(own === undefined || own === 'too-many' ? this.resends : [own])
			},
			cancelResend: async (resend) => (note(`cancelResend ${resend}`), known(this.resends.find((one) => one.id === resend) ?? null)),
			testEvent: async () => (note('testEvent'), known(this.testEvent)),
			publish: async (notices) => {
				note(`publish ${notices.map((one) => one.topic).join()}`)
				if (this.unknown.has(id)) return 'unknown'
				return notices.map((notice) => {
					const notification = id * 1e9 + (this.notifications.get(id)?.length ?? 0) + 1
					const report: NotificationReport = {
						id: notification,
						subscription: null,
						url: null,
						objectType: notice.topic,
						events: 1,
						status: 'dropped',
						createdMs: notice.atMs,
						updatedMs: notice.atMs,
						deliveredMs: null,
						nextTryMs: null,
						attempts: 0,
						acknowledged: false,
						notice: { severity: notice.severity, from: notice.from ?? null },
						body: `{"message":${notice.body}}`,
					}
					this.notifications.set(id, [...(this.notifications.get(id) ?? []), report])
					return { eventId: '', sequence: 0, notificationId: notification }
				})
			},
			erase: async (resource, objectId) => (note(`erase ${resource} ${objectId}`), known(2)),
			claim: async () => known({ claims: [], more: false, asks: [] }),
			park: async () => known('ok'),
			settle: async () => known({ next: [], retryAtMs: null }),
		}
	}
}

/** A simulated world: how it answers to stores' addresses, and the clock. */
export interface World {
	store: (request: Request) => Promise<Response>
	nowMs: number
	requests: string[]
	watchers: FakeWatchers
	/** Settings other than those of the tests' Worker. */
	settings: Partial<Pick<Env, 'DB' | 'PUBLIC_URL' | 'MASTER_KEYS' | 'ALLOW_PRIVATE_NETWORK'>>
	/** Verifies deliveries; a test may put its own secrets in place of the derived ones. */
	hookKeys: HookKeys
	rejections: Rejections
	senders: Senders
}

/** What a caller can do. */
export interface Client {
	world: World
	organizationSecret: string
	userSecret: string
	/** A request as it is: a store's, or a browser's. */
	send(request: Request): Promise<Response>
	/** Calls with User and Organization, unless `authorization` says otherwise (null: none). */
	call(
		method: string,
		path: string,
		body?: unknown,
		options?: { authorization?: string | null; headers?: Record<string, string> },
	): Promise<{ status: number; body: any; headers: Headers }>
}

/** Starts a world with one account. */
export async function startWorld(store: World['store'] = async () => new Response('', { status: 503 })): Promise<Client> {
	const world: World = {
		store,
		nowMs: Date.parse('2026-06-01T12:00:00Z'),
		requests: [],
		watchers: new FakeWatchers(),
		settings: {},
		hookKeys: new HookKeys(),
		rejections: new Rejections(),
		senders: new Senders(),
	}
	const app = createApp(servicesOf(world))
	const send = async (request: Request): Promise<Response> => {
		const context = createExecutionContext()
		const response = await app.fetch(request, { ...env, ...world.settings }, context)
		await waitOnExecutionContext(context)
		return response
	}
	const client: Client = {
		world,
		organizationSecret: '',
		userSecret: '',
		send,
		async call(method, path, body, options = {}) {
			const authorization =
				options.authorization === undefined ? `User ${client.userSecret}, Organization ${client.organizationSecret}` : options.authorization
			const headers = new Headers(options.headers)
			if (authorization !== null) headers.set('Authorization', authorization)
			if (body !== undefined && !headers.has('Content-Type')) headers.set('Content-Type', 'application/json')
			const url = path.startsWith('//') ? `https://bell.example.com${path.slice(1)}` : `${BASE}${path}`
			const response = await send(
				new Request(url, {
					method,
					headers,
					...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
				}),
			)
			const text = await response.text()
			let parsed: unknown = text
			try {
				parsed = text === '' ? null : JSON.parse(text)
			} catch {}
			const wrong = undeclared(method, new URL(url).pathname, response.status, response.headers.get('Content-Type'), parsed)
			if (wrong !== null) throw new Error(`The answer is not what the document declares: ${wrong}`)
			return { status: response.status, body: parsed, headers: response.headers }
		},
	}
	const setup = await client.call('POST', '//setup', {}, { authorization: 'Bearer setup-token-of-the-tests' })
	client.organizationSecret = setup.body.organizationSecret
	client.userSecret = setup.body.userSecret
	return client
}

/** The services of a world. */
export function servicesOf(world: World): Omit<Services, 'env'> {
	return {
		now: () => world.nowMs,
		wait: async (ms) => void (world.nowMs += ms),
		watcher: (id) => world.watchers.of(id),
		get hookKeys() {
			return world.hookKeys
		},
		get rejections() {
			return world.rejections
		},
		get senders() {
			return world.senders
		},
		io: {
			fetch: async (request) => {
				world.requests.push(`${request.method} ${request.url}`)
				return await world.store(request)
			},
			now: () => world.nowMs,
			userAgent: 'Shopbell/test',
			allowPrivateNetwork: true,
		},
	}
}

/** A second organization with its user, put into the tables; the answer is its authorization. */
export async function addOrganization(id: number): Promise<string> {
	const { hashSecret, newSecret } = await import('../../../src/accounts/secrets.ts')
	const [organization, user] = [newSecret(), newSecret()]
	await env.DB.batch([
		env.DB.prepare("INSERT INTO organizations (id, name, secret_hash, secret_sealed, created_ms) VALUES (?, 'Other', ?, '', 0)").bind(
			id,
			hashSecret(organization),
		),
		env.DB.prepare(
			"INSERT INTO users (id, organization_id, email, first_name, last_name, secret_hash, secret_sealed, created_ms) VALUES (?, ?, 'o@example.com', 'O', 'Ther', ?, '', 0)",
		).bind(id, id, hashSecret(user)),
	])
	return `User ${user}, Organization ${organization}`
}

/** The polling cURL's body of the documentation, verbatim but for host, secrets and store. */
export function seedBody(overrides: { configuration?: Record<string, unknown>; [key: string]: unknown } = {}): Record<string, unknown> {
	const { configuration, ...rest } = overrides
	return {
		element: { key: 'woocommercerest' },
		configuration: {
			'store.url': '<http://mycoolstore.com>',
			'oauth.api.key': 'ck_test',
			'oauth.api.secret': 'cs_test',
			'event.notification.enabled': true,
			'event.vendor.type': 'polling',
			'event.notification.callback.url': 'https://api.cloud-elements.com/elements/api-v2/events/woocommercerest/',
			'event.poller.refresh_interval': '15',
			'event.poller.configuration': {
				contacts: {
					url: '/hubs/ecommerce/customers',
					idField: 'id',
					datesConfiguration: {
						updatedDateField: 'date_modified',
						updatedDateFormat: "yyyy-MM-dd'T'HH:mm:ss'",
						createdDateField: 'date_created',
						createdDateFormat: "yyyy-MM-dd'T'HH:mm:ss'",
					},
				},
			},
			...configuration,
		},
		tags: ['Docs'],
		name: 'API Instance with Polling',
		...rest,
	}
}

/** The same for a simulated store: its address and keys, and what is wanted beside them. */
export function storeBody(
	{ url, credentials }: Pick<SimulatedStore, 'url' | 'credentials'>,
	configuration: Record<string, unknown> = {},
	rest: Record<string, unknown> = {},
): Record<string, unknown> {
	return seedBody({
		configuration: { 'store.url': url, 'oauth.api.key': credentials.key, 'oauth.api.secret': credentials.secret, ...configuration },
		...rest,
	})
}
