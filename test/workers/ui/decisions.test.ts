/** Pages of decisions: what they say, what they do, who may, and that a check changes nothing. */
import { beforeEach, describe, expect, test } from 'vitest'
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
		expect(text(html)).toContain('214 contacts disappeared at once. No DELETED event was sent for them.')
		expect(text(html)).toContain('Send 214 DELETED events')
		expect(text(html)).toContain('The first 2 of 214.')
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
			expect([status, html.includes('Choose one of the two.')]).toEqual([422, true])
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

describe('another address', () => {
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
		expect(text(html)).toContain('3 waiting events will be sent first, the oldest first.')
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
