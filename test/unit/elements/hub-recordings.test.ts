/** The hub against what real stores answered: their lists as the hub pages them, and every refusal and outage as the hub tells it. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readPage } from '../../../src/api/hub/read.ts'
import { toHttpError } from '../../../src/api/hub/store-errors.ts'
import { positionAt, type WalkPosition } from '../../../src/api/hub/list-cursor.ts'
import { woocommerce } from '../../../src/elements/woocommerce/woocommerce.ts'
import { createStore } from '../../store/store.ts'
import { type Exchange, worldOf } from '../../store/world.ts'
import { DENVER, ioOf } from './support.ts'

const SETS = ['hpos-11.0', 'posts-11.0'] as const
const FOLDERS = ['orders', 'products', 'coupons', 'customers', 'variations', 'refunds', 'dates', 'auth', 'outage']

function load(set: string, folders: readonly string[]): Exchange[] {
	return folders.flatMap(
		(folder) =>
			JSON.parse(
				readFileSync(`${import.meta.dirname}/../../fixtures/recordings/${set}/${folder}.json`, 'utf8'),
			) as Exchange[],
	)
}

const CREDENTIALS = { storeUrl: 'https://shop.example', key: 'ck', secret: 'cs' }

describe.each(SETS)('%s', (set) => {
	const exchanges = load(set, FOLDERS)
	/** Ids of a recorded list, by its address below the API. */
	const recorded = (address: string): number[] => {
		const found = exchanges.find(
			({ request, response }) => request.url.endsWith(`/wc/v3/${address}`) && Array.isArray(response.body),
		)
		if (found === undefined) throw new Error(`${address} was not recorded`)
		return (found.response.body as { id: number }[]).map(({ id }) => id)
	}

	it('§8.6 §8.11 its orders come in pages of any size as the store listed them', async () => {
		const store = createStore({
			url: 'https://shop.example',
			orders: set.startsWith('hpos') ? 'hpos' : 'posts',
			zone: 'America/Denver',
			now: () => Date.parse('2026-11-23T17:00:00Z'),
			world: structuredClone(worldOf(exchanges)),
		})
		const io = ioOf((request) => store.fetch(request), { now: () => Date.parse('2026-11-23T17:00:00Z') })
		const credentials = { ...CREDENTIALS, ...store.credentials }
		const found = await woocommerce.connect(credentials, io, { paths: ['orders'] })
		if (!found.ok) throw new Error(found.message)
		const client = woocommerce.openClient(found.connection, credentials, io)
		const planned = woocommerce.records.planList('orders', { where: null, orderBy: null }, found.connection)
		if (!planned.ok) throw new Error(planned.message)
		const real = [...recorded('orders?per_page=100'), ...recorded('orders?per_page=100&page=2')]
		expect(real.length).toBeGreaterThan(100)
		for (const size of [1, 40, 150, 200]) {
			const ids: number[] = []
			const wanted = size === 1 ? 10 : real.length
			let place: WalkPosition | null = positionAt(0)
			while (place !== null && ids.length < wanted) {
				const reading = await readPage(client, planned.plan, place, size, ids.length === 0)
				if ('item' in reading) throw new Error('not a list')
				ids.push(...(reading.list as { id: number }[]).map(({ id }) => id))
				place = reading.next
			}
			expect(ids.length, `pages of ${size}`).toBeGreaterThanOrEqual(wanted)
			expect(ids.slice(0, wanted), `pages of ${size}`).toEqual(real.slice(0, wanted))
		}
	})

	it('§8.13 every refusal and every outage that was recorded is answered as the contract says', async () => {
		const failed = [...exchanges, ...load(set, ['actions'])].filter(
			({ request, response }) => request.method !== 'HEAD' && response.status >= 300,
		)
		const seen = new Set<number>()
		for (const { name, request, response } of failed) {
			const text =
				response.body === null || response.body === undefined
					? '<html><title>A page</title></html>'
					: JSON.stringify(response.body)
			const io = ioOf(() => new Response(text, { status: response.status, headers: new Headers(response.headers) }), {
				now: () => Date.parse('2026-11-23T17:00:00Z'),
			})
			const answer = await woocommerce.openClient(DENVER, CREDENTIALS, io).call(request.method, 'orders/5', {})
			if (answer.ok) throw new Error(`${name} became an answer`)
			const error = toHttpError(answer, request.method)
			seen.add(error.status)
			const code = (response.body as { code?: unknown } | null)?.code
			const own = typeof code === 'string' && response.status >= 400 && response.status < 500
			if (!own) expect(error.status, name).toBe(502)
			else if (response.status === 410) expect(error.status, name).toBe(404)
			else if (answer.kind === 'no-route' || answer.kind === 'server') expect([404, 502], name).toContain(error.status)
			else expect(error.status, name).toBe(response.status)
			expect(error.message, name).not.toMatch(/ck_|cs_|consumer_key/)
			if (own) expect(error.providerMessage, name).not.toBeNull()
		}
		expect(seen).toEqual(new Set([400, 401, 403, 404, 502]))
	})
})
