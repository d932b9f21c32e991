/** Pages of the hub over the simulated store: what they hold while the store is written to, what they are joined, where a list names no total. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_STORE_PAGES, readPage } from '../../../src/api/hub/read.ts'
import { formatHubToken, parseHubToken } from '../../../src/api/hub/page-token.ts'
import { positionAt, type WalkPosition } from '../../../src/api/hub/list-cursor.ts'
import type { ListPlan } from '../../../src/elements/records.ts'
import { woocommerce } from '../../../src/elements/woocommerce/woocommerce.ts'
import { parseWhere, matchesCondition } from '../../../src/elements/where.ts'
import { createStore, type SimulatedStore, type StoreOptions } from '../../store/store.ts'
import { ioOf } from '../elements/support.ts'
import type { Connection, StoreClient, VendorRecord } from '../../../src/elements/store.ts'

const NOW = Date.parse('2026-11-23T12:00:00Z')

interface Shop {
	store: SimulatedStore
	client: StoreClient
	connection: Connection
}

/** A store and a client of it; `before` happens before every request, `hidden` rows are dropped after paging. */
async function open(
	options: StoreOptions,
	before: (store: SimulatedStore, asked: number) => void = () => undefined,
	hidden?: (id: number) => boolean,
): Promise<Shop> {
	let clock = NOW
	const store = createStore({ url: 'https://shop.example', now: () => clock, ...options })
	let asked = 0
	let armed = false
	const io = ioOf(
		async (request) => {
			if (armed) before(store, asked++)
			clock += 1000
			const answer = await store.fetch(request)
			if (!armed || hidden === undefined) return answer
			const rows = (await answer.json()) as { id: number }[]
			return new Response(JSON.stringify(rows.filter(({ id }) => !hidden(id))), answer)
		},
		{ now: () => clock, nonce: () => crypto.randomUUID() },
	)
	const credentials = { storeUrl: store.url, ...store.credentials }
	const found = await woocommerce.connect(credentials, io, { paths: ['orders'] })
	if (!found.ok) throw new Error(found.message)
	armed = true
	return { store, client: woocommerce.openClient(found.connection, credentials, io), connection: found.connection }
}

function planOf(
	path: string,
	connection: Connection,
	where: string | null = null,
	orderBy: string | null = null,
): ListPlan {
	const planned = woocommerce.records.planList(path, { where, orderBy }, connection)
	if (!planned.ok) throw new Error(planned.message)
	return planned.plan
}

/** All pages by tokens; each token goes through its text. */
async function walk(
	shop: Shop,
	plan: ListPlan,
	sizes: (page: number) => number,
): Promise<{ rows: VendorRecord[]; pages: number }> {
	const identity = { instanceId: 1, path: plan.path, where: null, orderBy: null }
	const rows: VendorRecord[] = []
	let place: WalkPosition | null = positionAt(0)
	for (let pages = 0; ; pages++) {
		if (pages > 2_000) throw new Error('the walk does not end')
		const size = sizes(pages)
		const reading = await readPage(shop.client, plan, place, size, pages === 0)
		if ('item' in reading) throw new Error('not a list')
		expect(reading.list.length).toBeLessThanOrEqual(size)
		rows.push(...(reading.list as VendorRecord[]))
		if (reading.next === null) return { rows, pages }
		const token = formatHubToken(identity, size, reading.next)
		expect(token.length).toBeLessThan(500)
		place = parseHubToken(identity, token).position
	}
}

const HUB = { orders: 'orders', products: 'products', coupons: 'discounts', customers: 'customers' } as const
type Collection = keyof typeof HUB

/** Ids that a list shows, at the store itself. */
function listed(store: SimulatedStore, collection: Collection): Set<number> {
	const hidden =
		collection === 'coupons'
			? ['trash', 'auto-draft', 'draft', 'future', 'pending', 'private']
			: ['trash', 'auto-draft', 'checkout-draft']
	return new Set(
		[...store.state(collection)].filter(([, row]) => !hidden.includes(String(row['status']))).map(([id]) => id),
	)
}

const ACTS = ['create', 'delete', 'trash', 'restore', 'back-date', 'draft', 'publish', 'edit'] as const

const story = fc.record({
	collection: fc.constantFrom<Collection>('orders', 'products', 'coupons', 'customers'),
	orders: fc.constantFrom('hpos' as const, 'posts' as const),
	version: fc.constantFrom('11.0' as const, '7.0' as const, '5.5' as const),
	count: fc.integer({ min: 0, max: 260 }),
	sizes: fc.array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 90, max: 200 })), {
		minLength: 1,
		maxLength: 3,
	}),
	orderBy: fc.constantFrom(null, 'id', 'id desc', 'date_created desc', 'date_created'),
	filtered: fc.boolean(),
	acts: fc.array(fc.array(fc.constantFrom(...ACTS), { maxLength: 6 }), { minLength: 1, maxLength: 12 }),
	seed: fc.integer({ min: 1, max: 1e6 }),
})

describe('pages while the store is written to', () => {
	it('3.7 3.9 hold every record that was there all the time exactly once, and none twice', async () => {
		await fc.assert(
			fc.asyncProperty(story, async ({ collection, orders, version, count, sizes, orderBy, filtered, acts, seed }) => {
				// An order by date is anchored where the store breaks its ties and says what it sorts by.
				const dated = orderBy?.startsWith('date_created') === true
				if (dated && (collection !== 'orders' || version !== '11.0')) return
				// Records of older coupons do not say whether they are published.
				if (
					collection === 'coupons' &&
					version !== '11.0' &&
					acts.flat().some((what) => !['create', 'delete', 'edit', 'back-date'].includes(what))
				)
					return
				// A store of customers alone: the actions' choice of an object is theirs.
				const objects = { orders: 5, products: 5, coupons: 5, customers: 5, [collection]: count }
				const gone = new Set<number>()
				const shop = await open({ orders, version, objects, seed }, (store, asked) => {
					// In ascending order a list that grows faster than it is read has no end.
					if (asked >= 100) return
					for (const what of acts[asked % acts.length] ?? []) {
						if (collection === 'customers' && !['create', 'delete', 'edit'].includes(what)) continue
						if (what === 'back-date' && dated) continue
						try {
							store.act({ do: what, resource: collection })
						} catch {
							// Nothing fits: nothing happens.
						}
						const now = listed(store, collection)
						for (const id of there) if (!now.has(id)) gone.add(id)
					}
				})
				const there = listed(shop.store, collection)
				const plan = planOf(HUB[collection], shop.connection, filtered ? "id >= '0'" : null, orderBy)
				const { rows } = await walk(shop, plan, (page) => sizes[page % sizes.length]!)
				const ids = rows.map((row) => row['id'] as number)
				expect(new Set(ids).size, 'none twice').toBe(ids.length)
				const missed = [...there].filter((id) => !gone.has(id) && !ids.includes(id))
				expect(missed, 'none missed').toEqual([])
			}),
			{ numRuns: Number(process.env['RUNS'] ?? 40) },
		)
	}, 120_000)

	it('a client that deletes what it has read reads everything', async () => {
		for (const orderBy of [null, 'id']) {
			const shop = await open({ objects: { orders: 500, products: 2, coupons: 1, customers: 2 } })
			const plan = planOf('orders', shop.connection, null, orderBy)
			const there = listed(shop.store, 'orders')
			const seen = new Set<number>()
			let place: WalkPosition | null = positionAt(0)
			for (let pages = 0; place !== null; pages++) {
				if (pages > 100) throw new Error('the walk does not end')
				const reading = await readPage(shop.client, plan, place, 70, place.n === 0)
				if ('item' in reading) throw new Error('not a list')
				for (const { id } of reading.list as { id: number }[]) {
					seen.add(id)
					shop.store.act({ do: 'delete', resource: 'orders', id })
				}
				place = reading.next
			}
			expect(seen).toEqual(there)
		}
	})

	it('2.5 rows that the store drops after paging make no page end early', async () => {
		for (const hidden of [(id: number) => id % 3 === 0, (id: number) => id % 200 < 130]) {
			const shop = await open({ objects: { orders: 450, products: 2, coupons: 1, customers: 2 } }, undefined, hidden)
			const shown = [...listed(shop.store, 'orders')].filter((id) => !hidden(id))
			for (const size of [1, 7, 100, 200]) {
				const { rows } = await walk(shop, planOf('orders', shop.connection), () => size)
				expect(rows.map((row) => row['id'])).toEqual(shown.toReversed())
			}
		}
	})
})

describe('a list that names no total', () => {
	/** The same store behind a host that takes the totals out of its answers. */
	function uncounted(shop: Shop): Shop {
		const { client } = shop
		const bare: StoreClient = {
			...shop.client,
			call: async (...asked) => {
				const answer = await client.call(...asked)
				return answer.ok ? { ...answer, total: null } : answer
			},
		}
		return { ...shop, client: bare }
	}

	it('2.5 is read to its end, in any order, filtered or not', async () => {
		const shop = uncounted(await open({ objects: { orders: 230, products: 2, coupons: 1, customers: 2 } }))
		const there = [...listed(shop.store, 'orders')].sort((a, b) => a - b)
		for (const orderBy of [null, 'id', 'date_modified'])
			for (const where of [null, "number != 'x'"])
				for (const size of where === null ? [23, 100, 115, 200] : [50, 115]) {
					const { rows } = await walk(shop, planOf('orders', shop.connection, where, orderBy), () => size)
					expect(
						rows.map((row) => row['id'] as number).sort((a, b) => a - b),
						`${orderBy} ${where} ${size}`,
					).toEqual(there)
				}
		const plan = planOf('orders', shop.connection, null, 'date_modified')
		const page = async (number: number) => await readPage(shop.client, plan, positionAt((number - 1) * 100), 100, true)
		const sizes = []
		for (const number of [1, 2, 3, 4]) {
			const reading = await page(number)
			sizes.push('list' in reading ? reading.list.length : null)
		}
		expect(sizes).toEqual([100, 100, there.length - 200, 0])
	})

	it('is cut into pages here when the store gives everything whatever is asked', async () => {
		const { connection } = await open({ objects: { orders: 1, products: 1, coupons: 1, customers: 1 } })
		for (const count of [0, 1, 2, 5, 10, 100, 130]) {
			const all = Array.from({ length: count }, (_, n) => ({ id: n + 1 }))
			let requests = 0
			const client = {
				call: async () => {
					requests++
					return { ok: true, status: 200, body: all, total: null, storeNowMs: NOW }
				},
			} as unknown as StoreClient
			const shop = { client, connection } as Shop
			for (const size of [1, 2, 5, 10, 100, 200]) {
				requests = 0
				const { rows, pages } = await walk(shop, planOf('gadgets', connection), () => size)
				expect(rows, `${count} by ${size}`).toEqual(all)
				expect(requests).toBeLessThanOrEqual(2 * (pages + 1))
				const second = await readPage(client, planOf('gadgets', connection), positionAt(size), size, true)
				expect(second, `page 2 of ${count} by ${size}`).toMatchObject({ list: all.slice(size, 2 * size) })
			}
		}
	})
})

describe('pages', () => {
	it('joined are one page of the joined size, and page 1 by its number goes on by its token', async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.constantFrom<Collection>('orders', 'products', 'coupons', 'customers'),
				fc.integer({ min: 1, max: 100 }),
				fc.boolean(),
				async (collection, size, filtered) => {
					const shop = await open({ objects: { orders: 5, products: 5, coupons: 5, customers: 5, [collection]: 230 } })
					const plan = planOf(HUB[collection], shop.connection, filtered ? "id != 'x'" : null)
					const page = async (number: number, of: number) => {
						const place = filtered ? positionAt(0, (number - 1) * of) : positionAt((number - 1) * of)
						const reading = await readPage(shop.client, plan, place, of, true)
						if ('item' in reading) throw new Error('not a list')
						return reading
					}
					const [one, two, both] = [await page(1, size), await page(2, size), await page(1, 2 * size)]
					const ids = (list: unknown[]) => list.map((row) => (row as VendorRecord)['id'])
					expect([...ids(one.list), ...ids(two.list)]).toEqual(ids(both.list))
					const next = await readPage(shop.client, plan, one.next!, size, false)
					expect('list' in next && ids(next.list)).toEqual(ids(two.list))
				},
			),
			{ numRuns: 25 },
		)
	}, 30_000)

	it('2.5 past the end is an empty page without a total that is not so', async () => {
		const shop = await open({ orders: 'hpos', objects: { orders: 20, products: 1, coupons: 1, customers: 1 } })
		expect(await readPage(shop.client, planOf('orders', shop.connection), positionAt(1000), 10, true)).toEqual({
			list: [],
			total: null,
			next: null,
		})
	})

	it(`what is filtered here costs at most ${MAX_STORE_PAGES} pages of the store a call: then the page is short, and its token goes on`, async () => {
		const shop = await open({ objects: { orders: 4_500, products: 2, coupons: 1, customers: 2 } })
		const oldest = Math.min(...listed(shop.store, 'orders'))
		const plan = planOf('orders', shop.connection, `total != '-1' AND id < ${oldest + 3} AND number != 'x'`)
		const before = shop.client.requests
		const first = await readPage(shop.client, plan, positionAt(0), 50, true)
		if ('item' in first) throw new Error('not a list')
		expect(shop.client.requests - before).toBe(MAX_STORE_PAGES)
		expect([first.list, first.total]).toEqual([[], null])
		expect(first.next).not.toBeNull()
		const { rows, pages } = await walk(shop, plan, () => 50)
		expect(rows.map((row) => row['id'])).toEqual(
			[...listed(shop.store, 'orders')].filter((id) => id < oldest + 3).reverse(),
		)
		expect(pages).toBe(2)
	}, 30_000)

	it('lists that come whole are cut into pages, newest first, and hold as well', async () => {
		const shop = await open({ objects: { orders: 3, products: 2, coupons: 1, customers: 2 } })
		const [order] = [...listed(shop.store, 'orders')]
		for (let count = 0; count < 25; count++) shop.store.act({ do: 'note', id: order!, text: `note ${count}` })
		const plan = planOf(`orders/${order}/comments`, shop.connection)
		const first = await readPage(shop.client, plan, positionAt(0), 10, true)
		if ('item' in first) throw new Error('not a list')
		shop.store.act({ do: 'note', id: order!, text: 'one more' })
		const second = await readPage(shop.client, plan, first.next!, 10, false)
		if ('item' in second) throw new Error('not a list')
		const ids = [...first.list, ...second.list].map((note) => (note as VendorRecord)['id'] as number)
		expect(new Set(ids).size).toBe(20)
		expect(ids).toEqual(ids.toSorted((a, b) => b - a))
		expect(first.total).toBeGreaterThanOrEqual(25)
	})
})

describe('where', () => {
	it('gives what a filter over all of the store’s records gives, whoever filters', async () => {
		const shop = await open({ objects: { orders: 120, products: 60, coupons: 20, customers: 40 } })
		const all: Record<string, VendorRecord[]> = {}
		for (const path of Object.values(HUB)) all[path] = (await walk(shop, planOf(path, shop.connection), () => 200)).rows
		const value = (path: string, field: string) =>
			fc.constantFrom(
				...new Set(all[path]!.map((row) => String(row[field])).filter((text) => text !== '' && text !== 'null')),
			)
		const condition = fc.constantFrom(...Object.values(HUB)).chain((path) =>
			fc
				.constantFrom(
					...({
						orders: ['status', 'total', 'id', 'customer_id', 'currency'],
						products: ['status', 'sku', 'id', 'type', 'price', 'stock_status'],
						discounts: ['code', 'amount', 'id', 'status'],
						customers: ['email', 'id', 'role', 'username'],
					}[path] ?? []),
				)
				.chain((field) =>
					fc.record({
						path: fc.constant(path),
						field: fc.constant(field),
						operator: fc.constantFrom('=', '!=', '<', '>', '<=', '>=', 'LIKE', 'IN'),
						values: fc.array(value(path, field), { minLength: 1, maxLength: 3 }),
					}),
				),
		)
		await fc.assert(
			fc.asyncProperty(condition, condition, async (first, second) => {
				const conditions = first.path === second.path ? [first, second] : [first]
				const where = conditions
					.map(({ field, operator, values }) => {
						const quoted = values.map((one) => `'${one.replaceAll("'", "''")}'`)
						return `${field} ${operator} ${operator === 'IN' ? `(${quoted.join(', ')})` : quoted[0]}`
					})
					.join(' AND ')
				const parsed = parseWhere(where)
				if (!parsed.ok) throw new Error(parsed.message)
				const wanted = all[first.path]!.filter((row) =>
					parsed.conditions.every((one) => matchesCondition(row, one)),
				).map((row) => row['id'])
				const { rows } = await walk(shop, planOf(first.path, shop.connection, where), () => 200)
				expect(
					rows.map((row) => row['id']),
					where,
				).toEqual(wanted)
			}),
			{ numRuns: 60 },
		)
	}, 120_000)

	it.each(['11.0', '7.0', '5.5'] as const)(
		'3.2 3.3 dates mean the same at a store of version %s, whatever its zone and its clock changes',
		async (version) => {
			for (const orders of ['hpos', 'posts'] as const) {
				const shop = await open({
					version,
					orders,
					zone: 'America/Denver',
					objects: { orders: 40, products: 2, coupons: 1, customers: 2 },
				})
				// Around the hour that Denver's clock skips in spring, by the UTC clock face, and around the one that it repeats in autumn.
				for (const day of ['2026-03-08', '2026-11-01'])
					for (let minutes = 0; minutes < 14 * 60; minutes += 47) {
						const at = new Date(Date.parse(`${day}T00:00:00Z`) + minutes * 60_000).toISOString().slice(0, 19)
						shop.store.act({ do: 'create', resource: 'orders', set: { date_created_gmt: at } })
					}
				const records = [...shop.store.state('orders').values()].filter((row) =>
					listed(shop.store, 'orders').has(row['id'] as number),
				)
				for (const at of [
					'2026-03-08T02:00:00',
					'2026-03-08T02:30:00',
					'2026-03-08T03:10:00',
					'2026-03-08T09:15:00',
					'2026-11-01T07:30:00',
					'2026-11-01T08:30:00',
				])
					for (const operator of ['>', '>=', '<', '<=', '='] as const) {
						const test = {
							'>': (x: string) => x > at,
							'>=': (x: string) => x >= at,
							'<': (x: string) => x < at,
							'<=': (x: string) => x <= at,
							'=': (x: string) => x === at,
						}[operator]
						const wanted = records
							.filter((row) => test(row['date_created_gmt'] as string))
							.map((row) => row['id'] as number)
						const { rows } = await walk(
							shop,
							planOf('orders', shop.connection, `date_created_gmt ${operator} '${at}'`),
							() => 200,
						)
						expect(new Set(rows.map((row) => row['id'] as number)), `${orders} ${operator} ${at}`).toEqual(
							new Set(wanted),
						)
					}
			}
		},
		120_000,
	)
})
