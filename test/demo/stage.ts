/** Puts the whole play on one machine: a simulated shop, Shopbell, a callback, and the instance that joins them. */
import { rmSync } from 'node:fs'
import { Client, setUp, type Account, type CreatedInstance } from '../../scripts/local/client.ts'
import { pause, startLocalWorker, ActionableError, type LocalWorker } from '../../scripts/local/local-worker.ts'
import type { HealthReport, PollerReport } from '../../src/rpc/watcher.ts'
import type { StoreObject } from '../support/oracle.ts'
import { contentHash } from '../store/content.ts'
import { serve } from '../store/serve.ts'
import { createStore, type SimulatedStore, type WebhookKnobs } from '../store/store.ts'
import { createCallbackServer, type CallbackServer } from './callback.ts'

/** The key of the callback's signatures on this stage. */
export const SIGNATURE_KEY = 'the signature key of the demo'

/** The store's collections that an instance watches by default. */
export const WATCHED_COLLECTIONS = ['orders', 'products', 'coupons', 'customers'] as const

/** Ports of the three. */
export interface StagePorts {
	shop: number
	worker: number
	callback: number
}

/** Told of each step: it runs the work and may show how it goes; `say` is asked when the work is done. */
export type StepRunner = <T>(name: string, work: Promise<T>, describe: (result: T) => string) => Promise<T>

/** How a stage is set. */
export interface StageOptions {
	/** Holds the Worker's state and logs. */
	dir: string
	seed: number
	ports: StagePorts
	/** Seconds between polls (with webhooks: those that reconcile), and between re-reads. */
	pollSeconds: number
	rereadSeconds: number
	/** The store sends webhooks, which behave like this; null: it is only polled. */
	webhooks: WebhookKnobs | null
	step: StepRunner
	signal: AbortSignal
	/** Done when everything runs and just before the instance is made: changes at the store from now on may be delivered. */
	beforeInstance?: (store: SimulatedStore) => void
}

/** A stage that is set. Times epoch ms. */
export interface DemoStage {
	readonly store: SimulatedStore
	readonly shopUrl: string
	readonly callback: CallbackServer
	readonly worker: LocalWorker
	readonly account: Account
	readonly client: Client
	readonly instance: CreatedInstance
	/** The store as it was when the instance was created. */
	readonly initialObjects: readonly StoreObject[]
	readonly t0Ms: number
	readonly baselineEndMs: number
	/** Takes it all down; nothing of it is left but its logs. */
	close(): Promise<void>
}

/** Every watched object of a store as the judge takes it. */
export function snapshotStore(store: SimulatedStore): StoreObject[] {
	return WATCHED_COLLECTIONS.flatMap((resource) =>
		[...store.state(resource)].map(([id, record]) => ({
			resource,
			id,
			hash: contentHash(record),
			status: typeof record['status'] === 'string' ? record['status'] : null,
		})),
	)
}

/** Sets the stage. Throws Trouble, or the signal's reason; what was begun is taken down. */
export async function createStage(options: StageOptions): Promise<DemoStage> {
	const { dir, seed, ports, step, signal } = options
	const undo: (() => Promise<void>)[] = []
	const close = async (): Promise<void> => void (await Promise.allSettled(undo.splice(0).map((undoStep) => undoStep())))
	try {
		// WordPress sends nothing to loopback by itself.
		const webhooks = options.webhooks === null ? {} : { webhooks: { ...options.webhooks, allowLocalDelivery: true } }
		const store = createStore({ seed, url: `http://127.0.0.1:${ports.shop}`, ...webhooks })
		undo.push(async () => store.close())
		const served = await step(
			'shop',
			serve(store, { port: ports.shop }),
			({ url }) => `${url}  ${store.name}, Denver:\n${describeShop(store)}`,
		)
		undo.push(async () => await served.close())

		// The port is asked for again at every start, so a second run may have taken it meanwhile: the Worker says so itself.
		rmSync(dir, { recursive: true, force: true })
		const starting = startLocalWorker({
			dir,
			port: ports.worker,
			signal,
			vars: { POLL_FLOOR_SECONDS: String(options.pollSeconds) },
		})
		undo.push(async () => await (await starting).stop())
		const worker = await step(
			'shopbell',
			starting,
			({ url }) => `${url}  D1, Durable Objects and Queues run locally;\nnothing leaves this machine`,
		)

		const callback = createCallbackServer({ key: SIGNATURE_KEY, port: ports.callback })
		await step('callback', callback.listen(), () => `http://127.0.0.1:${ports.callback}  verifies every signature`)
		undo.push(async () => await callback.close())

		const account = await setUp(worker.url, worker.setupToken, {
			organizationName: 'The demo',
			email: 'demo@example.com',
			firstName: 'Demo',
			lastName: 'User',
		})
		if (account === null)
			throw new ActionableError('The Worker of this run was set up by another process: run the demo again.')
		const client = new Client(worker.url, account)

		options.beforeInstance?.(store)
		const initialObjects = snapshotStore(store)
		const t0Ms = store.now()
		const connected = await step(
			'instance',
			connectInstance(options, client, store, served.url, callback.url),
			({ instance, tookMs, objects }) =>
				`${instance.id} ${describeSource(options, store)} every ${options.pollSeconds} s; ${objects.toLocaleString('en-US')} objects indexed in ${(tookMs / 1000).toFixed(1)} s`,
		)
		return {
			store,
			shopUrl: served.url,
			callback,
			worker,
			account,
			client,
			instance: connected.instance,
			initialObjects,
			t0Ms,
			baselineEndMs: store.now(),
			close,
		}
	} catch (error) {
		await close()
		throw error
	}
}

/** How an instance sees changes, in words before `every 3 s`. */
function describeSource({ webhooks }: StageOptions, store: SimulatedStore): string {
	const active = store.webhooks().filter(({ status }) => status === 'active').length
	return webhooks === null ? 'polls' : `has ${active} webhooks, reconciles`
}

/** Makes the instance and waits until its baseline is complete. */
async function connectInstance(
	options: StageOptions,
	client: Client,
	store: SimulatedStore,
	shopUrl: string,
	callbackUrl: string,
): Promise<{ instance: CreatedInstance; tookMs: number; objects: number }> {
	const beganMs = Date.now()
	const instance = await client.connect(store.name, {
		'store.url': shopUrl,
		'oauth.api.key': store.credentials.key,
		'oauth.api.secret': store.credentials.secret,
		'event.notification.enabled': true,
		'event.vendor.type': options.webhooks === null ? 'polling' : 'webhook',
		'event.notification.callback.url': callbackUrl,
		'event.notification.signature.key': SIGNATURE_KEY,
		[options.webhooks === null ? 'event.poller.refresh_interval' : 'event.reconcile.interval']:
			options.pollSeconds / 60,
		'event.poller.reread': options.rereadSeconds / 3_600,
	})
	for (;;) {
		options.signal.throwIfAborted()
		const { resources } = await client.poller(instance.id)
		if (resources.length > 0 && resources.every(({ baseline }) => baseline.complete)) {
			return { instance, tookMs: Date.now() - beganMs, objects: resources.reduce((sum, { known }) => sum + known, 0) }
		}
		await pause(100)
	}
}

/** Whether everything that happened at the store is delivered: nothing under way, nothing to be looked at again, nothing undelivered. */
export function isQuiet(poller: PollerReport, health: HealthReport): boolean {
	return (
		!poller.running &&
		poller.pending === 0 &&
		poller.backoffUntil === null &&
		poller.resources.every(({ reread, baseline }) => baseline.complete && !reread.running) &&
		health.callback.waiting === 0
	)
}

/**
 * Waits until the store's last state must be delivered: the store stands still, everything is read again, and a whole poll follows. False
 * when it is not quiet by `untilMs`. `now`: the Worker's clock where that is another one.
 */
export async function waitUntilQuiet(
	{ client, instance }: { client: Client; instance: Pick<CreatedInstance, 'id'> },
	untilMs: number,
	signal?: AbortSignal,
	now: () => number = Date.now,
): Promise<boolean> {
	const askedMs = now()
	await client.poll(instance.id, 'reread')
	let quietMs: number | null = null
	while (now() < untilMs) {
		signal?.throwIfAborted()
		const [poller, health] = await Promise.all([client.poller(instance.id), client.health(instance.id)])
		const reread = poller.resources.every(({ reread: { last } }) => last !== null && Date.parse(last) >= askedMs)
		const lastRunMs = poller.lastRun === null ? 0 : Date.parse(poller.lastRun)
		if (reread && isQuiet(poller, health)) {
			// One whole poll that began when it was quiet.
			if (quietMs !== null && lastRunMs > quietMs) return true
			quietMs ??= now()
		} else if (health.callback.waiting > 0 || poller.pending > 0) quietMs = null
		await pause(200)
	}
	return false
}

/** `320 products, 210 customers, 40 coupons, 480 orders`; the shop's own people are users too, but no customers. */
function describeShop(store: SimulatedStore): string {
	const customers = [...store.state('customers').values()].filter((customer) => customer['role'] === 'customer').length
	return `${store.state('products').size} products, ${customers} customers, ${store.state('coupons').size} coupons, ${store.state('orders').size} orders`
}
