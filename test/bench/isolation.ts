/** Callbacks side by side: one dead, one that takes 15 s, 98 healthy, and what the first two cost the others. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import { atLeast, atMost, exactly, told, type Bench } from './bench.ts'
import { undoAll, type Undo } from './runtime.ts'
import { openHouse, receiverPath, secretFor, signed, type Caught, type House } from './webhooks-house.ts'
import { quantile } from './webhooks-load.ts'

const TOPIC = 'order.updated'
const HEALTHY = 98
/** Ids of copies begin here. */
const FIRST = 1_001
const SLOW_MS = 15_000
/** Webhooks a second, to all instances in turn. */
const PER_SECOND = 22
/** How long, s: all together; and without the dead and the slow one, once before and once after. */
const FULL = { together: 60, alone: 30 }
const QUICK = { together: 16, alone: 5 }
/** What is on its way at the end is waited for so long, s. */
const AFTER_SECONDS = 10

/** A healthy callback's first word of an event: which instance, which object. */
type Heard = Map<string, number>

export const isolation: Bench = {
	name: 'isolation',
	about: 'delay of 98 healthy callbacks beside a dead one and one that takes 15 s',
	sizes: 'once',
	run: async (context) => {
		const undo: Undo = []
		try {
			return await measure(undo, context.quick ? QUICK : FULL, (text) => context.say(text))
		} finally {
			await undoAll(undo)
		}
	},
}

async function measure(
	undo: Undo,
	{ together: togetherSeconds, alone: aloneSeconds }: typeof FULL,
	say: (text: string) => void,
): Promise<Awaited<ReturnType<Bench['run']>>> {
	const house = await openHouse(undo)
	const heard: Heard = new Map()
	const ids = Array.from({ length: HEALTHY + 2 }, (_, index) => FIRST + index)
	const [dead, slow, ...healthy] = ids as [number, number, ...number[]]
	const tries = { dead: 0, slow: 0 }
	const urls = new Map<number, string>()
	for (const id of healthy) urls.set(id, await listen(undo, listener(heard, id)))
	urls.set(
		dead,
		await listen(undo, (request) => {
			tries.dead++
			request.socket.destroy()
		}),
	)
	urls.set(
		slow,
		await listen(undo, (request, response) => {
			tries.slow++
			request.resume()
			const timer = setTimeout(() => response.end(), SLOW_MS)
			response.on('close', () => clearTimeout(timer))
		}),
	)
	say('100 instances')
	await house.copies(ids, (id) => urls.get(id)!)

	const rounds = Math.ceil(((togetherSeconds + 2 * aloneSeconds) * PER_SECOND) / HEALTHY) + 3
	const guests = house.orders.slice(0, rounds)
	if (guests.length < rounds) throw new Error(`the store has ${guests.length} of ${rounds} orders`)
	const changes = await house.caught(TOPIC, () => {
		for (const id of guests) house.store.act({ do: 'edit', resource: 'orders', id, via: 'rest' })
	})
	const load = new Load(house, changes, heard)
	say(`${aloneSeconds} s without the dead and the slow one`)
	const before = await load.run(healthy, aloneSeconds)
	say(`${togetherSeconds} s with them`)
	const together = await load.run(ids, togetherSeconds, new Set(healthy))
	const during = { ...tries }
	say(`${aloneSeconds} s without them again`)
	const after = await load.run(healthy, aloneSeconds)

	const alone = [...before.delays, ...after.delays]
	const [p99Alone, p99Together] = [quantile(alone, 0.99), quantile(together.delays, 0.99)]
	const name = 'isolation/healthy beside dead and slow'
	return [
		atMost(`${name}, latest`, null, Math.max(...together.delays), 'ms', 2_000),
		atMost(`${name}, p99`, null, p99Together / p99Alone, 'times what it is alone', 2),
		exactly(`${name}, not delivered`, null, together.missing, 'events', 0),
		atLeast('isolation/events in all', null, together.perSecond, 'a second', 20),
		told(`${name}, p50`, null, quantile(together.delays, 0.5), 'ms'),
		told(`${name}, p99`, null, p99Together, 'ms'),
		told('isolation/healthy alone, p50', null, quantile(alone, 0.5), 'ms'),
		told('isolation/healthy alone, p99', null, p99Alone, 'ms'),
		told('isolation/calls to the dead one', null, during.dead, `in ${togetherSeconds} s`),
		told('isolation/calls to the slow one', null, during.slow, `in ${togetherSeconds} s`),
	]
}

/** Webhooks to instances in turn, each of another object, and when the callbacks heard of them. */
class Load {
	readonly #house: House
	readonly #changes: readonly Caught[]
	readonly #heard: Heard
	readonly #sent = new Map<number, number>()

	constructor(house: House, changes: readonly Caught[], heard: Heard) {
		this.#house = house
		this.#changes = changes
		this.#heard = heard
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
		const count = Math.ceil(seconds * PER_SECOND)
		for (let n = 0; n < count; n++) {
			const waitMs = beganMs + (n * 1_000) / PER_SECOND - performance.now()
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
		for (const endMs = performance.now() + AFTER_SECONDS * 1_000; performance.now() < endMs;) {
			if ([...sent.keys()].every((key) => this.#heard.has(key))) break
			await new Promise((resolve) => setTimeout(resolve, 50))
		}
		const delays = [...sent].flatMap(([key, atMs]) => (this.#heard.has(key) ? [this.#heard.get(key)! - atMs] : []))
		return { delays, missing: sent.size - delays.length, perSecond }
	}

	async #send(instance: number, { headers, body }: Caught): Promise<void> {
		const signature = signed(body, secretFor(instance, TOPIC))
		const response = await fetch(this.#house.base + receiverPath(instance), {
			method: 'POST',
			headers: { ...headers, 'x-wc-webhook-signature': signature },
			body,
		})
		if (response.status !== 200) throw new Error(`a delivery was answered ${response.status}: ${await response.text()}`)
		await response.arrayBuffer()
	}
}

/** A healthy callback: it notes when it heard of an object first. */
function listener(heard: Heard, id: number): RequestListener {
	return (request, response) => {
		const atMs = performance.now()
		const parts: Buffer[] = []
		request.on('data', (part: Buffer) => parts.push(part))
		request.on('end', () => {
			response.end('{}')
			const { message } = JSON.parse(Buffer.concat(parts).toString()) as { message: { events: { objectId: string }[] } }
			for (const { objectId } of message.events) if (!heard.has(`${id} ${objectId}`)) heard.set(`${id} ${objectId}`, atMs)
		})
	}
}

/** Listens on a port of loopback of its own: an origin. */
async function listen(undo: Undo, answer: RequestListener): Promise<string> {
	const server: Server = createServer(answer)
	await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
	undo.push(() => {
		server.closeAllConnections()
		server.close()
	})
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
