/**
 * Calls made of the document itself: for every operation, at least 25 that fit it and at least 25 in which one thing is broken. Every
 * answer is one that the document declares and fits its schema, and none is a 5xx but a declared 502; what is broken is refused.
 */
import { parseRefText } from '../../../src/lib/incarnation.ts'
import { createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Tag } from '../../../src/api/http/contract.ts'
import { MAX_ATTEMPTS_PER_ADDRESS, getAttemptSubjects } from '../../../src/accounts/sign-in-attempts.ts'
import { webhooks } from '../../../src/elements/woocommerce/webhook-payloads.ts'
import { parseMasterKeys } from '../../../src/lib/sealing.ts'
import { env } from '../api/harness.ts'
import { invalidCalls } from './invalid-calls.ts'
import { openApiDocument } from './document.ts'
import { BASE_PATH, type ApiRequest, type ContractWorld, createContractWorld } from './world.ts'
import { arbitraryFor } from '../../support/arbitraries.ts'
import {
	testedOperations,
	plainRequest,
	toQuery,
	requiredQueryFor,
	SEED,
	type TestedOperation,
} from './tested-operations.ts'

/** So many that fit, and of all the ways in which a call can be broken so many, evenly spread. */
const MIN_CALLS = 25
/** Beside these, so many that are odd and may be fine. */
const MAX_ODD_CALLS = 5
const { schemas } = openApiDocument.components

/** The parts of the reference that are tried apart from the others, so that two cores have as much to do. */
export const SECOND_SHARE: readonly Tag[] = ['Hub', 'Events', 'Notifications']

let world: ContractWorld

/** What removes comes last, and what removes most very last, so that there is something to ask for; the hub's before an instance is disabled. */
function executionOrder({ one: operation, path }: TestedOperation): number {
	// Signed with the first secrets, which other calls rotate.
	if (operation.bare === true) return -1
	if (operation.method !== 'delete') return 0
	// What belongs to an order before the order.
	if (operation.tag === 'Hub') return 1 + 1 / path.split('/').length
	return /\/instances(\/\{id\})?$/.test(path) ? 3 : 2
}

/** Fitting calls: the example first, then whatever the schemas allow. */
async function validCalls(tested: TestedOperation): Promise<ApiRequest[]> {
	const parameters = (tested.declared.parameters ?? []).filter((parameter) => parameter.in === 'query')
	const query = fc.record(
		Object.fromEntries(parameters.map((parameter) => [parameter.name, arbitraryFor(parameter.schema, schemas)])),
		{
			requiredKeys: parameters.filter((parameter) => parameter.required === true).map((parameter) => parameter.name),
		},
	)
	const body = tested.bodySchema === null ? fc.constant(undefined) : arbitraryFor(tested.bodySchema, schemas)
	const samples = fc.sample(fc.tuple(body, query), { numRuns: MIN_CALLS, seed: SEED })
	const first = plainRequest(world, tested, tested.one.example ?? samples[0]![0], requiredQueryFor(tested))
	return [
		{ ...first, ...(await REQUEST_OVERRIDES[tested.id]?.(world)) },
		...samples.map(([sample, values]) => plainRequest(world, tested, sample, toQuery(values))),
	]
}

async function expectDeclaredAnswer(
	tested: TestedOperation,
	description: string,
	request: ApiRequest,
	mustFail: boolean,
): Promise<number> {
	const answer = await world.send(request)
	const message = `${tested.id}: ${description} → ${answer.status} ${answer.text.slice(0, 200)}`
	expect(answer.violation, message).toBeNull()
	if (answer.status >= 500) expect([502, 503], message).toContain(answer.status)
	if (mustFail) expect(answer.status, `${message}: it had to be refused`).toBeGreaterThanOrEqual(400)
	return answer.status
}

function sampleEvenly<Item>(items: readonly Item[], max: number): Item[] {
	return items.length <= max
		? [...items]
		: Array.from({ length: max }, (_, index) => items[Math.floor((index * items.length) / max)]!)
}

/** Tries the operations of some parts of the reference, in a house of their own. */
export function testOperations(tags: readonly Tag[]): void {
	beforeAll(async () => {
		world = await createContractWorld()
	}, 60_000)
	afterEach(() => world.restore())

	describe.each(
		testedOperations
			.filter(({ one: operation }) => tags.includes(operation.tag))
			.sort((a, b) => executionOrder(a) - executionOrder(b)),
	)('$id', (tested) => {
		test('what fits the document is answered as it says', async () => {
			const calls = await validCalls(tested)
			expect(calls.length).toBeGreaterThanOrEqual(MIN_CALLS)
			const statuses: number[] = []
			for (const request of calls)
				statuses.push(
					await expectDeclaredAnswer(
						tested,
						JSON.stringify([request.path, request.query, request.body]).slice(0, 300),
						request,
						false,
					),
				)
			// What is asked for at all must be possible.
			expect(
				statuses.some((status) => status < 300) || ONLY_REFUSED.has(tested.id),
				`${tested.id}: ${statuses.join()}`,
			).toBe(true)
		})

		test('what is broken is refused, and what is odd answered as it says', async () => {
			const calls = invalidCalls(world, tested)
			const broken = sampleEvenly(
				calls.filter(({ mustFail }) => mustFail),
				MIN_CALLS,
			)
			if (!NEVER_REFUSED.has(tested.id)) expect(broken.length).toBeGreaterThanOrEqual(MIN_CALLS)
			const odd = sampleEvenly(
				calls.filter(({ mustFail }) => !mustFail),
				MIN_CALLS + MAX_ODD_CALLS - broken.length,
			)
			for (const { description, request, mustFail } of [...broken, ...odd])
				await expectDeclaredAnswer(tested, description, request, mustFail)
		})
	})
}

/** Some stores look at the address before they deliver: whatever it is, they are answered. */
const NEVER_REFUSED = new Set(['probeReceiver', 'probeReceiverOfInstance'])

/** What a call needs that no schema can say: ids of this very world. */
const REQUEST_OVERRIDES: Record<string, (world: ContractWorld) => Partial<ApiRequest> | Promise<Partial<ApiRequest>>> =
	{
		receiveDelivery: ({ own }) => signedDelivery(own, { 'Element-Instances': own.ids['instanceRef']! }),
		receiveDeliveryOfInstance: ({ own }) => signedDelivery(own, {}),
		// Guessing is slow by design: all but a few attempts are refused unseen.
		async signIn({ password }) {
			await env.DB.prepare('INSERT INTO sign_in_attempts VALUES (?, ?, ?)')
				.bind(getAttemptSubjects('', 'local').address, MAX_ATTEMPTS_PER_ADDRESS - 2, Date.now())
				.run()
			return { body: JSON.stringify({ username: 'admin@example.com', password }) }
		},
		signOut: async (world) => ({ headers: { Authorization: `Bearer ${await world.session()}` } }),
		changePassword: ({ password }) => ({
			body: JSON.stringify({ current: password, password: 'another horse, another staple' }),
		}),
		// By the store's own names: what is deeper is an object, which is not made but in its collection.
		postAt2: () => ({ path: `${BASE_PATH}/hubs/ecommerce/products/categories`, body: JSON.stringify({ name: 'Two' }) }),
		postAt3: ({ own }) => collectionAt(own, 'at4'),
		postAt4: ({ own }) => collectionAt(own, 'at5'),
		postAt5: ({ own }) => ({
			path: `${collectionAt(own, 'at5').path}/batch`,
			body: JSON.stringify({ create: [{ name: 'Large' }] }),
		}),
		createSubscription: ({ own }) => ({
			body: JSON.stringify({
				topics: [`instance-${own.ids['instance']}-woocommercerest-events`],
				config: { url: 'https://callback.example.com/hook/third' },
			}),
		}),
		createInstance: (world) => ({ body: JSON.stringify(hybridInstanceBody(world)) }),
		createInstanceOfElement: (world) => ({ body: JSON.stringify(hybridInstanceBody(world)) }),
		replaceInstance: (world) => ({ body: JSON.stringify(hybridInstanceBody(world)) }),
		replaceInstanceByToken: (world) => ({ body: JSON.stringify(hybridInstanceBody(world)) }),
		replaceInstanceOfElement: (world) => ({ body: JSON.stringify(hybridInstanceBody(world)) }),
		// The call by token came first, and one takeover at a time is enough.
		async rotateSignatureKey(world) {
			await callOk(world, 'POST', `/instances/${world.own.ids['instance']}/signature-key/rotate/end`)
			return {}
		},
		async endSignatureKeyRotation(world) {
			await callOk(world, 'POST', `/instances/${world.own.ids['instance']}/signature-key/rotate`, {})
			return {}
		},
		// Only so many that have ended are kept.
		getReplay: async (world) => ({
			path: `${BASE_PATH}/instances/${world.own.ids['instance']}/replays/${await lastReplayId(world)}`,
		}),
		getReplayByToken: async (world) => ({ path: `${BASE_PATH}/instances/replays/${await lastReplayId(world)}` }),
		cancelReplay: async (world) => ({
			path: `${BASE_PATH}/instances/${world.own.ids['instance']}/replays/${await lastReplayId(world)}`,
		}),
		cancelReplayByToken: async (world) => ({ path: `${BASE_PATH}/instances/replays/${await lastReplayId(world)}` }),
		// A replacement without events took everything watched away; it is learned again.
		getTimeline: waitUntilIndexed,
		getTimelineByToken: waitUntilIndexed,
		// Nobody receives it, so it is settled.
		deleteNotification: async (world) => ({
			path: `${BASE_PATH}/notifications/${(await callOk(world, 'POST', '/notifications', { topic: 'unheard', message: 1 })).id}`,
		}),
		// The call by token deleted the one that there was.
		async deleteInstance(world) {
			return {
				path: `${BASE_PATH}/instances/${(await callOk(world, 'POST', '/instances', hybridInstanceBody(world))).id}`,
			}
		},
		async deleteInstanceOfElement(world) {
			return {
				path: `${BASE_PATH}/elements/woocommercerest/instances/${(await callOk(world, 'POST', '/instances', hybridInstanceBody(world))).id}`,
			}
		},
	}

/** What the store would send of its order. */
function signedDelivery({ ids }: ContractWorld['own'], extraHeaders: Record<string, string>): Partial<ApiRequest> {
	const topic = 'order.updated'
	const body = JSON.stringify({ id: Number(ids['order']) })
	const secret = webhooks.deriveSecret(
		parseMasterKeys(env.MASTER_KEYS)[0]!.bytes,
		parseRefText(ids['instanceRef']!)!.incarnation,
		topic,
		1,
	)
	const signature = createHmac('sha256', secret).update(body).digest('base64')
	return { body, headers: { 'X-WC-Webhook-Topic': topic, 'X-WC-Webhook-Signature': signature, ...extraHeaders } }
}

/** An instance of the simulated store, with webhooks and a signature key. */
function hybridInstanceBody({ store }: ContractWorld): Record<string, unknown> {
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
async function waitUntilIndexed(world: ContractWorld): Promise<Partial<ApiRequest>> {
	const { instance, order: object } = world.own.ids
	await callOk(world, 'PUT', `/instances/${instance}/poll`, { depth: 'window' })
	const path = `${BASE_PATH}/instances/${instance}/objects/orders/${object}/timeline`
	await vi.waitFor(
		async () =>
			expect(
				await world.send({ method: 'GET', path, headers: { Authorization: world.own.authorization } }),
			).toMatchObject({ status: 200 }),
		{ timeout: 20_000, interval: 50 },
	)
	return {}
}

/** The newest of those that are kept. */
async function lastReplayId(world: ContractWorld): Promise<number> {
	return (await callOk(world, 'GET', `/instances/${world.own.ids['instance']}/replays`))[0].id
}

/** A call that must succeed. */
async function callOk(world: ContractWorld, method: string, path: string, body?: unknown): Promise<any> {
	const answer = await world.send({
		method,
		path: `${BASE_PATH}${path}`,
		headers: { Authorization: world.own.authorization },
		...(body === undefined ? {} : { body: JSON.stringify(body) }),
	})
	expect(answer.status, `${method} ${path}: ${answer.text}`).toBeLessThan(300)
	return answer.body
}

/** The collection of something at the store. */
function collectionAt({ ids }: ContractWorld['own'], at: string): Partial<ApiRequest> {
	return { path: `${BASE_PATH}/hubs/ecommerce/${ids[`hub/${at}`]!.split('/').slice(0, -1).join('/')}` }
}

/** Operations that nothing generated can succeed at: they need a secret of one use, or a hand-over under way, or always refuse. */
const ONLY_REFUSED = new Set<string>([
	'getHandOver',
	'setup',
	'acceptLink',
	'getLink',
	'deleteAccount',
	// Downloads are only read.
	'putAt3',
	'patchAt3',
	'deleteAt3',
])
