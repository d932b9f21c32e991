/** Callbacks side by side: one dead, one that takes 15 s, 98 healthy, and what the first two cost the others. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import { atLeast, atMost, exactly, reported, type Bench } from './bench.ts'
import { runCleanup, type CleanupStack } from './runtime.ts'
import {
	startWebhookStack,
	receiverPath,
	secretFor,
	signBody,
	type CapturedDelivery,
	type WebhookStack,
} from './webhooks-stack.ts'
import { quantile } from './webhooks-load.ts'

const TOPIC = 'order.updated'
const HEALTHY_CALLBACKS = 98
/** Ids of copies begin here. */
const FIRST_COPY_ID = 1_001
const SLOW_MS = 15_000
/** Webhooks a second, to all instances in turn. */
const WEBHOOKS_PER_SECOND = 22
/** How long, s: all together; and without the dead and the slow one, once before and once after. */
const FULL_SECONDS = { together: 60, alone: 30 }
const QUICK_SECONDS = { together: 16, alone: 5 }
/** What is on its way at the end is waited for so long, s. */
const DRAIN_SECONDS = 10

/** A healthy callback's first word of an event: which instance, which object. */
type FirstArrivals = Map<string, number>

export const isolationBench: Bench = {
	name: 'isolation',
	about: 'delay of 98 healthy callbacks beside a dead one and one that takes 15 s',
	sizes: 'once',
	run: async (context) => {
		const undo: CleanupStack = []
		try {
			return await measure(undo, context.quick ? QUICK_SECONDS : FULL_SECONDS, (text) => context.log(text))
		} finally {
			await runCleanup(undo)
		}
	},
}

async function measure(
	undo: CleanupStack,
	{ together: togetherSeconds, alone: aloneSeconds }: typeof FULL_SECONDS,
	log: (text: string) => void,
): Promise<Awaited<ReturnType<Bench['run']>>> {
	const stack = await startWebhookStack(undo)
	const firstArrivals: FirstArrivals = new Map()
	const ids = Array.from({ length: HEALTHY_CALLBACKS + 2 }, (_, index) => FIRST_COPY_ID + index)
	const [dead, slow, ...healthy] = ids as [number, number, ...number[]]
	const tries = { dead: 0, slow: 0 }
	const urls = new Map<number, string>()
	for (const id of healthy) urls.set(id, await startServer(undo, healthyCallback(firstArrivals, id)))
	urls.set(
		dead,
		await startServer(undo, (request) => {
			tries.dead++
			request.socket.destroy()
		}),
	)
	urls.set(
		slow,
		await startServer(undo, (request, response) => {
			tries.slow++
			request.resume()
			const timer = setTimeout(() => response.end(), SLOW_MS)
			response.on('close', () => clearTimeout(timer))
		}),
	)
	log('100 instances')
	await stack.copyInstance(ids, (id) => urls.get(id)!)

	const rounds = Math.ceil(((togetherSeconds + 2 * aloneSeconds) * WEBHOOKS_PER_SECOND) / HEALTHY_CALLBACKS) + 3
	const guests = stack.guestOrderIds.slice(0, rounds)
	if (guests.length < rounds) throw new Error(`the store has ${guests.length} of ${rounds} orders`)
	const changes = await stack.captureDeliveries(TOPIC, () => {
		for (const id of guests) stack.store.act({ do: 'edit', resource: 'orders', id, via: 'rest' })
	})
	const load = new WebhookLoad(stack, changes, firstArrivals)
	log(`${aloneSeconds} s without the dead and the slow one`)
	const before = await load.run(healthy, aloneSeconds)
	log(`${togetherSeconds} s with them`)
	const together = await load.run(ids, togetherSeconds, new Set(healthy))
	const during = { ...tries }
	log(`${aloneSeconds} s without them again`)
	const after = await load.run(healthy, aloneSeconds)

	const alone = [...before.delays, ...after.delays]
	const [p99Alone, p99Together] = [quantile(alone, 0.99), quantile(together.delays, 0.99)]
	const name = 'isolation/healthy beside dead and slow'
	return [
		atMost(`${name}, latest`, null, Math.max(...together.delays), 'ms', 2_000),
		atMost(`${name}, p99`, null, p99Together / p99Alone, 'times what it is alone', 2),
		exactly(`${name}, not delivered`, null, together.missing, 'events', 0),
		atLeast('isolation/events in all', null, together.perSecond, 'a second', 20),
		reported(`${name}, p50`, null, quantile(together.delays, 0.5), 'ms'),
		reported(`${name}, p99`, null, p99Together, 'ms'),
		reported('isolation/healthy alone, p50', null, quantile(alone, 0.5), 'ms'),
		reported('isolation/healthy alone, p99', null, p99Alone, 'ms'),
		reported('isolation/calls to the dead one', null, during.dead, `in ${togetherSeconds} s`),
		reported('isolation/calls to the slow one', null, during.slow, `in ${togetherSeconds} s`),
	]
}

/** Webhooks to instances in turn, each of another object, and when the callbacks got them. */
class WebhookLoad {
	readonly #stack: WebhookStack
	readonly #changes: readonly CapturedDelivery[]
	readonly #firstArrivals: FirstArrivals
	readonly #sent = new Map<number, number>()

	constructor(stack: WebhookStack, changes: readonly CapturedDelivery[], firstArrivals: FirstArrivals) {
		this.#stack = stack
		this.#changes = changes
		this.#firstArrivals = firstArrivals
	}

	/** Delays in ms from sending a webhook, which is before anything can be due, to the call of its callback: of these instances. */
	async run(
		instances: readonly number[],
		seconds: number,
		counted: ReadonlySet<number> = new Set(instances),
	): Promise<{ delays: number[]; missing: number; perSecond: number }> {
		const sent = new Map<string, number>()
		const beganMs = performance.now()
		const answers: Promise<void>[] = []
		const count = Math.ceil(seconds * WEBHOOKS_PER_SECOND)
		for (let n = 0; n < count; n++) {
			const waitMs = beganMs + (n * 1_000) / WEBHOOKS_PER_SECOND - performance.now()
			if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
			const instance = instances[n % instances.length]!
			const turn = this.#sent.get(instance) ?? 0
			this.#sent.set(instance, turn + 1)
			const change = this.#changes[turn]
			if (change === undefined) throw new Error('there are not enough changes')
			if (counted.has(instance)) sent.set(`${instance} ${change.id}`, performance.now())
			answers.push(this.#send(instance, change))
		}
		await Promise.all(answers)
		const perSecond = (count * 1_000) / (performance.now() - beganMs)
		for (const endMs = performance.now() + DRAIN_SECONDS * 1_000; performance.now() < endMs;) {
			if ([...sent.keys()].every((key) => this.#firstArrivals.has(key))) break
			await new Promise((resolve) => setTimeout(resolve, 50))
		}
		const delays = [...sent].flatMap(([key, atMs]) =>
			this.#firstArrivals.has(key) ? [this.#firstArrivals.get(key)! - atMs] : [],
		)
		return { delays, missing: sent.size - delays.length, perSecond }
	}

	async #send(instance: number, { headers, body }: CapturedDelivery): Promise<void> {
		const signature = signBody(body, secretFor(instance, TOPIC))
		const response = await fetch(this.#stack.base + receiverPath(instance), {
			method: 'POST',
			headers: { ...headers, 'x-wc-webhook-signature': signature },
			body,
		})
		if (response.status !== 200) throw new Error(`a delivery was answered ${response.status}: ${await response.text()}`)
		await response.arrayBuffer()
	}
}

/** A healthy callback: it notes when it first got each object. */
function healthyCallback(firstArrivals: FirstArrivals, id: number): RequestListener {
	return (request, response) => {
		const atMs = performance.now()
		const parts: Buffer[] = []
		request.on('data', (part: Buffer) => parts.push(part))
		request.on('end', () => {
			response.end('{}')
			const { message } = JSON.parse(Buffer.concat(parts).toString()) as { message: { events: { objectId: string }[] } }
			for (const { objectId } of message.events)
				if (!firstArrivals.has(`${id} ${objectId}`)) firstArrivals.set(`${id} ${objectId}`, atMs)
		})
	}
}

/** Listens on a port of loopback of its own: an origin. */
async function startServer(undo: CleanupStack, answer: RequestListener): Promise<string> {
	const server: Server = createServer(answer)
	await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
	undo.push(() => {
		server.closeAllConnections()
		server.close()
	})
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
