/** What the hub adds to a store's own time: the same list of 100, through it and straight from the store, in turns. */
import { woocommerce } from '../../src/elements/woocommerce/woocommerce.ts'
import { storeIo } from '../../src/instances/stores.ts'
import { atMost, reported, type Bench } from './bench.ts'
import { startShopbell } from './shopbell.ts'

const PAGE_SIZE = 100
/** Looking up the caller, opening the keys, one more hop, JSON once in and once out: some 40 ms measured, and room for a busy machine. */
const MAX_OVERHEAD_MS = 100

/** A list of 100 orders. */
export const hubBench: Bench = {
	name: 'hub',
	about: "time of a list of 100 at the hub beyond the store's own",
	sizes: 'once',
	run: async (context) => {
		const shopbell = await startShopbell({ n: 300, configuration: { 'event.notification.enabled': false } })
		try {
			const credentials = { storeUrl: shopbell.store.url, ...shopbell.store.credentials }
			const io = storeIo({ PUBLIC_URL: '', ALLOW_PRIVATE_NETWORK: 'true' })
			const connected = await woocommerce.connect(credentials, io, { paths: ['orders'] })
			if (!connected.ok) throw new Error(connected.message)
			const client = woocommerce.openClient(connected.connection, credentials, io)
			const listed = woocommerce.records.planList('orders', { where: null, orderBy: null }, connected.connection)
			if (!listed.ok) throw new Error(listed.message)
			const { path, query, pageQuery: position } = listed.plan
			const direct = async (): Promise<number> => {
				const answer = await client.call('GET', path, { ...query, ...position(0, PAGE_SIZE) })
				return answer.ok && Array.isArray(answer.body) ? answer.body.length : 0
			}
			const throughHub = async (): Promise<number> =>
				(await shopbell.getFromHub<unknown[]>(`orders?pageSize=${PAGE_SIZE}`)).length
			const times: { direct: number[]; through: number[] } = { direct: [], through: [] }
			const rounds = context.quick ? 15 : 60
			for (let round = -3; round < rounds; round++)
				for (const [name, call] of [
					['direct', direct],
					['through', throughHub],
				] as const) {
					const began = performance.now()
					const records = await call()
					if (records !== PAGE_SIZE) throw new Error(`${name}: ${records} records`)
					// The first rounds warm both up.
					if (round >= 0) times[name].push(performance.now() - began)
				}
			const [store, total] = [median(times.direct), median(times.through)]
			return [
				reported(`hub/list of ${PAGE_SIZE} straight from the store, median`, null, store, 'ms'),
				reported(`hub/list of ${PAGE_SIZE} through the hub, median`, null, total, 'ms'),
				atMost("hub/time beyond the store's own", null, Math.max(0, total - store), 'ms', MAX_OVERHEAD_MS),
			]
		} finally {
			await shopbell.close()
		}
	},
}

function median(times: readonly number[]): number {
	return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!
}
