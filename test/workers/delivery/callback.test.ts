/** The object of a callback in workerd: what it stores, what an eviction leaves of it, and whom its alarm rings. */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { getCallbackObject, type Doorbell, type Env } from '../../../src/context.ts'
import type { Callback } from '../../../src/delivery/callback.ts'
import type { AdmissionRequest } from '../../../src/rpc/delivery.ts'
import { waitUntil } from '../watcher/test-shop.ts'

const bindings = env as unknown as Env

type Stub = DurableObjectStub<Callback>

/** The object of another callback each time. */
let callbacks = 0
const another = (): Stub =>
	getCallbackObject(bindings, '1', `https://callback-${++callbacks}.example`) as unknown as Stub

function ask(notificationId: number, rate: number | null = null): AdmissionRequest {
	const oldest = { notificationId, createdMs: notificationId, dueMs: Date.now() - 1 }
	return { subscription: 1, organizationId: 1, url: 'https://callback.example/', rate, oldest, wanted: 1 }
}

/** Five failures in a row, of instances that are tried no more. */
async function openBreaker(stub: Stub): Promise<void> {
	for (let n = 1; n <= 5; n++) await failed(stub, 100 + n)
}

function failed(stub: Stub, instance: number): Promise<{ closed: boolean; news: boolean }> {
	const told = {
		subscription: 1,
		notificationId: instance,
		createdMs: instance,
		guarded: false,
		failed: true,
		nextMs: null,
	}
	return stub.report(instance, told)
}

function delivered(stub: Stub, instance: number): Promise<{ closed: boolean; news: boolean }> {
	const told = {
		subscription: 1,
		notificationId: instance,
		createdMs: instance,
		guarded: true,
		failed: false,
		nextMs: null,
	}
	return stub.report(instance, told)
}

/** Whom it rings from now on, in place of the queue. */
function bells(stub: Stub): Promise<number[]> {
	const rung: number[] = []
	return runInDurableObject(stub, (callback: Callback) => {
		const DOORBELLS = {
			sendBatch: async (messages: Iterable<{ body: Doorbell }>) => {
				for (const { body } of messages) if (body.version === 1) rung.push(body.instance)
			},
		}
		Object.assign(callback, { env: { ...bindings, DOORBELLS } })
		return rung
	})
}

/** Keys of its storage, and whether an alarm is set. */
function stored(stub: Stub): Promise<{ keys: string[]; armed: boolean }> {
	return runInDurableObject(stub, async (_callback, { storage }) => ({
		keys: [...storage.kv.list()].map(([key]) => key),
		armed: (await storage.getAlarm()) !== null,
	}))
}

describe('storage', () => {
	test('is not touched by coming to life, nor by anything of a healthy callback', async () => {
		const stub = another()
		const tables = `SELECT name FROM sqlite_master`
		expect(await runInDurableObject(stub, (_callback, { storage }) => storage.sql.exec(tables).toArray())).toEqual([])
		expect(await stub.admit(1, ask(1), 6)).toMatchObject({ permits: 1, closed: true, news: false })
		expect(await delivered(stub, 1)).toEqual({ closed: true, news: false })
		await stub.giveBack(1, 1, null, 1)
		expect(await stored(stub)).toEqual({ keys: [], armed: false })
	})

	test('keeps an open breaker and who waits through an eviction, and is empty when all is well again', async () => {
		const stub = another()
		await openBreaker(stub)
		expect(await stub.admit(1, ask(1), 6)).toMatchObject({ permits: 1, only: 1, closed: false })
		expect(await stub.admit(2, ask(2), 6)).toMatchObject({ permits: 0 })
		await evictDurableObject(stub)
		expect((await stored(stub)).keys).toEqual(['core', 'waiter 1 1', 'waiter 2 1'])
		// The probe is under way still.
		expect(await stub.admit(0, ask(0), 6)).toMatchObject({ permits: 0, closed: false, news: true })
		const rung = await bells(stub)
		expect(await delivered(stub, 1)).toEqual({ closed: false, news: true })
		// One at a time, the oldest first; then two.
		await waitUntil(() => rung.length > 0)
		expect(rung).toEqual([0])
		expect(await stub.admit(0, ask(0), 6)).toMatchObject({ permits: 1, only: null })
		await delivered(stub, 0)
		await waitUntil(() => rung.length > 1)
		expect(rung).toEqual([0, 2])
		expect(await stub.admit(2, ask(2), 6)).toMatchObject({ permits: 1 })
		expect(await delivered(stub, 2)).toEqual({ closed: true, news: false })
		expect((await stored(stub)).keys).toEqual([])
	})

	test('keeps count of failures, and of the tokens of a rate', async () => {
		const stub = another()
		for (let n = 1; n <= 4; n++) expect(await failed(stub, n)).toEqual({ closed: true, news: true })
		await evictDurableObject(stub)
		expect(await failed(stub, 5)).toEqual({ closed: false, news: true })
		const rated = another()
		expect(await rated.admit(1, ask(1, 0.02), 6)).toMatchObject({ permits: 1 })
		await evictDurableObject(rated)
		expect(await rated.admit(1, ask(2, 0.02), 6)).toMatchObject({ permits: 0, closed: true })
	})
})

test('objects of different organizations and origins are different objects', async () => {
	const [first, second] = [another(), another()]
	await openBreaker(first)
	expect(await first.admit(1, ask(1), 6)).toMatchObject({ closed: false })
	expect(await second.admit(1, ask(1), 6)).toMatchObject({ closed: true })
})
