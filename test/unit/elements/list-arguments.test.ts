/** No text of a caller becomes a query argument that WordPress interprets itself, whatever its spelling (docs/woocommerce.md 1.11). */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openClient } from '../../../src/elements/woocommerce/client.ts'
import { DEFAULT_POLLER, POLLABLE_COLLECTIONS } from '../../../src/elements/woocommerce/configuration.ts'
import { isReservedName } from '../../../src/elements/woocommerce/list-arguments.ts'
import { records } from '../../../src/elements/woocommerce/records.ts'
import { findUrlProblem, parseResource, resolvePlaceholders } from '../../../src/elements/woocommerce/resources.ts'
import { argumentsOf } from '../../store/arguments.ts'
import { parseQuery } from '../../store/query.ts'
import { DENVER, ioOf, json, NOW, resource } from './support.ts'
import type { Connection } from '../../../src/elements/store.ts'

const CREDENTIALS = { storeUrl: DENVER.home, key: 'ck_public', secret: 'cs_hidden' }

const FORBIDDEN = ['_method', '_envelope', '_jsonp', '_wpnonce', '_fields', '_embed', '_x', 'rest_route']
const CREDENTIAL_NAMES = ['oauth_token', 'oauth_consumer_key', 'consumer_key', 'consumer_secret']

/** What PHP reads from an address (the simulated store's parser was compared with PHP's). */
function readByPhp(url: string): string[] {
	return [...parseQuery(new URL(url).search.slice(1)).keys()]
}

const isForbidden = (name: string): boolean => /^(_|oauth_|consumer_|rest_route$)/.test(name)

/** Spellings of a name that PHP, a proxy or a careless parser may read as the name. */
const spelled = fc
	.record({
		name: fc.constantFrom(...FORBIDDEN, ...CREDENTIAL_NAMES),
		joint: fc.constantFrom('_', '.', ' ', '+', '[', '%5F', '%5f', '%2E', '%20', '%5B', '%255F'),
		before: fc.constantFrom('', ' ', '  ', '+', '%20', '\t', '#', ';', '&'),
		after: fc.constantFrom('', '[]', '[0]', '[x]', '[', '%5B%5D', '%00', '%00x', '.', ' '),
		upper: fc.boolean(),
		percent: fc.boolean(),
	})
	.map(({ name, joint, before, after, upper, percent }) => {
		const joined = name.replaceAll('_', joint)
		const cased = upper ? joined.toUpperCase() : joined
		const encoded = percent
			? cased.replace(/[a-z]/i, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
			: cased
		return before + encoded + after
	})

const around = fc.constantFrom(
	['', ''],
	['status=processing&', ''],
	['', '&status=processing'],
	["where=status='a'&", ''],
	['dp=${epoch}&', ''],
	['dp=2&dp=3&', '&dp=4'],
	['a[', ']'],
)

const values = fc.constantFrom('POST', '${epoch}', '&_method=POST', '%26_method=POST', "a'&_method='POST", '#', '')

describe('a poller’s url', () => {
	it('sends nothing that PHP would read as WordPress’s own, in any spelling, with any way of authentication §3.12', async () => {
		await fc.assert(
			fc.asyncProperty(
				spelled,
				around,
				values,
				fc.constantFrom('basic', 'query', 'oauth1'),
				async (name, [before, after], value, auth) => {
					const url = `/hubs/ecommerce/orders?${before}${name}=${value}${after}`
					const connection: Connection = { ...DENVER, auth }
					const parsed = parseResource('orders', { url }, connection)
					if (!parsed.ok) return
					const io = ioOf(() => json([], 200, { 'x-wp-total': '0' }))
					const filled = resolvePlaceholders(parsed.resource, NOW, connection)
					await openClient(connection, CREDENTIALS, io).list(filled, { order: 'id-asc', limit: 1 })
					const names = readByPhp(io.asked[0]!.url).filter(isForbidden)
					const own = { basic: [], query: ['consumer_key', 'consumer_secret'], oauth1: OAUTH_NAMES }[auth]
					expect(names.sort()).toEqual([...own].sort())
					const credentials = parseQuery(new URL(io.asked[0]!.url).search.slice(1))
					if (auth === 'query') expect(credentials.get('consumer_key')).toBe('ck_public')
				},
			),
			{ numRuns: 500 },
		)
	})

	it('is refused for such a name, before and after the store is known', () => {
		for (const name of [
			...FORBIDDEN,
			...CREDENTIAL_NAMES,
			...[
				'%5Fmethod',
				'_METHOD',
				' _method',
				'+_method',
				'.method',
				'%20_method',
				'[method',
				'_method[]',
				'_method[x]',
			],
			...['rest.route', 'rest route', 'rest[route', '+rest_route', ' rest_route', 'REST_ROUTE', 'rest_route%00x'],
			...['oauth.token', 'oauth[token', 'consumer key', 'status=x&_method'],
		])
			for (const connection of [null, DENVER])
				for (const path of ['orders', 'gift-cards'])
					expect(findUrlProblem(`/hubs/ecommerce/${path}?${name}=POST`, connection), `${path} ${name}`).toMatch(
						/^expected arguments of the list, found ".+", which is never sent to a store$/s,
					)
	})

	it('is refused for an argument that the list does not take; the message names those that it takes', () => {
		expect(findUrlProblem('/orders?colour=red', DENVER)).toMatch(
			/^expected where or an argument that the list of orders takes, such as search, .*; found "colour"$/,
		)
		expect(findUrlProblem('/orders?colour=red', null)).toContain('"colour"')
		for (const url of [
			'/orders?a[_method]=POST',
			'/orders?status[a][_method]=POST',
			'/orders?page[]=2',
			'/orders?;x=1',
		])
			expect(findUrlProblem(url, DENVER), url).toContain('found')
		expect(findUrlProblem('/orders?dp=2&dp=3', DENVER)).toBe('expected "dp" once')
		expect(findUrlProblem('/orders?search=\ud800', DENVER)).toContain('half a character')
		expect(findUrlProblem('/taxes/classes?status=x', DENVER)).toContain('"status"')
	})

	it('takes what WooCommerce’s lists take', () => {
		const paths = { orders: 'orders', products: 'products', coupons: 'discounts', customers: 'customers' }
		for (const [collection, path] of Object.entries({ ...paths, reviews: 'products-reviews', webhooks: 'webhooks' }))
			for (const name of Object.keys(argumentsOf(collection, '11.0')))
				expect(findUrlProblem(`/hubs/ecommerce/${path}?${name}=1`, DENVER), `${path} ${name}`).toBeNull()
		expect(resource('/orders?status[]=processing&include_meta=a').query).toEqual({
			'status[]': 'processing',
			include_meta: 'a',
		})
		for (const settings of [...Object.values(DEFAULT_POLLER), ...POLLABLE_COLLECTIONS.map((one) => one.settings)])
			expect(findUrlProblem(settings.url, DENVER), settings.url).toBeNull()
	})

	it('goes by the route’s own arguments for a plugin’s list, and by a fixed list where they are not known', () => {
		const knowing = (args: string[] | null): Connection => ({
			...DENVER,
			collections: { bookings: { readable: true, highestId: 0, total: 0, args } },
		})
		const learned = knowing(['per_page', 'offset', 'room', '_method', 'oauth_token'])
		expect(findUrlProblem('/bookings?room=5', learned)).toBeNull()
		expect(resource('/bookings?room=5', {}, learned).query).toEqual({ room: '5' })
		expect(findUrlProblem('/bookings?status=paid', learned)).toContain('such as room; found "status"')
		for (const name of ['_method', 'oauth_token']) {
			expect(findUrlProblem(`/bookings?${name}=POST`, learned)).toContain('never sent')
			expect(resource(`/bookings?${name}=POST`, {}, learned).query).toEqual({})
		}
		expect(findUrlProblem('/bookings?status=paid', knowing(null))).toBeNull()
		expect(findUrlProblem('/bookings?room=5', knowing(null))).toContain('"room"')
		expect(findUrlProblem('/bookings?room=5', null)).toBeNull()
	})

	it('of an earlier version loses what WordPress interprets itself, and stays the same resource', () => {
		const stored = resource('/orders?_method=POST&colour=red&dp=4&rest_route=/wp/v2/users')
		expect(stored.query).toEqual({ colour: 'red', dp: '4' })
		expect(stored.identity).toBe('orders?_method=POST&colour=red&dp=4&rest_route=/wp/v2/users')
	})
})

const OAUTH_NAMES = ['consumer_key', 'nonce', 'signature', 'signature_method', 'timestamp'].map(
	(name) => `oauth_${name}`,
)

describe('the last guard', () => {
	it.each([...FORBIDDEN.filter((name) => name !== '_fields'), ...CREDENTIAL_NAMES, '.method', 'rest[route', '_METHOD'])(
		'sends no request with the argument %s',
		async (name) => {
			const io = ioOf(() => json([]))
			const client = openClient(DENVER, CREDENTIALS, io)
			expect(await client.call('GET', 'orders', { [name]: 'POST' })).toMatchObject({
				ok: false,
				kind: 'rejected',
				message: `The request was not sent to the store: the argument "${name}" is WordPress's own.`,
			})
			expect([io.asked.length, client.requests]).toEqual([0, 0])
		},
	)

	it.each([
		'..',
		'.',
		'../../wp/v2/users',
		'orders/../../../wp/v2/users',
		'orders?_method=POST',
		'orders#',
		'orders/%2e%2e',
	])('sends no request to %s', async (path) => {
		const io = ioOf(() => json([]))
		expect(await openClient(DENVER, CREDENTIALS, io).call('GET', path, {})).toMatchObject({
			ok: false,
			message: 'The request was not sent to the store: its path leads out of the API.',
		})
		expect(io.asked).toEqual([])
	})

	it('an object’s id never leads out of its collection', async () => {
		for (const id of ['..', '.']) {
			const io = ioOf(() => json({}))
			expect((await openClient(DENVER, CREDENTIALS, io).read(resource('/bookings'), id)).ok).toBe(false)
			expect(io.asked).toEqual([])
		}
		for (const id of ['a/../b', '5?_method=DELETE', '5#', '%2e%2e', '5&_method=DELETE']) {
			const io = ioOf(() => json({}))
			await openClient(DENVER, CREDENTIALS, io).read(resource('/bookings'), id)
			const url = new URL(io.asked[0]!.url)
			expect([url.pathname, url.search, url.hash]).toEqual([
				`/wp-json/wc/v3/bookings/${encodeURIComponent(id)}`,
				'',
				'',
			])
		}
	})
})

describe('the hub', () => {
	it.each([
		...['orders?_method=DELETE', 'orders%3F_method=DELETE', 'orders/..', 'orders/%2e%2e', 'orders/%2E./x', '../orders'],
		...[
			'orders/5%2F..',
			'orders/5%252F..',
			'orders/5;x',
			'orders/5&_method=DELETE',
			'orders/%00',
			'orders/5%23',
			'.',
			'',
		],
	])('has no path %s', (path) => {
		expect(records.toVendorPath(path)).toBeNull()
	})

	it('builds lists out of its own names only, whatever where and orderBy say', () => {
		const names = (where: string | null, orderBy: string | null): string[] => {
			const planned = records.planList('orders', { where, orderBy }, DENVER)
			return planned.ok ? Object.keys({ ...planned.plan.query, ...planned.plan.pageQuery(0, 10) }) : []
		}
		for (const name of [...FORBIDDEN, ...CREDENTIAL_NAMES]) {
			expect(names(`${name} = 'POST'`, null).filter(isReservedName)).toEqual([])
			expect(names(`status = 'a&${name}=POST'`, null).filter(isReservedName)).toEqual([])
			expect(names(null, name)).toEqual([])
		}
	})

	it('refuses parameters that would change what the request is; `_fields` stays', () => {
		for (const name of ['_method', '_envelope', '_jsonp', '_wpnonce', 'rest_route', ...CREDENTIAL_NAMES, '.method'])
			expect(records.isReservedParameter(name), name).toBe(true)
		for (const name of ['_fields', '_embed', '_', 'where', 'page', 'nextPage', 'consumer', 'method'])
			expect(records.isReservedParameter(name), name).toBe(false)
	})
})
