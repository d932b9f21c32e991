/** What the tests of webhooks share: an instance put straight into the tables. */
import { env, type Client } from './harness.ts'

/** A ready instance of the first organization, without a store that answers. */
export async function fakeInstance(client: Client, id: number, columns: Record<string, string | number | null> = {}): Promise<void> {
	const row: Record<string, string | number | null> = {
		id,
		organization_id: 1,
		user_id: 1,
		state: 'ready',
		version: 1,
		enabled: 1,
		events_enabled: 1,
		element_key: 'woocommercerest',
		name: 'Shop',
		tags: '["Shop"]',
		configuration: JSON.stringify({ 'store.url': 'https://shop.example.com', 'event.vendor.type': 'webhook' }),
		connection: JSON.stringify({
			home: 'https://shop.example.com',
			root: 'https://shop.example.com/wp-json/',
			auth: 'basic',
			name: 'Shop',
			timeZone: 'UTC',
			gmtOffset: 0,
			version: '11.0.1',
			hpos: true,
			storeNowMs: 0,
			collections: {},
		}),
		token_hash: `token of ${id}`,
		token_sealed: '',
		subscription_id: id,
		created_ms: client.world.nowMs,
		updated_ms: client.world.nowMs,
		...columns,
	}
	const names = Object.keys(row)
	await env.DB.prepare(`INSERT INTO instances (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`)
		.bind(...Object.values(row))
		.run()
}
