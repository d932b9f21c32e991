/**
 * Calls made of the document itself: for every operation, at least 25 that fit it and at least 25 in which one thing is broken. Every
 * answer is one that the document declares and fits its schema, and none is a 5xx but a declared 502; what is broken is refused.
 */
import { createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Tag } from '../../../src/api/http/contract.ts'
import { ATTEMPTS_PER_ADDRESS, subjectsOf } from '../../../src/accounts/attempts.ts'
import { hooks } from '../../../src/elements/woocommerce/webhook-payloads.ts'
import { masterKeys } from '../../../src/lib/sealing.ts'
import { env } from '../api/harness.ts'
import { brokenCalls } from './broken.ts'
import { document } from './document.ts'
import { BASE_PATH, type Asked, type House, openHouse } from './house.ts'
import { fitting } from './samples.ts'
import { all, plain, queryOf, requiredQuery, SEED, type Tried } from './tried.ts'

/** So many that fit, and of all the ways in which a call can be broken so many, evenly spread. */
const EACH = 25
/** Beside these, so many that are odd and may be fine. */
const MOST_ODD = 5
const { schemas } = document.components

/** The parts of the reference that are tried apart from the others, so that two cores have as much to do. */
export const SECOND: readonly Tag[] = ['Hub', 'Events', 'Notifications']

let house: House

/** What removes comes last, and what removes most very last, so that there is something to ask for; the hub's before an instance is disabled. */
function order({ one, path }: Tried): number {
	// Signed with the first secrets, which other calls rotate.
	if (one.bare === true) return -1
	if (one.method !== 'delete') return 0
	// What belongs to an order before the order.
	if (one.tag === 'Hub') return 1 + 1 / path.split('/').length
	return /\/instances(\/\{id\})?$/.test(path) ? 3 : 2
}

/** Fitting calls: the example first, then whatever the schemas allow. */
async function fittingCalls(tried: Tried): Promise<Asked[]> {
	const parameters = (tried.declared.parameters ?? []).filter((one) => one.in === 'query')
	const query = fc.record(Object.fromEntries(parameters.map((one) => [one.name, fitting(one.schema, schemas)])), {
		requiredKeys: parameters.filter((one) => one.required === true).map((one) => one.name),
	})
	const body = tried.bodySchema === null ? fc.constant(undefined) : fitting(tried.bodySchema, schemas)
	const samples = fc.sample(fc.tuple(body, query), { numRuns: EACH, seed: SEED })
	const first = plain(house, tried, tried.one.example ?? samples[0]![0], requiredQuery(tried))
	return [
		{ ...first, ...(await KNOWING[tried.id]?.(house)) },
		...samples.map(([sample, values]) => plain(house, tried, sample, queryOf(values))),
	]
}

async function hold(tried: Tried, what: string, asked: Asked, mustFail: boolean): Promise<number> {
	const answer = await house.ask(asked)
	const shown = `${tried.id}: ${what} → ${answer.status} ${answer.text.slice(0, 200)}`
	expect(answer.undeclared, shown).toBeNull()
	if (answer.status >= 500) expect([502, 503], shown).toContain(answer.status)
	if (mustFail) expect(answer.status, `${shown}: it had to be refused`).toBeGreaterThanOrEqual(400)
	return answer.status
}

function spread<Item>(items: readonly Item[], most: number): Item[] {
	return items.length <= most ? [...items] : Array.from({ length: most }, (_, index) => items[Math.floor((index * items.length) / most)]!)
}

/** Tries the operations of some parts of the reference, in a house of their own. */
export function tryOperations(tags: readonly Tag[]): void {
	beforeAll(async () => {
		house = await openHouse()
	}, 60_000)
	afterEach(() => house.restore())

	describe.each(all.filter(({ one }) => tags.includes(one.tag)).sort((a, b) => order(a) - order(b)))('$id', (tried) => {
		test('what fits the document is answered as it says', async () => {
			const calls = await fittingCalls(tried)
			expect(calls.length).toBeGreaterThanOrEqual(EACH)
			const statuses: number[] = []
			for (const asked of calls)
				statuses.push(await hold(tried, JSON.stringify([asked.path, asked.query, asked.body]).slice(0, 300), asked, false))
			// What is asked for at all must be possible.
			expect(statuses.some((status) => status < 300) || ONLY_REFUSED.has(tried.id), `${tried.id}: ${statuses.join()}`).toBe(true)
		})

		test('what is broken is refused, and what is odd answered as it says', async () => {
			const calls = brokenCalls(house, tried)
			const broken = spread(
				calls.filter(({ mustFail }) => mustFail),
				EACH,
			)
			if (!NEVER_REFUSED.has(tried.id)) expect(broken.length).toBeGreaterThanOrEqual(EACH)
			const odd = spread(
				calls.filter(({ mustFail }) => !mustFail),
				EACH + MOST_ODD - broken.length,
			)
			for (const { what, asked, mustFail } of [...broken, ...odd]) await hold(tried, what, asked, mustFail)
		})
	})
}

/** Some stores look at the address before they deliver: whatever it is, they are answered. */
const NEVER_REFUSED = new Set(['probeReceiver', 'probeReceiverOfInstance'])

/** What a call needs that no schema can say: ids of this very world. */
const KNOWING: Record<string, (house: House) => Partial<Asked> | Promise<Partial<Asked>>> = {
	receiveDelivery: ({ mine }) => signedDelivery(mine, { 'Element-Instances': mine.ids['instance']! }),
	receiveDeliveryOfInstance: ({ mine }) => signedDelivery(mine, {}),
	// Guessing is slow by design: all but a few attempts are refused unseen.
	async signIn({ password }) {
		await env.DB.prepare('INSERT INTO sign_in_attempts VALUES (?, ?, ?)')
			.bind(subjectsOf('', 'local').address, ATTEMPTS_PER_ADDRESS - 2, Date.now())
			.run()
		return { body: JSON.stringify({ username: 'admin@example.com', password }) }
	},
	signOut: async (house) => ({ headers: { Authorization: `Bearer ${await house.session()}` } }),
	changePassword: ({ password }) => ({ body: JSON.stringify({ current: password, password: 'another horse, another staple' }) }),
	// By the store's own names: what is deeper is an object, which is not made but in its collection.
	postAt2: ({ mine }) => collectionAt(mine, 'at3'),
	postAt3: ({ mine }) => collectionAt(mine, 'at4'),
	postAt4: ({ mine }) => collectionAt(mine, 'at5'),
	postAt5: ({ mine }) => ({ path: `${collectionAt(mine, 'at5').path}/batch`, body: JSON.stringify({ create: [{ name: 'Large' }] }) }),
	createSubscription: ({ mine }) => ({
		body: JSON.stringify({
			topics: [`instance-${mine.ids['instance']}-woocommercerest-events`],
			config: { url: 'https://callback.example.com/hook/third' },
		}),
	}),
	createInstance: (house) => ({ body: JSON.stringify(storeBody(house)) }),
	createInstanceOfElement: (house) => ({ body: JSON.stringify(storeBody(house)) }),
	replaceInstance: (house) => ({ body: JSON.stringify(storeBody(house)) }),
	replaceInstanceByToken: (house) => ({ body: JSON.stringify(storeBody(house)) }),
	replaceInstanceOfElement: (house) => ({ body: JSON.stringify(storeBody(house)) }),
	// The call by token came first, and one takeover at a time is enough.
	async rotateSignatureKey(house) {
		await made(house, 'POST', `/instances/${house.mine.ids['instance']}/signature-key/rotate/end`)
		return {}
	},
	async endSignatureKeyRotation(house) {
		await made(house, 'POST', `/instances/${house.mine.ids['instance']}/signature-key/rotate`, {})
		return {}
	},
	// Only so many that have ended are kept.
	getReplay: async (house) => ({ path: `${BASE_PATH}/instances/${house.mine.ids['instance']}/replays/${await lastReplay(house)}` }),
	getReplayByToken: async (house) => ({ path: `${BASE_PATH}/instances/replays/${await lastReplay(house)}` }),
	cancelReplay: async (house) => ({ path: `${BASE_PATH}/instances/${house.mine.ids['instance']}/replays/${await lastReplay(house)}` }),
	cancelReplayByToken: async (house) => ({ path: `${BASE_PATH}/instances/replays/${await lastReplay(house)}` }),
	// A replacement without events took everything watched away; it is learned again.
	getTimeline: learned,
	getTimelineByToken: learned,
	// The call by token deleted the one that there was.
	async deleteInstance(house) {
		return { path: `${BASE_PATH}/instances/${(await made(house, 'POST', '/instances', storeBody(house))).id}` }
	},
	async deleteInstanceOfElement(house) {
		return { path: `${BASE_PATH}/elements/woocommercerest/instances/${(await made(house, 'POST', '/instances', storeBody(house))).id}` }
	},
}

/** What the store would send of its order. */
function signedDelivery({ ids }: House['mine'], more: Record<string, string>): Partial<Asked> {
	const topic = 'order.updated'
	const body = JSON.stringify({ id: Number(ids['order']) })
	const secret = hooks.secretOf(masterKeys(env.MASTER_KEYS)[0]!.bytes, Number(ids['instance']), topic, 1)
	const signature = createHmac('sha256', secret).update(body).digest('base64')
	return { body, headers: { 'X-WC-Webhook-Topic': topic, 'X-WC-Webhook-Signature': signature, ...more } }
}

/** An instance of the simulated store, with webhooks and a signature key. */
function storeBody({ store }: House): Record<string, unknown> {
	return {
		element: { key: 'woocommercerest' },
		configuration: {
			'store.url': store.url,
			'oauth.api.key': store.credentials.key,
			'oauth.api.secret': store.credentials.secret,
			'event.notification.enabled': true,
			'event.vendor.type': 'hybrid',
			'event.notification.callback.url': 'https://callback.example.com/hook',
			'event.notification.signature.key': 'a key of the tests',
			'event.poller.refresh_interval': '999999999',
		},
	}
}

/** Polls until the object is known again. */
async function learned(house: House): Promise<Partial<Asked>> {
	const { instance, order: object } = house.mine.ids
	await made(house, 'PUT', `/instances/${instance}/poll`, { depth: 'window' })
	const path = `${BASE_PATH}/instances/${instance}/objects/orders/${object}/timeline`
	await vi.waitFor(
		async () =>
			expect(await house.ask({ method: 'GET', path, headers: { Authorization: house.mine.authorization } })).toMatchObject({ status: 200 }),
		{ timeout: 20_000, interval: 50 },
	)
	return {}
}

/** The newest of those that are kept. */
async function lastReplay(house: House): Promise<number> {
	return (await made(house, 'GET', `/instances/${house.mine.ids['instance']}/replays`))[0].id
}

/** A call that must succeed. */
async function made(house: House, method: string, path: string, body?: unknown): Promise<any> {
	const answer = await house.ask({
		method,
		path: `${BASE_PATH}${path}`,
		headers: { Authorization: house.mine.authorization },
		...(body === undefined ? {} : { body: JSON.stringify(body) }),
	})
	expect(answer.status, `${method} ${path}: ${answer.text}`).toBeLessThan(300)
	return answer.body
}

/** The collection of something at the store. */
function collectionAt({ ids }: House['mine'], at: string): Partial<Asked> {
	return { path: `${BASE_PATH}/hubs/ecommerce/${ids[`hub/${at}`]!.split('/').slice(0, -1).join('/')}` }
}

/** Operations that nothing generated can succeed at: they need a secret of one use, or a hand-over under way. */
const ONLY_REFUSED = new Set<string>(['getHandOver', 'setup', 'acceptLink'])
