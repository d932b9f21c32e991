/** Requests to the store for variations: one that changed, an idle poll, and what the re-read of all takes. */
import { buildPollerReport } from '../../src/watcher/queries/reports.ts'
import { atMost, exactly, reported, type Bench, type BenchRow } from './bench.ts'
import { createNodeShopbell, completeBaseline, pollOnce, type NodeShopbell } from './node-shopbell.ts'

const VARIATIONS = 84
/** One in twelve of them has variations. */
const PRODUCTS = 240

/** One of 84 variations, an idle poll, and both kinds of store. */
export const variationsBench: Bench = {
	name: 'variations',
	about: 'store requests for a changed variation, an idle poll and the re-read of all variations',
	sizes: 'once',
	run: async () => {
		const rows: BenchRow[] = []
		for (const version of ['11.0', '7.0'] as const) {
			const shopbell = await createShop(version)
			const { world, tally } = shopbell
			const [product = 0, ids] = await addVariations(shopbell)
			await pollOnce(shopbell)
			await pollOnce(shopbell)
			const beforeIdle = world.store.requests
			await pollOnce(shopbell)
			// The window that products are read in each hour is no idle poll.
			const windows = tally.count('products', 'window')
			rows.push(
				exactly(
					`variations/idle poll, WooCommerce ${version}`,
					null,
					world.store.requests - beforeIdle - windows,
					'requests',
					1,
				),
			)
			world.store.act({ do: 'edit', resource: 'variations', id: ids[40]!, set: { regular_price: '3.33' } })
			const [before, arrived] = [world.store.requests, world.arrivals.length]
			await pollOnce(shopbell)
			const asked = world.store.requests - before - tally.count('products', 'window')
			if (world.arrivals.length !== arrived + 1)
				throw new Error(`${world.arrivals.length - arrived} events of one change`)
			if (Number(world.arrivals.at(-1)!.objectId) !== product) throw new Error('the event is of another product')
			rows.push(atMost(`variations/1 of ${VARIATIONS} changed, WooCommerce ${version}`, null, asked, 'requests', 3))
			rows.push(...(await readAgain(shopbell, version)))
		}
		return rows
	},
}

async function createShop(version: '11.0' | '7.0'): Promise<NodeShopbell> {
	const shopbell = await createNodeShopbell(0, {
		resources: { products: { url: '/hubs/ecommerce/products', idField: 'id', datesConfiguration: {} } },
		store: { version, objects: { orders: 0, products: PRODUCTS, coupons: 0, customers: 0 } },
		config: { variations: 'parent' },
	})
	await completeBaseline(shopbell)
	return shopbell
}

/** A product with so many variations. */
async function addVariations({ world }: NodeShopbell): Promise<[product: number, ids: number[]]> {
	const product = [...world.store.state('products')].find(([, record]) => record['type'] === 'variable')![0]
	const idsOf = (): number[] =>
		[...world.store.state('variations')].flatMap(([id, record]) => {
			const up = String(record['_links']?.up?.[0]?.href ?? '')
			return record['parent_id'] === product || up.endsWith(`/products/${product}`) ? [id] : []
		})
	for (let n = idsOf().length; n < VARIATIONS; n++)
		world.store.act({ do: 'create', resource: 'variations', set: { parent_id: product, sku: `V-${n}` } })
	await world.advance(60_000)
	return [product, idsOf()]
}

/** What reading all variations again takes, beside the products. */
async function readAgain({ world }: NodeShopbell, version: string): Promise<BenchRow[]> {
	const core = world.engine.getCore()!
	const report = () => buildPollerReport(core).resources[0]!.variations!
	const from = world.store.log.length
	core.commit(() => (core.state.resources[0]!.rereadAsked = true))
	world.engine.updateAlarm(core)
	const beganMs = world.nowMs
	do await world.advance(60_000)
	while (report().pending > 0 || core.state.resources[0]!.variations!.pass !== null)
	const requests = world.store.log.slice(from).filter(({ path }) => path.includes('/variations')).length
	const { products, variations } = report()
	const name = `variations/re-read of ${variations} variations of ${products} products, WooCommerce ${version}`
	return [reported(name, null, requests, 'requests'), reported(name, null, (world.nowMs - beganMs) / 60_000, 'minutes')]
}
