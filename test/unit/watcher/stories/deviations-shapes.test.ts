/** Numbers, shapes and pages that stores make of their answers: taken where they are unambiguous, named where not. */
import { describe, expect, test } from 'vitest'
import { woocommerce } from '../../../../src/elements/woocommerce/woocommerce.ts'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import type { Fault, SimulatedStore } from '../../../store/store.ts'
import {
	changeProducts,
	deviantWorld,
	expectDeviantStory,
	type DeviantStory,
} from '../../../support/deviant-stories.ts'
import { arrivalsSince, HOUR_MS, MINUTE_MS, reread } from '../../../support/stories.ts'
import { getWebhookState, worldWithWebhooks } from '../../../support/webhook-stories.ts'

const taken = (...faults: Fault[]): DeviantStory => ({ faults: () => faults, withinMs: 15 * MINUTE_MS, limit: null })

const STORIES: Record<string, DeviantStory> = {
	'lists as objects': taken({ listAsObject: true }),
	'a comment after the JSON': taken({ comment: true }),
	'three byte order marks': taken({ bom: 3 }),
	'a notice before the JSON': { ...taken({ notice: true }), limit: /Warning/ },
	'a byte order mark, a notice and a comment': {
		...taken({ bom: 2, notice: true, comment: true }),
		limit: /Warning/,
	},
	'a list as an object, a comment and a row twice': taken({ listAsObject: true, comment: true, repeat: {} }),
}

describe('what stands around an answer, and its shape, are taken', () => {
	test.each(Object.keys(STORIES))('%s', async (name) => {
		await expectDeviantStory(STORIES[name]!)
	})
})

type Row = Record<string, unknown>

/** Changes the bodies of a store's answers about products; `count`: of the answers. */
function rewriteAnswers(
	store: SimulatedStore,
	change: (body: Row | Row[], count: number) => unknown,
	encode: (text: string) => BodyInit = (text) => text,
): void {
	const inner = store.fetch.bind(store)
	let count = 0
	store.fetch = async (request) => {
		const answer = await inner(request)
		if (request.method !== 'GET' || answer.status !== 200 || !/\/wc\/v3\/products\b/.test(request.url)) return answer
		const headers = new Headers(answer.headers)
		headers.delete('content-length')
		const body = JSON.parse(await answer.text()) as Row | Row[]
		return new Response(encode(JSON.stringify(change(body, ++count))), { status: 200, headers })
	}
}

const listsAs = (change: (rows: Row[]) => unknown) => (body: Row | Row[]) => (Array.isArray(body) ? change(body) : body)

function rewritten(
	limit: RegExp | null,
	...rewriting: Parameters<typeof rewriteAnswers> extends [unknown, ...infer R] ? R : never
): DeviantStory {
	return {
		faults: (_ids, store) => {
			rewriteAnswers(store, ...rewriting)
			return []
		},
		products: 60,
		edits: 8,
		withinMs: HOUR_MS,
		limit,
	}
}

const utf16 = (text: string): BodyInit => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')])

const REWRITTEN: Record<string, DeviantStory> = {
	'a list under a name': rewritten(
		/under "data"/,
		listsAs((rows) => ({ data: rows })),
	),
	'lists and objects under a name, with a status': rewritten(/under "body"/, (body) => ({
		status: 200,
		headers: {},
		body,
	})),
	'a row that is null': rewritten(
		/no objects/,
		listsAs((rows) => [...rows.slice(0, 2), null, ...rows.slice(2)]),
	),
	'a row whose id is 0': rewritten(
		/no objects.*id is 0/,
		listsAs((rows) => [{ id: 0, name: 'x' }, ...rows]),
	),
	'a row whose id is -5': rewritten(
		/no objects.*id is -5/,
		listsAs((rows) => [...rows, { ...rows[0], id: -5 }]),
	),
	'a row whose id is 1.5': rewritten(
		/no objects.*id is 1.5/,
		listsAs((rows) => [...rows, { ...rows[0], id: 1.5 }]),
	),
	'ids that are text in every other answer': rewritten(null, (body, count) => {
		const change = (row: Row): Row => (count % 2 === 0 ? row : { ...row, id: String(row['id']) })
		return Array.isArray(body) ? body.map(change) : change(body)
	}),
	'UTF-16 with a byte order mark': rewritten(null, (body) => body, utf16),
}

describe('shapes of lists and objects', () => {
	test.each(Object.keys(REWRITTEN))('%s', async (name) => {
		await expectDeviantStory(REWRITTEN[name]!)
	})
})

test('integers beyond 2^53 in meta_data are compared and sent to the last digit', async () => {
	const world = await deviantWorld({ faults: () => [] })
	const id = [...world.store.state('products').keys()][5]!
	const set = (value: string) =>
		world.store.act({
			do: 'edit-silently',
			resource: 'products',
			id,
			set: { meta_data: [{ id: 1, key: 'big', value: `@number:${value}` }], name: 'Big' },
		})
	set('7615917337495251231')
	await reread(world, 10 * MINUTE_MS)
	expect(arrivalsSince(world)).toEqual([`UPDATED products ${id}`])
	set('7615917337495251232')
	await reread(world, 10 * MINUTE_MS)
	expect(arrivalsSince(world)).toEqual([`UPDATED products ${id}`, `UPDATED products ${id}`])
	expect(world.arrivals[0]!.body).toContain(':7615917337495251231')
	expect(world.arrivals[1]!.body).toContain(':7615917337495251232')
})

test('numeric ids beyond 2^53 are indexed and sent exactly', async () => {
	const base = 9_223_372_036_854_000_000n
	const world = await deviantWorld({ faults: () => [{ idBase: String(base) }] })
	const expected = changeProducts(world).map((event) => event.replace(/\d+$/, (id) => String(base + BigInt(id))))
	await world.advance(30 * MINUTE_MS)
	expect(arrivalsSince(world).toSorted()).toEqual(expected.toSorted())
})

test.each(['siteground', 'cloudflare'] as const)(
	'the page of a bot protection (%s) is called that',
	async (challenge) => {
		const world = await deviantWorld({ faults: () => [] })
		world.store.setFaults({ challenge })
		const expected = changeProducts(world)
		await world.advance(20 * MINUTE_MS)
		const { state, reason, store } = buildHealth(world.engine.getCore()!)
		expect(state).toBe('store-unreachable')
		expect(`${reason} ${store?.reason}`).toMatch(challenge === 'siteground' ? /SiteGround/ : /bot protection|challenge/)
		world.store.setFaults({})
		await world.advance(2 * HOUR_MS)
		expect(arrivalsSince(world).toSorted()).toEqual(expected.toSorted())
	},
)

test('a challenge for webhooks/batch alone is named, and polling goes on', async () => {
	const world = await worldWithWebhooks({
		vendorType: 'hybrid',
		faults: { challenge: 'siteground', method: 'POST', match: 'webhooks/batch' },
	})
	const { webhooks, state } = buildHealth(world.engine.getCore()!)
	expect(webhooks?.reason).toMatch(/SiteGround/)
	expect(state).toBe('webhooks-degraded')
})

describe('webhooks', () => {
	test('ten a page and twelve foreign ones: one of ours a topic, none after deletion', async () => {
		const world = await worldWithWebhooks({
			faults: { match: '/webhooks', rowsAlways: 10 },
			prepare: (store) => {
				for (let i = 0; i < 12; i++)
					store.makeWebhook({ name: `ERP ${i}`, topic: 'order.updated', delivery_url: 'https://erp.example/' })
			},
		})
		await world.advance(24 * HOUR_MS)
		const ours = world.store.webhooks().filter(({ url }) => url.startsWith('https://bell.example.com'))
		expect(ours.length).toBeGreaterThan(0)
		expect(new Set(ours.map(({ topic }) => topic)).size).toBe(ours.length)
		const client = await world.ports().client(world.config)
		const identity = { name: `Shopbell ${world.config.instanceId}`, deliveryUrl: world.config.hooks!.deliveryUrl }
		expect(await woocommerce.webhooks!.remove(client, identity)).toMatchObject({ ok: true })
		expect(world.store.webhooks().filter(({ url }) => url.startsWith('https://bell.example.com'))).toEqual([])
		expect(world.store.webhooks().length).toBe(12)
	})

	test.each([
		'http://shop.example.com/de/',
		'http://shop.example.com/?lang=de',
		'http://shop.example.com/de?lang=at',
		'http://shop.example.com:80/',
		'http://SHOP.example.com',
		null,
	])('the source %s is the shop', async (source) => {
		const world = await worldWithWebhooks()
		world.store.setWebhooks({ source })
		const [order] = world.store.act({ do: 'place-order' })
		await world.advance(30_000)
		expect(arrivalsSince(world)).toContain(`CREATED orders ${order!.id}`)
		expect(getWebhookState(world).foreign ?? null).toBeNull()
	})

	test.each([
		['xn--mller-kva.example', 'müller.example'],
		['müller.example', 'xn--mller-kva.example'],
	])('the source of an international name, %s, is the shop as %s', async (host, other) => {
		const world = await worldWithWebhooks({ store: { url: `http://${host}` } })
		world.store.setWebhooks({ source: `http://${other}/` })
		const [order] = world.store.act({ do: 'place-order' })
		await world.advance(30_000)
		expect(arrivalsSince(world)).toContain(`CREATED orders ${order!.id}`)
		expect(getWebhookState(world).foreign ?? null).toBeNull()
	})
})
