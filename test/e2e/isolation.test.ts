/** One dead callback, one slow one and healthy ones behind the built Worker: nobody waits for another, and what waited is brought. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CreatedInstance } from '../../scripts/local/client.ts'
import { createCallbackServer, type Arrival, type CallbackServer } from '../demo/callback.ts'
import { startStack, eventually, E2E_SIGNATURE_KEY, type E2eStack } from './stack.ts'

const HEALTHY = 4
const PRODUCTS = 36
/**
 * What may be on its way before the first failure is known: six by each doorbell, and a busy machine answers up to four in that time. Exact
 * counts are held on a virtual clock (test/unit).
 */
const UNDER_WAY = 24
/** How long a callback takes that is only just in time, or no longer is. */
const SLOW_SECONDS = 15

let house: E2eStack
const callbacks: CallbackServer[] = []
beforeAll(async () => {
	house = await startStack({ https: false, objects: PRODUCTS })
	for (let n = 0; n < 2 + HEALTHY; n++) {
		const callback = createCallbackServer({ key: E2E_SIGNATURE_KEY })
		await callback.listen()
		callbacks.push(callback)
	}
})
afterAll(async () => {
	for (const callback of callbacks) await callback.close()
	await house?.close()
})

const accepted = ({ arrivals }: CallbackServer): Arrival[] => arrivals.filter(({ status }) => status === 200)

test('a dead and a slow callback delay no other; the dead one is tried one notification at a time, and is brought everything when it answers', async () => {
	const { store, client } = house
	await client.api.changeSettings({ body: { 'notification.webhook.retry.schedule': '2,2,2,2,2,2,2,2,2,2,2,2' } })
	const instances: CreatedInstance[] = []
	for (const [index, callback] of callbacks.entries()) {
		instances.push(
			await client.connect(`Shop ${index}`, {
				'store.url': house.storeUrl,
				'oauth.api.key': store.credentials.key,
				'oauth.api.secret': store.credentials.secret,
				'event.notification.enabled': true,
				'event.notification.callback.url': callback.url,
				'event.notification.signature.key': E2E_SIGNATURE_KEY,
				// Each change is a notification of its own.
				'event.notification.batch': 1,
			}),
		)
	}
	for (const { id } of instances) {
		await eventually(
			'the baseline',
			() => client.poller(id),
			({ resources }) => resources.length > 0 && resources.every(({ baseline }) => baseline.complete),
		)
	}
	const [dead, slow, ...healthy] = callbacks as [CallbackServer, CallbackServer, ...CallbackServer[]]
	dead.failFor(3_600, 503)
	slow.stallFor(SLOW_SECONDS)

	for (const id of store.state('products').keys()) store.act({ do: 'edit', resource: 'products', id })
	await Promise.all(instances.map(({ id }) => client.poll(id, 'window')))
	await eventually(
		'the healthy callbacks',
		() => healthy.map((callback) => accepted(callback).length),
		(counts) => counts.every((count) => count >= PRODUCTS),
	)
	for (const callback of healthy)
		expect(callback.arrivals.map(({ attempt }) => attempt)).toEqual(Array(PRODUCTS).fill(1))
	// The slow one has not answered anything by then, and nothing sent there has been given up.
	const doneMs = Math.max(...healthy.flatMap((callback) => accepted(callback).map(({ timeMs }) => timeMs)))
	expect(slow.arrivals.filter(({ timeMs }) => timeMs <= doneMs)).toEqual([])

	// Open since its first round: the oldest alone is tried again, every two seconds.
	const again = (): Arrival[] => dead.arrivals.filter(({ attempt }) => attempt > 1)
	await eventually(
		'a third try',
		() => again().length,
		(count) => count >= 2,
		15_000,
	)
	expect(dead.arrivals.filter(({ attempt }) => attempt === 1).length).toBeLessThanOrEqual(UNDER_WAY)
	// A busy machine may look late, when there were more.
	expect(
		again()
			.slice(0, 2)
			.map(({ attempt }) => attempt),
	).toEqual([2, 3])
	expect(new Set(again().map(({ notificationId }) => notificationId)).size).toBe(1)

	dead.failFor(0)
	await eventually(
		'the dead callback',
		() => new Set(accepted(dead).map(({ notificationId }) => notificationId)).size,
		(count) => count === PRODUCTS,
		15_000,
	)
	// What only waited has lost no try by it.
	expect(accepted(dead).filter(({ attempt }) => attempt === 1).length).toBeGreaterThanOrEqual(PRODUCTS - UNDER_WAY)
	slow.stallFor(0)
})
