/** The element against the simulated store: every collection that may be polled is listed, read and found gone through the same calls. */
import { describe, expect, it } from 'vitest'
import { woocommerce } from '../../../src/elements/woocommerce/woocommerce.ts'
import { createStore, type SimulatedStore, type StoreOptions } from '../../store/store.ts'
import { ioOf, resource } from './support.ts'
import type { Connection, ListQuery, StoreClient, VendorRecord } from '../../../src/elements/store.ts'

/** Content without anything that is ignored. */
const PLAIN = { version: 2, paths: [] }

async function open(
	options: StoreOptions = {},
): Promise<{ store: SimulatedStore; client: StoreClient; connection: Connection; asked: Request[] }> {
	const store = createStore({ url: 'https://shop.example', objects: 12, ...options })
	const io = ioOf((request) => store.fetch(request), { now: () => store.now(), nonce: () => crypto.randomUUID() })
	const credentials = { storeUrl: store.url, ...store.credentials }
	const found = await woocommerce.connect(credentials, io, { paths: ['orders'] })
	if (!found.ok) throw new Error(found.message)
	return {
		store,
		client: woocommerce.openClient(found.connection, credentials, io),
		connection: found.connection,
		asked: io.asked,
	}
}

async function all(
	client: StoreClient,
	path: string,
	connection: Connection,
	query: Partial<ListQuery> = {},
): Promise<VendorRecord[]> {
	const rows: VendorRecord[] = []
	for (let offset = 0; ; offset += 5) {
		const page = await client.list(resource(`/${path}`, {}, connection), {
			order: 'id-asc',
			limit: 5,
			offset,
			...query,
		})
		if (!page.ok) throw new Error(page.message)
		rows.push(...page.records)
		if (page.records.length === 0 || page.total === null || rows.length >= page.total) return rows
	}
}

const ids = (rows: VendorRecord[]): unknown[] => rows.map((row) => row['id'])

describe('against the simulated store', () => {
	it('3 lists all there is of each of the four resources, in id order', async () => {
		const { store, client, connection } = await open()
		for (const path of ['orders', 'products', 'customers'] as const) {
			const there = [...store.state(path).values()].filter(
				(row) => !['trash', 'auto-draft', 'checkout-draft'].includes(String(row['status'])),
			)
			expect(ids(await all(client, path, connection))).toEqual(there.map((row) => row['id']))
		}
		const published = [...store.state('coupons').values()].filter((row) => row['status'] === 'publish')
		expect(ids(await all(client, 'coupons', connection))).toEqual(published.map((row) => row['id']))
	})

	it.each([
		'products/categories',
		'products/tags',
		'products/attributes',
		'products/reviews',
		'taxes',
		'variations',
		'refunds',
	])('3.9 lists %s in pages and reads each of them as listed', async (path) => {
		const { store, client, connection } = await open({
			objects: { orders: 30, products: 30, coupons: 1, customers: 3 },
		})
		for (let count = 0; count < 3; count++)
			for (const action of ['review', 'refund'] as const) store.act({ do: action })
		const rows = await all(client, path, connection)
		expect(rows.length).toBeGreaterThan(0)
		expect(new Set(ids(rows)).size).toBe(rows.length)
		const listed = resource(`/${path}`, {}, connection)
		for (const row of rows.slice(0, 3)) {
			const read = await client.read(listed, row['id'] as number)
			expect(read.ok && read.found !== null && woocommerce.parseRecord(listed, read.found, PLAIN)?.fields).toEqual(
				woocommerce.parseRecord(listed, row, PLAIN)?.fields,
			)
		}
	})

	it.each([
		'orders',
		'products',
		'coupons',
		'customers',
		'products/categories',
		'products/tags',
		'products/reviews',
		'taxes',
		'variations',
		'refunds',
		'orders/999999/refunds',
		'orders/999999/notes',
	])('2.6 finds an object of %s gone', async (path) => {
		const { client, connection } = await open({ objects: 3 })
		expect(await client.read(resource(`/${path}`, {}, connection), 99_999_999)).toMatchObject({ ok: true, found: null })
	})

	it('3.1 3.2 a window holds what changed after its start, whatever the zone', async () => {
		for (const zone of ['America/Denver', 'Asia/Kolkata', 'Australia/Lord_Howe']) {
			let now = Date.parse('2026-06-15T12:00:00Z')
			const { store, client, connection } = await open({ zone, now: () => now })
			const start = Math.floor(now / 1000)
			now += 60_000
			const changed = store.act({ do: 'edit', resource: 'orders' }).map((entry) => entry.id)
			const window = await client.list(resource('/orders', {}, connection), {
				order: 'modified-asc',
				limit: 100,
				modifiedAfterSec: start,
			})
			expect(window.ok && ids(window.records)).toEqual([...new Set(changed)])
			const none = await client.list(resource('/orders', {}, connection), {
				order: 'modified-asc',
				limit: 100,
				modifiedAfterSec: start + 60,
			})
			expect(none.ok && none.records).toEqual([])
		}
	})

	it('5 what is trashed is listed in the trash, read as trashed, and read as gone when it is deleted', async () => {
		const { store, client, connection } = await open()
		for (const path of ['orders', 'products', 'coupons'] as const) {
			const [entry] = store.act({ do: 'trash', resource: path })
			const id = entry?.id ?? 0
			const watched = resource(`/${path}`, {}, connection)
			expect(ids(await all(client, path, connection))).not.toContain(id)
			const trash = await client.list(watched, { order: 'modified-desc', limit: 10, trashed: true })
			expect(trash.ok && ids(trash.records)).toContain(id)
			const read = await client.read(watched, id)
			expect(read.ok && read.found !== null && woocommerce.parseRecord(watched, read.found, PLAIN)?.state).toBe(
				'trashed',
			)
			store.act({ do: 'delete', resource: path, id })
			expect(await client.read(watched, id)).toMatchObject({ ok: true, found: null })
		}
	})

	it('2.1 2.2 classifies what stands in the way', async () => {
		const { store, client, connection } = await open()
		const orders = resource('/orders', {}, connection)
		for (const [fault, kind] of [
			[{ outage: 'maintenance' }, 'throttled'],
			[{ outage: 'fatal' }, 'server'],
			[{ outage: 'database' }, 'server'],
			[{ outage: 'woocommerce-off' }, 'no-route'],
			[{ status: 429, retryAfter: '30' }, 'throttled'],
			[{ status: 502 }, 'server'],
			[{ status: 403, form: 'html' }, 'not-json'],
			[{ html: true }, 'not-json'],
			[{ notice: '[{"id":1}]' }, 'not-json'],
			[{ truncate: 0.5 }, 'not-json'],
			[{ redirect: 'https' }, 'redirect'],
			[{ key: 'revoked' }, 'auth'],
			[{ key: 'wrong-secret' }, 'auth'],
			[{ key: 'demoted' }, 'forbidden'],
			[{ site: 'plain-permalinks' }, 'redirect'],
		] as const) {
			store.setFaults(fault)
			expect(await client.list(orders, { order: 'id-asc', limit: 10 }), JSON.stringify(fault)).toMatchObject({
				ok: false,
				kind,
			})
			// Without a key WooCommerce still says truthfully that an object does not exist; nothing else may say so.
			const read = await client.read(orders, 99_999_999)
			if (!('key' in fault)) expect(read.ok, JSON.stringify(fault)).toBe(false)
			const [id] = store.state('orders').keys()
			expect((await client.read(orders, id ?? 0)).ok, JSON.stringify(fault)).toBe(false)
		}
		store.setFaults({ bom: true })
		expect(await client.list(orders, { order: 'id-asc', limit: 10 })).toMatchObject({ ok: true })
	})

	it('2.4 works with versions that lack filters', async () => {
		for (const version of ['7.0', '5.5'] as const) {
			const { store, client, connection } = await open({ version, orders: 'posts' })
			expect((await all(client, 'orders', connection)).length).toBeGreaterThanOrEqual(store.state('orders').size - 3)
			expect(resource('/orders', {}, connection).modifiedFilter).toBe(version !== '5.5')
			expect(await client.read(resource('/customers', {}, connection), 99_999_999)).toMatchObject({
				ok: true,
				found: null,
			})
		}
	})

	it('asks one thing at a time and counts its requests', async () => {
		const { client, connection, asked } = await open()
		const before = asked.length
		await all(client, 'orders', connection)
		expect(client.requests).toBe(asked.length - before)
	})
})
