/** The journal is the truth that oracles compare with: complete, gapless, reproducible. */
import { describe, expect, it } from 'vitest'
import { contentHash } from '../../store/content.ts'
import { Random } from '../../store/random.ts'
import type { Action, JournalEntry, Rec, Resource, SimulatedStore } from '../../store/store.ts'
import { NOON, rig } from './helpers.ts'

const RESOURCES: Resource[] = ['orders', 'products', 'variations', 'coupons', 'customers', 'refunds']

function hashes(store: SimulatedStore): Map<string, string> {
	return new Map(
		RESOURCES.flatMap((resource) =>
			[...store.state(resource)].map(([id, record]) => [`${resource} ${id}`, contentHash(record)] as const),
		),
	)
}

function someAction(random: Random): Action {
	const resource = random.pick(RESOURCES.slice(0, 5))
	const trashable = random.pick(['orders', 'products', 'coupons'] as const)
	return random.pick<Action>([
		{ do: 'place-order' },
		{ do: 'place-order', coupon: 'river1', status: 'completed' },
		{ do: 'place-order', lagSeconds: 7 },
		{ do: 'create', resource },
		{ do: 'back-date', resource: trashable },
		{ do: 'edit', resource },
		{ do: 'edit-silently', resource },
		{ do: 'save-unchanged', resource },
		{ do: 'trash', resource: trashable },
		{ do: 'restore', resource: trashable },
		{ do: 'delete', resource },
		{ do: 'draft', resource: 'coupons' },
		{ do: 'publish', resource: 'coupons' },
		{ do: 'draft', resource: 'products' },
		{ do: 'burst', resource, count: 5 },
		{ do: 'checkout-draft' },
		{ do: 'checkout' },
		{ do: 'pay' },
		{ do: 'complete' },
		{ do: 'refund' },
		{ do: 'delete-refund' },
		{ do: 'note' },
		{ do: 'review' },
		{ do: 'rename-category' },
		{ do: 'schedule-sale', inSeconds: 5, forSeconds: 30 },
		{ do: 'zone', zone: random.pick(['Europe/Berlin', 'America/Denver']) },
	])
}

function live(seed: number, orders: 'hpos' | 'posts'): { before: Map<string, string>; store: SimulatedStore } {
	const { store, clock } = rig({ seed, orders })
	clock.now = Date.parse('2026-11-01T07:40:00Z')
	const before = hashes(store)
	const random = new Random(seed, 5)
	for (let i = 0; i < 250; i++) {
		clock.now += random.int(0, 30_000)
		try {
			store.act(someAction(random))
		} catch (error) {
			// A restore with an empty trash and the like; a failed action must have journaled nothing.
			expect(String(error)).toContain('fits')
		}
	}
	return { before, store }
}

describe('the journal', () => {
	it.each([1, 2, 3, 4, 5, 6])('records every change of every object once (seed %i)', (seed) => {
		const { before, store } = live(seed, seed % 2 ? 'hpos' : 'posts')
		// Of what was tried some could not be, since nothing fitted.
		expect(store.journal().length).toBeGreaterThan(200)
		const last = new Map<string, JournalEntry>()
		store.journal().forEach((entry, i) => {
			expect(entry.number).toBe(i + 1)
			const key = `${entry.resource} ${entry.id}`
			const hash = last.get(key)?.hash ?? before.get(key) ?? null
			if (RESOURCES.includes(entry.resource as Resource)) {
				if (entry.change === 'created') expect(hash).toBeNull()
				else expect(hash).not.toBeNull()
				if (entry.change === 'saved-unchanged') expect(entry.hash).toBe(hash)
				if (entry.change === 'edited-silently') expect([entry.hash === hash, entry.stampMoved]).toEqual([false, false])
				if (entry.change === 'updated') expect(entry.hash).not.toBe(hash)
			}
			last.set(key, entry)
		})
		const expected = new Map(before)
		for (const [key, { hash, resource }] of last) {
			if (!RESOURCES.includes(resource as Resource)) continue
			if (hash === null) expected.delete(key)
			else expected.set(key, hash)
		}
		expect(hashes(store)).toEqual(expected)
	})

	it('is the same for the same seed and clock, another for another seed', () => {
		const [a, b, c] = [live(7, 'hpos'), live(7, 'hpos'), live(8, 'hpos')].map(({ store }) =>
			JSON.stringify(store.journal()),
		)
		expect(a).toBe(b)
		expect(a).not.toBe(c)
	})

	it('bursts within one second', () => {
		const { store } = rig({ objects: { orders: 0, products: 200, coupons: 0, customers: 0 } })
		const entries = store.act({ do: 'burst', resource: 'products', count: 150 })
		expect(new Set(entries.map(({ id }) => id)).size).toBe(150)
		expect(new Set(entries.map(({ date_modified_gmt }) => date_modified_gmt))).toEqual(new Set(['2026-11-23T12:00:00']))
	})

	it('brings an id back, as a restored backup does', () => {
		const { store } = rig()
		const [gone] = store.act({ do: 'delete', resource: 'orders' })
		const [back] = store.act({
			do: 'create',
			resource: 'orders',
			id: gone?.id as number,
			set: { date_created_gmt: '2020-01-01T00:00:00' },
		})
		expect(back).toMatchObject({ id: gone?.id, change: 'created', date_created_gmt: '2020-01-01T00:00:00' })
	})
})

describe('content', () => {
	it('leaves out what is volatile and what only restates', () => {
		const record: Rec = {
			id: 1,
			name: 'A',
			date_created: 'x',
			date_created_gmt: 'y',
			date_modified: 'm',
			related_ids: [1],
			_links: {},
			price_html: 'p',
			total_sales: 1,
			average_rating: '1',
			rating_count: 1,
			images: [{ id: 2, date_created: 'x', date_created_gmt: 'z', date_modified: 'q', date_modified_gmt: 'r' }],
		}
		const same = {
			...record,
			date_created: 'other',
			date_modified: 'n',
			related_ids: [2],
			_links: { a: 1 },
			price_html: '',
			total_sales: 9,
			average_rating: '5',
			rating_count: 4,
			images: [{ ...record.images[0], date_created: 'w', date_modified: 'v' }],
		}
		expect(contentHash(same)).toBe(contentHash(record))
		for (const other of [{ name: 'B' }, { date_created_gmt: 'q' }, { images: [] }])
			expect(contentHash({ ...record, ...other })).not.toBe(contentHash(record))
		expect(contentHash({ b: 1, a: 2 })).toBe(contentHash({ a: 2, b: 1 }))
	})
})

describe('/_store', () => {
	it('serves journal, state, actions, faults, living and the log, and counts none of them', async () => {
		const { store, raw } = rig()
		const post = (path: string, body: unknown, method = 'POST') =>
			raw(`https://shop.example/_store/${path}`, { method, body: JSON.stringify(body) })
		expect(
			(
				await post('act', [
					{ do: 'place-order', items: [] },
					{ do: 'edit', resource: 'coupons' },
				])
			).json.length,
		).toBe(2)
		const lines = (await raw('https://shop.example/_store/journal?after=1')).text.trim().split('\n')
		expect(lines.map((line) => JSON.parse(line).resource)).toEqual(['coupons'])
		expect((await raw('https://shop.example/_store/state/orders')).json.length).toBe(41)
		expect((await post('faults', { status: 503 }, 'PUT')).status).toBe(200)
		expect((await raw('https://shop.example/wp-json/wc/v3/orders')).status).toBe(503)
		expect((await post('faults', {}, 'PUT')).status).toBe(200)
		expect((await post('living', { on: true })).status).toBe(200)
		expect((await post('living', { on: false })).status).toBe(200)
		expect((await post('act', { do: 'dance' })).status).toBe(400)
		expect(store.requests).toBe(1)
		expect((await raw('https://shop.example/_store/log')).json).toMatchObject({
			requests: 1,
			log: [{ number: 1, time: NOON, method: 'GET', path: '/wp-json/wc/v3/orders', status: 503 }],
		})
	})
})
