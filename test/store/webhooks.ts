/** The store's webhooks: their rows, their management by REST (docs/woocommerce.md §6), and what they put into the queue. */
import { badParameter, notOneOf } from './arguments.ts'
import type { Engine } from './engine.ts'
import type { OtherPage } from './others.ts'
import type { Params } from './query.ts'
import { Random } from './random.ts'
import { RestError } from './reply.ts'
import type { HandMade, Key, Rec, Version, WebhookKnobs } from './types.ts'
import { iso } from './zone.ts'

/** A webhook as the database keeps it. */
export interface Webhook {
	id: number
	name: string
	status: 'active' | 'paused' | 'disabled'
	/** Empty for a topic in wrong case: a dead row. */
	topic: string
	url: string
	secret: string
	/** Which REST version makes the payloads. */
	apiVersion: 1 | 2 | 3
	/** Whose rights make the payloads. */
	owner: Key | null
	/** UTC seconds. */
	created: number
	modified: number | null
	/** Failures in a row. */
	failures: number
	/** Its address has not answered a ping with 200 yet. */
	unproven: boolean
}

/** A delivery that waits for cron. */
export interface Queued {
	webhook: Webhook
	/** The object's id, as the hook passed it. */
	id: number
	/** Epoch milliseconds: of the event, of the cron run that takes it. */
	queuedAt: number
	due: number
	/** Set for bytes that are sent again as they were. */
	replay?: { headers: Record<string, string>; body: string; deliveryId: string }
	/** It has waited for `lateEvery` already. */
	late?: boolean
}

const STATUSES = ['active', 'paused', 'disabled']
const ITEM = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** The hooks of WordPress and WooCommerce behind each topic. */
const HOOKS: Record<string, string[]> = {
	'coupon.created': ['woocommerce_process_shop_coupon_meta', 'woocommerce_new_coupon'],
	'coupon.updated': ['woocommerce_process_shop_coupon_meta', 'woocommerce_update_coupon'],
	'coupon.deleted': ['wp_trash_post'],
	'coupon.restored': ['untrashed_post'],
	'customer.created': ['user_register', 'woocommerce_created_customer', 'woocommerce_new_customer'],
	'customer.updated': ['profile_update', 'woocommerce_update_customer'],
	'customer.deleted': ['delete_user'],
	'order.created': ['woocommerce_new_order'],
	'order.updated': ['woocommerce_update_order', 'woocommerce_order_refunded'],
	'order.deleted': ['wp_trash_post', 'woocommerce_trash_order'],
	'order.restored': ['untrashed_post', 'woocommerce_untrash_order'],
	'product.created': [
		'woocommerce_process_product_meta',
		'woocommerce_new_product',
		'woocommerce_new_product_variation',
	],
	'product.updated': [
		'woocommerce_process_product_meta',
		'woocommerce_update_product',
		'woocommerce_update_product_variation',
	],
	'product.deleted': ['wp_trash_post'],
	'product.restored': ['untrashed_post'],
	'product.published': ['woocommerce_product_published'],
}

/** Whether a topic may be subscribed to; case does not count here. */
export function validTopic(topic: string, version: Version): boolean {
	const lower = topic.toLowerCase()
	if (lower === 'product.published' && version !== '11.0') return false
	return lower in HOOKS || /^action\.(woocommerce|wc)_/.test(lower)
}

function validUrl(url: string): boolean {
	return /^https?:\/\//i.test(url) && URL.canParse(url)
}

function hour12(second: number): string {
	const at = new Date(second * 1000)
	const hour = at.getUTCHours()
	const two = (number: number): string => String(number).padStart(2, '0')
	const month = at.toLocaleString('en-US', { month: 'short', timeZone: 'UTC' })
	return `${month} ${two(at.getUTCDate())}, ${at.getUTCFullYear()} @ ${two(hour % 12 || 12)}:${two(at.getUTCMinutes())} ${hour < 12 ? 'AM' : 'PM'}`
}

/** All webhooks of a store with the queue of their deliveries. */
export class Webhooks {
	readonly #engine: Engine
	readonly rows = new Map<number, Webhook>()
	/** In the order of the events. */
	readonly queue = new Set<Queued>()
	/** Which webhook tells of which object already. */
	readonly #waiting = new Set<string>()
	/** When the next cron run was to be; epoch milliseconds. */
	#run = 0
	/** Webhooks whose address is to be pinged before the call that saved them returns. */
	readonly pings = new Set<Webhook>()
	/** What was set for good, and what stands while a fault does. */
	base: WebhookKnobs = {}
	overlay: WebhookKnobs = {}
	#next = 1
	#random: Random | null = null

	constructor(engine: Engine) {
		this.#engine = engine
	}

	get knobs(): WebhookKnobs {
		return { ...this.base, ...this.overlay }
	}

	/** Queues a delivery for every active webhook of the topic; what is queued already is not queued again (7.3). */
	fire(topic: string, id: number): void {
		for (const webhook of this.rows.values()) {
			if (webhook.topic !== topic || webhook.status !== 'active') continue
			const place = `${webhook.id} ${id}`
			if (this.#waiting.has(place)) continue
			this.#waiting.add(place)
			const now = this.#engine.now()
			this.queue.add({ webhook, id, queuedAt: now, due: this.#cron(now) })
		}
	}

	/** Takes a delivery out of the queue. */
	take(queued: Queued): void {
		this.queue.delete(queued)
		if (!queued.replay) this.#waiting.delete(`${queued.webhook.id} ${queued.id}`)
	}

	/** Queues what waits on its own: late and replayed deliveries. */
	hold(queued: Queued): void {
		if (!queued.replay) this.#waiting.add(`${queued.webhook.id} ${queued.id}`)
		this.queue.add(queued)
	}

	/** A cron run begins; what comes from now on waits for the next. */
	ran(): void {
		this.#run = 0
	}

	/** When cron takes what is queued now: together with what waits already. */
	#cron(now: number): number {
		if (this.#run >= now) return this.#run
		const { delaySeconds: delay = 1 } = this.knobs
		this.#run = now + (typeof delay === 'number' ? delay * 1000 : this.#chance().int(delay[0] * 1000, delay[1] * 1000))
		return this.#run
	}

	/** A generator apart from the shop's, so that webhooks change nothing of what happens there. */
	#chance(): Random {
		this.#random ??= new Random(this.#engine.settings.seed, 77)
		return this.#random
	}

	/** The same in some other order. */
	shuffled<T>(list: readonly T[]): T[] {
		const shuffled = [...list]
		for (let i = shuffled.length - 1; i > 0; i--) {
			const j = this.#chance().int(0, i)
			;[shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T]
		}
		return shuffled
	}

	/** Makes or edits a webhook as wp-admin would, without a ping. */
	byHand(given: HandMade, owner: Key | null): Webhook {
		const known = given.id === undefined ? undefined : this.rows.get(given.id)
		const webhook =
			known ?? this.#insert({ topic: given.topic ?? 'order.updated', delivery_url: given.delivery_url ?? '' }, owner)
		webhook.unproven = false
		Object.assign(webhook, {
			...(given.name !== undefined && { name: given.name }),
			...(given.status && { status: given.status }),
			...(given.topic !== undefined && { topic: given.topic }),
			...(given.delivery_url !== undefined && { url: given.delivery_url }),
			...(given.secret !== undefined && { secret: given.secret }),
			...(given.api_version && { apiVersion: given.api_version }),
		})
		if (known) this.saved(known)
		this.pings.delete(webhook)
		return webhook
	}

	#insert(body: Rec, owner: Key | null): Webhook {
		const second = this.#engine.second()
		const topic = String(body.topic)
		const webhook: Webhook = {
			id: this.#next++,
			name: body.name ? String(body.name) : `Webhook created on ${hour12(second)}`,
			status: 'active',
			topic: topic === topic.toLowerCase() ? topic : '',
			url: String(body.delivery_url),
			secret: body.secret ? String(body.secret) : `unsaid-${this.#next}`,
			apiVersion: 3,
			owner,
			created: second,
			modified: null,
			failures: 0,
			unproven: true,
		}
		this.rows.set(webhook.id, webhook)
		this.pings.add(webhook)
		return webhook
	}

	/** What every save does: the stamp moves, and an address that is unproven is pinged (6.4). */
	saved(webhook: Webhook): void {
		webhook.modified = this.#engine.second()
		if (webhook.unproven) this.pings.add(webhook)
	}

	/** POST to the collection. */
	create(body: Rec, owner: Key | null): Rec {
		const lacking = ['topic', 'delivery_url'].filter((name) => body[name] === undefined)
		if (lacking.length > 0)
			throw new RestError(400, 'rest_missing_callback_param', `Missing parameter(s): ${lacking.join(', ')}`, {
				params: lacking,
			})
		this.#check(body)
		return this.#view(this.#insert(body, owner))
	}

	/** PUT, PATCH or POST to a webhook. */
	update(id: number, body: Rec): Rec {
		const webhook = this.rows.get(id)
		if (!webhook) throw new RestError(400, 'woocommerce_rest_shop_webhook_invalid_id', 'ID is invalid.')
		this.#check(body)
		if (body.status !== undefined) webhook.status = body.status as Webhook['status']
		if (body.topic !== undefined) webhook.topic = body.topic === String(body.topic).toLowerCase() ? body.topic : ''
		if (body.delivery_url !== undefined && body.delivery_url !== webhook.url) {
			webhook.url = String(body.delivery_url)
			webhook.unproven = true
		}
		if (body.secret !== undefined) webhook.secret = String(body.secret)
		if (body.name !== undefined) webhook.name = String(body.name)
		this.saved(webhook)
		return this.#view(webhook)
	}

	/** DELETE of a webhook; what it has queued never leaves. */
	remove(id: number): Rec {
		const webhook = this.rows.get(id)
		if (!webhook) throw new RestError(404, 'woocommerce_rest_shop_webhook_invalid_id', 'Invalid ID.')
		const before = this.#view(webhook)
		this.rows.delete(id)
		this.pings.delete(webhook)
		for (const queued of [...this.queue]) if (queued.webhook === webhook) this.take(queued)
		return before
	}

	#check(body: Rec): void {
		if (body.status !== undefined && !STATUSES.includes(body.status)) throw notOneOf('status', STATUSES)
		if (body.delivery_url !== undefined && typeof body.delivery_url !== 'string') {
			throw badParameter('delivery_url', 'rest_invalid_type', 'delivery_url is not of type string.')
		}
		if (body.topic !== undefined && !validTopic(String(body.topic), this.#engine.settings.version)) {
			throw new RestError(
				400,
				'woocommerce_rest_shop_webhook_invalid_topic',
				'Webhook topic is required and must be valid.',
			)
		}
		if (body.delivery_url !== undefined && !validUrl(body.delivery_url)) {
			throw new RestError(
				400,
				'woocommerce_rest_shop_webhook_invalid_delivery_url',
				'Webhook delivery URL must be a valid URL starting with http:// or https://.',
			)
		}
	}

	/** GET of a webhook. */
	show(id: number): Rec {
		const webhook = this.rows.get(id)
		// docs/woocommerce.md 2.6
		const status = this.#engine.settings.version === '11.0' ? 404 : 400
		if (!webhook) throw new RestError(status, 'woocommerce_rest_shop_webhook_invalid_id', 'ID is invalid.')
		return this.#view(webhook)
	}

	/** GET of the collection. */
	list(params: Params): OtherPage {
		const perPage = Number(params.get('per_page') ?? 10)
		const page = Number(params.get('page') ?? 1)
		const status = String(params.get('status') ?? 'all')
		const search = String(params.get('search') ?? '').toLowerCase()
		const ids = (name: string): number[] =>
			String(params.get(name) ?? '')
				.split(',')
				.filter(Boolean)
				.map(Number)
		const [include, exclude] = [ids('include'), ids('exclude')]
		const found = [...this.rows.values()].filter(
			(row) =>
				(status === 'all' || row.status === status) &&
				row.name.toLowerCase().includes(search) &&
				(include.length === 0 || include.includes(row.id)) &&
				!exclude.includes(row.id),
		)
		const by = (row: Webhook): number | string =>
			params.get('orderby') === 'id' ? row.id : params.get('orderby') === 'title' ? row.name : row.created
		found.sort((a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : a.id - b.id))
		if (params.get('order') !== 'asc') found.reverse()
		const offset = params.has('offset') ? Number(params.get('offset')) : (page - 1) * perPage
		// Nothing is 0 pages, and 1 page of one row.
		const pages = found.length === 0 && perPage === 1 ? 1 : Math.ceil(found.length / perPage)
		return {
			rows: found.slice(offset, offset + perPage).map((row) => this.#view(row)),
			total: found.length,
			pages,
			page,
			perPage,
		}
	}

	#view(row: Webhook): Rec {
		const { api, zone } = this.#engine
		const [resource = '', event = ''] =
			row.topic === '' ? [] : [row.topic.slice(0, row.topic.indexOf('.')), row.topic.slice(row.topic.indexOf('.') + 1)]
		return {
			id: row.id,
			name: row.name,
			status: row.status,
			topic: row.topic,
			resource,
			event,
			hooks: row.topic === '' ? [] : (HOOKS[row.topic] ?? [event]),
			delivery_url: row.url,
			date_created: iso(zone.toLocal(row.created)),
			date_created_gmt: iso(row.created),
			date_modified: row.modified === null ? null : iso(zone.toLocal(row.modified)),
			date_modified_gmt: row.modified === null ? null : iso(row.modified),
			_links: {
				self: [{ href: `${api}/webhooks/${row.id}`, targetHints: { allow: ITEM } }],
				collection: [{ href: `${api}/webhooks` }],
			},
		}
	}
}
