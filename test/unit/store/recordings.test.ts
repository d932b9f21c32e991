/** Replays every recorded GET of two real stores against the simulated one: status, headers, ids and shape must agree. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createStore } from '../../store/store.ts'
import type { Fault, SimulatedStore } from '../../store/store.ts'
import { worldOf } from '../../store/world.ts'
import type { Exchange } from '../../store/world.ts'
import { differences } from './helpers.ts'

const FOLDERS = ['orders', 'products', 'coupons', 'customers', 'variations', 'refunds', 'dates', 'auth', 'outage']
const HEADERS = [
	'content-type',
	'link',
	'x-wp-total',
	'x-wp-totalpages',
	'allow',
	'vary',
	'expires',
	'cache-control',
	'location',
	'retry-after',
	'x-redirect-by',
]

/** What the simulation does not reproduce, and why; at most 5 % of each set. */
const EXCEPTIONS: Record<string, string> = {
	'auth/shop_manager_key_system_status':
		'the report describes the machine, its tables and plugins; simulated are the environment and settings that clients read',
}

/** The recordings of outages were made with something broken on purpose. */
const BROKEN: Record<string, Fault> = {
	bom_before_json: { bom: true },
	database_down: { outage: 'database' },
	database_down_accept_any: { outage: 'database' },
	key_owner_demoted_to_subscriber: { key: 'demoted' },
	maintenance_mode: { outage: 'maintenance' },
	maintenance_mode_accept_any: { outage: 'maintenance' },
	maintenance_mode_index: { outage: 'maintenance' },
	php_fatal_in_plugin: { outage: 'fatal' },
	php_warning_before_json: { notice: true },
	plain_permalinks_index: { site: 'plain-permalinks' },
	plain_permalinks_rest_route: { site: 'plain-permalinks' },
	'plain_permalinks_wp-json': { site: 'plain-permalinks' },
	woocommerce_deactivated: { site: 'no-woocommerce' },
	woocommerce_deactivated_index: { site: 'no-woocommerce' },
}

function load(set: string): Exchange[] {
	return FOLDERS.flatMap(
		(folder) =>
			JSON.parse(
				readFileSync(`${import.meta.dirname}/../../fixtures/recordings/${set}/${folder}.json`, 'utf8'),
			) as Exchange[],
	)
}

function idsOf(body: unknown): unknown {
	return Array.isArray(body) ? body.map((row) => (row as { id?: unknown }).id) : null
}

async function compare(store: SimulatedStore, exchange: Exchange): Promise<string[]> {
	const { request, response } = exchange
	const answer = await store.fetch(
		new Request(request.url, {
			method: request.method,
			headers: { accept: 'application/json', ...request.headers },
			redirect: 'manual',
		}),
	)
	const text = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(await answer.arrayBuffer())
	const found: string[] = []
	if (answer.status !== response.status)
		found.push(`status ${response.status} became ${answer.status}: ${text.slice(0, 200)}`)
	for (const name of HEADERS) {
		const [real, simulated] = [response.headers[name] ?? null, answer.headers.get(name)]
		if (real !== simulated) found.push(`${name}: ${real} became ${simulated}`)
	}
	if (request.method === 'HEAD') return found
	let body: unknown = null
	try {
		body = JSON.parse(text)
	} catch {
		// Unparseable on purpose: the recording says so too.
	}
	if ((response.body === null) !== (body === null)) found.push(`parseable or not: ${text.slice(0, 80)}`)
	if (body === null || response.body === null) return found
	const [real, simulated] = [idsOf(response.body), idsOf(body)]
	if (JSON.stringify(real) !== JSON.stringify(simulated) && !request.url.includes('/settings/'))
		found.push(`ids ${JSON.stringify(real)} became ${JSON.stringify(simulated)}`)
	if (response.status >= 400) {
		if (JSON.stringify(body) !== JSON.stringify(response.body))
			found.push(`error ${JSON.stringify(response.body)} became ${JSON.stringify(body)}`)
	} else found.push(...differences(response.body, body))
	return found
}

describe.each(['hpos-11.0', 'posts-11.0'])('recorded GETs of %s', (set) => {
	const exchanges = load(set)
	const world = worldOf(exchanges)
	const stores = new Map<string, SimulatedStore>()
	let clock = 0
	const storeAt = (origin: string): SimulatedStore => {
		let store = stores.get(origin)
		if (!store) {
			store = createStore({
				url: origin,
				orders: set.startsWith('hpos') ? 'hpos' : 'posts',
				zone: 'America/Denver',
				now: () => clock,
				world: structuredClone(world),
			})
			stores.set(origin, store)
		}
		return store
	}

	it('excepts at most 5 % of them', () => {
		expect(Object.keys(EXCEPTIONS).length).toBeLessThanOrEqual(exchanges.length * 0.05)
		for (const reason of Object.values(EXCEPTIONS)) expect(reason).not.toBe('')
	})

	it.each(exchanges.map((exchange) => [exchange.name, exchange] as const))('%s', async (name, exchange) => {
		clock = Date.parse(exchange.at)
		const store = storeAt(new URL(exchange.request.url).origin)
		store.setFaults(name.startsWith('outage/') ? (BROKEN[name.slice(7)] ?? {}) : {})
		const found = await compare(store, exchange)
		if (name in EXCEPTIONS) expect(found, 'the exception is not needed any more').not.toEqual([])
		else expect(found).toEqual([])
	})
})
