/** What webhooks cost: taking and refusing them against bare Workers, from a delivery to the callback, and the rows until it is answered. */
import { performance } from 'node:perf_hooks'
import { atLeast, atMost, reported, type Bench, type BenchRow } from './bench.ts'
import { runWorker, SETUP_TOKEN, withCleanup, type CleanupStack } from './runtime.ts'
import {
	listenForCallbacks,
	startWebhookStack,
	receiverPath,
	secretFor,
	signBody,
	type CapturedDelivery,
	type WebhookStack,
} from './webhooks-stack.ts'
import {
	runInTurns,
	quantile,
	DEFAULT_ROUNDS,
	toSpread,
	LoadTarget,
	type PreparedRequest,
	type Spread,
	type RoundResults,
} from './webhooks-load.ts'

const TOPIC = 'order.updated'
/** Requests of one Worker in one round. */
const REQUESTS_PER_ROUND = 500
/** Deliveries to one Worker in one round. */
const DELIVERIES_PER_ROUND = 12
const CREATED_ORDERS = 40
const ROW_TRIALS = 10
/** Between two deliveries, so that settling the first is not part of the second. */
const PAUSE_MS = 40
/** Ids of instances that are copies. */
const FIRST_COPY_ID = 1_000

/** Webhooks accepted and committed, 32 connections, one instance and a hundred. */
export const ingestBench: Bench = {
	name: 'ingest',
	about: 'webhooks taken a second, one instance and 100, against a bare Worker with a row in SQLite',
	sizes: 'once',
	run: withCleanup(async (cleanup, context) => {
		const stack = await startWebhookStack(cleanup)
		const floor = await runWorker('floor/ingest.ts', cleanup, true)
		const caught = await stack.captureDeliveries(TOPIC, () => {
			for (const id of stack.guestOrderIds) stack.store.act({ do: 'edit', resource: 'orders', id, via: 'rest' })
		})
		const restampers = caught.map(createRestamper)
		const rows: BenchRow[] = []
		for (const instances of [1, 100]) {
			const ids = Array.from({ length: instances }, (_, index) => FIRST_COPY_ID * instances + index)
			await stack.copyInstance(ids)
			const [a, b] = createTargets(cleanup, floor.base, stack.base)
			let turn = 0
			// Every order's stamps rise from turn to turn, whichever instance gets it.
			const bodies = (): { id: number; delivery: CapturedDelivery; body: string }[] => {
				turn++
				return Array.from({ length: REQUESTS_PER_ROUND }, (_, index) => {
					const order = Math.floor(index / instances) % restampers.length
					const step = turn * REQUESTS_PER_ROUND + Math.floor(index / instances / restampers.length)
					return { id: ids[index % instances] ?? 0, delivery: caught[order]!, body: restampers[order]!(step) }
				})
			}
			let batch = bodies()
			let taken = 0
			const before = await sumEvents(stack, ids)
			const result = await runInTurns(
				() => {
					batch = bodies()
					return a.measureRate(
						batch.map(({ id, delivery, body }) => prepareDelivery(`/${id}`, delivery, body, SETUP_TOKEN)),
						200,
					)
				},
				() => {
					taken += batch.length
					return b.measureRate(
						batch.map(({ id, delivery, body }) =>
							prepareDelivery(receiverPath(id), delivery, body, secretFor(id, TOPIC)),
						),
						200,
					)
				},
				() =>
					a.measureRate(
						batch.map(({ delivery, body }) => prepareDelivery('/nothing', delivery, body, SETUP_TOKEN)),
						200,
					),
			)
			const emitted = (await sumEvents(stack, ids)) - before
			// One in a hundred is read instead; everything else must have been believed.
			if (emitted < taken * 0.985) throw new Error(`${taken} deliveries were taken and ${emitted} rang`)
			rows.push(...ratioRows(`ingest/${instances === 1 ? 'one instance' : `${instances} instances`}`, result, 0.6))
			context.log(`${emitted} of ${taken} deliveries rang`)
		}
		return rows
	}),
}

/** Deliveries without a valid signature. */
export const forgedBench: Bench = {
	name: 'forged',
	about: 'forged webhooks refused a second, against a bare Worker that only verifies',
	sizes: 'once',
	run: withCleanup(async (cleanup) => {
		const stack = await startWebhookStack(cleanup)
		const floor = await runWorker('floor/verify.ts', cleanup, true)
		const [a, b] = createTargets(cleanup, floor.base, stack.base)
		const [delivery] = await stack.captureDeliveries(TOPIC, () =>
			stack.store.act({ do: 'edit', resource: 'orders', id: stack.guestOrderIds[0]!, via: 'rest' }),
		)
		if (delivery === undefined) throw new Error('the store sent nothing')
		let forgedCount = 0
		const forgeRequests = (path: string): PreparedRequest[] =>
			Array.from({ length: REQUESTS_PER_ROUND }, (_, n) => {
				const request = prepareDelivery(path, delivery, delivery.body, 'another secret')
				// From an address each: what fails too often from one is not even read.
				return {
					...request,
					headers: {
						...request.headers,
						'cf-connecting-ip': `2001:db8::${(forgedCount++).toString(16)}:${n.toString(16)}`,
					},
				}
			})
		const result = await runInTurns(
			() => a.measureRate(forgeRequests('/'), 401),
			() => b.measureRate(forgeRequests(receiverPath(stack.instance)), 401),
			() => a.measureRate(forgeRequests('/nothing'), 200),
		)
		return ratioRows('forged/bad signature', result, 0.8)
	}),
}

/** From a webhook to the callback, nothing else going on. */
export const latencyBench: Bench = {
	name: 'latency',
	about: 'ms from a webhook to the callback, against one queue hop plus one fetch',
	sizes: 'once',
	run: withCleanup(async (cleanup) => {
		const stack = await startWebhookStack(cleanup)
		const { store, guestOrderIds: guests } = stack
		const floor = await runWorker('floor/hop.ts', cleanup, true)
		const callbackListener = await listenForCallbacks(cleanup)
		const deliveryCount = (DEFAULT_ROUNDS + 1) * DELIVERIES_PER_ROUND
		const updates = await stack.captureDeliveries(TOPIC, () => {
			for (const id of guests.slice(0, deliveryCount)) store.act({ do: 'edit', resource: 'orders', id, via: 'rest' })
		})
		if (updates.length < deliveryCount) throw new Error(`the store sent ${updates.length} of ${deliveryCount} updates`)
		const hops: number[][] = []
		const latencies: number[][] = []
		const times = async (into: number[][], measure: () => Promise<number>): Promise<number> => {
			const all: number[] = []
			for (let i = 0; i < DELIVERIES_PER_ROUND; i++) {
				all.push(await measure())
				await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
			}
			into.push(all)
			return quantile(all, 0.5)
		}
		const measureDelivery = async (delivery: CapturedDelivery | undefined): Promise<number> => {
			if (delivery === undefined) throw new Error('there are not enough deliveries')
			await stack.waitUntilQuiet()
			const arrived = stack.callbackListener.waitForBody(`"objectId":"${delivery.id}"`)
			const startedMs = performance.now()
			await stack.deliver(delivery)
			return (await arrived) - startedMs
		}
		const measureHop = async (): Promise<number> => {
			const arrived = callbackListener.waitForBody('{}')
			const startedMs = performance.now()
			await (await fetch(floor.base, { method: 'POST', body: callbackListener.url })).arrayBuffer()
			return (await arrived) - startedMs
		}
		const { a, b } = await runInTurns(
			() => times(hops, measureHop),
			() => times(latencies, () => measureDelivery(updates.pop())),
		)
		const ratio = toSpread(b.map((ms, round) => ms / (a[round] ?? ms)))
		// The first turn of each did not count.
		const counted = latencies.slice(1).flat()
		const created: number[] = []
		const orders = await stack.captureDeliveries('order.created', () => {
			for (let i = 0; i < CREATED_ORDERS; i++) store.act({ do: 'place-order', customer: 0, via: 'rest' })
		})
		for (const delivery of orders) created.push(await measureDelivery(delivery))
		return [
			{
				...atMost('latency/order.updated of a known object, p50', null, ratio.median, '', 3),
				unit: formatUnit('hops with a fetch', ratio),
			},
			reported('latency/order.updated of a known object, p50', null, quantile(counted, 0.5), 'ms'),
			reported('latency/order.updated of a known object, p99', null, quantile(counted, 0.99), 'ms'),
			reported('latency/order.created, p50', null, quantile(created, 0.5), 'ms'),
			reported('latency/order.created, p99', null, quantile(created, 0.99), 'ms'),
			reported('latency/one queue hop plus one fetch, p50', null, quantile(hops.slice(1).flat(), 0.5), 'ms'),
		]
	}),
}

/** Rows written by a delivery until it is answered. */
export const rowsBench: Bench = {
	name: 'taken',
	about: 'rows written until a webhook is answered 200',
	sizes: 'once',
	run: withCleanup(async (cleanup) => {
		const stack = await startWebhookStack(cleanup)
		const { store, guestOrderIds: guests } = stack
		const changes = await stack.captureDeliveries(TOPIC, () => {
			for (const id of guests.slice(0, ROW_TRIALS)) store.act({ do: 'edit', resource: 'orders', id, via: 'rest' })
		})
		const orders = await stack.captureDeliveries('order.created', () => {
			for (let i = 0; i < ROW_TRIALS; i++) store.act({ do: 'place-order', customer: 0, via: 'rest' })
		})
		const maxRows = async (deliveries: readonly CapturedDelivery[], emits: boolean): Promise<number> => {
			if (deliveries.length < ROW_TRIALS)
				throw new Error(`the store sent ${deliveries.length} of ${ROW_TRIALS} deliveries`)
			let rows = 0
			for (const delivery of deliveries) {
				const { events, taken: before } = await stack.waitUntilQuiet()
				await stack.deliver(delivery)
				const after = await stack.sendCommand(stack.instance, { do: 'look' })
				if (after.taken !== before + 1 || after.events > events !== emits)
					throw new Error(`not as expected: ${JSON.stringify(after)}`)
				rows = Math.max(rows, after.rows)
			}
			return rows
		}
		return [
			atMost('taken/changes something, most of 10', null, await maxRows(changes, true), 'rows', 5),
			atMost('taken/changes nothing, most of 10', null, await maxRows(changes, false), 'rows', 1),
			reported('taken/a new object, most of 10', null, await maxRows(orders, true), 'rows'),
		]
	}),
}

function createTargets(cleanup: CleanupStack, a: string, b: string): [LoadTarget, LoadTarget] {
	const both: [LoadTarget, LoadTarget] = [new LoadTarget(a), new LoadTarget(b)]
	cleanup.push(() => both.forEach((target) => target.close()))
	return both
}

/** Events of all these instances so far. */
async function sumEvents(stack: WebhookStack, ids: readonly number[]): Promise<number> {
	let events = 0
	for (const id of ids) events += (await stack.sendCommand(id, { do: 'look' })).events
	return events
}

/** The order of a delivery with a newer stamp and another note; each step is a second later. */
function createRestamper({ body }: CapturedDelivery): (step: number) => string {
	const record = JSON.parse(body) as Record<string, unknown>
	const stamps = ['date_modified', 'date_modified_gmt'].map(
		(name) => [name, Date.parse(`${String(record[name])}Z`)] as const,
	)
	return (step) => {
		for (const [name, ms] of stamps) record[name] = new Date(ms + step * 1_000).toISOString().slice(0, 19)
		record['customer_note'] = `step ${step}`
		// As PHP writes it.
		return JSON.stringify(record).replaceAll('/', '\\/')
	}
}

function prepareDelivery(path: string, { headers }: CapturedDelivery, body: string, secret: string): PreparedRequest {
	return { path, headers: { ...headers, 'x-wc-webhook-signature': signBody(body, secret) }, body: Buffer.from(body) }
}

/** Both throughputs held against each other, and beside them what the way in and out, the same for both, lets through. */
function ratioRows(bench: string, { a, b, front }: RoundResults, limit: number): BenchRow[] {
	const ratio = toSpread(b.map((perSecond, round) => perSecond / (a[round] ?? perSecond)))
	return [
		{ ...atLeast(bench, null, ratio.median, '', limit), unit: formatUnit('of the floor', ratio) },
		reported(`${bench}: Shopbell`, null, toSpread(b).median, 'a second'),
		reported(`${bench}: floor`, null, toSpread(a).median, 'a second'),
		reported(`${bench}: a Worker that does nothing`, null, toSpread(front).median, 'a second'),
	]
}

function formatUnit(what: string, { min: least, max: most }: Spread): string {
	return `${what}, ${least.toFixed(2)} to ${most.toFixed(2)}`
}
