/** What the stories of webhooks share: a world that keeps webhooks at its store, and deliveries made by hand. */
import { createHmac } from 'node:crypto'
import { woocommerce } from '../../src/elements/woocommerce/woocommerce.ts'
import { toWebhooksReport } from '../../src/watcher/queries/webhook-reports.ts'
import type { WebhooksState } from '../../src/watcher/core/state.ts'
import type { World, WorldOptions } from './world.ts'
import { HOUR_MS, liveIds, worldAfterBaseline } from './stories.ts'

/** Topics whose first deliveries are probed no more. */
const PROBED_DELIVERIES = 5

/** A world with webhooks whose baseline is complete; past the probes unless told otherwise. Reconciled every six hours, so that nothing comes by poll. */
export async function worldWithWebhooks(
	options: WorldOptions & { vendorType?: 'webhook' | 'hybrid'; probing?: true } = {},
): Promise<World> {
	const { vendorType = 'webhook', probing, ...rest } = options
	const world = await worldAfterBaseline({
		webhooks: { reconcileMs: 6 * HOUR_MS },
		...rest,
		config: { vendorType, ...rest.config },
	})
	if (probing === undefined)
		world.engine.getCore()!.commit(() => {
			for (const topic of woocommerce.webhooks!.topics) getWebhookState(world).seen[topic] = PROBED_DELIVERIES
		})
	return world
}

/** What the object knows of its webhooks. */
export function getWebhookState(world: World): WebhooksState {
	return world.engine.getCore()!.state.hooks
}

/** What `/webhooks` shows of the object. */
export function getWebhooksReport(world: World): ReturnType<typeof toWebhooksReport> {
	return toWebhooksReport(world.engine.getCore()!)
}

/** The id of our webhook for a topic at the store. */
export function ownWebhookId(world: World, topic: string): number {
	const found = getWebhookState(world).webhooks.find((webhook) => webhook.ours && webhook.topic === topic)
	if (found?.id == null) throw new Error(`no webhook for ${topic}`)
	return found.id
}

/** What may differ from a delivery as our webhook makes it. */
export interface DeliveryOverrides {
	webhookId?: number
	source?: string
	version?: number
}

/** A delivery with the right secret, as the edge gets it. Returns the answer's status. */
export async function sendDelivery(
	world: World,
	topic: string,
	payload: unknown,
	{ webhookId, source, version }: DeliveryOverrides = {},
): Promise<number> {
	const secretVersion = version ?? world.config.hooks!.version
	const body = typeof payload === 'string' ? payload : JSON.stringify(payload)
	const secret = woocommerce.webhooks!.deriveSecret(
		world.masterKeys[0]!.bytes,
		world.config.incarnation,
		topic,
		secretVersion,
	)
	const url = new URL(world.config.hooks!.deliveryUrl)
	url.searchParams.set('v', String(secretVersion))
	const known = getWebhookState(world).webhooks.some((webhook) => webhook.topic === topic)
	const request = new Request(url, {
		method: 'POST',
		headers: {
			'content-type': 'application/json',
			'x-wc-webhook-source': source ?? `${world.store.url}/`,
			'x-wc-webhook-topic': topic,
			'x-wc-webhook-signature': createHmac('sha256', secret).update(body).digest('base64'),
			'x-wc-webhook-id': String(webhookId ?? (known ? ownWebhookId(world, topic) : 9_999)),
			'x-wc-webhook-delivery-id': 'delivery',
		},
		body,
	})
	return (await world.receiveWebhook(request)).status
}

/** The store's record of an object as its API shows it now; nobody is asked. */
export function getStoreRecord(
	world: World,
	label: 'orders' | 'products' | 'coupons' | 'customers',
	id: number,
): Record<string, unknown> {
	const found = world.store.state(label).get(id)
	if (found === undefined) throw new Error(`${label} has no ${id}`)
	return structuredClone(found)
}

/** The record with other content, and a stamp so many seconds later. */
export function withLaterModified(
	record: Record<string, unknown>,
	seconds: number,
	change: Record<string, unknown>,
): Record<string, unknown> {
	const moved = (name: string): string =>
		new Date(Date.parse(`${String(record[name])}Z`) + seconds * 1000).toISOString().replace('.000Z', '')
	return { ...record, ...change, date_modified: moved('date_modified'), date_modified_gmt: moved('date_modified_gmt') }
}

/** Reads by id of one object that the store has answered, from the n-th line of its log on. */
export function countReads(world: World, path: string, from = 0): number {
	return world.store.log
		.slice(from)
		.filter((line) => line.method === 'GET' && line.path.split('?')[0]!.endsWith(`/${path}`)).length
}

/** Events as recorded: `UPDATED orders 12 webhook`. */
export function recordedEvents(world: World): string[] {
	return world.sql
		.all<{ type: string; object_type: string; object_id: number; source: string }>(
			`SELECT type, object_type, object_id, source FROM events ORDER BY sequence`,
		)
		.map((row) => `${row.type} ${row.object_type} ${row.object_id} ${row.source}`)
}

/** Nothing that the store sends arrives by itself: what arrives is sent by hand. */
export function holdDeliveries(world: World): void {
	world.store.setWebhooks({ hold: true })
}

/** Looks away from the poll for good: what is told afterwards was told by webhooks. */
export function disablePolling(world: World): void {
	world.engine.getCore()!.commit(() => {
		world.engine.getCore()!.state.nextPollMs = world.nowMs + 3_650 * 24 * HOUR_MS
		for (const rs of world.engine.getCore()!.state.resources) rs.rereadAsked = false
	})
}

/** A world whose store sends nothing by itself, and one of its orders. */
export async function worldWithHeldDeliveries(): Promise<{ world: World; id: number; from: number }> {
	const world = await worldWithWebhooks()
	holdDeliveries(world)
	return { world, id: liveIds(world, 'orders')[0]!, from: world.store.log.length }
}
