/** Variations as changes of their product: whatever happens to them, a receiver learns it once (docs/polling.md, Variations). */
import { describe, expect, test } from 'vitest'
import { getDefaultDelivery } from '../../../../src/rpc/config.ts'
import { getParentedLists } from '../../../../src/watcher/changes/variation-index.ts'
import { readVariationList } from '../../../../src/watcher/polling/variation-lists.ts'
import { getWatchedResources } from '../../../../src/watcher/source/resources.ts'
import { eraseObjectContent } from '../../../../src/watcher/log/erasure.ts'
import { getEventReport, getEventPage } from '../../../../src/watcher/queries/log-pages.ts'
import { buildPollerReport } from '../../../../src/watcher/queries/reports.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, poll, reread } from '../../../support/stories.ts'
import {
	foldVariations,
	getStoreVariations,
	toHashes,
	variableIds,
	variableWorld,
	variationIds,
	type KnownVariations,
} from '../../../support/variation-stories.ts'
import type { World } from '../../../support/world.ts'

/** `UPDATED 12 [names]` of each arrival from the n-th on. */
function told(world: World, from = 0): string[] {
	const events = new Map(world.arrivals.slice(from).map((arrival) => [arrival.eventId, arrival]))
	return [...events.values()].map(({ eventType, objectId, ...rest }) => {
		const { changedFields = [] } = rest as { changedFields?: string[] }
		return `${eventType} ${objectId} ${changedFields.filter((name) => name.startsWith('variations.')).join(' ')}`.trim()
	})
}

function getRecords(world: World, index = -1): Record<string, unknown>[] {
	return (world.arrivals.at(index) as { variationRecords?: Record<string, unknown>[] }).variationRecords ?? []
}

function edit(world: World, id: number, set: Record<string, unknown>, silently = false): void {
	world.store.act({ do: silently ? 'edit-silently' : 'edit', resource: 'variations', id, set })
}

function addVariations(world: World, product: number, count: number): void {
	for (let n = 0; n < count; n++)
		world.store.act({
			do: 'create',
			resource: 'variations',
			set: { parent_id: product, regular_price: '10.00', sku: `V-${n}` },
		})
}

function expectFolded(world: World, start: KnownVariations): void {
	expect(toHashes(foldVariations(world, start))).toEqual(toHashes(getStoreVariations(world)))
}

describe('a poll', () => {
	test('a price of a variation is an UPDATED of its product with the record of the variation §3.18', async () => {
		const world = await variableWorld()
		const [product = 0] = variableIds(world)
		const [variation = 0] = variationIds(world, product)
		expect(told(world)).toEqual([])
		edit(world, variation, { regular_price: '77.10' })
		await poll(world)
		expect(told(world)).toEqual([
			`UPDATED ${product} variations.${variation}.price variations.${variation}.regular_price`,
		])
		expect(getRecords(world)).toMatchObject([{ id: variation, regular_price: '77.10' }])
		expect(world.arrivals[0]!.record).toMatchObject({ id: product, type: 'variable' })
		await world.advance(10 * MINUTE_MS)
		expect(world.arrivals).toHaveLength(1)
	})

	test('one of 84 variations changed: at most three requests; an idle poll is one', async () => {
		const world = await variableWorld()
		const [product = 0] = variableIds(world)
		addVariations(world, product, 84 - variationIds(world, product).length)
		await poll(world)
		await world.advance(30 * MINUTE_MS)
		const before = world.store.requests
		await poll(world)
		expect(world.store.requests - before).toBe(1)
		const [arrived, asked] = [world.arrivals.length, world.store.requests]
		edit(world, variationIds(world, product)[40]!, { sku: 'other' })
		await poll(world)
		expect(world.store.requests - asked).toBeLessThanOrEqual(3)
		expect(told(world, arrived)).toEqual([`UPDATED ${product} variations.${variationIds(world, product)[40]}.sku`])
	})

	test('a product and its variation saved together are one event', async () => {
		const world = await variableWorld()
		const [product = 0] = variableIds(world)
		const [variation = 0] = variationIds(world, product)
		world.store.act({ do: 'edit', resource: 'products', id: product, set: { name: 'Other' } })
		edit(world, variation, { sku: 'other' })
		await world.advance(5_000)
		await poll(world)
		expect(world.arrivals.map((arrival) => (arrival as { changedFields?: string[] }).changedFields)).toEqual([
			expect.arrayContaining(['name', `variations.${variation}.sku`]),
		])
	})

	test('created, trashed, restored and deleted variations are told, each once; a trashed one is in the trash', async () => {
		const world = await variableWorld()
		const start = getStoreVariations(world)
		const [product = 0] = variableIds(world)
		addVariations(world, product, 1)
		await poll(world)
		await world.advance(MINUTE_MS)
		const created = variationIds(world, product).at(-1)!
		expect(told(world)).toEqual([`UPDATED ${product} variations.${created}`])
		expect(getRecords(world)).toMatchObject([{ id: created }])
		// Only the re-read can see it: the parent stays as it is (docs/woocommerce.md 8.4).
		world.store.act({ do: 'trash', resource: 'variations', id: created })
		await reread(world)
		await world.advance(MINUTE_MS)
		expect(told(world, 1)).toEqual([`UPDATED ${product} variations.${created}`])
		expect(getRecords(world)).toMatchObject([{ id: created, status: 'trash' }])
		world.store.act({ do: 'restore', resource: 'variations', id: created })
		await reread(world)
		await world.advance(MINUTE_MS)
		expect(told(world, 2)).toEqual([`UPDATED ${product} variations.${created}`])
		expect(getRecords(world)).toMatchObject([{ id: created, status: 'publish' }])
		world.store.act({ do: 'delete', resource: 'variations', id: created })
		await poll(world)
		await world.advance(MINUTE_MS)
		const deletion = told(world, 3).filter((line) => line.includes('variations.'))
		expect(deletion).toEqual([`UPDATED ${product} variations.${created}`])
		expect(getRecords(world)).toEqual([])
		expectFolded(world, start)
	})

	test('off, the default of instances of before, sends nothing of variations and asks for none', async () => {
		const world = await variableWorld({ config: { variations: 'off' } })
		const [product = 0] = variableIds(world)
		edit(world, variationIds(world, product)[0]!, { regular_price: '77.10', stock_quantity: 3 })
		await poll(world)
		await reread(world)
		expect(world.arrivals.filter((arrival) => 'variationRecords' in arrival)).toEqual([])
		expect(world.store.log.filter(({ path }) => path.includes('/variations'))).toEqual([])
	})

	test('parent after off: the first reads are silent, later changes are sent', async () => {
		const world = await variableWorld({ config: { variations: 'off' } })
		const [product = 0] = variableIds(world)
		await world.configure({ variations: 'parent' })
		await world.advance(5 * MINUTE_MS)
		expect(world.arrivals).toEqual([])
		expect(buildPollerReport(world.engine.getCore()!).resources[0]!.variations).toMatchObject({
			products: variableIds(world).length,
			indexed: variableIds(world).length,
			variations: world.store.state('variations').size,
			pending: 0,
			requestsAnHour: null,
		})
		edit(world, variationIds(world, product)[0]!, { regular_price: '77.10' })
		await poll(world)
		expect(told(world)).toHaveLength(1)
		await world.configure({ variations: 'off' })
		await poll(world)
		expect(buildPollerReport(world.engine.getCore()!).resources[0]!.variations).toBeUndefined()
		expect(world.sql.all(`SELECT id FROM variations`)).toEqual([])
	})
})

describe('the whole life of a variable product', () => {
	test.each(['11.0', '7.0'] as const)('WooCommerce %s: folding the notifications gives the store', async (version) => {
		const world = await variableWorld({ store: { version, seed: 3 } })
		const start = getStoreVariations(world)
		world.store.act({ do: 'create', resource: 'products', set: { name: 'Shirt', type: 'variable' } })
		const product = Math.max(...variableIds(world))
		await poll(world)
		addVariations(world, product, 3)
		await poll(world)
		await world.advance(MINUTE_MS)
		const [first = 0, second = 0, third = 0] = variationIds(world, product)
		edit(world, first, { regular_price: '5.00' })
		await poll(world)
		edit(world, second, { regular_price: '6.00' }, true)
		await reread(world, 10 * MINUTE_MS)
		world.store.act({ do: 'trash', resource: 'variations', id: third })
		await reread(world, 10 * MINUTE_MS)
		expectFolded(world, start)
		world.store.act({ do: 'restore', resource: 'variations', id: third })
		await reread(world, 10 * MINUTE_MS)
		world.store.act({ do: 'delete', resource: 'variations', id: first })
		await poll(world)
		await world.advance(MINUTE_MS)
		expectFolded(world, start)
		world.store.act({ do: 'trash', resource: 'products', id: product })
		await poll(world)
		await world.advance(MINUTE_MS)
		expectFolded(world, start)
		world.store.act({ do: 'restore', resource: 'products', id: product })
		await poll(world)
		await world.advance(MINUTE_MS)
		expectFolded(world, start)
		world.store.act({ do: 'delete', resource: 'products', id: product })
		await poll(world)
		await world.advance(10 * MINUTE_MS)
		expectFolded(world, start)
		expect(world.arrivals.at(-1)).toMatchObject({ eventType: 'DELETED', objectId: String(product) })
	})

	test('a simple product becomes a variable one: all its variations are told', async () => {
		const world = await variableWorld()
		const start = getStoreVariations(world)
		const simple = [...world.store.state('products')].find(([, record]) => record['type'] === 'simple')![0]
		world.store.act({ do: 'edit', resource: 'products', id: simple, set: { type: 'variable' } })
		addVariations(world, simple, 2)
		await poll(world)
		await world.advance(MINUTE_MS)
		expectFolded(world, start)
		expect(getRecords(world)).toHaveLength(2)
	})

	test('250 variations are read in three pages', async () => {
		const world = await variableWorld()
		const start = getStoreVariations(world)
		const [product = 0] = variableIds(world)
		addVariations(world, product, 250 - variationIds(world, product).length)
		await world.advance(5_000)
		await poll(world)
		await world.advance(10 * MINUTE_MS)
		expectFolded(world, start)
		const from = world.store.log.length
		edit(world, variationIds(world, product)[249]!, { regular_price: '5.00' })
		await world.advance(5_000)
		await poll(world)
		await world.advance(MINUTE_MS)
		expect(world.store.log.slice(from).filter(({ path }) => path.includes('/variations'))).toHaveLength(3)
		expectFolded(world, start)
	})
})

test('1,500 variations: no slice makes more requests than the platform allows, and all are told', async () => {
	const world = await variableWorld()
	const start = getStoreVariations(world)
	const [product = 0, other = 0] = variableIds(world)
	addVariations(world, product, 1_500 - variationIds(world, product).length)
	addVariations(world, other, 1_200)
	const { engine } = world
	const runSlice = engine.runSlice.bind(engine)
	let most = 0
	engine.runSlice = async () => {
		const before = world.store.requests
		await runSlice()
		most = Math.max(most, world.store.requests - before)
	}
	await poll(world)
	await world.advance(5 * MINUTE_MS)
	expect(most).toBeLessThanOrEqual(50)
	expectFolded(world, start)
	const core = engine.getCore()!
	const [watched] = getWatchedResources(core)
	const lists = getParentedLists(core, watched!)!
	const read = async (requests: number): Promise<number | null> => {
		const budget = { requests, untilMs: Infinity }
		const list = await readVariationList(core, watched!, lists, product, budget, { fresh: false, failedTries: 0 })
		return list?.snapshots.length ?? null
	}
	// What is left of a slice may be exceeded by a few requests.
	expect([await read(3), await read(30)]).toEqual([null, 1_500])
	const ids = variationIds(world, product)
	for (const id of ids) edit(world, id, { sku: `changed-${id}` })
	await poll(world)
	await world.advance(5 * MINUTE_MS)
	expect(most).toBeLessThanOrEqual(50)
	// So many names stand for the variations alone.
	expect(told(world).join(' ').split(' ')).toContain(`variations.${ids[0]}`)
	expectFolded(world, start)
})

describe('what is stored', () => {
	test('the log shows the records of variations; erasing the product erases them, in the log and in what is sent', async () => {
		const world = await variableWorld()
		const [product = 0] = variableIds(world)
		const [variation = 0] = variationIds(world, product)
		world.answer = () => 500
		edit(world, variation, { sku: 'secret-sku' })
		await poll(world)
		const core = world.engine.getCore()!
		const { sequence } = core.state
		const shown = getEventReport(core, sequence)!
		expect(JSON.parse(shown.variationRecords!)).toMatchObject([{ id: variation, sku: 'secret-sku' }])
		expect(getEventPage(core, { pageSize: 5, text: 'secret-sku' }).events).toHaveLength(1)
		expect(eraseObjectContent(core, 'products', String(product))).toBeGreaterThan(0)
		expect(getEventReport(core, sequence)).not.toHaveProperty('variationRecords')
		world.answer = () => 204
		await world.advance(HOUR_MS)
		expect(world.arrivals.map(({ body }) => body).join()).not.toContain('secret-sku')
		expect(world.arrivals).toHaveLength(1)
	})

	test('several changes that go out as one event have the newest records of all of their variations', async () => {
		const world = await variableWorld({ config: { delivery: { ...getDefaultDelivery('polling'), coalesce: true } } })
		const start = getStoreVariations(world)
		const [product = 0] = variableIds(world)
		const [first = 0, second = 0, third = 0] = variationIds(world, product)
		world.answer = () => 500
		edit(world, first, { sku: 'a' })
		await poll(world)
		edit(world, second, { sku: 'b' })
		await poll(world)
		edit(world, first, { sku: 'c' })
		world.store.act({ do: 'delete', resource: 'variations', id: third })
		await poll(world)
		await world.advance(MINUTE_MS)
		world.answer = () => 204
		await world.advance(6 * HOUR_MS)
		expect(world.arrivals.some((arrival) => 'coalesced' in arrival)).toBe(true)
		expectFolded(world, start)
	})

	test('a variation that is saved again in the second in which the first save was read is told too', async () => {
		const world = await variableWorld({ startMs: Date.UTC(2026, 5, 15, 12, 0, 0) })
		const start = getStoreVariations(world)
		const [product = 0] = variableIds(world)
		const [first = 0, second = 0] = variationIds(world, product)
		await world.advance(1_000 - (world.nowMs % 1_000))
		edit(world, first, { sku: 'a' })
		let isRead = false
		const requests = world.store.fetch.bind(world.store)
		world.store.fetch = async (request) => {
			const response = await requests(request)
			if (!isRead && request.url.includes(`/products/${product}/variations`)) {
				isRead = true
				edit(world, second, { sku: 'b' })
			}
			return response
		}
		await poll(world)
		await world.advance(10_000)
		expect(isRead).toBe(true)
		expectFolded(world, start)
	})
})

describe('webhooks', () => {
	test('a product.updated whose body is a variation reads the variations of its product at once', async () => {
		const world = await variableWorld({
			webhooks: { reconcileMs: DAY_MS },
			config: { vendorType: 'webhook' },
			pollIntervalMs: DAY_MS,
		})
		const start = getStoreVariations(world)
		const [product = 0] = variableIds(world)
		const [variation = 0] = variationIds(world, product)
		await world.advance(HOUR_MS)
		world.store.act({ do: 'edit', resource: 'variations', id: variation, set: { regular_price: '7.00' } })
		await world.advance(2 * MINUTE_MS)
		expect(told(world).filter((line) => line.includes('variations.'))).toEqual([
			`UPDATED ${product} variations.${variation}.price variations.${variation}.regular_price`,
		])
		expect(world.arrivals.at(-1)).toMatchObject({ source: 'webhook' })
		expectFolded(world, start)
	})
})

describe('the re-read', () => {
	test('where the store has a list of all variations: 100 a page', async () => {
		const world = await variableWorld()
		const [product = 0] = variableIds(world)
		addVariations(world, product, 250)
		await poll(world)
		await world.advance(10 * MINUTE_MS)
		const start = getStoreVariations(world)
		const [arrived, from] = [world.arrivals.length, world.store.log.length]
		edit(world, variationIds(world, product)[3]!, { regular_price: '1.00' }, true)
		await poll(world)
		expect(world.arrivals).toHaveLength(arrived)
		await reread(world)
		expect(told(world, arrived)).toHaveLength(1)
		world.arrivals.splice(0, arrived)
		expectFolded(world, start)
		const pages = world.store.log.slice(from).filter(({ path }) => /\/v3\/variations\?/.test(path))
		expect(pages.length).toBe(Math.ceil(world.store.state('variations').size / 99))
	})

	test('where it has none: one product after another, at most so many requests an hour, as the poller says', async () => {
		const world = await variableWorld({ store: { version: '7.0', objects: { products: 200 } } })
		const core = () => world.engine.getCore()!
		const report = () => buildPollerReport(core()).resources[0]!.variations!
		await world.advance(5 * MINUTE_MS)
		expect(report()).toMatchObject({ requestsAnHour: 120, pending: 0, products: variableIds(world).length })
		expect(report().oldestReadAt).not.toBeNull()
		const [product = 0] = variableIds(world)
		edit(world, variationIds(world, product)[0]!, { regular_price: '1.00' }, true)
		await reread(world)
		expect(told(world)).toHaveLength(1)
		core().state.resources[0]!.variations!.spent = { hour: Math.floor(world.nowMs / HOUR_MS), requests: 119 }
		await reread(world)
		expect(report().pending).toBeGreaterThan(0)
		await world.advance(HOUR_MS)
		expect(report().pending).toBe(0)
	})
})

describe('stores that fail or lie', () => {
	test('a list of variations that fails delays nothing else, and is read once it answers', async () => {
		const world = await variableWorld()
		const start = getStoreVariations(world)
		const [product = 0, other = 0] = variableIds(world)
		world.store.setFaults({ match: `/products/${product}/variations`, status: 500 })
		edit(world, variationIds(world, product)[0]!, { regular_price: '1.00' })
		edit(world, variationIds(world, other)[0]!, { regular_price: '2.00' })
		world.store.act({ do: 'edit', resource: 'products', id: product, set: { name: 'Other' } })
		await poll(world)
		await world.advance(3 * MINUTE_MS)
		expect(told(world).sort()).toEqual(
			[
				`UPDATED ${product}`,
				`UPDATED ${other} variations.${variationIds(world, other)[0]}.price variations.${variationIds(world, other)[0]}.regular_price`,
			].sort(),
		)
		const { state } = world.engine.getCore()!
		expect(state.trouble).toBeNull()
		expect(state.resources[0]!.limits?.['unreadable-variations']?.message).toContain(String(product))
		world.store.setFaults({})
		await world.advance(HOUR_MS)
		expectFolded(world, start)
		expect(state.resources[0]!.limits?.['unreadable-variations']).toBeUndefined()
	})

	test.each([
		['an empty list', { dropRows: 100, total: '0' }],
		['a list that lacks rows and does not say so', { dropRows: 1, total: '1' }],
	])('%s invents no deletion', async (_name, fault) => {
		const world = await variableWorld()
		const [product = 0] = variableIds(world)
		world.store.setFaults({ pattern: `/products/${product}/variations\\?`, ...(fault as object) })
		world.store.act({ do: 'edit', resource: 'products', id: product, set: { name: 'Other' } })
		await poll(world)
		await world.advance(20 * MINUTE_MS)
		expect(told(world)).toEqual([`UPDATED ${product}`])
		world.store.setFaults({})
		await world.advance(HOUR_MS)
		expect(told(world)).toEqual([`UPDATED ${product}`])
	})

	test('an object that is cut off between reading and recording reads again, and tells once', async () => {
		for (const point of ['after-request', 'before-commit', 'after-commit'] as const)
			for (let nth = 0; nth < 6; nth++) {
				const world = await variableWorld()
				const start = getStoreVariations(world)
				const [product = 0] = variableIds(world)
				const [variation = 0, other = 0] = variationIds(world, product)
				edit(world, variation, { regular_price: '7.00' })
				world.store.act({ do: 'delete', resource: 'variations', id: other })
				let count = 0
				world.crashAt = (at) => at === point && count++ === nth
				await poll(world)
				await world.advance(2 * MINUTE_MS)
				world.crashAt = () => false
				await world.advance(5 * MINUTE_MS)
				expectFolded(world, start)
				const names = told(world).filter((line) => line.includes(`variations.${variation}.price`))
				expect(names, `${point} ${nth}`).toHaveLength(1)
			}
	})

	test('image addresses that differ in every read are noise of variations too, and flood nothing', async () => {
		const world = await variableWorld()
		const [product = 0] = variableIds(world)
		for (const id of variationIds(world, product))
			edit(world, id, { image: { id: 5, src: 'https://shop.example/a.png', name: 'a', alt: '' } }, true)
		await reread(world)
		await world.advance(10 * MINUTE_MS)
		const arrived = world.arrivals.length
		world.store.setFaults({ signsImages: true })
		await reread(world)
		await world.advance(10 * MINUTE_MS)
		const ofVariations = (): string[] => told(world, arrived).filter((line) => line.includes('variations.'))
		expect(ofVariations()).toEqual([])
		expect(buildPollerReport(world.engine.getCore()!).resources[0]!.variations!.noise).toEqual(['image.src'])
		edit(world, variationIds(world, product)[0]!, { regular_price: '3.00' })
		await poll(world)
		expect(ofVariations()).toHaveLength(1)
	})

	test('an edit of many variations without a date is told once reads have shown that it stays', async () => {
		const world = await variableWorld()
		const start = getStoreVariations(world)
		const [product = 0] = variableIds(world)
		for (const id of variationIds(world, product)) edit(world, id, { regular_price: '9.00' }, true)
		await reread(world)
		expect(told(world)).toHaveLength(1)
		expectFolded(world, start)
	})

	test('ignored paths of variations are no changes; ignoring all reads none', async () => {
		const products = (ignore: string[]) => ({
			products: { url: '/hubs/ecommerce/products', idField: 'id', datesConfiguration: {}, ignore },
		})
		const world = await variableWorld({ resources: products(['variations.*.stock_quantity']) })
		const [product = 0] = variableIds(world)
		edit(world, variationIds(world, product)[0]!, { stock_quantity: 1 })
		await poll(world)
		expect(told(world)).toEqual([])
		const none = await variableWorld({ resources: products(['variations']) })
		expect(none.store.log.filter(({ path }) => path.includes('/variations'))).toEqual([])
	})
})
