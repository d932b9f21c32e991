/** The Worker's process is killed and started again while a shop changes: nothing is lost, doubled or invented. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pause } from '../../scripts/local/local-worker.ts'
import { waitUntilQuiet, snapshotStore } from '../demo/stage.ts'
import { judge } from '../support/oracle.ts'
import { startStack, eventually, E2E_SIGNATURE_KEY, type E2eStack } from './stack.ts'

let house: E2eStack
beforeAll(async () => {
	house = await startStack({ https: false, objects: 60 })
})
afterAll(async () => await house?.close())

test('kill -9 between a change and its callback, and while the shop goes on', async () => {
	const { store, client, callback } = house
	const start = snapshotStore(store)
	const t0Ms = store.now()
	const instance = await client.connect('Crashing', {
		'store.url': house.storeUrl,
		'oauth.api.key': store.credentials.key,
		'oauth.api.secret': store.credentials.secret,
		'event.notification.enabled': true,
		'event.notification.callback.url': callback.url,
		'event.notification.signature.key': E2E_SIGNATURE_KEY,
		'event.poller.refresh_interval': 0.03,
		'event.poller.reread': 0.003,
	})
	await eventually(
		'the baseline',
		() => client.poller(instance.id),
		({ resources }) => resources.length === 4 && resources.every(({ baseline }) => baseline.complete),
	)
	const baselineEndMs = store.now()

	// What is recorded and cannot be delivered when the process dies.
	callback.stallFor(4)
	store.act({ do: 'burst', resource: 'products', count: 30 })
	for (let i = 0; i < 5; i++) store.act({ do: 'place-order' })
	await eventually(
		'the log',
		() => client.api.listEvents({ params: { id: instance.id }, query: { pageSize: 50 } }),
		(events) => events.length >= 20,
	)
	await house.crash()
	for (let i = 0; i < 5; i++) store.act({ do: 'place-order' })
	for (let i = 0; i < 3; i++) store.act({ do: 'trash', resource: 'orders' })
	store.act({ do: 'delete', resource: 'customers' })
	await house.restart()

	// In the middle of deliveries.
	store.act({ do: 'burst', resource: 'orders', count: 30 })
	const before = callback.arrivals.length
	await eventually(
		'a delivery',
		() => callback.arrivals.length,
		(count) => count > before,
	)
	await house.crash()
	store.act({ do: 'edit', resource: 'coupons' })
	await pause(500)
	await house.restart()

	expect(await waitUntilQuiet({ client, instance }, Date.now() + 90_000)).toBe(true)
	const judgement = judge({
		journal: store.journal(),
		start,
		final: snapshotStore(store),
		t0Ms,
		baselineEndMs,
		arrivals: callback.acceptedEvents,
	})
	expect(judgement).toMatchObject({ missed: 0, duplicates: 0, invented: 0, renamed: 0, disordered: 0, details: [] })
	expect(callback.arrivals.filter(({ signed, bytesChanged }) => signed !== true || bytesChanged)).toEqual([])
	expect(judgement.created + judgement.updated + judgement.deleted).toBeGreaterThan(60)
}, 240_000)
