/** The simulated WooCommerce store: one object with the whole HTTP surface, driven by tests or served by `main.ts`. */
import { perform } from './actions.ts'
import { Authenticator, makeKeys } from './auth.ts'
import { Courier } from './courier.ts'
import { Engine } from './engine.ts'
import { FaultBox } from './faults.ts'
import { Life } from './living.ts'
import { populate, RIVERSIDE, settle } from './populate.ts'
import { parseQuery } from './query.ts'
import type { Params } from './query.ts'
import { NO_CACHE, RestError, restHeaders } from './reply.ts'
import type { Reply } from './reply.ts'
import { serve } from './router.ts'
import type { Call } from './router.ts'
import { elsewhere } from './sites.ts'
import type {
	Action,
	Delivery,
	Fault,
	Faults,
	HandMade,
	JournalEntry,
	Key,
	LogLine,
	Rec,
	Resource,
	Site,
	StoreOptions,
	WebhookKnobs,
} from './types.ts'
import { view } from './views.ts'
import { Connect } from './wc-auth.ts'
import type { Webhook } from './webhooks.ts'

export type {
	Action,
	Change,
	Delivery,
	Fault,
	Faults,
	HandMade,
	JournalEntry,
	Key,
	LogLine,
	Origin,
	Rec,
	Resource,
	Site,
	StoreOptions,
	WebhookKnobs,
	World,
} from './types.ts'
export type { Webhook } from './webhooks.ts'

/** A store that answers requests without any network. */
export interface SimulatedStore {
	/** The site's address as given; a site of kind `https-only` or `other-host` redirects from it. */
	readonly url: string
	readonly name: string
	/** A read_write key of an administrator. */
	readonly credentials: { key: string; secret: string }
	/** `rw`, `ro`, `wo`, `manager`, `customer`, `nocustomers`. */
	readonly keys: Record<string, Key>
	/** Epoch milliseconds on the store's clock. */
	now(): number
	/** REST and `/_store`; ends with the request's signal. */
	fetch(request: Request): Promise<Response>
	/** Performs an action; returns what it journaled. */
	act(action: Action): JournalEntry[]
	/** Entries with a number above `after`. */
	journal(after?: number): JournalEntry[]
	/** Every object that exists, trashed ones too, as REST shows it. */
	state(resource: Resource): Map<number, Rec>
	/** The status of each of them by id, without the records, which take long to make. */
	statuses(resource: Resource): Map<number, string>
	/** Replaces all faults; `{}` clears. */
	setFaults(faults: Faults): void
	/** How many requests a fault that stands has met. */
	faultHits(fault: Fault): number
	/** Changes by themselves on or off. */
	setLiving(on: boolean): void
	/** Replaces what was said of webhooks before; `{}` clears. Faults with `webhooks` win over it while they stand. */
	setWebhooks(knobs: WebhookKnobs): void
	/** Makes or edits a webhook as somebody in wp-admin would; nothing is pinged. */
	makeWebhook(given: HandMade): Webhook
	/** The rows with what REST never shows: secrets, failures in a row. */
	webhooks(): Webhook[]
	/** A cron run now: sends what is queued, one after another; returns the number of requests. 0 while the queue is held. */
	runQueue(): Promise<number>
	/** When cron has something to do next, on the store's clock; null when nothing is queued, or it is held. */
	nextQueueAt(): number | null
	/** Every try to reach a receiver, with a number above `after`. */
	deliveries(after?: number): Delivery[]
	/** Cron runs by itself when something is due; a served store begins with it. */
	setCron(on: boolean): void
	/** REST requests served; requests to `/_store` never count. */
	readonly requests: number
	/** The newest requests, at most 1,000. */
	readonly log: LogLine[]
	/** Stops what runs by itself. */
	close(): void
}

const SECRET = /(consumer_secret|consumer_key|oauth_\w+)=[^&]*/g

/** Makes a store; without options Riverside Outfitters of Denver, with HPOS and WooCommerce 11.0. */
export function createStore(options: StoreOptions = {}): SimulatedStore {
	return new Store(options)
}

/** The address that a site names as its own, where that is another than the one it is asked at. */
function configured(url: string, site: StoreOptions['site']): string {
	if (site === 'https-only') return url.replace(/^http:/, 'https:')
	if (site === 'other-host') return url.replace(/^(https?:\/\/)(?:www\.)?/, '$1www.')
	return url
}

class Store implements SimulatedStore {
	readonly url: string
	readonly name: string
	readonly keys: Record<string, Key>
	readonly log: LogLine[] = []
	requests = 0
	readonly #engine: Engine
	readonly #auth: Authenticator
	readonly #faults: FaultBox
	readonly #life: Life
	readonly #courier: Courier
	readonly #connect: Connect
	readonly #options: StoreOptions

	constructor(options: StoreOptions) {
		this.#options = options
		const seed = options.seed ?? 1
		this.url = (options.url ?? 'http://127.0.0.1:4010').replace(/\/+$/, '')
		this.name = options.name ?? options.world?.name ?? 'Riverside Outfitters'
		this.#engine = new Engine({
			seed,
			orders: options.orders ?? 'hpos',
			version: options.version ?? '11.0',
			zone: options.zone ?? 'America/Denver',
			url: configured(this.url, options.site),
			prefix: options.prefix ?? (options.site === 'other-prefix' ? 'api' : 'wp-json'),
			now: options.now ?? Date.now,
			repeatedHour: options.repeatedHour ?? 'first',
		})
		if (options.world) settle(this.#engine, options.world)
		else {
			const { objects } = options
			populate(
				this.#engine,
				typeof objects === 'number'
					? { orders: objects, products: objects, coupons: objects, customers: objects }
					: { ...RIVERSIDE, ...objects },
			)
		}
		this.keys = { ...makeKeys(seed), ...options.world?.keys }
		this.#auth = new Authenticator(this.keys)
		this.#faults = new FaultBox(this.#engine, options.sleep, (action) => this.act(action))
		this.#life = new Life(this.#engine, (action) => this.act(action))
		this.#engine.webhooks.base = options.webhooks ?? {}
		this.#courier = new Courier(this.#engine, options.deliver)
		this.#connect = new Connect(this.#engine, this.#courier, this.keys)
		if (options.living) this.#life.set(true)
	}

	get credentials(): { key: string; secret: string } {
		const { key, secret } = this.keys.rw as Key
		return { key, secret }
	}

	now(): number {
		return this.#engine.now()
	}

	act(action: Action): JournalEntry[] {
		this.#engine.tick()
		const { length } = this.#engine.journal
		perform(this.#engine, action)
		return this.#engine.journal.slice(length)
	}

	journal(after = 0): JournalEntry[] {
		this.#engine.tick()
		return this.#engine.journal.slice(after)
	}

	state(resource: Resource): Map<number, Rec> {
		this.#engine.tick()
		const listed = resource === 'refunds' ? 'all' : 'own'
		return new Map(
			this.#engine.tables[resource]
				.sorted('id')
				.map((entity) => [entity.id, view(this.#engine, resource, entity, listed)]),
		)
	}

	statuses(resource: Resource): Map<number, string> {
		this.#engine.tick()
		return new Map(this.#engine.tables[resource].sorted('id').map(({ id, status }) => [id, status]))
	}

	setFaults(faults: Faults): void {
		this.#faults.set(faults)
		this.#engine.webhooks.overlay = Object.assign(
			{},
			...(Array.isArray(faults) ? faults : [faults]).map((fault) => fault.webhooks),
		) as WebhookKnobs
	}

	faultHits(fault: Fault): number {
		return this.#faults.hits(fault)
	}

	setLiving(on: boolean): void {
		this.#life.set(on)
	}

	setWebhooks(knobs: WebhookKnobs): void {
		this.#engine.webhooks.base = knobs
	}

	makeWebhook(given: HandMade): Webhook {
		return this.#engine.webhooks.byHand(given, this.keys.rw ?? null)
	}

	webhooks(): Webhook[] {
		return [...this.#engine.webhooks.rows.values()].map((row) => ({ ...row }))
	}

	runQueue(): Promise<number> {
		this.#engine.tick()
		return this.#courier.run()
	}

	nextQueueAt(): number | null {
		this.#engine.tick()
		return this.#courier.nextAt()
	}

	deliveries(after = 0): Delivery[] {
		return this.#courier.log.slice(after)
	}

	setCron(on: boolean): void {
		this.#courier.setCron(on)
	}

	close(): void {
		this.#life.set(false)
		this.#courier.setCron(false)
	}

	async fetch(request: Request): Promise<Response> {
		this.#engine.tick()
		const url = new URL(request.url)
		const base = new URL(this.url).pathname.replace(/\/$/, '')
		if (url.pathname.startsWith('/_store/') || url.pathname.startsWith(`${base}/_store/`))
			return this.#control(request, url)
		const line: LogLine = {
			number: ++this.requests,
			time: this.#engine.now(),
			method: request.method,
			path: (url.pathname + url.search).replace(SECRET, '$1=…'),
			status: 0,
		}
		if (this.log.length >= 1000) this.log.shift()
		this.log.push(line)
		const body = request.method === 'GET' || request.method === 'HEAD' ? '' : await request.text()
		const response = await this.#faults.around(
			request,
			url,
			{ site: this.#options.site ?? 'shop', keys: this.keys },
			async (site, keys, deviations) => {
				const reply = this.#answer(request, url, base, body, { site, keys, deviations })
				// At once, so that what another call saves meanwhile stays that call's.
				await this.#courier.settlePings()
				return reply
			},
		)
		line.status = response.status
		return response
	}

	#answer(
		request: Request,
		url: URL,
		base: string,
		body: string,
		{ site, keys, deviations }: { site: Site; keys: Record<string, Key> | null; deviations: readonly Fault[] },
	): Reply | Promise<Reply> {
		const engine = this.#engine
		const { prefix } = engine.settings
		const query = parseQuery(url.search.slice(1))
		const https = url.protocol === 'https:' && this.#options.announcesHttps !== false
		const method = (
			request.headers.get('x-http-method-override') ?? String(query.get('_method') ?? request.method)
		).toUpperCase()
		const inside = url.pathname === base || url.pathname.startsWith(`${base}/`) ? url.pathname.slice(base.length) : null
		const other = elsewhere({
			engine,
			name: this.name,
			site,
			url,
			inside,
			query,
			https,
			accept: request.headers.get('accept'),
		})
		const connecting =
			other?.status === 404 &&
			/^\/wc-auth\/v1\/./.test(inside ?? '') &&
			site !== 'not-wordpress' &&
			site !== 'no-woocommerce' &&
			site !== 'plain-permalinks'
		if (connecting)
			return this.#connect.answer({ method, route: (inside ?? '').slice(12), query: url.search.slice(1), body })
		if (other) return other
		const path = (inside ?? '').slice(prefix.length + 2).replace(/^\/+|\/+$/g, '')
		const headers = restHeaders(`${engine.settings.url}/${prefix}/`)
		let key: Key | null = null
		try {
			if (/^wc[/-]/.test(path)) {
				const auth = keys === null ? this.#auth : new Authenticator(keys)
				const home = new URL(engine.settings.url)
				key = auth.who({
					method: request.method,
					https,
					authorization: request.headers.get('authorization'),
					params: query,
					baseUrl: `${home.origin}${url.pathname}`,
					second: engine.second(),
				})
			}
			const given = { engine, name: this.name, method, path, query, ...bodyParams(request, body, query) }
			const call: Call = { ...given, key, https, deviations }
			const behind = Math.max(0, ...deviations.map(({ lagSeconds = 0 }) => lagSeconds))
			return behind > 0 && method === 'GET' ? engine.asOf(engine.now() - behind * 1000, () => serve(call)) : serve(call)
		} catch (error) {
			if (!(error instanceof RestError)) throw error
			const named = error.body.message.startsWith('The API key')
			return {
				status: error.status,
				headers: { ...headers, ...(!named && { vary: 'Origin' }), ...(named && NO_CACHE) },
				body: error.body,
			}
		}
	}

	async #control(request: Request, url: URL): Promise<Response> {
		const path = url.pathname.slice(url.pathname.indexOf('/_store/') + 8)
		const json = (value: unknown, status = 200): Response => Response.json(value, { status })
		try {
			if (path === 'journal' && request.method === 'GET') {
				const lines = this.journal(Number(url.searchParams.get('after') ?? 0)).map(
					(entry) => `${JSON.stringify(entry)}\n`,
				)
				return new Response(lines.join(''), { headers: { 'content-type': 'application/x-ndjson' } })
			}
			if (path.startsWith('state/') && request.method === 'GET') {
				const resource = path.slice(6) as Resource
				if (!(resource in this.#engine.tables)) return json({ error: `there is no ${resource}` }, 404)
				return json([...this.state(resource).values()])
			}
			if (path === 'act' && request.method === 'POST') {
				const given = await request.json<Action | Action[]>()
				return json((Array.isArray(given) ? given : [given]).flatMap((action) => this.act(action)))
			}
			if (path === 'faults' && request.method === 'PUT') {
				this.setFaults(await request.json<Faults>())
				return json({ ok: true })
			}
			if (path === 'living' && request.method === 'POST') {
				this.setLiving((await request.json<{ on: boolean }>()).on)
				return json({ ok: true })
			}
			if (path === 'deliveries' && request.method === 'GET')
				return json(this.deliveries(Number(url.searchParams.get('after') ?? 0)))
			if (path === 'webhooks' && request.method === 'GET') {
				return json({
					knobs: this.#engine.webhooks.knobs,
					webhooks: this.webhooks(),
					queued: this.#engine.webhooks.queue.size,
					nextQueueAt: this.nextQueueAt(),
				})
			}
			if (path === 'webhooks' && request.method === 'PUT') {
				this.setWebhooks(await request.json<WebhookKnobs>())
				return json({ ok: true })
			}
			if (path === 'webhooks' && request.method === 'POST')
				return json(this.makeWebhook(await request.json<HandMade>()))
			if (path === 'queue' && request.method === 'POST') return json({ requests: await this.runQueue() })
			if (path === 'log' && request.method === 'GET') return json({ requests: this.requests, log: this.log })
			return json({ error: 'no such control' }, 404)
		} catch (error) {
			return json({ error: error instanceof Error ? error.message : String(error) }, 400)
		}
	}
}

/** Fields of a JSON or form body, and everything together. */
function bodyParams(request: Request, text: string, query: Params): Pick<Call, 'params' | 'body'> {
	const type = request.headers.get('content-type') ?? ''
	let body: Rec = {}
	if (type.includes('application/json') && text !== '') {
		try {
			body = JSON.parse(text) as Rec
		} catch {
			throw new RestError(400, 'rest_invalid_json', 'Invalid JSON body passed.', {
				json_error_code: 4,
				json_error_message: 'Syntax error',
			})
		}
	} else if (type.includes('application/x-www-form-urlencoded')) body = Object.fromEntries(parseQuery(text))
	// A write takes parameters from the query as well, so `_method=POST` in the address of a GET is all that it needs.
	const fromQuery = [...query].filter(([name]) => !/^(_|oauth_|consumer_|rest_route$|force$)/.test(name))
	return { body: { ...Object.fromEntries(fromQuery), ...body }, params: new Map([...query, ...Object.entries(body)]) }
}
