/** What the stories of webhooks share: a world that keeps webhooks at its store, and deliveries made by hand. */
import { createHmac } from 'node:crypto'
import { woocommerce } from '../../../../src/elements/woocommerce/woocommerce.ts'
import { webhooksOf } from '../../../../src/watcher/queries/webhook-reports.ts'
import type { HooksState } from '../../../../src/watcher/core/state.ts'
import type { World, WorldOptions } from '../../../support/world.ts'
import { HOUR, ids, learned } from './tell.ts'

/** Topics whose first deliveries are probed no more. */
const PROBED = 5

/** A world with webhooks whose baseline is complete; past the probes unless told otherwise. Reconciled every six hours, so that nothing comes by poll. */
export async function hooked(options: WorldOptions & { vendorType?: 'webhook' | 'hybrid'; probing?: true } = {}): Promise<World> {
	const { vendorType = 'webhook', probing, ...rest } = options
	const world = await learned({ hooks: { reconcileMs: 6 * HOUR }, ...rest, config: { vendorType, ...rest.config } })
	if (probing === undefined)
		world.engine.core()!.commit(() => {
			for (const topic of woocommerce.hooks!.topics) hooksState(world).seen[topic] = PROBED
		})
	return world
}

/** What the object knows of its webhooks. */
export function hooksState(world: World): HooksState {
	return world.engine.core()!.state.hooks
}

/** What `/webhooks` shows of the object. */
export function shown(world: World): ReturnType<typeof webhooksOf> {
	return webhooksOf(world.engine.core()!)
}

/** The id of our webhook for a topic at the store. */
export function ourHook(world: World, topic: string): number {
	const found = hooksState(world).webhooks.find((one) => one.ours && one.topic === topic)
	if (found?.id == null) throw new Error(`no webhook for ${topic}`)
	return found.id
}

/** What may differ from a delivery as our webhook makes it. */
export interface Sent {
	webhookId?: number
	source?: string
	version?: number
}

/** A delivery with the right secret, as the edge gets it. Returns the answer's status. */
export async function send(world: World, topic: string, payload: unknown, { webhookId, source, version }: Sent = {}): Promise<number> {
	const used = version ?? world.config.hooks!.version
	const body = typeof payload === 'string' ? payload : JSON.stringify(payload)
	const secret = woocommerce.hooks!.secretOf(world.masterKeys[0]!.bytes, world.config.instanceId, topic, used)
	const url = new URL(world.config.hooks!.deliveryUrl)
	url.searchParams.set('v', String(used))
	const known = hooksState(world).webhooks.some((one) => one.topic === topic)
	const request = new Request(url, {
		method: 'POST',
		headers: {
			'content-type': 'application/json',
			'x-wc-webhook-source': source ?? `${world.store.url}/`,
			'x-wc-webhook-topic': topic,
			'x-wc-webhook-signature': createHmac('sha256', secret).update(body).digest('base64'),
			'x-wc-webhook-id': String(webhookId ?? (known ? ourHook(world, topic) : 9_999)),
			'x-wc-webhook-delivery-id': 'delivery',
		},
		body,
	})
	return (await world.receive(request)).status
}

/** The store's record of an object as its API shows it now; nobody is asked. */
export function recordOf(world: World, label: 'orders' | 'products' | 'coupons' | 'customers', id: number): Record<string, unknown> {
	const found = world.store.state(label).get(id)
	if (found === undefined) throw new Error(`${label} has no ${id}`)
	return structuredClone(found)
}

/** The record with other content, and a stamp so many seconds later. */
export function later(record: Record<string, unknown>, seconds: number, change: Record<string, unknown>): Record<string, unknown> {
	const moved = (name: string): string =>
		new Date(Date.parse(`${String(record[name])}Z`) + seconds * 1000).toISOString().replace('.000Z', '')
	return { ...record, ...change, date_modified: moved('date_modified'), date_modified_gmt: moved('date_modified_gmt') }
}

/** Reads by id of one object that the store has answered, from the n-th line of its log on. */
export function readsOf(world: World, path: string, from = 0): number {
	return world.store.log.slice(from).filter((line) => line.method === 'GET' && line.path.split('?')[0]!.endsWith(`/${path}`)).length
}

/** Events as recorded: `UPDATED orders 12 webhook`. */
export function logged(world: World): string[] {
	return world.sql
		.all<{ type: string; object_type: string; object_id: number; source: string }>(
			`SELECT type, object_type, object_id, source FROM events ORDER BY sequence`,
		)
		.map((one) => `${one.type} ${one.object_type} ${one.object_id} ${one.source}`)
}

/** Nothing that the store sends arrives by itself: what arrives is sent by hand. */
export function silent(world: World): void {
	world.store.setWebhooks({ hold: true })
}

/** Looks away from the poll for good: what is told afterwards was told by webhooks. */
export function neverPolls(world: World): void {
	world.engine.core()!.commit(() => {
		world.engine.core()!.state.nextPollMs = world.nowMs + 3_650 * 24 * HOUR
		for (const rs of world.engine.core()!.state.resources) rs.rereadAsked = false
	})
}

/** A world whose store sends nothing by itself, and one of its orders. */
export async function byHand(): Promise<{ world: World; id: number; from: number }> {
	const world = await hooked()
	silent(world)
	return { world, id: ids(world, 'orders')[0]!, from: world.store.log.length }
}
