/** Pages of decisions: what they say, what they do, who may, and that a check changes nothing. */
import { beforeEach, describe, expect, test } from 'vitest'
import { hashPassword } from '../../../src/accounts/passwords.ts'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import {
	addOrganization,
	env,
	instanceBodyForStore,
	resetDatabase,
	startApiWorld,
	type ApiClient,
} from '../api/harness.ts'
import { TestBrowser } from './browser.ts'

let store: SimulatedStore
let client: ApiClient
let browser: TestBrowser
let id: number

beforeEach(async () => {
	await resetDatabase()
	store = createStore({ objects: 4, url: 'https://shop.example.com', now: () => Date.parse('2026-06-01T12:00:00Z') })
	client = await startApiWorld((request) => store.fetch(request))
	id = (await client.call('POST', '/instances', instanceBodyForStore(store))).body.id
	browser = new TestBrowser(client)
	await browser.signIn()
	client.world.watchers.calls.length = 0
})

const setRole = async (role: string): Promise<void> => {
	await env.DB.prepare('UPDATE users SET role = ?').bind(role).run()
}
const calls = (name: string): string[] => client.world.watchers.calls.filter((call) => call.includes(name))
const text = (html: string): string => html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ')

describe('held deletions', () => {
	beforeEach(() => {
		const [customer] = [...store.state('customers').keys()]
		client.world.watchers.heldDeletions = [
			{
				resource: 'contacts',
				since: '2026-06-01T11:00:00.000Z',
				objects: [
					{ objectId: String(customer), lastSeen: '2026-06-01T10:00:00.000Z' },
					{ objectId: '999999', lastSeen: null },
				],
				count: 214,
			},
		]
	})

	test('say how many disappeared, and what follows from each decision', async () => {
		const { status, html } = await browser.open(`/instances/${id}/deletions`)
		expect(status).toBe(200)
		expect(text(html)).toContain('214 contacts disappeared at once')
		expect(text(html)).toContain('No DELETED event was sent.')
		expect(text(html)).toContain('Send 214 DELETED events')
		expect(text(html)).toContain('214 objects')
	})

	test('§11.23 are asked of the store again, which changes nothing', async () => {
		await browser.open(`/instances/${id}/deletions`)
		const before = store.requests
		const { html } = await browser.post(`/instances/${id}/deletions/check`)
		expect(text(html)).toContain('contacts: 1 of 2 do not exist at the store.')
		expect(text(html)).toMatch(/\d+ exists\./)
		expect(store.requests - before).toBe(2)
		expect(calls('decide')).toEqual([])
		const { body } = await client.call('POST', `/instances/${id}/deletions/check`)
		expect(body.checked[0].objects.map((one: { state: string }) => one.state)).toEqual(['exists', 'missing'])
	})

	test('a store that refuses the key is not asked again and again', async () => {
		client.world.watchers.heldDeletions[0]!.objects = Array.from({ length: 10 }, (_, index) => ({
			objectId: String(900_000 + index),
			lastSeen: null,
		}))
		let requests = 0
		client.world.store = async () => {
			requests++
			return Response.json(
				{ code: 'woocommerce_rest_cannot_view', message: 'No', data: { status: 401 } },
				{ status: 401 },
			)
		}
		const { body } = await client.call('POST', `/instances/${id}/deletions/check`)
		expect(requests).toBeLessThanOrEqual(3)
		expect(body.checked[0].objects.map((one: { state: string }) => one.state)).toEqual(Array(10).fill('unknown'))
	})

	test.each(['emit', 'forget'])('are decided: %s', async (decision) => {
		await browser.open(`/instances/${id}/deletions`)
		const { headers } = await browser.post(`/instances/${id}/deletions`, { decision }, { stay: true })
		expect(headers.get('Location')).toBe(`/instances/${id}`)
		expect(calls('decide')).toEqual([`${id} decide ${decision}`])
	})

	test('without a choice nothing is decided', async () => {
		await browser.open(`/instances/${id}/deletions`)
		for (const decision of ['', 'all']) {
			const { status, html } = await browser.post(`/instances/${id}/deletions`, { decision })
			expect([status, html.includes('Choose one of the two. Nothing was changed.')]).toEqual([422, true])
		}
		expect(calls('decide')).toEqual([])
	})

	test('a viewer sees them and no button, and may not decide', async () => {
		await setRole('viewer')
		const { html } = await browser.open(`/instances/${id}/deletions`)
		expect(html).toContain('999999')
		expect(html).not.toContain(`action="/instances/${id}/deletions`)
		const refused = await browser.post(`/instances/${id}/deletions`, { decision: 'emit' })
		expect(refused.status).toBe(403)
		expect(calls('decide')).toEqual([])
	})
})

describe('held changes and unchecked objects', () => {
	test.each([
		['mass-changes', 'decideMassChanges'],
		['unchecked', 'decideUnchecked'],
	])('%s are shown and decided', async (path, call) => {
		client.world.watchers.heldChanges = [
			{
				resource: 'products',
				since: '2026-06-01T11:00:00.000Z',
				fields: ['price', 'regular_price'],
				objects: [{ objectId: '93', changedFields: ['price'] }],
				count: 60,
			},
		]
		const { html } = await browser.open(`/instances/${id}/${path}`)
		expect(text(html)).toMatch(/Send (60|3) UPDATED events/)
		expect((await browser.post(`/instances/${id}/${path}`)).status).toBe(422)
		await browser.post(`/instances/${id}/${path}`, { decision: 'forget' }, { stay: true })
		expect(calls(call)).toEqual([`${id} ${call} forget`])
	})

	test('when nothing is held, the page says so', async () => {
		expect(text((await browser.open(`/instances/${id}/mass-changes`)).html)).toContain('No changes are held.')
		expect(text((await browser.open(`/instances/${id}/deletions`)).html)).toContain('No deletions are held.')
	})
})

describe('a key that the store refuses', () => {
	test('is not replaced while the store cannot be reached, and the page says why', async () => {
		client.world.store = async () => new Response('down', { status: 500 })
		await browser.open(`/instances/${id}/re-authentication`)
		for (const action of ['', '/check']) {
			const refused = await browser.post(`/instances/${id}/re-authentication${action}`, { key: 'ck_a', secret: 'cs_a' })
			expect(refused.status).toBe(422)
			expect(text(refused.html)).toContain('store.url: ')
		}
	})

	const path = () => `/instances/${id}/re-authentication`
	const stored = async () =>
		(await env.DB.prepare('SELECT configuration, version FROM instances WHERE id = ?').bind(id).first())!

	test('is replaced after the checks of creation', async () => {
		const before = await stored()
		await browser.open(path())
		const wrong = await browser.post(path(), { key: 'ck_wrong', secret: 'cs_wrong' })
		expect(wrong.status).toBe(422)
		expect(wrong.html).toMatch(/id="(key|secret)-error"/)
		expect(wrong.html).not.toMatch(/ck_wrong|cs_wrong/)
		const empty = await browser.post(path(), { key: '', secret: '' })
		expect([empty.status, empty.html.match(/Enter a value\./g)?.length]).toEqual([422, 2])
		expect(await stored()).toEqual(before)
		const { key, secret } = store.credentials
		const saved = await browser.post(path(), { key, secret }, { stay: true })
		expect(saved.headers.get('Location')).toBe(`/instances/${id}`)
		expect(await stored()).not.toEqual(before)
	})

	test('can be checked without saving', async () => {
		const before = await stored()
		await browser.open(path())
		const { key, secret } = store.credentials
		const { html } = await browser.post(`${path()}/check`, { key, secret })
		expect(text(html)).toContain('The key works: read/write.')
		expect(text(html)).toMatch(/contacts: \d+ found/)
		expect(text(html)).toContain('Nothing was saved yet.')
		expect(html).not.toContain(secret)
		expect(await stored()).toEqual(before)
	})
})

describe('a session that ended while a decision was open', () => {
	test('is followed by the decision and the new session', async () => {
		await env.DB.prepare('UPDATE users SET password = ?')
			.bind(await hashPassword('correct horse battery staple'))
			.run()
		await browser.open(`/instances/${id}/deletions`)
		await env.DB.exec('DELETE FROM sessions')
		const ended = await browser.post(`/instances/${id}/deletions`, { decision: 'forget' })
		const typed = /name="typed" value="([^"]+)"/.exec(ended.html)![1]!
		const fields = { username: 'admin@example.com', password: 'correct horse battery staple', typed }
		const decided = await browser.post('/sign-in', fields, { stay: true })
		expect([decided.status, decided.headers.get('Location')]).toEqual([303, `/instances/${id}`])
		expect(calls('decide')).toEqual([`${id} decide forget`])
		const names = decided.headers.getSetCookie().map((line) => line.split('=')[0])
		expect(names).toEqual(expect.arrayContaining(['__Host-shopbell_session', '__Host-shopbell_message']))
		expect((await browser.open('/account/sessions')).status).toBe(200)
	})

	test('also when the form is refused then: the page has the form again', async () => {
		await env.DB.prepare('UPDATE users SET password = ?')
			.bind(await hashPassword('correct horse battery staple'))
			.run()
		await env.DB.exec('DELETE FROM sessions')
		const ended = await browser.post(`/instances/${id}/source`, { storeUrl: 'not an address' })
		const typed = /name="typed" value="([^"]+)"/.exec(ended.html)![1]!
		const fields = { username: 'admin@example.com', password: 'correct horse battery staple', typed }
		const again = await browser.post('/sign-in', fields)
		expect([again.status, again.html.includes('value="not an address"')]).toEqual([422, true])
		expect((await browser.post(`/instances/${id}/source`, { storeUrl: 'not an address' })).status).toBe(422)
	})
})

describe('another address', () => {
	test('of another site is saved after it is confirmed that the shop has moved', async () => {
		const moved = createStore({ objects: 4, url: 'https://moved.example.com' })
		const { fetch: answer } = moved
		client.world.store = async (request) =>
			await (request.url.startsWith('https://moved.example.com') ? answer.call(moved, request) : store.fetch(request))
		Object.assign(moved.credentials, store.credentials)
		const path = `/instances/${id}/source`
		await browser.open(path)
		const asked = await browser.post(path, { storeUrl: 'https://moved.example.com' })
		expect(asked.status).toBe(422)
		expect(text(asked.html)).toContain('This is another site than the one that Shopbell reads.')
		expect(asked.html).not.toContain('rebaseline=true')
		expect(asked.html).toContain('value="https://moved.example.com"')
		const saved = await browser.post(
			path,
			{ storeUrl: 'https://moved.example.com', rebaseline: 'true' },
			{ stay: true },
		)
		expect(saved.headers.get('Location')).toBe(`/instances/${id}`)
	})

	test('at which the key does not work says so', async () => {
		const refusal = { code: 'woocommerce_rest_authentication_error', message: 'Consumer key is invalid.' }
		client.world.store = async (request) =>
			request.headers.has('Authorization') || request.url.includes('consumer_key')
				? Response.json({ ...refusal, data: { status: 401 } }, { status: 401 })
				: await createStore({ objects: 4, url: 'https://moved.example.com' }).fetch(request)
		await browser.open(`/instances/${id}/source`)
		for (const action of ['', '/check']) {
			const refused = await browser.post(`/instances/${id}/source${action}`, { storeUrl: 'https://moved.example.com' })
			expect(refused.status).toBe(422)
			expect(text(refused.html)).toMatch(/oauth\.api\.(key|secret): \S/)
		}
	})

	test('is checked, kept when it is wrong, and saved', async () => {
		client.world.watchers.healthChanges = {
			state: 'foreign-source',
			reason: 'Webhooks arrive from https://copy.example.com instead of https://shop.example.com.',
		}
		const path = `/instances/${id}/source`
		expect(text((await browser.open(path)).html)).toContain('Webhooks arrive from https://copy.example.com')
		const wrong = await browser.post(path, { storeUrl: 'not an address' })
		expect([wrong.status, wrong.html.includes('value="not an address"')]).toEqual([422, true])
		expect(wrong.html).toContain('id="storeUrl-error"')
		const checked = await browser.post(`${path}/check`, { storeUrl: 'https://shop.example.com' })
		expect(text(checked.html)).toContain('WooCommerce')
		const saved = await browser.post(path, { storeUrl: 'https://shop.example.com/' }, { stay: true })
		expect(saved.headers.get('Location')).toBe(`/instances/${id}`)
	})
})

describe('a callback that nothing is sent to', () => {
	test('is tested and resumed', async () => {
		client.world.watchers.healthChanges = {
			state: 'deactivated',
			reason: 'The last attempt to reach the callback failed (410). 3 events wait.',
			callback: {
				url: 'https://callback.example.com/hook?token=secret',
				state: 'deactivated',
				lastStatus: '410',
				waiting: 3,
			},
		}
		const path = `/instances/${id}/subscription`
		const { html } = await browser.open(path)
		expect(text(html)).toContain('3 waiting events are sent first, oldest first.')
		const tested = await browser.post(`${path}/test`)
		expect(tested.status).toBe(200)
		const resumed = await browser.post(path, {}, { stay: true })
		expect(resumed.headers.get('Location')).toBe(`/instances/${id}`)
		expect(calls('configure').length).toBeGreaterThan(0)
		await setRole('viewer')
		const seen = await browser.open(path)
		expect(seen.html).not.toContain('token=secret')
		expect(seen.html).not.toContain('Resume deliveries')
	})
})

test('another organization’s decisions do not exist', async () => {
	await addOrganization(2)
	await env.DB.prepare('UPDATE users SET role = ? WHERE id = 2').bind('admin').run()
	const other = new TestBrowser(client)
	await other.signIn(2)
	for (const page of ['deletions', 'mass-changes', 'unchecked', 're-authentication', 'source', 'subscription']) {
		expect((await other.open(`/instances/${id}/${page}`)).status).toBe(404)
		expect((await other.post(`/instances/${id}/${page}`, { decision: 'emit', key: 'k', secret: 's' })).status).toBe(404)
	}
	expect(calls('decide')).toEqual([])
})
