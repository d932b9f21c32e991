/** Noise is proven by reads; what is not proven is a change. */
import { describe, expect, test } from 'vitest'
import { eraseObjectContent } from '../../../../src/watcher/log/erasure.ts'
import { buildHealth, buildPollerReport } from '../../../../src/watcher/queries/reports.ts'
import type { World } from '../../../support/world.ts'
import {
	arrivalsSince,
	DAY_MS,
	getResourceState,
	HOUR_MS,
	liveIds,
	MINUTE_MS,
	poll,
	pollerResources,
	reread,
	rewriteRecords,
	worldAfterBaseline,
} from '../../../support/stories.ts'

const shop = (products: number) => ({
	resources: pollerResources('products'),
	pollIntervalMs: 5 * MINUTE_MS,
	store: { objects: { orders: 0, products, coupons: 0, customers: 0 } },
})
const report = (world: World) => buildPollerReport(world.engine.getCore()!).resources[0]!
const noise = (world: World): string[] => buildPollerReport(world.engine.getCore()!).resources[0]!.volatile

/** Every answer signs the addresses of images anew. */
function signImages(world: World, isSigned: () => boolean = () => true): void {
	let turn = 0
	rewriteRecords(world, (record) => ({
		...record,
		images: [{ id: 1, src: isSigned() ? `https://cdn.example/a.png?sig=${++turn}` : 'https://cdn.example/a.png' }],
	}))
}

test('signed image addresses emit nothing after the proof, in a shop of 30 too, and prices still do', async () => {
	const world = await worldAfterBaseline(shop(30))
	signImages(world)
	await world.advance(10 * MINUTE_MS)
	await reread(world)
	expect(noise(world)).toEqual(['images.*.src'])
	const from = world.arrivals.length
	await world.advance(DAY_MS)
	await reread(world)
	expect(arrivalsSince(world, from)).toEqual([])
	const [id] = liveIds(world, 'products')
	world.store.act({ do: 'edit-silently', resource: 'products', id: id!, set: { regular_price: '1.11' } })
	await reread(world)
	expect(arrivalsSince(world, from)).toEqual([`UPDATED products ${id}`])
	expect(world.arrivals[from]).toMatchObject({ changedFields: expect.not.arrayContaining(['images']) })
})

test('a proof ends when reads agree: after an hour if it was not confirmed', async () => {
	const world = await worldAfterBaseline(shop(30))
	let isSigned = true
	signImages(world, () => isSigned)
	await world.advance(10 * MINUTE_MS)
	expect(noise(world)).toEqual(['images.*.src'])
	isSigned = false
	await world.advance(2 * HOUR_MS)
	expect(noise(world)).toEqual([])
})

test('60 of 209 prices without a stamp are 60 changes, and an ordinary edit afterwards is sent', async () => {
	const world = await worldAfterBaseline(shop(209))
	const ids = liveIds(world, 'products').slice(0, 60)
	for (const id of ids)
		world.store.act({ do: 'edit-silently', resource: 'products', id, set: { regular_price: '7.77', sale_price: '' } })
	await reread(world)
	expect(new Set(arrivalsSince(world)).size).toBe(60)
	expect(noise(world)).toEqual([])
	const from = world.arrivals.length
	world.store.act({ do: 'edit', resource: 'products', id: ids[0]!, set: { regular_price: '8.88' } })
	await world.advance(6 * MINUTE_MS)
	expect(arrivalsSince(world, from)).toEqual([`UPDATED products ${ids[0]}`])
})

test('images that are signed anew at a re-read wait for the round: not one of 30 is sent', async () => {
	const world = await worldAfterBaseline({ ...shop(30), pollIntervalMs: 6 * HOUR_MS })
	signImages(world)
	await reread(world)
	expect(noise(world)).toEqual(['images.*.src'])
	const images = arrivalsSince(world)
	await reread(world)
	expect(arrivalsSince(world)).toEqual(images)
})

test('more than ten objects of a poll that is not repeated wait for the round as well', async () => {
	const world = await worldAfterBaseline({ ...shop(60), pollIntervalMs: MINUTE_MS })
	const ids = liveIds(world, 'products').slice(0, 40)
	let isSigned = false
	let turn = 0
	rewriteRecords(world, (record) => {
		if (!ids.slice(0, 20).includes(Number(record['id']))) return record
		return { ...record, images: [{ src: `https://cdn.example/a.png?sig=${isSigned ? ++turn : 0}` }] }
	})
	const edit = (some: readonly number[]): void =>
		some.forEach((id) => world.store.act({ do: 'edit', resource: 'products', id, set: { name: 'Edited' } }))
	edit(ids.slice(0, 20))
	await world.advance(5_000)
	// The newest ten, which every poll reads first, are not signed.
	edit(ids.slice(20))
	await world.advance(MINUTE_MS)
	expect(new Set(arrivalsSince(world)).size).toBe(40)
	isSigned = true
	const from = world.arrivals.length
	await world.advance(5 * MINUTE_MS)
	expect(noise(world)).toEqual(['images.*.src'])
	expect(arrivalsSince(world, from)).toEqual([])
})

describe('prices that every answer shows otherwise', () => {
	/** Whether an answer shows the lower price: every second one, or every second time that a product is shown. */
	const alternations: [name: string, isLower: (world: World) => (id: number) => boolean][] = [
		// The three reads of a round are 20 s apart.
		['by time', (world) => () => Math.floor(world.nowMs / 20_000) % 2 === 0],
		[
			'by answer',
			(world) => {
				let answers = 0
				const fetch = world.store.fetch.bind(world.store)
				world.store.fetch = (request) => {
					answers++
					return fetch(request)
				}
				return () => answers % 2 === 0
			},
		],
		[
			'by product',
			() => {
				const shown = new Map<number, number>()
				return (id) => {
					shown.set(id, (shown.get(id) ?? 0) + 1)
					return shown.get(id)! % 2 === 0
				}
			},
		],
	]
	test.each(alternations)('emit at most ten events in two days, %s', async (_name, alternate) => {
		const world = await worldAfterBaseline({ ...shop(120), pollIntervalMs: 15 * MINUTE_MS })
		const isLower = alternate(world)
		rewriteRecords(world, (record) => ({ ...record, price: isLower(Number(record['id'])) ? '8.10' : '9.00' }))
		await world.advance(2 * DAY_MS)
		await reread(world)
		expect(noise(world)).toContain('price')
		expect(arrivalsSince(world).length).toBeLessThanOrEqual(10)
		expect(report(world).noise).toMatchObject([{ path: 'price', proof: 'proven', counts: 'nothing' }])
	})
})

test('what is ignored is no noise', async () => {
	const options = shop(30)
	const products = { ...options.resources['products']!, ignore: ['images.*.src', 'meta_data.seen'] }
	const world = await worldAfterBaseline({ ...options, resources: { products } })
	let turn = 0
	rewriteRecords(world, (record) => ({
		...record,
		price: String(++turn),
		images: [{ src: `${turn}`, alt: 'A' }],
		meta_data: [{ id: 1, key: 'seen', value: turn }],
	}))
	await reread(world)
	expect(noise(world)).toEqual(['price'])
})

describe('a real change inside noise', () => {
	interface Shown {
		images: { src: string; alt: string }[]
		file: unknown
	}
	/** A shop whose answers are signed anew; `shown` is what a product has besides, by id. */
	async function signedShop(label = 'products'): Promise<{
		world: World
		shown: Map<number, Partial<Shown>>
		sign: { text: () => string }
		arrived: () => string[]
	}> {
		const objects = { orders: 0, products: 0, coupons: 0, customers: 0, [label]: 30 }
		const world = await worldAfterBaseline({
			resources: pollerResources(label),
			pollIntervalMs: 6 * HOUR_MS,
			store: { objects },
		})
		const shown = new Map<number, Partial<Shown>>()
		let turn = 0
		const sign = { text: (): string => `?sig=${++turn}` }
		rewriteRecords(world, (record) => {
			const { images = [{ src: 'https://cdn.example/a.png', alt: 'A' }], file = 5 } =
				shown.get(Number(record['id'])) ?? {}
			const signed = images.map((image) => ({ ...image, src: `${image.src}${sign.text()}` }))
			const meta = { id: 1, key: 'file', value: { file, made: ++turn } }
			return {
				...record,
				[label === 'customers' ? 'avatar_url' : 'images']: label === 'customers' ? signed[0]!.src : signed,
				meta_data: [meta],
			}
		})
		await reread(world)
		expect(noise(world)).toEqual([label === 'customers' ? 'avatar_url' : 'images.*.src', 'meta_data.file'])
		await reread(world)
		const from = world.arrivals.length
		expect(from).toBe(0)
		return { world, shown, sign, arrived: () => arrivalsSince(world, from) }
	}

	test('is sent if a URL differs in more than its query, and not if it is signed anew §11.16', async () => {
		const { world, shown, arrived } = await signedShop()
		const [swapped, reordered] = liveIds(world, 'products')
		const images = ['b', 'c'].map((name) => ({ src: `https://cdn.example/${name}.png`, alt: name }))
		shown.set(swapped!, { images: [{ src: 'https://cdn.example/b.png', alt: 'A' }] })
		shown.set(reordered!, { images })
		await reread(world)
		expect(arrived().sort()).toEqual([`UPDATED products ${swapped}`, `UPDATED products ${reordered}`].sort())
		expect(world.arrivals.at(-1)).toMatchObject({ changedFields: ['images'] })
		shown.set(reordered!, { images: images.toReversed() })
		await reread(world)
		expect(arrived()).toHaveLength(3)
		await reread(world)
		expect(arrived()).toHaveLength(3)
	})

	test('is not sent if the noise has no URL §11.16', async () => {
		const { world, shown, arrived } = await signedShop()
		shown.set(liveIds(world, 'products')[0]!, { file: 6 })
		await reread(world)
		expect(arrived()).toEqual([])
		expect(report(world).noise).toMatchObject([
			{ path: 'images.*.src', counts: 'url' },
			{ path: 'meta_data.file', counts: 'nothing' },
		])
	})

	test('is not sent where dates are not reliable §11.16', async () => {
		const { world, shown, arrived } = await signedShop('customers')
		shown.set(liveIds(world, 'customers').at(-1)!, { images: [{ src: 'https://cdn.example/b.png', alt: 'A' }] })
		await reread(world)
		expect(arrived()).toEqual([])
		expect(report(world).noise!.every(({ counts }) => counts === 'nothing')).toBe(true)
	})

	test('addresses that begin to differ in more than the query count no longer, and emit at most ten events', async () => {
		const { world, sign, arrived } = await signedShop()
		let turn = 0
		sign.text = () => `/${++turn}`
		await world.advance(2 * HOUR_MS)
		await reread(world)
		await reread(world)
		expect(report(world).noise).toContainEqual(expect.objectContaining({ path: 'images.*.src', counts: 'nothing' }))
		const before = arrived().length
		expect(before).toBeLessThanOrEqual(10)
		await reread(world)
		expect(arrived()).toHaveLength(before)
	})

	test('proofs of an earlier version go on: nothing is sent, and URLs count once it is renewed', async () => {
		const { world, shown, arrived } = await signedShop()
		const rs = getResourceState(world, 'products')
		world.engine.getCore()!.commit(() => {
			const proofs = rs.noiseState.proofs.map(({ urls: _u, example: _e, ...proof }) => proof)
			rs.noiseState = { ...rs.noiseState, proofs }
		})
		world.evict()
		await poll(world)
		await reread(world)
		expect(report(world).noise).toContainEqual(expect.objectContaining({ path: 'images.*.src', example: null }))
		expect(arrived()).toEqual([])
		await world.advance(2 * HOUR_MS)
		await reread(world)
		await reread(world)
		expect(arrived()).toEqual([])
		shown.set(liveIds(world, 'products')[0]!, { images: [{ src: 'https://cdn.example/b.png', alt: 'A' }] })
		await reread(world)
		expect(arrived()).toHaveLength(1)
	})
})

test('noise is named with its proof, an example and the cure, by the poller and by health §11.15', async () => {
	const world = await worldAfterBaseline({ ...shop(30), pollIntervalMs: 6 * HOUR_MS })
	signImages(world)
	await reread(world)
	const [provisional] = report(world).noise!
	expect(provisional).toMatchObject({
		path: 'images.*.src',
		proof: 'provisional',
		provenAt: null,
		counts: 'url',
		example: { values: ['https://cdn.example/a.png?sig=<1>', 'https://cdn.example/a.png?sig=<2>'] },
		cure: expect.stringMatching(/longer validity.*add "images\.\*\.src" to the resource's ignore/s),
	})
	expect(liveIds(world, 'products').map(String)).toContain(provisional!.example!.objectId)
	const hours = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / HOUR_MS
	expect(hours(provisional!.since, provisional!.nextProof)).toBe(1)
	await world.advance(2 * HOUR_MS)
	const [proven] = report(world).noise!
	expect(proven).toMatchObject({ proof: 'proven', since: provisional!.since })
	expect(hours(proven!.provenAt!, proven!.nextProof)).toBe(168)
	const health = buildHealth(world.engine.getCore()!)
	expect(health).toMatchObject({ state: 'healthy', resources: [{ resource: 'products', noise: [proven] }] })
	eraseObjectContent(world.engine.getCore()!, 'products', proven!.example!.objectId)
	expect(report(world).noise).toEqual([{ ...proven, example: { ...proven!.example, values: ['<1>', '<2>'] } }])
})

test('a proof is renewed every week, and ends when reads agree', async () => {
	const world = await worldAfterBaseline({ ...shop(30), pollIntervalMs: 6 * HOUR_MS })
	let isSigned = true
	signImages(world, () => isSigned)
	await reread(world)
	await world.advance(2 * HOUR_MS)
	const first = report(world).noise![0]!
	await world.advance(8 * DAY_MS)
	const renewed = report(world).noise![0]!
	expect(Date.parse(renewed.provenAt!) - Date.parse(first.provenAt!)).toBeGreaterThanOrEqual(7 * DAY_MS)
	expect(renewed.since).toBe(first.since)
	isSigned = false
	await world.advance(5 * DAY_MS)
	expect(noise(world)).toEqual(['images.*.src'])
	await world.advance(3 * DAY_MS)
	expect(noise(world)).toEqual([])
	expect(arrivalsSince(world)).toEqual([])
})

test('a proof is renewed by other objects if those that showed it are deleted', async () => {
	const world = await worldAfterBaseline({ ...shop(30), pollIntervalMs: 6 * HOUR_MS })
	signImages(world)
	await reread(world)
	await world.advance(2 * HOUR_MS)
	const first = report(world).noise![0]!
	const { ids } = getResourceState(world, 'products').noiseState.proofs[0]!
	for (const id of ids) world.store.act({ do: 'delete', resource: 'products', id: Number(id) })
	await world.advance(9 * DAY_MS)
	const renewed = report(world).noise![0]
	expect(Date.parse(renewed?.provenAt ?? first.provenAt!)).toBeGreaterThan(Date.parse(first.provenAt!))
	expect(arrivalsSince(world).filter((line) => line.startsWith('UPDATED'))).toEqual([])
})

describe('late alarms', () => {
	const round = (world: World) => getResourceState(world, 'products').noiseState.round
	/** A re-read of 30 signed products whose page waits for a round, after its first read. */
	async function waitingShop(): Promise<World> {
		const world = await worldAfterBaseline({ ...shop(30), pollIntervalMs: 6 * HOUR_MS })
		signImages(world)
		const core = world.engine.getCore()!
		core.commit(() => {
			getResourceState(world, 'products').rereadAsked = true
		})
		world.engine.updateAlarm(core)
		await world.advance(5_000)
		expect(round(world)).toMatchObject({ waiting: true })
		return world
	}

	test('three reads that do not lie within a minute prove nothing; the round begins anew', async () => {
		const world = await waitingShop()
		world.nowMs += 61_000
		await world.advance(30_000)
		expect(round(world)).toMatchObject({ restarts: 1 })
		expect(noise(world)).toEqual([])
		await world.advance(MINUTE_MS)
		expect(noise(world)).toEqual(['images.*.src'])
		expect(arrivalsSince(world)).toEqual([])
	})

	test('objects that wait are sent after two minutes, though the round goes on', async () => {
		const world = await waitingShop()
		const startedMs = round(world)!.startedMs
		for (const _ of [1, 2]) {
			world.nowMs += 61_000
			await world.advance(500)
		}
		expect(world.nowMs).toBeGreaterThan(startedMs + 2 * MINUTE_MS)
		await world.advance(5_000)
		expect(new Set(arrivalsSince(world)).size).toBe(30)
		await world.advance(MINUTE_MS)
		expect(noise(world)).toEqual(['images.*.src'])
		await reread(world)
		expect(arrivalsSince(world)).toHaveLength(30)
	})

	test('a real mass edit is sent after two minutes at the latest, however late the alarms are', async () => {
		const world = await worldAfterBaseline({ ...shop(60), pollIntervalMs: 6 * HOUR_MS })
		for (const id of liveIds(world, 'products'))
			world.store.act({ do: 'edit-silently', resource: 'products', id, set: { regular_price: '7.77', sale_price: '' } })
		const core = world.engine.getCore()!
		core.commit(() => {
			getResourceState(world, 'products').rereadAsked = true
		})
		world.engine.updateAlarm(core)
		await world.advance(5_000)
		world.nowMs += 3 * MINUTE_MS
		await world.advance(10_000)
		expect(new Set(arrivalsSince(world)).size).toBe(60)
		for (let late = 0; late < 5; late++) {
			world.nowMs += 3 * MINUTE_MS
			await world.advance(1_000)
		}
		expect(round(world)).toBeNull()
		expect(noise(world)).toEqual([])
		expect(arrivalsSince(world)).toHaveLength(60)
	})
})
