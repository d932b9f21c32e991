/**
 * Calls made of the document itself: for every operation, at least 25 that fit it and at least 25 in which one thing is broken. Every
 * answer is one that the document declares and fits its schema, and none is a 5xx but a declared 502; what does not fit the document's own
 * schemas is refused.
 */
import { createHmac } from 'node:crypto'
import { Validator, type Schema } from '@cfworker/json-schema'
import * as fc from 'fast-check'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Operation, Tag } from '../../../src/api/contract.ts'
import { ATTEMPTS_PER_ADDRESS, subjectsOf } from '../../../src/accounts/attempts.ts'
import { operations } from '../../../src/api/operations.ts'
import { hooks } from '../../../src/elements/woocommerce/hooks.ts'
import { masterKeys } from '../../../src/instances/sealing.ts'
import { env } from '../api/harness.ts'
import { document, type Declared } from './document.ts'
import { BASE_PATH, filled, type Asked, type House, idsFor, openHouse } from './house.ts'
import { breakages, brokenTexts, fitting } from './samples.ts'

const EACH = 25
/** Of all the ways in which a call can be broken, so many are tried, evenly spread. */
const MOST_BROKEN = 30
const SEED = 20_261_124
const { schemas } = document.components

/** The parts of the reference that are tried apart from the others, so that two cores have as much to do. */
export const SECOND: readonly Tag[] = ['Hub', 'Events', 'Notifications']

let house: House

/** An operation with everything that the document says of it. */
interface Tried {
	id: string
	one: Operation
	path: string
	declared: Declared
	bodySchema: Schema | null
}

const all: Tried[] = Object.entries(operations as Record<string, Operation>).map(([id, one]) => {
	const path = `${one.root ? '' : BASE_PATH}${one.path}`
	const declared = document.paths[path]![one.method]!
	return { id, one, path, declared, bodySchema: declared.requestBody?.content['application/json']?.schema ?? null }
})

/** What removes comes last, and what removes most very last, so that there is something to ask for; the hub's before an instance is disabled. */
function order({ one, path }: Tried): number {
	if (one.method !== 'delete') return 0
	if (one.tag === 'Hub') return 1
	return /\/instances(\/\{id\})?$/.test(path) ? 3 : 2
}

function authorizationOf({ one }: Tried): Record<string, string> {
	if (one.access === 'public') return {}
	return { Authorization: one.access === 'token' ? house.mine.tokenAuthorization : house.mine.authorization }
}

/** A plain call that ought to be fine. */
function plain(tried: Tried, body: unknown, query: [string, string][]): Asked {
	return {
		method: tried.one.method.toUpperCase(),
		path: filled(tried.path, idsFor(tried.path, house.mine.ids)),
		query,
		headers: authorizationOf(tried),
		...(tried.bodySchema === null ? {} : { body: JSON.stringify(body) }),
	}
}

function queryOf(values: Record<string, unknown>): [string, string][] {
	return Object.entries(values).flatMap(([name, value]): [string, string][] =>
		value === undefined ? [] : Array.isArray(value) ? value.map((one) => [name, String(one)]) : [[name, String(value)]],
	)
}

/** Fitting calls: the example first, then whatever the schemas allow. */
async function fittingCalls(tried: Tried): Promise<Asked[]> {
	const parameters = (tried.declared.parameters ?? []).filter((one) => one.in === 'query')
	const query = fc.record(Object.fromEntries(parameters.map((one) => [one.name, fitting(one.schema, schemas)])), {
		requiredKeys: parameters.filter((one) => one.required === true).map((one) => one.name),
	})
	const body = tried.bodySchema === null ? fc.constant(undefined) : fitting(tried.bodySchema, schemas)
	const samples = fc.sample(fc.tuple(body, query), { numRuns: EACH, seed: SEED })
	const required = Object.fromEntries(
		parameters
			.filter((one) => one.required)
			.map((one) => [one.name, fc.sample(fitting(one.schema, schemas), { numRuns: 1, seed: SEED })[0]]),
	)
	const first = plain(tried, exampleOf(tried) ?? samples[0]![0], queryOf(required))
	return [{ ...first, ...(await KNOWING[tried.id]?.(house)) }, ...samples.map(([sample, values]) => plain(tried, sample, queryOf(values)))]
}

function exampleOf(tried: Tried): unknown {
	return tried.one.example
}

/** A call in which one thing is broken; `mustFail`: the document's own schemas refuse it. */
interface Broken {
	what: string
	asked: Asked
	mustFail: boolean
}

function brokenCalls(tried: Tried): Broken[] {
	const example = (exampleOf(tried) ??
		fc.sample(tried.bodySchema === null ? fc.constant({}) : fitting(tried.bodySchema, schemas), { numRuns: 1, seed: 7 })[0]) as Record<
		string,
		unknown
	>
	const base = plain(tried, example, [])
	const broken: Broken[] = []
	const add = (what: string, change: Partial<Asked>, mustFail: boolean): void =>
		void broken.push({ what, asked: { ...base, ...change }, mustFail })

	for (const name of Object.keys(idsFor(tried.path, house.mine.ids)))
		for (const { what, value } of brokenTexts())
			add(`${name} ${what}`, { path: filled(tried.path, { ...idsFor(tried.path, house.mine.ids), [name]: value as string }) }, false)
	add("another organization's ids", { path: filled(tried.path, idsFor(tried.path, house.theirs.ids)) }, false)
	for (const { name, schema } of (tried.declared.parameters ?? []).filter((one) => one.in === 'query'))
		for (const { what, value } of brokenTexts()) add(`${name} ${what}`, { query: [[name, value as string]] }, !fits(schema, value))
	if (tried.bodySchema !== null) {
		const shape = resolved(tried.bodySchema)
		for (const name of Object.keys(shape.properties ?? {}))
			for (const { what, value } of breakages()) {
				const { [name]: _old, ...rest } = example
				const body = value === undefined ? rest : { ...rest, [name]: value }
				add(`${name} ${what}`, { body: JSON.stringify(body) }, !fits(tried.bodySchema, body))
			}
		for (const text of ['{', '', 'null', '[]', '"text"', '7', '{"a":'.repeat(2000)])
			add(`body ${text.slice(0, 10)}`, { body: text }, !text.startsWith('{') && text !== '' ? !fits(tried.bodySchema, parsed(text)) : false)
		add('a form', { headers: { ...base.headers, 'Content-Type': 'application/x-www-form-urlencoded' }, body: 'a=b' }, true)
	}
	if (tried.one.access !== 'public') {
		const { mine, theirs } = house
		for (const authorization of [
			'',
			'User',
			'Basic YTpi',
			'Bearer nothing',
			`User ${mine.user}`,
			`User ${theirs.user}, ${mine.authorization.split(', ')[1]!}`,
			`User ${mine.user}, Element ${theirs.token}`,
			`${mine.authorization}, User twice`,
			`User ${'x'.repeat(3000)}, Organization y`,
		])
			add(`Authorization ${authorization.slice(0, 12)}`, { headers: { ...base.headers, Authorization: authorization } }, true)
	}
	for (const accept of ['text/html', 'image/png;q=1', 'application/json;q=0', 'x'])
		add(`Accept ${accept}`, { headers: { ...base.headers, Accept: accept } }, tried.one.bare === undefined)
	for (const query of ['__proto__', 'constructor', 'toString', 'x[]', '%', 'pageSize[]', '💥'])
		add(`an unknown parameter ${query}`, { query: [[query, 'x'.repeat(50)]] }, false)
	for (const name of [
		'X-Forwarded-For',
		'Range',
		'If-None-Match',
		'Elements-Request-Id',
		'Idempotency-Key',
		'Cookie',
		'Origin',
		'Accept-Language',
		'Last-Event-ID',
		'TE',
		'Expect',
		'X-HTTP-Method-Override',
		'Host',
		'Content-Language',
	])
		add(`${name} with nonsense`, { headers: { ...base.headers, [name]: '"\'<>;=' } }, false)
	return broken
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text)
	} catch {
		return undefined
	}
}

function resolved(schema: Schema): Schema {
	return schema.$ref === undefined ? schema : schemas[schema.$ref.split('/').at(-1)!]!
}

function fits(schema: Schema, value: unknown): boolean {
	return new Validator({ ...schema, components: document.components }, '2020-12').validate(value).valid
}

async function hold(tried: Tried, what: string, asked: Asked, mustFail: boolean): Promise<number> {
	const answer = await house.ask(asked)
	const shown = `${tried.id}: ${what} → ${answer.status} ${answer.text.slice(0, 200)}`
	expect(answer.undeclared, shown).toBeNull()
	if (answer.status >= 500) expect([502, 503], shown).toContain(answer.status)
	if (mustFail) expect(answer.status, shown).toBeGreaterThanOrEqual(400)
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

		test('what is broken is answered as it says, and refused where it does not fit', async () => {
			const calls = spread(brokenCalls(tried), MOST_BROKEN)
			expect(calls.length).toBeGreaterThanOrEqual(EACH)
			for (const { what, asked, mustFail } of calls) await hold(tried, what, asked, mustFail)
		})
	})
}

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
