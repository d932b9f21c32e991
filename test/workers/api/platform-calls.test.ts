/** Calls that clients of the platform make beside those of instances and events (docs/contract.md §1, §2, §8). */
import { beforeEach, describe, expect, test } from 'vitest'
import { NOT_OFFERED } from '../../../src/api/not-offered.ts'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { addOrganization, env, instanceBodyForStore, resetDatabase, startApiWorld, type ApiClient } from './harness.ts'

let store: SimulatedStore
let client: ApiClient
let made: any
let authorization: string

beforeEach(async () => {
	await resetDatabase()
	store = createStore({ objects: 2, url: 'https://shop.example.com', now: () => Date.parse('2026-06-01T12:00:00Z') })
	client = await startApiWorld((request) => store.fetch(request))
	made = (await client.call('POST', '/instances', instanceBodyForStore(store))).body
	authorization = `User ${client.userSecret}, Element ${made.token}`
	client.world.requests.length = 0
})

const get = (path: string, options = {}) => client.call('GET', path, undefined, options)
const setRole = (role: string) => env.DB.prepare('UPDATE users SET role = ?').bind(role).run()

test('§2.40 a list with hydrate=false keeps the token and who the element is', async () => {
	for (const path of ['/instances', '/elements/2881/instances', '/accounts/instances'])
		expect((await get(`${path}?hydrate=false`)).body).toEqual([
			expect.objectContaining({
				id: made.id,
				token: made.token,
				element: { id: 2881, key: 'woocommercerest', name: 'WooCommerce', hub: 'ecommerce' },
			}),
		])
	expect((await get('/instances?hydrate=false')).body[0].configuration).toBeUndefined()
	expect((await get('/instances?hydrate=true')).body[0]).toEqual(made)
})

describe('the hub', () => {
	test('§8.15 §2.38 /hubs/{any}/ping is /ping, for every method', async () => {
		const ping = await get('/ping', { authorization })
		expect(ping.body).toMatchObject({ endpoint: 'woocommercerest' })
		for (const hub of ['ecommerce', 'anything', '2881'])
			expect(await get(`/hubs/${hub}/ping`, { authorization })).toMatchObject({ status: 200, body: ping.body })
		for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
			for (const path of ['/ping', '/hubs/ecommerce/ping'])
				expect([
					path,
					(await client.call(method, path, method === 'DELETE' ? undefined : {}, { authorization })).status,
				]).toEqual([path, 405])
		expect((await get('/hubs/ecommerce/ping')).status).toBe(401)
		await client.call('DELETE', `/instances/${made.id}/enabled`)
		for (const path of ['/ping', '/hubs/ecommerce/ping']) expect((await get(path, { authorization })).status).toBe(403)
		expect(client.world.requests).toEqual([])
	})

	test.each(NOT_OFFERED)(
		'§8.16 %s is not offered: 404 for everyone and every method, and never asked of the store',
		async (word) => {
			for (const path of [
				`/${word}`,
				`/${word}/7`,
				`/${word}/7/instances`,
				`/${word}/a/b/c/d/e/f`,
				`/${word}/`,
				`/%${word.charCodeAt(0).toString(16)}${word.slice(1)}`,
			])
				for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
					for (const options of [{ authorization }, {}, { authorization: null }]) {
						const { status, body } = await client.call(
							method,
							path,
							method === 'GET' || method === 'DELETE' ? undefined : {},
							options,
						)
						expect([method, path, status, body.message]).toEqual([
							method,
							path,
							404,
							expect.stringContaining('not offered here'),
						])
					}
			expect(client.world.requests).toEqual([])
			// A plugin may have a collection of this name.
			expect((await get(`/hubs/ecommerce/${word}`, { authorization })).body.message).toContain('shop.example.com')
			expect(client.world.requests).not.toEqual([])
		},
	)
})

describe('the catalogue', () => {
	test.each([
		['', 1],
		[`where=${encodeURIComponent("private='true'")}`, 0],
		[`where=${encodeURIComponent("private = 'false' AND hub='ecommerce'")}`, 1],
		[`where=${encodeURIComponent("key LIKE 'woo%'")}`, 1],
		[`where=${encodeURIComponent("id IN ('1','2881')")}`, 1],
		[`where=${encodeURIComponent('id > 2881')}`, 0],
		[`where=${encodeURIComponent("unknown='x'")}`, 0],
		['searchText=WOOCOM', 1],
		['searchText=discounts', 1],
		['searchText=shopify', 0],
		['pageSize=1', 1],
	])('§2.41 /elements?%s lists %i', async (query, count) => {
		const { status, body, headers } = await get(`/elements?${query}`)
		expect([status, body.length]).toEqual([200, count])
		expect(headers.get('Elements-Returned-Count')).toBe(String(count))
		expect(headers.get('Elements-Total-Count')).toBe(String(count))
		expect(headers.get('Elements-Next-Page-Token')).toBeNull()
	})

	test('§2.41 a page after the last is empty, and what is wrong is a 400 that names it', async () => {
		const token = Buffer.from('1').toString('base64url')
		expect((await get(`/elements?nextPage=${token}`)).body).toEqual([])
		for (const [query, name] of [
			['where=private', 'where'],
			["where=a='b", 'where'],
			['pageSize=0', 'pageSize'],
			['nextPage=!', 'nextPage'],
			[`searchText=${'x'.repeat(300)}`, 'searchText'],
		]) {
			const { status, body } = await get(`/elements?${query}`)
			expect([status, body.message]).toEqual([400, expect.stringMatching(new RegExp(`^${name}: `))])
		}
	})

	test('§2.42 §2.43 metadata describe the element, with an image on request; keys, hubs with resources, and no default where there is none', async () => {
		const { body: element } = await get('/elements/2881')
		const { body: metadata } = await get('/elements/woocommercerest/metadata')
		expect(metadata).toMatchObject({ id: 2881, description: element.description, events: { supported: true } })
		expect(metadata).not.toHaveProperty('image')
		const { body: expanded } = await get('/elements/2881/metadata?expand=true')
		expect(expanded).toEqual({ ...metadata, image: element.image })
		expect((await get('/elements/metadata')).body).toEqual([metadata])
		expect((await get('/elements/metadata?expand=true')).body).toEqual([expanded])
		expect((await get('/elements/keys')).body).toEqual(['woocommercerest'])
		expect((await get('/elements/2881/metadata?expand=maybe')).status).toBe(400)
		expect((await get('/hubs')).body).toEqual([{ key: 'ecommerce', name: 'ecommerce', active: true }])
		const [hub] = (await get('/hubs?hydrate=true')).body
		expect(hub.resources).toContainEqual({ name: 'orders', title: 'Orders', path: '/hubs/ecommerce/orders' })
		const items = new Map<string, any>(element.configuration.map((item: any) => [item.key, item]))
		expect(items.get('event.vendor.type').defaultValue).toBe('polling')
		for (const item of items.values()) if ('defaultValue' in item) expect(typeof item.defaultValue).toBe('string')
		expect(items.get('event.notification.callback.url')).not.toHaveProperty('defaultValue')
	})

	test('§2.43 instances are counted', async () => {
		await client.call('POST', '/instances', instanceBodyForStore(store))
		expect((await get('/instances/count')).body).toEqual({ totalInstances: 2, elementInstances: 2 })
		expect((await get('/instances/count', { authorization })).body).toEqual({ totalInstances: 1, elementInstances: 1 })
		const other = await addOrganization(2)
		expect((await get('/instances/count', { authorization: other })).body.totalInstances).toBe(0)
	})
})

describe('accounts', () => {
	const audited = async () =>
		(await env.DB.prepare("SELECT action FROM audit_log WHERE action LIKE '%secret%'").all()).results.length

	test('§1.16 /organizations/me shows the secret, which is audited, but to no viewer and no API key', async () => {
		const secret = client.organizationSecret
		const before = await audited()
		const { status, body } = await get('/organizations/me')
		expect([status, body]).toEqual([
			200,
			{ id: 1, name: expect.any(String), secret, active: true, createdDate: expect.stringMatching(/Z$/) },
		])
		expect(await audited()).toBe(before + 1)
		const { key } = (
			await client.call('POST', '/accounts/api-keys', { name: 'k', scopes: ['accounts:read', 'instances:write'] })
		).body
		expect((await get('/organizations/me', { authorization: `Bearer ${key}` })).body).toEqual({ ...body, secret: null })
		await setRole('viewer')
		expect((await get('/organizations/me')).body).toEqual({ ...body, secret: null })
		expect(await audited()).toBe(before + 1)
		expect((await get('/organizations/me', { authorization })).status).toBe(401)
		for (const method of ['PUT', 'DELETE'])
			expect((await client.call(method, '/organizations/me', method === 'PUT' ? {} : undefined)).status).toBe(405)
	})

	test('§1.17 accounts and users have the platform’s fields; an unknown account is not deleted but 404', async () => {
		const account = { id: 1, companyId: 1, active: true, defaultAccount: true }
		expect((await get('/accounts')).body).toMatchObject([account])
		expect((await get('/accounts/1')).body).toMatchObject(account)
		const invited = await client.call('POST', '/users', {
			email: 'bo@acme.example',
			firstName: 'Bo',
			lastName: 'Park',
		})
		expect(invited.body.user).toMatchObject({ fullName: 'Bo Park', active: false })
		const me = (await get('/users/me')).body
		expect(me).toMatchObject({ fullName: `${me.firstName} ${me.lastName}`, active: true })
		expect((await get('/users')).body).toContainEqual(me)
		for (const [id, status] of [
			['2', 404],
			['x', 404],
			['999999', 404],
			['1', 405],
		] as const)
			expect((await client.call('DELETE', `/accounts/${id}`)).status).toBe(status)
		expect((await get('/accounts/1')).status).toBe(200)
	})

	test.each(['2', 'x', '1&accountIds[]=2', '01'])(
		'§1.8 accountIds[]=%s is 403 in every count and in dispositions',
		async (ids) => {
			for (const path of [
				'/instances/events/analytics',
				'/instances/events/analytics/instances',
				'/instances/events/analytics/accounts',
				'/instances/events/dispositions',
				`/instances/${made.id}/events/analytics`,
				`/instances/${made.id}/events/dispositions`,
			]) {
				const refused = await get(`${path}?accountIds[]=${ids}`)
				expect([path, refused.status, refused.body.message]).toEqual([
					path,
					403,
					expect.stringContaining('accountIds[]'),
				])
				expect((await get(`${path}?accountIds[]=1`)).status).toBe(200)
				if (!path.endsWith('accounts'))
					expect((await get(`${path}?accountIds[]=${ids}`, { authorization })).status).toBe(403)
			}
		},
	)
})
