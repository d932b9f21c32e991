/** The tab Configuration: what it shows, changes, and keeps. */
import { beforeEach, describe, expect, test } from 'vitest'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { addOrganization, env, resetDatabase, startApiWorld, type ApiClient } from '../api/harness.ts'
import { TestBrowser } from './browser.ts'
import { toFields } from './fields.ts'

let store: SimulatedStore
let client: ApiClient
let browser: TestBrowser
let id: number
const HTMX = { headers: { 'HX-Request': 'true' } }

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld((request) => store.fetch(request))
	store = createStore({ objects: 4, url: 'https://shop.example.com', now: () => client.world.nowMs })
	const made = await client.call('POST', '/instances', {
		element: { key: 'woocommercerest' },
		name: 'Riverside',
		tags: ['north'],
		configuration: {
			'store.url': store.url,
			'oauth.api.key': store.credentials.key,
			'oauth.api.secret': store.credentials.secret,
			'event.notification.enabled': true,
			'event.vendor.type': 'polling',
			'event.poller.refresh_interval': '15',
			'event.notification.signature.key': 'a-signature-key',
			'event.notification.callback.url': 'https://app.example.com/hook',
			'own.key': 'kept',
		},
	})
	id = made.body.id
	browser = new TestBrowser(client)
	await browser.signIn()
})

const path = (): string => `/instances/${id}/configuration`
const configuration = async (): Promise<Record<string, string | null>> =>
	(await client.call('GET', `/instances/${id}`)).body.configuration

async function openForm(changes: Record<string, string> = {}): Promise<Record<string, string>> {
	return { ...toFields((await browser.open(path())).html), do: 'save', ...changes }
}

test('shows all of it, and no secret', async () => {
	const { status, html } = await browser.open(path())
	expect(status).toBe(200)
	expect(toFields(html)).toMatchObject({
		name: 'Riverside',
		tags: 'north',
		'store.url': store.url,
		'event.vendor.type': 'polling',
		'event.poller.refresh_interval': '15',
		'event.notification.callback.url': 'https://app.example.com/hook',
		'resource.0.label': 'customers',
	})
	for (const secret of [store.credentials.key, store.credentials.secret, 'a-signature-key', '********'])
		expect(html).not.toContain(secret)
})

test('a form that is saved as it is changes nothing', async () => {
	const before = (await client.call('GET', `/instances/${id}`)).body
	const saved = await browser.post(path(), await openForm())
	expect([saved.status, saved.html.includes('Nothing was changed')]).toEqual([200, true])
	expect((await client.call('GET', `/instances/${id}`)).body).toEqual(before)
})

test('saves what is changed, and keeps the rest', async () => {
	const before = await configuration()
	await browser.post(path(), await openForm({ 'event.poller.refresh_interval': '5', name: 'Riverside 2', tags: '' }))
	const { body } = await client.call('GET', `/instances/${id}`)
	expect([body.name, body.tags]).toEqual(['Riverside 2', []])
	expect(body.configuration).toEqual({ ...before, 'event.poller.refresh_interval': '5' })
})

test('a resource is renamed and another one added', async () => {
	const added = await browser.post(path(), await openForm({ do: 'add', add: '/hubs/ecommerce/refunds' }))
	await browser.post(path(), { ...toFields(added.html), 'resource.0.label': 'contacts', do: 'save' })
	const poller = JSON.parse((await configuration())['event.poller.configuration']!)
	expect(Object.keys(poller)).toEqual(['contacts', 'discounts', 'orders', 'products', 'refunds'])
	expect(poller.contacts.url).toBe('/hubs/ecommerce/customers')
})

describe('a key', () => {
	test('that does not work is refused beside its field, and nothing changes', async () => {
		const refused = await browser.post(path(), await openForm({ 'oauth.api.secret': 'cs_wrong', name: 'Other' }))
		expect([refused.status, refused.html.includes('id="oauth-api-secret-error"')]).toEqual([422, true])
		expect(toFields(refused.html)['name']).toBe('Other')
		expect(refused.html).not.toContain('cs_wrong')
		expect((await client.call('GET', `/instances/${id}`)).body.name).toBe('Riverside')
	})

	test('is checked before it is saved', async () => {
		const { html } = await browser.post(
			`${path()}/check`,
			await openForm({ 'oauth.api.key': 'ck_no', do: 'check' }),
			HTMX,
		)
		expect(html).toContain('id="oauth-api-key-error"')
		const stored = await browser.post(`${path()}/check`, await openForm({ do: 'check' }), HTMX)
		expect(stored.html).toContain('may read and write')
	})
})

test('another site is asked about first, and then indexed anew', async () => {
	const other = createStore({ objects: 2, url: 'https://other.example.com', now: () => client.world.nowMs })
	client.world.store = (request) =>
		new URL(request.url).host === 'other.example.com' ? other.fetch(request) : store.fetch(request)
	const { key, secret } = other.credentials
	const change = { 'store.url': other.url, 'oauth.api.key': key, 'oauth.api.secret': secret }
	const asked = await browser.post(path(), await openForm(change))
	expect([asked.status, asked.html.includes('This is another site')]).toEqual([422, true])
	await browser.post(path(), { ...toFields(asked.html), rebaseline: 'true', do: 'save' })
	expect((await configuration())['store.url']).toBe(other.url)
})

test('the signature key is rotated, the new one shown once, and the rotation ended', async () => {
	await browser.open(path())
	const buttons = (html: string) => [html.includes('value="rotate"'), html.includes('value="end"')]
	expect(buttons((await browser.open(path())).html)).toEqual([true, false])
	const rotated = await browser.post(`${path()}/signature`, { do: 'rotate' })
	expect(buttons(rotated.html)).toEqual([false, true])
	const { next } = (await client.call('GET', `/instances/${id}/signature-key`)).body
	expect(rotated.html).toContain(next.key)
	const reopened = (await browser.open(path())).html
	expect([reopened.includes(next.key), buttons(reopened)]).toEqual([false, [false, true]])
	expect(reopened).toMatch(/A rotation is in progress\. The new key signs alone <sb-time><time [^>]*>in \d+ [dh]</)
	const { n } = (await env.DB.prepare(
		"SELECT count(*) AS n FROM audit_log WHERE action = 'instance.signature-key.show' AND user_id = 1",
	).first<{ n: number }>())!
	expect(n).toBe(1)
	expect(Date.parse(next.from) - client.world.nowMs).toBeGreaterThanOrEqual(24 * 3_600_000)
	const again = await browser.post(`${path()}/signature`, { do: 'rotate' })
	expect(again.status).toBe(422)
	const ended = await browser.post(`${path()}/signature`, { do: 'end' })
	expect([buttons(ended.html), ended.html.includes('both sign for 24 hours')]).toEqual([[true, false], true])
	expect((await client.call('GET', `/instances/${id}/signature-key`)).body).toMatchObject({ key: next.key, next: null })
})

test('the signature key is set by hand, and removed', async () => {
	const keyOf = async () => (await client.call('GET', `/instances/${id}/signature-key`)).body.key
	await browser.post(path(), await openForm({ 'event.notification.signature.key': 'another-key' }))
	expect(await keyOf()).toBe('another-key')
	const removal = { 'remove-event-notification-signature-key': 'event.notification.signature.key' }
	await browser.post(path(), await openForm(removal))
	expect(await keyOf()).toBe(null)
	expect((await browser.open(path())).html).not.toContain('Rotate the key')
})

test('everything is read again on request', async () => {
	await browser.open(path())
	await browser.post(`${path()}/reread`)
	expect(client.world.watchers.calls).toContain(`${id} poll reread`)
})

test('a viewer sees it and cannot change it', async () => {
	const fields = await openForm({ name: 'Other' })
	await env.DB.exec("UPDATE users SET role = 'viewer' WHERE id = 1")
	const { html } = await browser.open(path())
	expect([html.includes('event.vendor.type'), html.includes('Save changes'), html.includes('Rotate')]).toEqual([
		true,
		false,
		false,
	])
	await browser.post(path(), fields)
	expect((await client.call('GET', `/instances/${id}`)).body.name).toBe('Riverside')
})

test('another organization’s instance is 404', async () => {
	await addOrganization(99)
	await env.DB.exec(`UPDATE instances SET organization_id = 99 WHERE id = ${id}`)
	expect((await browser.open(path())).status).toBe(404)
})
