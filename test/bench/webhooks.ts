/** What webhooks cost: taking and refusing them against bare Workers, from a delivery to the callback, and the rows until it is answered. */
import { performance } from 'node:perf_hooks'
import { atLeast, atMost, told, type Bench, type Context, type Row } from './bench.ts'
import { run, SETUP_TOKEN, undoAll, type Undo } from './runtime.ts'
import { listen, openHouse, receiverPath, secretFor, signed, type Caught, type House } from './webhooks-house.ts'
import { inTurns, quantile, ROUNDS, spreadOf, Target, type Prepared, type Spread, type Turns } from './webhooks-load.ts'

const TOPIC = 'order.updated'
/** Requests of one Worker in one round. */
const REQUESTS = 500
/** Rings of one Worker in one round. */
const RINGS = 12
const CREATED = 40
const TRIALS = 10
/** Between two rings, so that the first one's settling is no part of the second. */
const IDLE_MS = 40
/** Ids of instances that are copies. */
const COPIES = 1_000

/** Runs a bench and undoes what it began. */
function undoing(bench: (undo: Undo, context: Context) => Promise<Row[]>): Bench['run'] {
	return async (context) => {
		const undo: Undo = []
		try {
			return await bench(undo, context)
		} finally {
			await undoAll(undo)
		}
	}
}

/** Webhooks accepted and committed, 32 connections, one instance and a hundred. */
export const ingest: Bench = {
	name: 'ingest',
	about: 'webhooks taken a second, one instance and 100, against a bare Worker with a row in SQLite',
	sizes: 'once',
	run: undoing(async (undo, context) => {
		const house = await openHouse(undo)
		const floor = await run('floor/ingest.ts', undo, true)
		const caught = await house.caught(TOPIC, () => {
			for (const id of house.orders) house.store.act({ do: 'edit', resource: 'orders', id, via: 'rest' })
		})
		const makes = caught.map(restamping)
		const rows: Row[] = []
		for (const instances of [1, 100]) {
			const ids = Array.from({ length: instances }, (_, index) => COPIES * instances + index)
			await house.copies(ids)
			const [a, b] = targets(undo, floor.base, house.base)
			let turn = 0
			// Every order's stamps rise from turn to turn, whichever instance is told.
			const bodies = (): { id: number; delivery: Caught; body: string }[] => {
				turn++
				return Array.from({ length: REQUESTS }, (_, index) => {
					const order = Math.floor(index / instances) % makes.length
					const step = turn * REQUESTS + Math.floor(index / instances / makes.length)
					return { id: ids[index % instances] ?? 0, delivery: caught[order]!, body: makes[order]!(step) }
				})
			}
			let given = bodies()
			let taken = 0
			const before = await sum(house, ids)
			const result = await inTurns(
				() => {
					given = bodies()
					return a.load(
						given.map(({ id, delivery, body }) => prepared(`/${id}`, delivery, body, SETUP_TOKEN)),
						200,
					)
				},
				() => {
					taken += given.length
					return b.load(
						given.map(({ id, delivery, body }) => prepared(receiverPath(id), delivery, body, secretFor(id, TOPIC))),
						200,
					)
				},
				() =>
					a.load(
						given.map(({ delivery, body }) => prepared('/nothing', delivery, body, SETUP_TOKEN)),
						200,
					),
			)
			const rung = (await sum(house, ids)) - before
			// One in a hundred is read instead; everything else must have been believed.
			if (rung < taken * 0.985) throw new Error(`${taken} deliveries were taken and ${rung} rang`)
			rows.push(...held(`ingest/${instances === 1 ? 'one instance' : `${instances} instances`}`, result, 0.6))
			context.say(`${rung} of ${taken} deliveries rang`)
		}
		return rows
	}),
}

/** Deliveries that nobody signed. */
export const forged: Bench = {
	name: 'forged',
	about: 'forged webhooks refused a second, against a bare Worker that only verifies',
	sizes: 'once',
	run: undoing(async (undo) => {
		const house = await openHouse(undo)
		const floor = await run('floor/verify.ts', undo, true)
		const [a, b] = targets(undo, floor.base, house.base)
		const [delivery] = await house.caught(TOPIC, () =>
			house.store.act({ do: 'edit', resource: 'orders', id: house.orders[0]!, via: 'rest' }),
		)
		if (delivery === undefined) throw new Error('the store sent nothing')
		let forgers = 0
		const forge = (path: string): Prepared[] =>
			Array.from({ length: REQUESTS }, (_, n) => {
				const one = prepared(path, delivery, delivery.body, 'the secret of somebody else')
				// From an address each: what fails too often from one is not even read.
				return { ...one, headers: { ...one.headers, 'cf-connecting-ip': `2001:db8::${(forgers++).toString(16)}:${n.toString(16)}` } }
			})
		const result = await inTurns(
			() => a.load(forge('/'), 401),
			() => b.load(forge(receiverPath(house.instance)), 401),
			() => a.load(forge('/nothing'), 200),
		)
		return held('forged/bad signature', result, 0.8)
	}),
}

/** From a webhook to the callback, nothing else going on. */
export const ring: Bench = {
	name: 'ring',
	about: 'ms from a webhook to the callback, against one queue hop plus one fetch',
	sizes: 'once',
	run: undoing(async (undo) => {
		const house = await openHouse(undo)
		const { store, orders: guests } = house
		const floor = await run('floor/hop.ts', undo, true)
		const ear = await listen(undo)
		const rings = (ROUNDS + 1) * RINGS
		const updates = await house.caught(TOPIC, () => {
			for (const id of guests.slice(0, rings)) store.act({ do: 'edit', resource: 'orders', id, via: 'rest' })
		})
		if (updates.length < rings) throw new Error(`the store sent ${updates.length} of ${rings} updates`)
		const hops: number[][] = []
		const ways: number[][] = []
		const times = async (into: number[][], one: () => Promise<number>): Promise<number> => {
			const all: number[] = []
			for (let i = 0; i < RINGS; i++) {
				all.push(await one())
				await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
			}
			into.push(all)
			return quantile(all, 0.5)
		}
		const way = async (delivery: Caught | undefined): Promise<number> => {
			if (delivery === undefined) throw new Error('there are not enough deliveries')
			await house.quiet()
			const heard = house.ear.hears(`"objectId":"${delivery.id}"`)
			const began = performance.now()
			await house.deliver(delivery)
			return (await heard) - began
		}
		const hop = async (): Promise<number> => {
			const heard = ear.hears('{}')
			const began = performance.now()
			await (await fetch(floor.base, { method: 'POST', body: ear.url })).arrayBuffer()
			return (await heard) - began
		}
		const { a, b } = await inTurns(
			() => times(hops, hop),
			() => times(ways, () => way(updates.pop())),
		)
		const ratio = spreadOf(b.map((ms, round) => ms / (a[round] ?? ms)))
		// The first turn of each did not count.
		const counted = ways.slice(1).flat()
		const created: number[] = []
		const orders = await house.caught('order.created', () => {
			for (let i = 0; i < CREATED; i++) store.act({ do: 'place-order', customer: 0, via: 'rest' })
		})
		for (const delivery of orders) created.push(await way(delivery))
		return [
			{ ...atMost('ring/order.updated of a known object, p50', null, ratio.median, '', 3), unit: unitOf('hops with a fetch', ratio) },
			told('ring/order.updated of a known object, p50', null, quantile(counted, 0.5), 'ms'),
			told('ring/order.updated of a known object, p99', null, quantile(counted, 0.99), 'ms'),
			told('ring/order.created, p50', null, quantile(created, 0.5), 'ms'),
			told('ring/order.created, p99', null, quantile(created, 0.99), 'ms'),
			told('ring/one queue hop plus one fetch, p50', null, quantile(hops.slice(1).flat(), 0.5), 'ms'),
		]
	}),
}

/** Rows written by a delivery until it is answered. */
export const taken: Bench = {
	name: 'taken',
	about: 'rows written until a webhook is answered 200',
	sizes: 'once',
	run: undoing(async (undo) => {
		const house = await openHouse(undo)
		const { store, orders: guests } = house
		const changes = await house.caught(TOPIC, () => {
			for (const id of guests.slice(0, TRIALS)) store.act({ do: 'edit', resource: 'orders', id, via: 'rest' })
		})
		const orders = await house.caught('order.created', () => {
			for (let i = 0; i < TRIALS; i++) store.act({ do: 'place-order', customer: 0, via: 'rest' })
		})
		const most = async (deliveries: readonly Caught[], rings: boolean): Promise<number> => {
			if (deliveries.length < TRIALS) throw new Error(`the store sent ${deliveries.length} of ${TRIALS} deliveries`)
			let rows = 0
			for (const delivery of deliveries) {
				const { events, taken: before } = await house.quiet()
				await house.deliver(delivery)
				const after = await house.ask(house.instance, { do: 'look' })
				if (after.taken !== before + 1 || after.events > events !== rings) throw new Error(`not as expected: ${JSON.stringify(after)}`)
				rows = Math.max(rows, after.rows)
			}
			return rows
		}
		return [
			atMost('taken/changes something, most of 10', null, await most(changes, true), 'rows', 5),
			atMost('taken/changes nothing, most of 10', null, await most(changes, false), 'rows', 1),
			told('taken/a new object, most of 10', null, await most(orders, true), 'rows'),
		]
	}),
}

function targets(undo: Undo, a: string, b: string): [Target, Target] {
	const both: [Target, Target] = [new Target(a), new Target(b)]
	undo.push(() => both.forEach((one) => one.close()))
	return both
}

/** Events of all these instances so far. */
async function sum(house: House, ids: readonly number[]): Promise<number> {
	let events = 0
	for (const id of ids) events += (await house.ask(id, { do: 'look' })).events
	return events
}

/** The order of a delivery with a newer stamp and another note; each step is a second later. */
function restamping({ body }: Caught): (step: number) => string {
	const record = JSON.parse(body) as Record<string, unknown>
	const stamps = ['date_modified', 'date_modified_gmt'].map((name) => [name, Date.parse(`${String(record[name])}Z`)] as const)
	return (step) => {
		for (const [name, ms] of stamps) record[name] = new Date(ms + step * 1_000).toISOString().slice(0, 19)
		record['customer_note'] = `step ${step}`
		// As PHP writes it.
		return JSON.stringify(record).replaceAll('/', '\\/')
	}
}

function prepared(path: string, { headers }: Caught, body: string, secret: string): Prepared {
	return { path, headers: { ...headers, 'x-wc-webhook-signature': signed(body, secret) }, body: Buffer.from(body) }
}

/** Both throughputs held against each other, and beside them what the way in and out, the same for both, lets through. */
function held(bench: string, { a, b, front }: Turns, limit: number): Row[] {
	const ratio = spreadOf(b.map((perSecond, round) => perSecond / (a[round] ?? perSecond)))
	return [
		{ ...atLeast(bench, null, ratio.median, '', limit), unit: unitOf('of the floor', ratio) },
		told(`${bench}: Shopbell`, null, spreadOf(b).median, 'a second'),
		told(`${bench}: floor`, null, spreadOf(a).median, 'a second'),
		told(`${bench}: a Worker that does nothing`, null, spreadOf(front).median, 'a second'),
	]
}

function unitOf(what: string, { least, most }: Spread): string {
	return `${what}, ${least.toFixed(2)} to ${most.toFixed(2)}`
}
