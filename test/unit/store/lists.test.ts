/** Lists of the simulated store (docs/woocommerce.md §3). */
import { describe, expect, it } from 'vitest'
import type { Rec } from '../../store/store.ts'
import { ids, rig } from './helpers.ts'
import type { Rig } from './helpers.ts'

const at = (iso: string): number => Date.parse(`${iso}Z`)

/** Creates a product whose stamps are these. */
function stamped({ store }: Rig, iso: string, resource: 'products' | 'orders' | 'coupons' = 'products'): number {
	const entries = store.act({ do: 'create', resource, set: { date_created_gmt: iso, date_modified_gmt: iso } })
	return (entries[0] as { id: number }).id
}

async function all({ get }: Rig, query: string, perPage: number): Promise<number[]> {
	const seen: number[] = []
	for (let page = 1; ; page++) {
		const answer = await get(`${query}&per_page=${perPage}&page=${page}`)
		if (ids(answer).length === 0) return seen
		seen.push(...ids(answer))
	}
}

const EMPTY = { orders: 0, products: 0, coupons: 0, customers: 0 }

describe('dates', () => {
	it.each(['hpos', 'posts'] as const)('3.1 filters are strict, in whole seconds (%s)', async (orders) => {
		const made = rig({ objects: EMPTY, orders })
		for (const resource of ['orders', 'products', 'coupons'] as const) {
			const id = stamped(made, '2026-06-15T12:00:00', resource)
			const total = async (query: string) => ids(await made.get(`${resource}?dates_are_gmt=true&${query}`)).includes(id)
			expect(await total('modified_after=2026-06-15T11:59:59')).toBe(true)
			expect(await total('modified_after=2026-06-15T12:00:00')).toBe(false)
			expect(await total('modified_before=2026-06-15T12:00:01')).toBe(true)
			expect(await total('modified_before=2026-06-15T12:00:00')).toBe(false)
			expect(await total('after=2026-06-15T11:59:59&before=2026-06-15T12:00:01')).toBe(true)
		}
	})

	it('3.2 without zone and dates_are_gmt a value is local; a suffix is honoured by 11.0 and shifted by older ones', async () => {
		const found = async (version: '11.0' | '7.0', query: string) => {
			const made = rig({ objects: EMPTY, version })
			stamped(made, '2026-06-15T12:00:00')
			return ids(await made.get(`products?${query}`)).length
		}
		expect(await found('11.0', 'modified_after=2026-06-15T05:59:59')).toBe(1)
		expect(await found('11.0', 'modified_after=2026-06-15T06:00:00')).toBe(0)
		expect(await found('11.0', 'modified_after=2026-06-15T12:00:00Z&dates_are_gmt=true')).toBe(0)
		expect(await found('7.0', 'modified_after=2026-06-15T12:00:00Z&dates_are_gmt=true')).toBe(1)
		expect(await found('7.0', 'modified_after=2026-06-15T12:00:00&dates_are_gmt=true')).toBe(0)
	})

	it.each(['2026-06-15', '', '1781524799', 'yesterday'])('3.2 %s is no date', async (value) => {
		const answer = await rig().get(`orders?modified_after=${value}`)
		expect([answer.status, answer.json.code]).toEqual([400, 'rest_invalid_param'])
	})

	it('3.3 a wall clock inside the spring-forward gap is moved an hour on, even as GMT', async () => {
		const made = rig({ objects: EMPTY })
		stamped(made, '2026-03-08T03:10:00')
		expect(ids(await made.get('products?dates_are_gmt=true&modified_after=2026-03-08T01:59:00')).length).toBe(1)
		expect(ids(await made.get('products?dates_are_gmt=true&modified_after=2026-03-08T02:30:00')).length).toBe(0)
	})

	it('heeds one list of ids: exclude is ignored beside include, a code takes its place, what is on sale is added to it', async () => {
		for (const orders of ['hpos', 'posts'] as const) {
			const made = rig({ orders })
			for (const path of ['orders', 'products', 'coupons', 'customers', 'products/categories']) {
				const [one, two] = ids(await made.get(`${path}?per_page=2`)) as [number, number]
				const both = path === 'orders' && orders === 'hpos' ? [two] : [one, two]
				expect(new Set(ids(await made.get(`${path}?include=${one},${two}&exclude=${one}`))), path).toEqual(
					new Set(both),
				)
			}
			const [coupon, other] = (await made.get('coupons?per_page=2')).json as Rec[]
			expect(
				ids(await made.get(`coupons?code=${coupon!.code.toUpperCase()}&include=${other!.id}&exclude=${coupon!.id}`)),
			).toEqual([coupon!.id])
			expect(ids(await made.get('coupons?code=nobody'))).toEqual([])
			const products = (await made.get('products?per_page=100')).json as Rec[]
			const plain = products.find((one) => one.on_sale === false)!
			expect(ids(await made.get(`products?on_sale=true&include=${plain.id}&per_page=100`))).toContain(plain.id)
			expect(ids(await made.get('products?on_sale=true&per_page=100'))).not.toContain(plain.id)
			expect(ids(await made.get('products?on_sale=false&per_page=100'))).toContain(plain.id)
		}
	})

	it('3.4 shows wall clock and UTC, and the zone may change', async () => {
		const made = rig({ objects: EMPTY })
		const id = stamped(made, '2026-06-15T12:00:00')
		const dates = async () => (await made.get(`products/${id}`)).json as Rec
		expect((await dates()).date_modified).toBe('2026-06-15T06:00:00')
		expect(made.store.act({ do: 'zone', zone: 'Europe/Berlin' })).toEqual([])
		expect(await dates()).toMatchObject({
			date_modified: '2026-06-15T14:00:00',
			date_modified_gmt: '2026-06-15T12:00:00',
		})
	})

	it.each([
		['first', '2026-11-01T07:30:00'],
		['second', '2026-11-01T08:30:00'],
	] as const)('3.5 in the repeated hour HPOS writes the %s of two equal local times', async (repeatedHour, stamp) => {
		for (const time of ['2026-11-01T07:30:00', '2026-11-01T08:30:00']) {
			const made = rig({ repeatedHour })
			made.clock.now = at(time)
			const entry = made.store.act({ do: 'edit', resource: 'orders', set: { customer_note: time } })[0]
			expect(entry?.date_modified_gmt).toBe(stamp)
			expect(made.store.act({ do: 'edit', resource: 'products' })[0]?.date_modified_gmt).toBe(time)
		}
	})

	it('3.5 a row with commit lag appears after its stamp', () => {
		const { store, clock } = rig()
		expect(store.act({ do: 'place-order', lagSeconds: 30 })).toEqual([])
		clock.now += 29_999
		expect(store.journal()).toEqual([])
		clock.now += 1
		expect(store.journal()[0]).toMatchObject({
			resource: 'orders',
			change: 'created',
			time: clock.now,
			date_created_gmt: '2026-11-23T12:00:00',
			date_modified_gmt: '2026-11-23T12:00:00',
		})
	})

	it('3.5 an edit with commit lag keeps its created date', () => {
		const { store, clock } = rig()
		const [id, before] = [...store.state('products')][0]!
		store.act({ do: 'edit', resource: 'products', id, set: { name: 'Late' }, lagSeconds: 60 })
		clock.now += 60_000
		expect(store.state('products').get(id)).toMatchObject({
			name: 'Late',
			date_created_gmt: before.date_created_gmt,
			date_modified_gmt: '2026-11-23T12:00:00',
		})
	})

	it('3.8 a back-dated creation enters no modified window, a future stamp stays on top', async () => {
		const made = rig()
		const old = made.store.act({ do: 'back-date', resource: 'products', days: 100 })[0]!.id
		const fresh = made.store.act({ do: 'create', resource: 'products' })[0]!.id
		expect(await all(made, 'products?orderby=id', 100)).toEqual(expect.arrayContaining([old, fresh]))
		const changed = ids(await made.get('products?dates_are_gmt=true&modified_after=2026-11-23T11:00:00&per_page=100'))
		expect([changed.includes(old), changed.includes(fresh)]).toEqual([false, true])
		const future = made.store.act({
			do: 'edit',
			resource: 'products',
			set: { name: 'Soon', date_modified_gmt: '2027-01-01T00:00:00' },
		})[0]?.id
		made.store.act({ do: 'burst', resource: 'products', count: 20 })
		made.store.act({
			do: 'edit',
			resource: 'products',
			...(future !== undefined && { id: future }),
			set: { date_modified_gmt: '2027-01-01T00:00:00' },
		})
		expect(ids(await made.get('products?orderby=modified&order=desc&per_page=3'))[0]).toBe(future)
	})
})

describe('ties', () => {
	it('3.6 ties: by id on 11.0; on 7.0 paging loses and doubles rows', async () => {
		const tied = async (version: '11.0' | '7.0') => {
			const made = rig({ version, objects: { ...EMPTY, products: 30 } })
			made.store.act({ do: 'burst', resource: 'products', count: 13 })
			return all(made, 'products?orderby=modified&order=asc', 3)
		}
		const stable = await tied('11.0')
		expect(new Set(stable).size).toBe(30)
		expect(stable.slice(-13)).toEqual(stable.slice(-13).sort((a, b) => a - b))
		const shaky = await tied('7.0')
		expect(shaky.length).toBe(30)
		expect(new Set(shaky).size).toBeLessThan(30)
	})

	it.each(['hpos', 'posts'] as const)(
		'3.6 posts storage sorts by local time across the autumn change (%s)',
		async (orders) => {
			const made = rig({ objects: EMPTY, orders })
			const early = stamped(made, '2026-11-01T07:45:00', 'orders')
			const late = stamped(made, '2026-11-01T08:15:00', 'orders')
			expect(ids(await made.get('orders?orderby=modified&order=asc'))).toEqual(
				orders === 'hpos' ? [early, late] : [late, early],
			)
		},
	)
})

describe('what is listed', () => {
	it('section 3: any is without trash and drafts of checkouts; 7.0 lists the latter', async () => {
		for (const version of ['11.0', '7.0'] as const) {
			const made = rig({ version })
			const draft = made.store.act({ do: 'checkout-draft' })[0]?.id
			const trashed = made.store.act({ do: 'trash', resource: 'orders' })[0]?.id
			const listed = await all(made, 'orders?status=any', 20)
			expect(listed.includes(draft as number)).toBe(version === '7.0')
			expect(listed).not.toContain(trashed)
			expect(ids(await made.get('orders?status=trash&dates_are_gmt=true&modified_after=2026-11-23T11:59:59'))).toEqual([
				trashed,
			])
		}
	})

	it('section 3: coupons hide drafts and trash; older stores ignore status', async () => {
		const made = rig()
		const draft = made.store.act({ do: 'draft', resource: 'coupons' })[0]?.id as number
		const trashed = made.store.act({ do: 'trash', resource: 'coupons' })[0]?.id as number
		const listed = await all(made, 'coupons?order=asc', 5)
		expect(listed.length).toBe(10)
		expect(listed).not.toContain(draft)
		expect(ids(await made.get('coupons?status=trash'))).toEqual([trashed])
		const seven = rig({ version: '7.0' })
		seven.store.act({ do: 'trash', resource: 'coupons' })
		expect((await seven.get('coupons?status=trash')).headers.get('x-wp-total')).toBe('1')
		const old = rig({ version: '5.5' })
		old.store.act({ do: 'trash', resource: 'coupons' })
		expect((await old.get('coupons?status=trash')).headers.get('x-wp-total')).toBe('11')
	})

	it('section 3: an order of an unregistered status is listed nowhere, its GET answers', async () => {
		const made = rig()
		const id = made.store.act({ do: 'edit', resource: 'orders', set: { status: 'packing' } })[0]?.id as number
		expect(await all(made, 'orders?status=any', 50)).not.toContain(id)
		expect((await made.get(`orders/${id}`)).json.status).toBe('packing')
		made.store.act({ do: 'register-status', status: 'packing' })
		expect(await all(made, 'orders?status=any', 50)).toContain(id)
	})

	it('section 3: customers know no dates, only roles, and some have none', async () => {
		const made = rig({ objects: { ...EMPTY, customers: 60 } })
		const everyone = await made.get(
			'customers?modified_after=nonsense&after=2099-01-01T00:00:00&dates_are_gmt=true&per_page=100',
		)
		expect(everyone.headers.get('x-wp-total')).toBe('60')
		expect((everyone.json as Rec[]).some((customer) => customer.date_modified_gmt === null)).toBe(true)
		expect((await made.get('customers?role=all')).headers.get('x-wp-total')).toBe('62')
		expect(
			made.store.act({ do: 'create', resource: 'customers', set: { date_modified_gmt: null } })[0]?.date_modified_gmt,
		).toBeNull()
		expect((await made.get('customers?orderby=modified')).status).toBe(400)
	})

	it('2.4 an old store without modified_after returns everything', async () => {
		const made = rig({ version: '5.5' })
		expect(
			(await made.get('orders?modified_after=2099-01-01T00:00:00&dates_are_gmt=true')).headers.get('x-wp-total'),
		).toBe('40')
		expect((await made.get('refunds')).json.code).toBe('rest_no_route')
		expect((await made.get('variations')).status).toBe(404)
		expect((await made.get('orders')).json[0]).not.toHaveProperty('is_editable')
	})

	it('2.5 totals past the end: right for products, zero for HPOS orders', async () => {
		const totals = async (orders: 'hpos' | 'posts', path: string) =>
			(await rig({ orders }).get(`${path}?per_page=100&page=9`)).headers.get('x-wp-total')
		expect([
			await totals('hpos', 'orders'),
			await totals('posts', 'orders'),
			await totals('hpos', 'customers'),
		]).toEqual(['0', '40', '20'])
	})

	it('3.9 a deletion before the page shifts one row out of a scan by offset', async () => {
		const made = rig()
		const before = await all(made, 'orders?orderby=id&order=asc', 100)
		made.store.setFaults({
			match: '/orders',
			times: 1,
			act: [{ do: 'delete', resource: 'orders', id: before[0] as number }],
		})
		const scanned = [
			...ids(await made.get('orders?orderby=id&order=asc&per_page=10')),
			...ids(await made.get('orders?orderby=id&order=asc&per_page=10&offset=10')),
		]
		expect(before.length).toBeGreaterThan(20)
		// It is gone when the first page has been answered: the eleventh row is on neither.
		expect(scanned).toEqual([...before.slice(0, 10), ...before.slice(11, 21)])
	})

	it('3.8 _fields with dots, the newest ten and the total in one call', async () => {
		const answer = await rig().get(
			'orders?orderby=modified&order=desc&per_page=10&_fields=id,date_modified_gmt,billing.email',
		)
		expect(Object.keys(answer.json[0]).sort()).toEqual(['billing', 'date_modified_gmt', 'id'])
		expect(Object.keys(answer.json[0].billing)).toEqual(['email'])
		expect(answer.headers.get('x-wp-total')).toBe('40')
	})

	it('3.10 variations: under their product, under /variations, and as a product', async () => {
		const { store, get } = rig()
		const [id, variation] = [...store.state('variations')][0] as [number, Rec]
		expect(ids(await get(`products/${variation.parent_id}/variations`))).toContain(id)
		expect(ids(await get('variations?per_page=100'))).toContain(id)
		expect((await get(`products/${id}`)).json.type).toBe('variation')
		expect(ids(await get('products?per_page=100'))).not.toContain(id)
	})

	it('2.3 HEAD gives totals', async () => {
		const { call } = rig()
		const answer = await call('HEAD', 'orders')
		expect([answer.status, answer.text, answer.headers.get('x-wp-total')]).toEqual([200, '', '40'])
	})

	it('section 4: related products are reshuffled on every response', async () => {
		const { store, get } = rig()
		const id = [...store.state('products').keys()][0]
		const seen = new Set<string>()
		for (let i = 0; i < 5; i++) seen.add(JSON.stringify((await get(`products/${id}`)).json.related_ids))
		expect(seen.size).toBeGreaterThan(1)
	})
})
