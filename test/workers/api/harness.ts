/** What the API's tests share: a fresh database, an account, objects that note what they are asked, and the app around a simulated world. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { withIncarnation, type ObjectRef } from '../../../src/lib/incarnation.ts'
import { applyD1Migrations, createExecutionContext, reset, waitOnExecutionContext } from 'cloudflare:test'
import { env as cloudflareEnv } from 'cloudflare:workers'
import { resolveHubPath } from '../../../src/api/hub/routes.ts'
import { createApp } from '../../../src/app.ts'
import type { Env } from '../../../src/context.ts'
import { WebhookVerifier } from '../../../src/instances/webhook-verifier.ts'
import { RejectionBuffer } from '../../../src/instances/rejection-buffer.ts'
import { FailureLimiter } from '../../../src/accounts/failure-limiter.ts'
import { SenderLimiter } from '../../../src/instances/sender-limiter.ts'
import type { SimulatedStore } from '../../store/store.ts'
import { findViolation } from '../contract/document.ts'
import type { Services } from '../../../src/instances/services.ts'
import type { Resolver } from '../../../src/lib/dns.ts'
import { createGuardedFetch } from '../../../src/lib/guarded-fetch.ts'
import { parseNotificationId } from '../../../src/events/ids.ts'
import type { ResendReport, SubscriptionReport } from '../../../src/rpc/delivery.ts'
import type {
	WebhookResult,
	WebhookDelivery,
	WebhookRejections,
	HealthReport,
	HeldChanges,
	MetricsReport,
	WatcherRpc,
} from '../../../src/rpc/watcher.ts'
import type { EventReport, TallyBucket, TimelineReport } from '../../../src/rpc/log.ts'
import type { AttemptReport, NotificationReport } from '../../../src/rpc/notification.ts'

export const env = cloudflareEnv as unknown as Env
export const API_BASE = 'https://bell.example.com/elements/api-v2'

declare global {
	interface ImportMeta {
		/** Vite's; expanded when the test is built. */
		glob<T>(pattern: string, options: { query: string; import: string; eager: true }): Record<string, T>
	}
}

const migrationFiles = import.meta.glob<string>('../../../migrations/*.sql', {
	query: '?raw',
	import: 'default',
	eager: true,
})

const migrations = Object.entries(migrationFiles)
	.sort(([a], [b]) => (a < b ? -1 : 1))
	.map(([path, text]) => ({
		name: path.split('/').at(-1)!,
		queries: text
			.replace(/--.*$/gm, '')
			.split(';')
			.map((query) => query.trim())
			.filter((query) => query !== ''),
	}))

/** What the migrations leave in an empty database, as one text: several times faster than to run each of them again. */
let migrated: string | null = null

/** Empties everything and makes the tables. */
export async function resetDatabase(): Promise<void> {
	await reset()
	if (migrated === null) {
		await applyD1Migrations(env.DB, migrations)
		migrated = await dumpDatabase()
	} else await env.DB.exec(migrated)
}

async function dumpDatabase(): Promise<string> {
	const { results } = await env.DB.prepare(
		"SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'",
	).all<{ name: string; type: string; sql: string }>()
	const statements = results.map(({ sql }) => sql.replace(/--.*$/gm, '').replace(/\s+/g, ' '))
	for (const { name } of results.filter(({ type }) => type === 'table')) {
		const rows = (await env.DB.prepare(`SELECT * FROM ${name}`).all<Record<string, string | number | null>>()).results
		for (const row of rows)
			statements.push(
				`INSERT INTO ${name} (${Object.keys(row).join()}) VALUES (${Object.values(row).map(toSql).join()})`,
			)
	}
	// A line is one call of D1.
	return statements.join('; ')
}

function toSql(value: string | number | null): string {
	return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value)
}

/** The statements of a migration, to run it again on rows of an earlier version. */
export function migrationQueries(name: string): string[] {
	return migrations.find((migration) => migration.name === name)!.queries
}

/** What every such object counts. */
export const SAMPLE_METRICS: MetricsReport = {
	state: 'healthy',
	lagSeconds: 2,
	unknownLags: 4,
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
	readonly events = new Map<number, EventReport[]>()
	/** A page of events never ends the log, and finds nothing. */
	eventsNeverEnd = false
	/** How many characters the pages of events might hold that were asked for. */
	readonly requestedCharacters: number[] = []
	/** Ids that know nothing until they are created. */
	readonly unknownIds = new Set<number>()
	failingCall: string | null = null
	/** What deliveries are answered with, and those that were taken. */
	webhookAnswer: WebhookResult = 'taken'
	readonly deliveries: (WebhookDelivery & { instanceId: number })[] = []
	/** Refusals that an isolate handed over. */
	readonly reportedRejections = new Map<number, WebhookRejections>()
	/** Too much waits to be sent. */
	publishesNothing = false
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
	/** When a back-off ends, which a poll waits for; null: none is under way. */
	pollNotBefore: string | null = null
	/** By instance: counts of hours. */
	tallies: Map<number, TallyBucket[]> | 'too-many' = new Map()
	timeline: TimelineReport | null = null
	/** More was recorded than its coverage counts. */
	coverageTooLarge = false
	/** What is held until somebody decides, and what differs from a healthy instance. */
	heldDeletions: {
		resource: string
		since: string
		objects: { objectId: string; lastSeen: string | null }[]
		count: number
	}[] = []
	heldChanges: HeldChanges[] = []
	healthChanges: Partial<HealthReport> = {}
	/** Whether its events are on, and what happens each time it is asked what followed. */
	running = true
	onEventsAfter: (() => void) | null = null

	forInstance(id: number): WatcherRpc {
		const recordCall = (call: string): void => {
			this.calls.push(`${id} ${call}`)
			if (this.failingCall !== null && call.startsWith(this.failingCall))
				throw new Error('the object cannot be reached')
		}
		const ifKnown = <T>(answer: T): T | 'unknown' => (this.unknownIds.has(id) ? 'unknown' : answer)
		const toCounter = (notification: NotificationReport) => parseNotificationId(notification.id)?.counter ?? 0
		const newestNotifications = () => [...(this.notifications.get(id) ?? [])].sort((a, b) => b.id - a.id)
		const newestEvents = () => [...(this.events.get(id) ?? [])].sort((a, b) => b.sequence - a.sequence)
		return {
			backup: async () => 'unknown' as const,
			restore: async () => 'exists' as const,
			completeRestore: async () => 'exists' as const,
			create: async () => (recordCall('create'), this.unknownIds.delete(id) ? 'created' : 'exists'),
			configure: async (version, options) => (
				recordCall(`configure ${version}${JSON.stringify(options ?? {})}`),
				ifKnown('ok')
			),
			destroy: async () => (recordCall('destroy'), void this.unknownIds.add(id)),
			wake: async () => (recordCall('wake'), ifKnown('ok')),
			poll: async (depth) => (
				recordCall(`poll ${depth}`),
				ifKnown({
					run: 'r1',
					depth,
					...(this.pollNotBefore === null
						? { state: 'queued' as const }
						: { state: 'waiting' as const, notBefore: this.pollNotBefore }),
				})
			),
			health: async () => (
				recordCall('health'),
				ifKnown({
					state: 'healthy',
					since: '2026-01-01T00:00:00Z',
					reason: 'Webhooks do not exist yet: this instance is polled',
					action: '',
					resources: [],
					webhooks: null,
					callback: { url: null, state: 'none', lastStatus: null, waiting: 0 },
					...this.healthChanges,
				})
			),
			metrics: async () => (recordCall('metrics'), ifKnown(SAMPLE_METRICS)),
			poller: async () => (
				recordCall('poller'),
				ifKnown({
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
				recordCall('events')
				if (characters !== undefined) this.requestedCharacters.push(characters)
				if (this.eventsNeverEnd)
					return ifKnown({ events: [], next: { number: (before ?? 1e9) - 1_000, atMs: (before ?? 1e9) - 1_000 } })
				const all = newestEvents().filter(
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
				const events = all.slice(0, pageSize).map((row): EventReport => {
					const size = row.record?.length ?? 0
					return size <= (characters ?? Infinity) ? row : { ...row, record: null, withheld: size }
				})
				const last = events.at(-1)
				return ifKnown({
					events,
					next: all.length > pageSize ? { number: last!.sequence, atMs: last!.recordedMs } : null,
				})
			},
			tally: async ({ fromMs, toMs, unit }) => (
				recordCall(`tally ${unit} ${fromMs} ${toMs}`),
				ifKnown(
					this.tallies === 'too-many' ? this.tallies : (this.tallies.get(id) ?? []).filter(({ atMs }) => atMs <= toMs),
				)
			),
			timeline: async (resource, objectId) => (recordCall(`timeline ${resource} ${objectId}`), ifKnown(this.timeline)),
			eventsAfter: async (sequence, limit) => {
				recordCall(`eventsAfter ${sequence}`)
				this.onEventsAfter?.()
				const after = newestEvents().filter((row) => sequence !== null && row.sequence > sequence)
				const last = newestEvents()[0]?.sequence ?? 0
				return ifKnown({ events: after.reverse().slice(0, limit), last, running: this.running })
			},
			event: async (sequence) => (
				recordCall(`event ${sequence}`),
				ifKnown(newestEvents().find((row) => row.sequence === sequence) ?? null)
			),
			unchecked: async () => (
				recordCall('unchecked'),
				ifKnown({
					unchecked: [
						{ resource: 'products', since: '2026-06-01T12:00:00.000Z', fields: ['price'], count: 3, sending: false },
					],
				})
			),
			decideUnchecked: async (decision) => (recordCall(`decideUnchecked ${decision}`), ifKnown({ decided: 3 })),
			deletions: async () => (recordCall('deletions'), ifKnown({ held: this.heldDeletions })),
			decide: async (decision) => (recordCall(`decide ${decision}`), ifKnown({ decided: 3 })),
			massChanges: async () => (recordCall('massChanges'), ifKnown({ held: this.heldChanges })),
			decideMassChanges: async (decision) => (recordCall(`decideMassChanges ${decision}`), ifKnown({ decided: 60 })),
			hook: async (delivery) => {
				recordCall(`hook ${delivery.topic}`)
				const answer = ifKnown(this.webhookAnswer)
				if (answer === 'taken') this.deliveries.push({ ...delivery, instanceId: id })
				return answer
			},
			rejected: async (rejections) => (
				recordCall('rejected'),
				this.reportedRejections.set(id, rejections),
				ifKnown('ok')
			),
			rejections: async () => (
				recordCall('rejections'),
				ifKnown(this.reportedRejections.get(id) ?? { sinceMs: 0, counts: {}, samples: [] })
			),
			webhooks: async () => (
				recordCall('webhooks'),
				ifKnown({
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
				recordCall(`coverage ${fromMs} ${toMs}`)
				const lag = { p50: null, p99: null, unknown: 0 }
				const counted = {
					firstByWebhook: 0,
					firstByPoll: 0,
					confirmed: 0,
					recovered: 0,
					lag: { webhook: lag, poll: lag, recovered: lag },
				}
				return ifKnown(this.coverageTooLarge ? 'too-many' : counted)
			},
			notifications: async (query) => {
				recordCall(`notifications ${JSON.stringify(query)}`)
				const all = newestNotifications()
					.filter((notification) => query.before === undefined || toCounter(notification) < query.before)
					.filter((notification) => query.toMs === undefined || notification.createdMs <= query.toMs)
					.filter((notification) => query.statuses?.includes(notification.status) ?? true)
					.filter((notification) => query.subscriptions?.includes(notification.subscription ?? 0) ?? true)
					.filter((notification) => query.urls?.includes(notification.url ?? '') ?? true)
					.filter((notification) => query.topics?.includes(notification.objectType) ?? true)
				const notifications = all.slice(0, query.pageSize).map((notification) => ({ ...notification, body: null }))
				const last = notifications.at(-1)
				return ifKnown({
					notifications,
					next: all.length > query.pageSize ? { number: toCounter(last!), atMs: last!.createdMs } : null,
				})
			},
			notification: async (counter) => (
				recordCall(`notification ${counter}`),
				ifKnown(newestNotifications().find((notification) => toCounter(notification) === counter) ?? null)
			),
			outcomes: async (counters) => (
				recordCall(`outcomes ${counters.join(' ')}`),
				ifKnown(
					counters.map((counter) => {
						const found = newestNotifications().find((notification) => toCounter(notification) === counter)
						return found === undefined ? null : { status: found.status, last: found.last ?? null }
					}),
				)
			),
			deleteNotification: async (counter) => {
				recordCall(`deleteNotification ${counter}`)
				const found = newestNotifications().find((notification) => toCounter(notification) === counter)
				if (found === undefined) return ifKnown('missing')
				if (found.nextTryMs !== null) return ifKnown('unsettled')
				this.notifications.set(
					id,
					newestNotifications().filter((notification) => notification !== found),
				)
				return ifKnown('deleted')
			},
			bodies: async (counters, characters) => {
				recordCall(`bodies ${counters.join(' ')}`)
				const all = counters.map(
					(counter) => newestNotifications().find((notification) => toCounter(notification) === counter)?.body ?? null,
				)
				let remaining = characters
				return ifKnown(all.filter((body, index) => (remaining -= body?.length ?? 0) >= 0 || index === 0))
			},
			attempts: async (counter) => (
				recordCall(`attempts ${counter}`),
				ifKnown(
					newestNotifications().some((notification) => toCounter(notification) === counter) ? this.attempts : null,
				)
			),
			acknowledge: async (counter) => {
				recordCall(`acknowledge ${counter}`)
				const found = newestNotifications().find((notification) => toCounter(notification) === counter)
				if (found !== undefined) found.acknowledged = true
				return ifKnown(found !== undefined)
			},
			subscriptions: async () => (recordCall('subscriptions'), ifKnown(this.subscriptions.get(id) ?? [])),
			release: async (which) => (
				recordCall(`release ${JSON.stringify(which)}`),
				ifKnown(
					newestNotifications().filter(
						(notification) => notification.status === 'queued' && notification.subscription === which.subscription,
					).length,
				)
			),
			replay: async (query, dryRun, job) => (
				recordCall(`replay ${JSON.stringify(query)} ${dryRun}${job === undefined ? '' : ` ${job}`}`),
				ifKnown(this.replays.get(id) ?? this.replay)
			),
			resends: async () => {
				recordCall('resends')
				const own = this.replays.get(id)
				return ifKnown(own === undefined || own === 'too-many' ? this.resends : [own])
			},
			cancelResend: async (resend) => (
				recordCall(`cancelResend ${resend}`),
				ifKnown(this.resends.find((job) => job.id === resend) ?? null)
			),
			testEvent: async () => (recordCall('testEvent'), ifKnown(this.testEvent)),
			publish: async (notices) => {
				recordCall(`publish ${notices.map((notice) => notice.topic).join()}`)
				if (this.unknownIds.has(id)) return 'unknown'
				return (this.publishesNothing ? [] : notices).map((notice) => {
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
			erase: async (resource, objectId) => (recordCall(`erase ${resource} ${objectId}`), ifKnown(2)),
			claim: async () => ifKnown({ claims: [], more: false, asks: [] }),
			park: async () => ifKnown('ok'),
			settle: async () => ifKnown({ next: [], retryAtMs: null }),
		}
	}
}

/** A simulated world: how it answers to stores' addresses, and the clock. */
export interface ApiWorld {
	store: (request: Request) => Promise<Response>
	nowMs: number
	requests: string[]
	/** What names resolve to; without it they are not resolved. */
	resolver?: Resolver
	watchers: FakeWatchers
	/** Settings other than those of the tests' Worker. */
	settings: Partial<
		Pick<Env, 'DB' | 'ASSETS' | 'PUBLIC_URL' | 'MASTER_KEYS' | 'ALLOW_PRIVATE_NETWORK' | 'DNS_RESOLVER_URL'>
	>
	/** Verifies deliveries; a test may put its own secrets in place of the derived ones. */
	webhookKeys: WebhookVerifier
	rejections: RejectionBuffer
	senders: SenderLimiter
	failures: FailureLimiter
}

/** What a caller can do. */
export interface ApiClient {
	world: ApiWorld
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

/** The services of the world that a request is for. */
const currentServices = new AsyncLocalStorage<Omit<Services, 'env'>>()

let sharedApp: ReturnType<typeof createApp> | null = null

/** One app for all worlds, because to mount every call takes longer than most tests. It reads its services with each request. */
function getSharedApp(names: readonly string[]): ReturnType<typeof createApp> {
	const readCurrent = (name: string) => Reflect.get(currentServices.getStore()!, name) as unknown
	const getters = names.map((name) => [name, { enumerable: true, get: () => readCurrent(name) }])
	sharedApp ??= createApp(Object.defineProperties({}, Object.fromEntries(getters)))
	return sharedApp
}

/** Starts a world with one account. */
export async function startApiWorld(
	store: ApiWorld['store'] = async () => new Response('', { status: 503 }),
): Promise<ApiClient> {
	const world: ApiWorld = {
		store,
		nowMs: Date.parse('2026-06-01T12:00:00Z'),
		requests: [],
		watchers: new FakeWatchers(),
		settings: {},
		webhookKeys: new WebhookVerifier(),
		rejections: new RejectionBuffer(),
		senders: new SenderLimiter(),
		failures: new FailureLimiter(),
	}
	const services = createServices(world)
	const send = async (request: Request): Promise<Response> => {
		const context = createExecutionContext()
		const response = await currentServices.run(services, () =>
			getSharedApp(Object.keys(services)).fetch(request, { ...env, ...world.settings }, context),
		)
		await waitOnExecutionContext(context)
		return response
	}
	const client: ApiClient = {
		world,
		organizationSecret: '',
		userSecret: '',
		send,
		async call(method, path, body, options = {}) {
			const authorization =
				options.authorization === undefined
					? `User ${client.userSecret}, Organization ${client.organizationSecret}`
					: options.authorization
			const headers = new Headers(options.headers)
			if (authorization !== null) headers.set('Authorization', authorization)
			if (body !== undefined && !headers.has('Content-Type')) headers.set('Content-Type', 'application/json')
			const url = path.startsWith('//') ? `https://bell.example.com${path.slice(1)}` : `${API_BASE}${path}`
			const response = await send(
				new Request(url, {
					method,
					headers,
					...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
				}),
			)
			if (method === 'POST') await readIncarnations()
			const text = await response.text()
			let parsed: unknown = text
			try {
				parsed = text === '' ? null : JSON.parse(text)
			} catch {}
			const violation = findViolation(
				method,
				// A collection spelled with a slash is the call of its name.
				url.includes('/hubs/') ? resolveHubPath(new Request(url), () => new Set()) : new URL(url).pathname,
				response.status,
				response.headers.get('Content-Type'),
				parsed,
			)
			if (violation !== null) throw new Error(`The answer is not what the document declares: ${violation}`)
			return { status: response.status, body: parsed, headers: response.headers }
		},
	}
	const setup = await client.call('POST', '//setup', {}, { authorization: 'Bearer setup-token-of-the-tests' })
	client.organizationSecret = setup.body.organizationSecret
	client.userSecret = setup.body.userSecret
	return client
}

/** Incarnations by id, as D1 has them since the last POST. */
const incarnations = new Map<number, string>()

async function readIncarnations(): Promise<void> {
	const { results } = await env.DB.prepare('SELECT id, incarnation FROM instances').all<ObjectRef>()
	incarnations.clear()
	for (const row of results) incarnations.set(row.id, withIncarnation(row).incarnation)
}

/** An instance that the last POST or an earlier one made, or one that was put into the tables. */
export function refOf(id: number): ObjectRef {
	return { id, incarnation: incarnations.get(id) ?? String(id) }
}

/** An instance as D1 has it now. */
export async function readRef(id: number): Promise<ObjectRef> {
	await readIncarnations()
	return refOf(id)
}

/** The services of a world. */
export function createServices(world: ApiWorld): Omit<Services, 'env'> {
	return {
		now: () => world.nowMs,
		wait: async (ms) => void (world.nowMs += ms),
		watcher: ({ id }) => world.watchers.forInstance(id),
		get webhookVerifier() {
			return world.webhookKeys
		},
		get rejectionBuffer() {
			return world.rejections
		},
		get senderLimiter() {
			return world.senders
		},
		get failureLimiter() {
			return world.failures
		},
		io: {
			fetch: (request) =>
				createGuardedFetch({
					fetch: async (sent) => {
						world.requests.push(`${sent.method} ${sent.url}`)
						return await world.store(sent)
					},
					resolver: world.resolver ?? null,
					allowPrivateNetwork: world.settings.ALLOW_PRIVATE_NETWORK !== 'false',
				})(request),
			now: () => world.nowMs,
			userAgent: 'Shopbell/test',
		},
	}
}

/** A second organization with its user, put into the tables; the answer is its authorization. */
export async function addOrganization(id: number): Promise<string> {
	const { hashSecret, newSecret } = await import('../../../src/accounts/secrets.ts')
	const [organization, user] = [newSecret(), newSecret()]
	await env.DB.batch([
		env.DB.prepare(
			"INSERT INTO organizations (id, name, secret_hash, secret_sealed, created_ms) VALUES (?, 'Other', ?, '', 0)",
		).bind(id, hashSecret(organization)),
		env.DB.prepare(
			"INSERT INTO users (id, organization_id, email, first_name, last_name, secret_hash, secret_sealed, created_ms) VALUES (?, ?, 'o@example.com', 'O', 'Ther', ?, '', 0)",
		).bind(id, id, hashSecret(user)),
	])
	return `User ${user}, Organization ${organization}`
}

/** The polling cURL's body of the documentation, verbatim but for host, secrets and store. */
export function instanceBody(
	overrides: { configuration?: Record<string, unknown>; [key: string]: unknown } = {},
): Record<string, unknown> {
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
export function instanceBodyForStore(
	{ url, credentials }: Pick<SimulatedStore, 'url' | 'credentials'>,
	configuration: Record<string, unknown> = {},
	rest: Record<string, unknown> = {},
): Record<string, unknown> {
	return instanceBody({
		configuration: {
			'store.url': url,
			'oauth.api.key': credentials.key,
			'oauth.api.secret': credentials.secret,
			...configuration,
		},
		...rest,
	})
}
