/** What the hub adds to a store's own time: the same list of 100, through it and straight from the store, in turns. */
import { woocommerce } from '../../src/elements/woocommerce/woocommerce.ts'
import { storeIo } from '../../src/instances/stores.ts'
import { atMost, told, type Bench } from './bench.ts'
import { startShopbell } from './shopbell.ts'

const PAGE = 100
/** Looking up the caller, opening the keys, one more hop, JSON once in and once out: some 40 ms measured, and room for a busy machine. */
const MOST_MS = 100

/** A list of 100 orders. */
export const hub: Bench = {
	name: 'hub',
	about: "time of a list of 100 at the hub beyond the store's own",
	sizes: 'once',
	run: async (context) => {
		const bell = await startShopbell({ n: 300, configuration: { 'event.notification.enabled': false } })
		try {
			const credentials = { storeUrl: bell.store.url, ...bell.store.credentials }
			const io = storeIo({ PUBLIC_URL: '', ALLOW_PRIVATE_NETWORK: 'true' })
			const found = await woocommerce.connect(credentials, io, { paths: ['orders'] })
			if (!found.ok) throw new Error(found.message)
			const client = woocommerce.open(found.connection, credentials, io)
			const planned = woocommerce.records.list('orders', { where: null, orderBy: null }, found.connection)
			if (!planned.ok) throw new Error(planned.message)
			const { path, query, position } = planned.plan
			const direct = async (): Promise<number> => {
				const answer = await client.call('GET', path, { ...query, ...position(0, PAGE) })
				return answer.ok && Array.isArray(answer.body) ? answer.body.length : 0
			}
			const through = async (): Promise<number> => (await bell.hub<unknown[]>(`orders?pageSize=${PAGE}`)).length
			const times: { direct: number[]; through: number[] } = { direct: [], through: [] }
			const rounds = context.quick ? 15 : 60
			for (let round = -3; round < rounds; round++)
				for (const [name, call] of [
					['direct', direct],
					['through', through],
				] as const) {
					const began = performance.now()
					const records = await call()
					if (records !== PAGE) throw new Error(`${name}: ${records} records`)
					// The first rounds warm both up.
					if (round >= 0) times[name].push(performance.now() - began)
				}
			const [store, whole] = [median(times.direct), median(times.through)]
			return [
				told(`hub/list of ${PAGE} straight from the store, median`, null, store, 'ms'),
				told(`hub/list of ${PAGE} through the hub, median`, null, whole, 'ms'),
				atMost("hub/time beyond the store's own", null, Math.max(0, whole - store), 'ms', MOST_MS),
			]
		} finally {
			await bell.close()
		}
	},
}

function median(times: readonly number[]): number {
	return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!
}
