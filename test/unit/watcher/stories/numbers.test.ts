/** Numbers arrive as the store wrote them, and lists are read in whatever shape PHP wrote them. */
import { describe, expect, test } from 'vitest'
import { hashContent } from '../../../../src/watcher/changes/content.ts'
import { readIndexRows, writeIndexRow } from '../../../../src/watcher/changes/object-index.ts'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import { getWatchedResources } from '../../../../src/watcher/source/resources.ts'
import type { VendorRecord } from '../../../../src/elements/store.ts'
import type { Faults } from '../../../store/store.ts'
import { phpJson } from '../../../store/reply.ts'
import { getStoreRecord, sendDelivery, withLaterModified, worldWithWebhooks } from '../../../support/webhook-stories.ts'
import type { World } from '../../../support/world.ts'
import {
	arrivalsSince,
	expectCleanJudgement,
	getResourceState,
	HOUR_MS,
	liveIds,
	MINUTE_MS,
	poll,
	pollerResources,
	worldAfterBaseline,
} from '../../../support/stories.ts'

const store = { objects: { orders: 0, products: 20, coupons: 0, customers: 3 } }
const resources = pollerResources('products', 'customers')
const BASE = '9223372036854000000'

/** Sets a meta value of a product past WooCommerce; its text is the number that the store writes. */
function setNumber(world: World, id: number, number: string): void {
	world.store.act({
		do: 'edit-silently',
		resource: 'products',
		id,
		set: { meta_data: [{ key: 'feed_id', value: `@number:${number}` }] },
	})
}

async function reread(world: World): Promise<void> {
	await poll(world)
	const core = world.engine.getCore()!
	core.commit(() => {
		for (const rs of core.state.resources) rs.rereadAsked = true
	})
	world.engine.updateAlarm(core)
	await world.advance(3 * MINUTE_MS)
}

/** The texts of records in the log, oldest first. */
const recordsOf = (world: World): string[] =>
	world.sql.all<{ record: string }>(`SELECT record FROM events ORDER BY sequence`).map(({ record }) => record)

/** Rows and records as the version before left them: numbers as JavaScript rounds them. */
function asRoundingVersion(world: World): void {
	const core = world.engine.getCore()!
	core.commit((tx) => {
		for (const { resource, state: rs } of getWatchedResources(core)) {
			const profile = { ...rs.profiles.at(-1)!, version: 2 }
			for (const [id, row] of readIndexRows(core, rs.number, liveIds(world, rs.objectType))) {
				const text = phpJson(getStoreRecord(world, rs.objectType as 'products', Number(id)))
				const record = JSON.parse(text) as VendorRecord
				const { fields } = core.element.parseRecord(resource, record, profile)!
				writeIndexRow(tx, core, rs.number, id, { ...row, content: hashContent(fields) })
			}
			rs.profiles = [profile]
		}
		for (const { sequence, record } of world.sql.all<{ sequence: number; record: string }>(
			`SELECT sequence, record FROM events`,
		))
			world.sql.run(`UPDATE events SET record = ? WHERE sequence = ?`, JSON.stringify(JSON.parse(record)), sequence)
	})
	world.evict()
}

describe('a number that JavaScript would round', () => {
	test('changes in its last digit, and arrives as it was written §4.6', async () => {
		const world = await worldAfterBaseline({ resources, store })
		const [id] = liveIds(world, 'products')
		setNumber(world, id!, '7615917337495251231')
		await reread(world)
		setNumber(world, id!, '7615917337495251232')
		await reread(world)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${id}`, `UPDATED products ${id}`])
		expect(world.arrivals[1]).toMatchObject({ changedFields: ['meta_data'] })
		for (const [index, number] of ['7615917337495251231', '7615917337495251232'].entries()) {
			expect(world.arrivals[index]!.body).toContain(`"key":"feed_id","value":${number}}`)
			expect(recordsOf(world)[index]).toContain(`"key":"feed_id","value":${number}}`)
		}
		await reread(world)
		expect(world.arrivals).toHaveLength(2)
	})

	test.each([
		['1.10', '1.1'],
		['1.0', '1'],
		['1e2', '100'],
		['0.10000000000000001', '0.1'],
	])('%s is no change of %s, and is sent as it is written', async (before, after) => {
		const world = await worldAfterBaseline({ resources, store })
		const [id] = liveIds(world, 'products')
		setNumber(world, id!, before)
		await reread(world)
		setNumber(world, id!, after)
		await reread(world)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${id}`])
		expect(world.arrivals[0]!.body).toContain(`"key":"feed_id","value":${before}}`)
	})

	test('is kept in a webhook’s payload that waits for a read', async () => {
		const world = await worldWithWebhooks({ resources, store, probing: true })
		const [id] = liveIds(world, 'products')
		const record = withLaterModified(getStoreRecord(world, 'products', id!), 1, {
			meta_data: [{ id: 1, key: 'feed_id', value: '@number:7615917337495251231' }],
		})
		expect(await sendDelivery(world, 'product.updated', phpJson(record))).toBe(200)
		const core = world.engine.getCore()!
		const find = () => core.lookups.find(getResourceState(world, 'products').number, id!)?.check.payloads
		expect(JSON.stringify(find())).toContain('"value":7615917337495251231}')
		// A second one is merged with it.
		expect(await sendDelivery(world, 'product.updated', phpJson(record))).toBe(200)
		expect(find()).toHaveLength(2)
		expect(JSON.stringify(find()!.map((payload) => payload.record))).toContain('"value":7615917337495251231}')
	})

	test('of rows and records of the version before is compared as that version rounded it', async () => {
		const world = await worldAfterBaseline({ resources, store })
		const [logged, silent, edited] = liveIds(world, 'products')
		for (const id of [logged!, silent!, edited!]) setNumber(world, id, '7615917337495251231')
		await reread(world)
		expect(world.arrivals).toHaveLength(3)
		world.sql.run(`UPDATE objects SET last_event = NULL WHERE id = ?`, silent!)
		asRoundingVersion(world)
		// Other parts of an object still count.
		world.store.act({ do: 'edit-silently', resource: 'products', id: edited!, set: { name: 'Other' } })
		await reread(world)
		expect(arrivalsSince(world, 3)).toEqual([`UPDATED products ${edited}`])
		expect(world.arrivals[3]).toMatchObject({ changedFields: ['name'] })
		for (const id of [logged!, silent!]) setNumber(world, id, '7615917337495251232')
		await reread(world)
		expect(arrivalsSince(world, 4).sort()).toEqual([`UPDATED products ${logged}`, `UPDATED products ${silent}`].sort())
	})
})

describe('ids beyond 2^53', () => {
	test('are indexed and sent digit by digit, in baseline, edits, creations, deletions and reads by id §4.6', async () => {
		const world = await worldAfterBaseline({
			resources,
			store: { ...store, objects: { ...store.objects, products: 230 } },
			faults: { idBase: BASE, match: '/products' },
		})
		const idOf = (id: number): string => String(BigInt(BASE) + BigInt(id))
		expect(getResourceState(world, 'products')).toMatchObject({ listed: 230, baseline: null })
		expect(world.arrivals).toEqual([])
		const [edited, deleted] = liveIds(world, 'products')
		world.store.act({ do: 'edit', resource: 'products', id: edited!, set: { name: 'Other' } })
		world.store.act({ do: 'create', resource: 'products' })
		await poll(world)
		await world.advance(MINUTE_MS)
		world.store.act({ do: 'delete', resource: 'products', id: deleted! })
		await poll(world)
		await world.advance(10 * MINUTE_MS)
		const created = liveIds(world, 'products').at(-1)!
		expect(arrivalsSince(world).sort()).toEqual(
			[
				`UPDATED products ${idOf(edited!)}`,
				`CREATED products ${idOf(created)}`,
				`DELETED products ${idOf(deleted!)}`,
			].sort(),
		)
		for (const arrival of world.arrivals.filter(({ eventType }) => eventType !== 'DELETED'))
			expect(arrival.body).toContain(`{"id":${arrival.objectId},"name":`)
		await reread(world)
		expect(world.arrivals).toHaveLength(3)
		expect(buildHealth(world.engine.getCore()!).state).toBe('healthy')
	})

	test('of different lengths are in the order of their values', async () => {
		// 16 and 17 digits: as texts the longer ones would come first.
		const world = await worldAfterBaseline({
			resources,
			store: { ...store, objects: { ...store.objects, products: 230 } },
			faults: { idBase: '9999999999999900', match: '/products' },
		})
		expect(getResourceState(world, 'products')).toMatchObject({ listed: 230, baseline: null })
		const before = world.store.log.length
		await reread(world)
		expect(world.arrivals).toEqual([])
		expect(world.store.log.slice(before).filter(({ path }) => /products\/\d+/.test(path))).toEqual([])
		const deleted = liveIds(world, 'products').at(100)!
		world.store.act({ do: 'delete', resource: 'products', id: deleted })
		await reread(world)
		await world.advance(10 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`DELETED products ${BigInt('9999999999999900') + BigInt(deleted)}`])
	})
})

describe('lists in another shape', () => {
	test.each<[string, Faults]>([
		['a list as an object', { listAsObject: true, namespacesAsObject: true }],
		['a comment after it', { comment: true }],
		['three byte order marks', { bom: 3 }],
		['all of it', { listAsObject: true, namespacesAsObject: true, comment: true, bom: 2 }],
	])('%s: everything is read, by polls and at connect, and nobody has to know', async (_name, faults) => {
		const world = await worldAfterBaseline({ faults })
		const [product] = liveIds(world, 'products')
		const [coupon] = liveIds(world, 'discounts')
		world.store.act({ do: 'edit', resource: 'products', id: product! })
		world.store.act({ do: 'delete', resource: 'coupons', id: coupon! })
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world).sort()).toEqual([`DELETED discounts ${coupon}`, `UPDATED products ${product}`])
		const health = buildHealth(world.engine.getCore()!)
		expect(health.state).toBe('healthy')
		expect(health.resources.flatMap(({ limits }) => limits)).toEqual([])
		await expectCleanJudgement(world)
	})

	test('webhooks are found again in such a list, and made once', async () => {
		const world = await worldWithWebhooks({ faults: { listAsObject: true, comment: true } })
		await world.advance(3 * HOUR_MS)
		const topics = world.store.webhooks().map(({ topic }) => topic)
		expect(topics.length).toBeGreaterThan(0)
		expect(new Set(topics).size).toBe(topics.length)
	})
})
