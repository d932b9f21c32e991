/** An instance sends to each address once, however the address is written: callback and subscriptions, in every order, and at once. */
import { beforeEach, expect, test } from 'vitest'
import { loadWatcherConfig } from '../../../src/instances/config.ts'
import { findInstance } from '../../../src/instances/rows.ts'
import { addSubscription } from '../../../src/instances/subscriptions.ts'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { env, instanceBody, resetDatabase, startApiWorld, type ApiClient } from './harness.ts'

const HOOK = 'https://hook.example.com/in'
const OTHER = 'https://other.example.com/'
const CALLBACK_URL = 'event.notification.callback.url'
const SPELLINGS = [
	...['#part', '?', '/../in', '/./../in'].map((end) => `${HOOK}${end}`),
	'https://HOOK.example.com:443/in',
	'https://hook.example.com./%69n',
	' https://hook.example.com/./in ',
]

let store: SimulatedStore
let client: ApiClient

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld((request) => store.fetch(request))
	store = createStore({ objects: 1, url: 'https://shop.example.com', now: () => client.world.nowMs })
})

/** An instance through the API; its callback is its first subscription. */
async function make(url: string): Promise<{ id: number; subscriptionId: number }> {
	const { status, body } = await client.call(
		'POST',
		'/instances',
		instanceBody({
			configuration: {
				'store.url': store.url,
				'oauth.api.key': store.credentials.key,
				'oauth.api.secret': store.credentials.secret,
				'event.notification.enabled': 'true',
				[CALLBACK_URL]: url,
			},
		}),
	)
	expect([status, body.message]).toEqual([200, undefined])
	return { id: body.id, subscriptionId: body.subscriptionId }
}

const topics = (id: number): string[] => [`instance-${id}-woocommercerest-events`]
const subscribe = (id: number, url: string) =>
	client.call('POST', '/notifications/subscriptions', { topics: topics(id), config: { url } })
const patch = (id: number, url: string) =>
	client.call('PATCH', `/instances/${id}`, { configuration: { [CALLBACK_URL]: url } })
const urls = async (): Promise<unknown[]> =>
	(await env.DB.prepare('SELECT url FROM subscriptions ORDER BY id').all()).results.map((row) => row['url'])

test('§5.7 a subscription to the callback’s address is 409 and names it, in every spelling', async () => {
	const { id, subscriptionId } = await make(HOOK)
	for (const url of SPELLINGS) {
		const { status, body } = await subscribe(id, url)
		expect([status, body.message]).toEqual([
			409,
			`config.url: subscription ${subscriptionId}, the callback of instance ${id} (${CALLBACK_URL}), already sends to this address`,
		])
	}
	expect(await urls()).toEqual([])
})

test('§5.7 a subscription’s address is nobody else’s: 409 for a subscription and a callback, in every spelling', async () => {
	const { id } = await make(OTHER)
	const first = (await subscribe(id, HOOK)).body.id
	for (const url of SPELLINGS) {
		const { status, body } = await subscribe(id, url)
		expect([status, body.message]).toEqual([409, expect.stringContaining(`config.url: subscription ${first} already`)])
	}
	const { configuration } = (await client.call('GET', `/instances/${id}`)).body
	const url = SPELLINGS[0]!
	const item = `/instances/${id}/configuration/${encodeURIComponent(CALLBACK_URL)}`
	for (const { status, body } of [
		...(await Promise.all(SPELLINGS.slice(1).map((spelling) => patch(id, spelling)))),
		await client.call('PATCH', item, { propertyValue: url }),
		await client.call('PUT', `/instances/${id}`, { configuration: { ...configuration, [CALLBACK_URL]: url } }),
	])
		expect([status, body.message]).toEqual([
			409,
			expect.stringMatching(new RegExp(`^event\\.notification\\.callback\\.url: subscription ${first} `)),
		])
	expect((await client.call('GET', `/instances/${id}`)).body.configuration[CALLBACK_URL]).toBe(OTHER)
	// Another instance may send there.
	const another = await make(HOOK)
	expect((await subscribe(another.id, OTHER)).status).toBe(200)
})

test('§5.7 of spellings of one address that are subscribed at once, one wins', async () => {
	const { id } = await make(OTHER)
	const answers = await Promise.all(SPELLINGS.map((url) => subscribe(id, url)))
	expect(answers.map((one) => one.status).sort((a, b) => a - b)).toEqual([200, ...SPELLINGS.slice(1).map(() => 409)])
	expect(await urls()).toHaveLength(1)
})

test('§5.7 of a callback and a subscription to one address at once, one wins', async () => {
	const { id } = await make(OTHER)
	const before = (await findInstance(env.DB, 1, id))!
	const actor = { organizationId: 1, userId: 1, requestId: null }
	expect((await patch(id, HOOK)).status).toBe(200)
	// The subscription was checked before the callback changed.
	const input = { url: SPELLINGS[0]!, topics: topics(id) }
	expect(await addSubscription(env.DB, actor, before, input, 0)).toEqual({ ok: false, reason: 'raced' })
	const answers = await Promise.all([patch(id, 'https://a.example.com/1'), subscribe(id, 'https://a.example.com/./1')])
	expect(answers.map((one) => one.status).sort((a, b) => a - b)).toEqual([200, 409])
})

test('those of an earlier version that share an address work on, and can be changed and removed', async () => {
	const { id } = await make(HOOK)
	await env.DB.prepare(
		`INSERT INTO subscriptions (id, organization_id, user_id, owner_id, url, topics, created_ms)
		VALUES (901, 1, 1, ?1, '${HOOK}#a', '[]', 0), (902, 1, 1, ?1, '${HOOK}#b', '[]', 0)`,
	)
		.bind(id)
		.run()
	expect((await client.call('PATCH', `/instances/${id}`, { name: 'Renamed' })).status).toBe(200)
	expect((await loadWatcherConfig(env, id))?.others).toHaveLength(2)
	expect((await subscribe(id, `${HOOK}#c`)).status).toBe(409)
	for (const number of [901, 902])
		expect((await client.call('DELETE', `/notifications/subscriptions/${number}`)).status).toBe(200)
})
