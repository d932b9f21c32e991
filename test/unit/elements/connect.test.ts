import { describe, expect, it } from 'vitest'
import { findElement } from '../../../src/elements/registry.ts'
import { connectStore } from '../../../src/elements/woocommerce/connect.ts'
import { toStoreAddresses } from '../../../src/elements/woocommerce/discover.ts'
import { AddressRefusedError } from '../../../src/lib/guarded-fetch.ts'
import { createStore, type SimulatedStore, type StoreOptions } from '../../store/store.ts'
import { ioOf, json, recorded, responseOf } from './support.ts'
import type { ConnectError, Connection, Io } from '../../../src/elements/store.ts'

const PATHS = ['orders', 'products', 'coupons', 'customers']
const https = (options: StoreOptions = {}): SimulatedStore =>
	createStore({ url: 'https://shop.example', objects: 5, ...options })

/** Connects to a simulated store; `around` may answer in its place. */
async function connect(
	store: SimulatedStore,
	more: {
		storeUrl?: string
		key?: string
		secret?: string
		paths?: string[]
		around?: (request: Request, url: URL) => Response | null
	} & Partial<Io> = {},
) {
	const {
		storeUrl = store.url,
		key = store.credentials.key,
		secret = store.credentials.secret,
		paths = PATHS,
		around,
		...io
	} = more
	const seam = ioOf(async (request, url) => around?.(request, url) ?? (await store.fetch(request)), {
		now: () => Date.now(),
		nonce: () => crypto.randomUUID(),
		...io,
	})
	const result = await connectStore({ storeUrl, key, secret }, seam, { paths })
	expect(seam.asked.length).toBeLessThanOrEqual(12)
	expect(JSON.stringify(result)).not.toContain(secret)
	if (!result.ok) expect(result.message).not.toMatch(/\?[a-z_]+=/)
	return { result, asked: seam.asked }
}

async function connected(...parameters: Parameters<typeof connect>): Promise<Connection> {
	const { result } = await connect(...parameters)
	if (!result.ok) throw new Error(result.message)
	return result.connection
}

async function refused(...parameters: Parameters<typeof connect>): Promise<ConnectError> {
	const { result } = await connect(...parameters)
	if (result.ok) throw new Error('it connected')
	return result
}

describe('connecting a store', () => {
	it('1.1 1.9 learns what there is to know in one request each', async () => {
		const store = https()
		const { result, asked } = await connect(store)
		const highest = Math.max(...store.state('orders').keys())
		expect(result).toMatchObject({
			ok: true,
			connection: {
				home: 'https://shop.example',
				root: 'https://shop.example/wp-json/',
				auth: 'basic',
				name: 'Riverside Outfitters',
				timeZone: 'America/Denver',
				hpos: true,
				collections: { orders: { readable: true, highestId: highest } },
			},
		})
		expect(asked).toHaveLength(6)
		expect(asked[0]?.headers.get('authorization')).toBeNull()
		if (result.ok) expect(result.connection.version).toMatch(/^11\./)
	})

	it('3 counts customers of every role', async () => {
		const store = https()
		const connection = await connected(store)
		expect(connection.collections['customers']?.highestId).toBe(Math.max(...store.state('customers').keys()))
	})

	it('1.7 signs over plain http', async () => {
		const connection = await connected(createStore({ url: 'http://shop.example', objects: 3 }))
		expect(connection).toMatchObject({ auth: 'oauth1', root: 'http://shop.example/wp-json/' })
	})

	it('1.4 signs where a proxy does not announce https to PHP', async () => {
		expect(await connected(https({ announcesHttps: false }))).toMatchObject({ auth: 'oauth1' })
	})

	it('1.4 signs with http where PHP sees http behind https, and keeps that', async () => {
		const store = createStore({ url: 'http://shop.example', objects: 3 })
		// The proxy speaks https to us and http to PHP, which signs for what it sees.
		const seam = ioOf((request) => store.fetch(new Request(request.url.replace('https:', 'http:'), request)), {
			now: () => Date.now(),
			nonce: () => crypto.randomUUID(),
		})
		const result = await connectStore({ storeUrl: 'https://shop.example', ...store.credentials }, seam, {
			paths: ['orders'],
		})
		expect(result).toMatchObject({ ok: true, connection: { auth: 'oauth1', root: 'https://shop.example/wp-json/' } })
		if (!result.ok) return
		const client = findElement('woocommercerest')?.openClient(
			result.connection,
			{ storeUrl: '', ...store.credentials },
			seam,
		)
		expect(await client?.call('GET', 'orders', { per_page: '1' })).toMatchObject({ ok: true, status: 200 })
	})

	it('1.4 takes the query string as the last resort', async () => {
		const store = https()
		const connection = await connected(store, {
			around: (request, url) =>
				request.headers.has('authorization') || url.searchParams.has('oauth_signature')
					? json(
							{
								code: 'woocommerce_rest_cannot_view',
								message: 'Sorry, you cannot list resources.',
								data: { status: 401 },
							},
							401,
						)
					: null,
		})
		expect(connection.auth).toBe('query')
	})

	it('2.1 posts storage and old versions are distinguished', async () => {
		expect(await connected(https({ orders: 'posts' }))).toMatchObject({ hpos: false })
		expect((await connected(https({ version: '7.0', orders: 'posts' }))).version).toMatch(/^7\./)
	})

	it('1.6 a shop manager’s key is enough', async () => {
		const store = https()
		const { key, secret } = store.keys['manager'] ?? store.credentials
		expect(await connected(store, { key, secret })).toMatchObject({ auth: 'basic' })
	})

	it('1.9 a key without the right to the system status leaves version and storage open', async () => {
		const connection = await connected(https(), {
			around: (_request, url) =>
				url.pathname.endsWith('/system_status')
					? json({ code: 'woocommerce_rest_cannot_view', message: 'no' }, 403)
					: null,
		})
		expect(connection).toMatchObject({ version: '', hpos: null })
		expect(connection.collections['orders']?.args).toContain('modified_after')
		expect(connection.collections['customers']?.args).toBeNull()
	})

	it.each([
		'shop.example',
		'https://shop.example/',
		'https://shop.example/wp-admin/edit.php?post_type=shop_order',
		'<https://shop.example>',
		'  https://SHOP.example/wp-json/wc/v3 ',
		'https://shop.example/wp-login.php',
	])('1.1 takes %j for the store', async (storeUrl) => {
		expect((await connected(https(), { storeUrl })).root).toBe('https://shop.example/wp-json/')
	})

	it('1.1 finds a site in a subdirectory', async () => {
		expect(
			await connected(https({ url: 'https://example.com/shop' }), { storeUrl: 'https://example.com/shop/wp-admin' }),
		).toMatchObject({
			home: 'https://example.com/shop',
			root: 'https://example.com/shop/wp-json/',
		})
	})

	it('1.1 finds another prefix by the home page', async () => {
		expect(await connected(https({ site: 'other-prefix', prefix: 'api' }))).toMatchObject({
			root: 'https://shop.example/api/',
		})
	})

	it('1.1 finds the root from a page of the shop', async () => {
		expect(await connected(https(), { storeUrl: 'https://shop.example/shop/products' })).toMatchObject({
			root: 'https://shop.example/wp-json/',
		})
	})

	it('1.8 without a scheme it tries https, then http, and follows www without sending a key §2.10', async () => {
		const plain = createStore({ url: 'http://shop.example', objects: 2 })
		const { result } = await connect(plain, {
			storeUrl: 'shop.example',
			around: (_request, url) => {
				if (url.protocol === 'https:')
					throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } })
				return null
			},
		})
		expect(result).toMatchObject({ ok: true, connection: { root: 'http://shop.example/wp-json/' } })
		const www = await connect(https({ url: 'https://www.shop.example' }), {
			storeUrl: 'shop.example',
			around: (request, url) => {
				if (url.host === 'www.shop.example') return null
				expect(request.headers.has('authorization')).toBe(false)
				return new Response(null, {
					status: 301,
					headers: { location: `https://www.shop.example${url.pathname}${url.search}` },
				})
			},
		})
		expect(www.result).toMatchObject({ ok: true, connection: { root: 'https://www.shop.example/wp-json/' } })
	})

	it('tries the key also when nothing is to be polled', async () => {
		const store = https()
		expect((await connect(store, { paths: [] })).result.ok).toBe(true)
		expect((await refused(store, { paths: [], secret: 'cs_wrong' })).reason).toBe('wrong-secret')
		const { key, secret } = store.keys['customer'] ?? store.credentials
		expect((await connect(store, { paths: [], key, secret })).result.ok).toBe(true)
	})

	it('2.4 asks a custom collection for its arguments, and never spends more than 12 requests', async () => {
		const many = [
			...PATHS,
			'products/categories',
			'products/reviews',
			'taxes',
			'refunds',
			'products/tags',
			'products/attributes',
			'variations',
			'webhooks',
		]
		const { result, asked } = await connect(https(), { paths: many })
		expect(asked.length).toBe(12)
		expect(result.ok).toBe(true)
	})
})

describe('a record that spoils the lists it is in', () => {
	const spoiled = (poison: {
		as: 'broken' | 'error' | 'huge' | 'firewall'
		newest?: boolean
		id?: number
	}): SimulatedStore => {
		const store = https({ objects: 12 })
		const ids = [...store.state('products').keys()]
		store.setFaults({ match: '/products', poison: { as: poison.as, id: ids.at(poison.newest === true ? -1 : -4)! } })
		return store
	}

	it.each(['broken', 'error', 'huge', 'firewall'] as const)(
		'does not keep a store from being connected (%s)',
		async (as) => {
			const { result, asked } = await connect(spoiled({ as }))
			expect(result).toMatchObject({
				ok: true,
				connection: { collections: { products: { readable: true, total: 12 } } },
			})
			expect(asked).toHaveLength(7)
		},
	)

	it('may be the newest, or of the first collection', async () => {
		const { result } = await connect(spoiled({ as: 'error', newest: true }), { paths: ['products', 'orders'] })
		expect(result).toMatchObject({
			ok: true,
			// Which id is the highest is not known: dates alone decide what is new.
			connection: { collections: { products: { highestId: Number.MAX_SAFE_INTEGER, total: 12 } } },
		})
	})

	it('and a list of ten rows may take too long', async () => {
		const store = https({ objects: 12 })
		const never = new Promise<Response>(() => undefined)
		const seam = ioOf(
			async (request, url) =>
				/products/.test(url.pathname) && url.searchParams.get('per_page') !== '1' ? never : await store.fetch(request),
			{ now: () => Date.now(), nonce: () => crypto.randomUUID(), timeoutMs: 50 },
		)
		const result = await connectStore({ storeUrl: store.url, ...store.credentials }, seam, { paths: PATHS })
		expect(result).toMatchObject({ ok: true, connection: { collections: { products: { readable: true, total: 12 } } } })
		expect(seam.asked.length).toBeLessThanOrEqual(12)
	})

	it('but a firewall that lets no list through is named, after a few requests', async () => {
		const store = https({ objects: 12 })
		const page = '<!doctype html><title>403 Forbidden</title><h1>Access denied</h1>'
		const seam = ioOf(
			async (request, url) =>
				/products/.test(url.pathname)
					? new Response(page, { status: 403, headers: { 'content-type': 'text/html' } })
					: await store.fetch(request),
			{ now: () => Date.now(), nonce: () => crypto.randomUUID() },
		)
		const result = await connectStore({ storeUrl: store.url, ...store.credentials }, seam, { paths: PATHS })
		expect(result).toMatchObject({ ok: false, message: expect.stringMatching(/403/) })
		expect(seam.asked.length).toBeLessThanOrEqual(8)
	})

	it('but a collection that cannot be read at all is an error, and the requests are bounded', async () => {
		const store = https({ objects: 12 })
		store.setFaults({ match: '/products', outage: 'fatal' })
		const { result, asked } = await connect(store)
		expect(result).toMatchObject({ ok: false, status: 502, reason: 'server' })
		expect(asked.length).toBeLessThanOrEqual(8)
	})
})

describe('a store that cannot be connected', () => {
	const failing = (code: string) => () => {
		throw Object.assign(new TypeError('fetch failed'), { cause: { code } })
	}

	it.each([
		['ENOTFOUND', 400, 'no-such-host', /no host of this name.*Check the spelling/],
		['ECONNREFUSED', 502, 'refused', /connection was refused/],
		['ECONNRESET', 502, 'refused', /broke/],
		['ETIMEDOUT', 502, 'timeout', /no answer came in time/],
		['CERT_HAS_EXPIRED', 502, 'tls', /certificate/],
	])('%s', async (code, status, reason, message) => {
		const error = await refused(https(), { around: failing(code) })
		expect(error).toMatchObject({ status, reason })
		expect(error.message).toMatch(message)
		expect(error.message).toContain('https://shop.example/wp-json/')
	})

	it('distinguishes an unknown host from a failed handshake where workerd says "internal error" for both', async () => {
		const opaque = (): never => {
			throw new Error('internal error; reference = abc')
		}
		expect(await refused(https(), { around: opaque })).toMatchObject({ status: 400, reason: 'no-such-host' })
		expect(
			await refused(https(), {
				around: (_request, url) => (url.protocol === 'https:' ? opaque() : new Response('hello')),
			}),
		).toMatchObject({ status: 502, reason: 'tls' })
	})

	it.each([
		[530, 'no-such-host'],
		[521, 'refused'],
		[522, 'timeout'],
		[524, 'timeout'],
		[526, 'tls'],
	])('2.2 status %s of the edge counts like the local error', async (status, reason) => {
		expect((await refused(https(), { around: () => new Response('error code: 1016', { status }) })).reason).toBe(reason)
	})

	it('ends within its time, though the store never answers', async () => {
		const io = ioOf(() => new Promise<Response>(() => undefined), { timeoutMs: 20 })
		expect(
			await connectStore({ storeUrl: 'https://shop.example', key: 'ck_1', secret: 'cs_1' }, io, { paths: PATHS }),
		).toMatchObject({
			reason: 'timeout',
			status: 502,
		})
	})

	it('ends after 20 s in all, counted on the clock', async () => {
		let now = 0
		const store = https()
		const { result, asked } = await connect(store, {
			now: () => now,
			around: () => {
				now += 9_000
				return null
			},
		})
		expect(result).toMatchObject({ ok: false, reason: 'timeout' })
		expect(asked.length).toBeLessThanOrEqual(3)
	})

	it.each(['', 'not a url', 'ftp://shop.example', 'https://user:pass@shop.example', 'https://'])(
		'%j is no address',
		async (storeUrl) => {
			const { result, asked } = await connect(https(), { storeUrl })
			expect(result).toMatchObject({ ok: false, status: 400, reason: 'bad-url' })
			expect(asked).toHaveLength(0)
		},
	)

	it('not WordPress', async () => {
		const error = await refused(https({ site: 'not-wordpress' }))
		expect(error).toMatchObject({ status: 400, reason: 'not-wordpress' })
		expect(error.message).toMatch(/not a WordPress site/)
	})

	it('1.1 WordPress without WooCommerce', async () => {
		expect(await refused(https({ site: 'no-woocommerce' }))).toMatchObject({
			status: 400,
			reason: 'no-woocommerce',
			message: expect.stringMatching(/Activate the WooCommerce plugin/) as string,
		})
		const index = recorded('outage')['woocommerce_deactivated_index']
		expect(await refused(https(), { around: () => (index === undefined ? null : responseOf(index)) })).toMatchObject({
			reason: 'no-woocommerce',
		})
	})

	it('1.2 plain permalinks, by the page that stands where the index should, and by the API’s redirect', async () => {
		expect(await refused(https({ site: 'plain-permalinks' }))).toMatchObject({
			status: 400,
			reason: 'plain-permalinks',
			message: expect.stringMatching(/Choose pretty permalinks/) as string,
		})
		const page = recorded('outage')['plain_permalinks_index']
		expect(await refused(https(), { around: () => (page === undefined ? null : responseOf(page)) })).toMatchObject({
			reason: 'plain-permalinks',
		})
		const slash = (_request: Request, url: URL): Response | null =>
			url.pathname.includes('/wc/v3/')
				? new Response(null, { status: 301, headers: { location: `${url.origin}${url.pathname}/${url.search}` } })
				: null
		expect(await refused(https(), { around: slash })).toMatchObject({ reason: 'plain-permalinks' })
	})

	it.each(['rest-closed-401', 'rest-closed-403'] as const)('%s: the REST API closed by a plugin', async (site) => {
		expect(await refused(https({ site }))).toMatchObject({
			status: 400,
			reason: 'rest-closed',
			message: expect.stringMatching(/security plugin/) as string,
			providerMessage: expect.stringMatching(/REST API/) as string,
		})
	})

	it('2.2 a challenge, a coming-soon page, a password', async () => {
		expect(
			(
				await refused(https(), {
					around: () => new Response('<html><title>Just a moment...</title></html>', { status: 403 }),
				})
			).reason,
		).toBe('rest-closed')
		expect(
			(
				await refused(https(), {
					around: () => new Response('<html><link href="/wp-content/x.css">Coming soon</html>'),
				})
			).reason,
		).toBe('rest-closed')
		expect(
			(
				await refused(https(), {
					around: () => new Response('', { status: 401, headers: { 'www-authenticate': 'Basic' } }),
				})
			).message,
		).toMatch(/password/)
		expect(
			(
				await refused(https(), {
					around: (_request, url) =>
						url.pathname.includes('/wc/v3/') ? new Response('<!DOCTYPE html><html>Coming soon</html>') : null,
				})
			).reason,
		).toBe('rest-closed')
	})

	it('2.1 maintenance', async () => {
		expect(await refused(https({ site: 'maintenance' }))).toMatchObject({
			status: 502,
			reason: 'maintenance',
			providerMessage: expect.stringMatching(/scheduled maintenance/) as string,
		})
	})

	it.each(['php_fatal_in_plugin', 'database_down', 'database_down_accept_any'])(
		'2.1 %s: the store itself failed',
		async (name) => {
			const one = recorded('outage')[name]
			expect(await refused(https(), { around: () => (one === undefined ? null : responseOf(one)) })).toMatchObject({
				status: 502,
				reason: 'server',
				providerMessage: expect.any(String) as string,
			})
		},
	)

	it('2.1 text around the JSON and lists as objects are no reason', async () => {
		const store = https()
		const plain = await connected(store)
		store.setFaults({ notice: true, bom: 2, comment: true, listAsObject: true, namespacesAsObject: true })
		expect(await connected(store)).toEqual({ ...plain, storeNowMs: expect.any(Number) as number })
	})

	it('2.1 output with JSON of its own before the JSON is the store’s failure', async () => {
		const store = https()
		store.setFaults({ match: '/wc/v3/', notice: '[{"id":1}]\n' })
		expect(await refused(store)).toMatchObject({
			status: 502,
			reason: 'server',
			message: expect.stringMatching(/PHP notice/) as string,
		})
	})

	it('1.5 an unknown key', async () => {
		for (const store of [
			https(),
			createStore({ url: 'http://shop.example', objects: 2 }),
			https({ announcesHttps: false }),
		]) {
			const error = await refused(store, { key: 'ck_0000000000000000000000000000000000000000' })
			expect(error).toMatchObject({ status: 400, reason: 'unknown-key' })
			expect(error.message).toContain(store.url)
		}
	})

	it('1.5 a wrong secret', async () => {
		for (const store of [
			https(),
			createStore({ url: 'http://shop.example', objects: 2 }),
			https({ announcesHttps: false }),
		]) {
			expect(await refused(store, { secret: 'cs_1111111111111111111111111111111111111111' })).toMatchObject({
				status: 400,
				reason: 'wrong-secret',
			})
		}
	})

	it('1.6 a write-only key', async () => {
		const store = https()
		const { key, secret } = store.keys['wo'] ?? store.credentials
		expect(await refused(store, { key, secret })).toMatchObject({
			status: 400,
			reason: 'write-only',
			message: expect.stringMatching(/permissions/) as string,
		})
	})

	it('1.5 1.6 in another language a wrong secret and a write-only key are distinguished by OPTIONS', async () => {
		const speaksGerman = (allowed: boolean) => (request: Request, url: URL) => {
			if (!url.pathname.includes('/wc/v3/')) return null
			if (request.method === 'OPTIONS' && allowed) return json({ namespace: 'wc/v3', endpoints: [] })
			return json(
				{ code: 'woocommerce_rest_authentication_error', message: 'Leider nicht.', data: { status: 401 } },
				401,
			)
		}
		expect((await refused(https(), { around: speaksGerman(true) })).reason).toBe('write-only')
		expect((await refused(https(), { around: speaksGerman(false) })).reason).toBe('wrong-secret')
	})

	it('1.6 a key that may not list customers names the resource', async () => {
		const store = https()
		const { key, secret } = store.keys['nocustomers'] ?? store.credentials
		const error = await refused(store, { key, secret })
		expect(error).toMatchObject({
			status: 400,
			reason: 'forbidden',
			message: expect.stringMatching(/may not list customers\./) as string,
		})
		const customer = store.keys['customer'] ?? store.credentials
		expect((await refused(store, { key: customer.key, secret: customer.secret })).message).toMatch(
			/orders, products, discounts, customers/,
		)
	})

	it('1.8 http where the site wants https, by its redirect and by its own address', async () => {
		const error = await refused(https({ site: 'https-only' }), { storeUrl: 'http://shop.example/' })
		expect(error).toMatchObject({ status: 400, reason: 'https-wanted' })
		expect(error.message).toMatch(/Use https:\/\/shop\.example as the store URL/)
		expect((await refused(https(), { storeUrl: 'http://shop.example' })).reason).toBe('https-wanted')
	})

	it('1.8 a redirect to another host names it', async () => {
		const error = await refused(https({ site: 'other-host' }))
		expect(error).toMatchObject({ status: 400, reason: 'other-host' })
		expect(error.message).toMatch(/Use https:\/\/www\.shop\.example|use https:\/\/www\.shop\.example/)
		const away = await refused(https(), {
			storeUrl: 'shop.example',
			around: () => new Response(null, { status: 302, headers: { location: 'https://parked.example/' } }),
		})
		expect(away).toMatchObject({ reason: 'other-host', message: expect.stringContaining('parked.example') as string })
	})

	it('1.8 a redirect keeps the port that was typed', async () => {
		for (const [storeUrl, location] of [
			['shop.example:8443', 'https://www.shop.example/wp-json/'],
			['shop.example:8443', 'https://shop.example/wp-json/'],
			['shop.example', 'https://www.shop.example:9200/wp-json/'],
			['http://shop.example:8080', 'https://shop.example/wp-json/'],
		] as const) {
			const { result, asked } = await connect(https(), {
				storeUrl,
				around: () => new Response(null, { status: 301, headers: { location } }),
			})
			expect(result).toMatchObject({ ok: false, status: 400, reason: 'other-host' })
			expect(asked).toHaveLength(1)
		}
	})

	it('an address that may not be reached is 400, and nothing else is tried', async () => {
		const { result, asked } = await connect(https(), {
			storeUrl: 'shop.example',
			around: () => {
				throw new AddressRefusedError('expected a public address')
			},
		})
		expect(result).toMatchObject({
			status: 400,
			reason: 'not-public',
			message: 'https://shop.example/wp-json/ was not requested: expected a public address.',
		})
		expect(asked).toHaveLength(1)
	})

	it('a resolver that does not answer is 502: it says nothing about the name', async () => {
		const error = await refused(https(), {
			around: () => {
				throw Object.assign(new Error(), { code: 'ERR_DNS_RESOLVER' })
			},
		})
		expect(error).toMatchObject({ status: 502, reason: 'server' })
		expect(error.message).toMatch(/resolver/)
	})

	it('a redirect in a circle ends', async () => {
		const error = await refused(https(), {
			around: (_request, url) =>
				new Response(null, { status: 302, headers: { location: `${url.origin}${url.pathname}x/` } }),
		})
		expect(error.message).toMatch(/circle/)
	})

	it('a resource that the store does not have', async () => {
		const error = await refused(https(), { paths: ['orders', 'subscriptions'] })
		expect(error).toMatchObject({
			status: 400,
			reason: 'no-resource',
			message: expect.stringContaining('"subscriptions"') as string,
		})
	})
})

describe('the address', () => {
	it('1.1 is the site’s base, whatever was pasted', () => {
		expect(toStoreAddresses('https://a.example/shop/wp-admin/')).toEqual({
			bases: ['https://a.example/shop'],
			typed: true,
		})
		expect(toStoreAddresses('a.example/shop/')).toEqual({
			bases: ['https://a.example/shop', 'http://a.example/shop'],
			typed: false,
		})
		expect(toStoreAddresses('<http://mycoolstore.com>')).toEqual({ bases: ['http://mycoolstore.com'], typed: true })
		expect(toStoreAddresses('localhost:8080')).toMatchObject({
			bases: ['https://localhost:8080', 'http://localhost:8080'],
		})
	})
})

describe('what a store says about itself', () => {
	const withIndex = (fields: Record<string, unknown>, version = '11.0.1') => ({
		around: (_request: Request, url: URL): Response | null => {
			if (url.pathname === '/wp-json/')
				return json({
					name: 'Shop',
					home: 'https://shop.example',
					url: 'https://shop.example',
					gmt_offset: 2,
					timezone_string: 'Europe/Berlin',
					namespaces: ['wc/v3'],
					...fields,
				})
			return url.pathname.endsWith('/system_status') ? json({ environment: { version }, settings: {} }) : null
		},
	})

	it('is cut at its limits, without control characters and direction marks', async () => {
		const connection = await connected(
			https(),
			withIndex(
				{
					name: `\u202eShop\u0000\u2066 ${'😀'.repeat(100_000)}`,
					timezone_string: 'x'.repeat(100_000),
					gmt_offset: 1e300,
				},
				`11.0.1\u0007${'1'.repeat(100_000)}`,
			),
		)
		expect(connection.name).toBe(`Shop ${'😀'.repeat(250)}`)
		expect([connection.timeZone, connection.gmtOffset]).toEqual(['', 0])
		expect(connection.version).toMatch(/^11\.0\.1 1{25}$/)
		expect(JSON.stringify(connection).length).toBeLessThan(5_000)
	})

	it.each([
		`https://shop.example/${'x'.repeat(2_048)}`,
		'not an address',
		'javascript:alert(1)',
		'https://ann:pass@shop.example',
		'https://shop.example/\u202egro.evil',
		'https://shop.example/\u0000',
		'',
	])('an address that cannot be one is ignored: %j', async (home) => {
		const { home: kept } = await connected(https(), withIndex({ home, url: home }))
		expect(kept).toBe('https://shop.example')
	})
})
