/** What is ignored, and what a change of it may not hide: rows are compared under the profile that they were written with. */
import { describe, expect, test } from 'vitest'
import { asEarlierVersion } from '../../../support/earlier-versions.ts'
import type { PollerResource } from '../../../../src/elements/form.ts'
import type { World } from '../../../support/world.ts'
import {
	arrivalsSince,
	expectCleanJudgement,
	getResourceState,
	liveIds,
	MINUTE_MS,
	poll,
	pollerResources,
	rewriteRecords,
	worldAfterBaseline,
} from '../../../support/stories.ts'

const store = { objects: { orders: 0, products: 30, coupons: 0, customers: 6 } }
const resources = pollerResources('products', 'customers')

/** The watched resources with an `ignore` of products. */
function ignoring(...ignore: string[]): Record<string, PollerResource> {
	return { ...resources, products: { ...resources['products']!, ignore } }
}

/** A poll, which takes over what is configured, and a re-read of everything. */
async function reread(world: World): Promise<void> {
	await poll(world)
	const core = world.engine.getCore()!
	core.commit(() => {
		for (const rs of core.state.resources) rs.rereadAsked = true
	})
	world.engine.updateAlarm(core)
	await world.advance(3 * MINUTE_MS)
}

/** Writes meta past WooCommerce, which moves no stamp. */
function setMeta(world: World, resource: 'products' | 'customers', id: number, key: string, value: string): void {
	world.store.act({ do: 'edit-silently', resource, id, set: { meta_data: [{ key, value }] } })
}

function configurePoller(world: World, poller: Record<string, PollerResource>): Promise<void> {
	const configuration = { ...world.config.configuration, 'event.poller.configuration': JSON.stringify(poller) }
	return world.configure({ configuration })
}

describe('housekeeping meta', () => {
	test('4.15 emits nothing, stays in the record, and is not named beside another change §3.14', async () => {
		const world = await worldAfterBaseline({ resources, store })
		const id = liveIds(world, 'customers').at(-1)!
		for (const key of ['wc_last_active', 'session_tokens', '_woocommerce_persistent_cart_1'])
			setMeta(world, 'customers', id, key, 'x')
		setMeta(world, 'products', liveIds(world, 'products')[0]!, '_edit_lock', '1:1')
		await reread(world)
		expect(arrivalsSince(world)).toEqual([])
		setMeta(world, 'customers', id, 'wc_last_active', 'y')
		world.store.act({ do: 'edit', resource: 'customers', id, set: { first_name: 'Other' } })
		await reread(world)
		expect(arrivalsSince(world)).toEqual([`UPDATED customers ${id}`])
		expect(world.arrivals[0]).toMatchObject({ changedFields: ['first_name'] })
		expect(world.arrivals[0]!.record).toMatchObject({
			meta_data: expect.arrayContaining([expect.objectContaining({ key: 'wc_last_active', value: 'y' })]),
		})
		await expectCleanJudgement(world)
	})

	test('4.15 emits UPDATED if it was taken back', async () => {
		const customers = { ...resources['customers']!, ignore: ['!meta_data.wc_last_active'] }
		const world = await worldAfterBaseline({ resources: { ...resources, customers }, store })
		const id = liveIds(world, 'customers').at(-1)!
		setMeta(world, 'customers', id, 'session_tokens', 'x')
		await reread(world)
		expect(arrivalsSince(world)).toEqual([])
		setMeta(world, 'customers', id, 'wc_last_active', 'x')
		await reread(world)
		expect(arrivalsSince(world)).toEqual([`UPDATED customers ${id}`])
	})
})

describe('ignored paths', () => {
	test('emit nothing, and other parts of the same field do', async () => {
		const world = await worldAfterBaseline({ resources: ignoring('meta_data._views', 'images.*.src'), store })
		let turn = 0
		rewriteRecords(world, (record) =>
			'sku' in record ? { ...record, images: [{ id: 1, src: `${++turn}`, alt: 'x' }] } : record,
		)
		await reread(world)
		const from = world.arrivals.length
		const [id] = liveIds(world, 'products')
		setMeta(world, 'products', id!, '_views', '1')
		await reread(world)
		expect(arrivalsSince(world, from)).toEqual([])
		setMeta(world, 'products', id!, 'shelf', '1')
		await reread(world)
		expect(arrivalsSince(world, from)).toEqual([`UPDATED products ${id}`])
		expect(world.arrivals[from]).toMatchObject({ changedFields: ['meta_data'] })
	})

	test('a new entry hides no unstamped edit that came before it', async () => {
		const world = await worldAfterBaseline({ resources, store })
		const [a, b, c] = liveIds(world, 'products')
		setMeta(world, 'products', a!, 'shelf', '1')
		world.store.act({ do: 'edit-silently', resource: 'products', id: b!, set: { regular_price: '1.11' } })
		await configurePoller(world, ignoring('meta_data._views'))
		await reread(world)
		expect(arrivalsSince(world).sort()).toEqual([`UPDATED products ${a}`, `UPDATED products ${b}`].sort())
		expect(
			getResourceState(world, 'products').profiles.map((profile) => profile.paths.includes('meta_data._views')),
		).toEqual([true])
		setMeta(world, 'products', c!, '_views', '1')
		await reread(world)
		expect(arrivalsSince(world)).toHaveLength(2)
	})

	test('an entry that goes hides none either', async () => {
		const world = await worldAfterBaseline({ resources: ignoring('meta_data._views'), store })
		const [a, b] = liveIds(world, 'products')
		setMeta(world, 'products', a!, '_views', '1')
		setMeta(world, 'products', b!, 'shelf', '1')
		await configurePoller(world, resources)
		await reread(world)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${b}`])
		setMeta(world, 'products', a!, '_views', '2')
		await reread(world)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${b}`, `UPDATED products ${a}`])
		await expectCleanJudgement(world)
	})

	test('a change of them emits nothing for what did not change, by polls and by webhooks', async () => {
		const world = await worldAfterBaseline({ resources, store })
		for (const ignore of [['price'], ['meta_data.*', 'billing.*'], []]) {
			await configurePoller(world, ignoring(...ignore))
			await reread(world)
		}
		expect(arrivalsSince(world)).toEqual([])
		await expectCleanJudgement(world)
	})
})

describe('rows of earlier versions', () => {
	test('are compared as they were written: an edit without a stamp is sent, the upgrade alone is not', async () => {
		const world = await worldAfterBaseline({ resources, store })
		asEarlierVersion(world)
		const id = liveIds(world, 'products')[3]!
		const customer = liveIds(world, 'customers').at(-1)!
		setMeta(world, 'products', id, 'shelf', '1')
		setMeta(world, 'customers', customer, 'loyalty_tier', 'none')
		await world.advance(2 * MINUTE_MS)
		await reread(world)
		expect(arrivalsSince(world).sort()).toEqual([`UPDATED customers ${customer}`, `UPDATED products ${id}`])
		await reread(world)
		expect(world.sql.all(`SELECT DISTINCT hash_version FROM objects`)).toEqual([{ hash_version: 2 }])
		expect(getResourceState(world, 'products').profiles).toHaveLength(1)
		await expectCleanJudgement(world)
	})

	test('that left out fields as noise are compared with the last record in the log', async () => {
		const world = await worldAfterBaseline({ resources, store })
		const [logged, other] = liveIds(world, 'products')
		world.store.act({ do: 'edit', resource: 'products', id: logged!, set: { name: 'Logged' } })
		await world.advance(2 * MINUTE_MS)
		asEarlierVersion(world, ['price', 'regular_price'])
		const from = world.arrivals.length
		for (const id of [logged!, other!])
			world.store.act({ do: 'edit-silently', resource: 'products', id, set: { regular_price: '1.11' } })
		await reread(world)
		expect(arrivalsSince(world, from)).toEqual([`UPDATED products ${logged}`])
		expect(world.arrivals[from]).toMatchObject({ changedFields: ['price', 'regular_price'] })
		world.store.act({ do: 'edit-silently', resource: 'products', id: other!, set: { regular_price: '2.22' } })
		await reread(world)
		expect(arrivalsSince(world, from)).toEqual([`UPDATED products ${logged}`, `UPDATED products ${other}`])
	})
})
