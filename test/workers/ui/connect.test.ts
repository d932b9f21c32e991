/** The page that connects a store, as a browser without JavaScript posts it: errors beside fields, roles, what is created and what is not. */
import { beforeEach, describe, expect, test } from 'vitest'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { env, resetDatabase, startApiWorld, type ApiClient } from '../api/harness.ts'
import { TestBrowser } from './browser.ts'
import { toFields } from './fields.ts'

let store: SimulatedStore
let client: ApiClient
let browser: TestBrowser

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld((request) =>
		new URL(request.url).host === 'app.example.com'
			? Promise.resolve(new Response('', { status: 200 }))
			: store.fetch(request),
	)
	store = createStore({
		objects: 4,
		url: 'https://shop.example.com',
		now: () => client.world.nowMs,
		deliver: (request) => client.send(request),
	})
	browser = new TestBrowser(client)
	await browser.signIn()
})

/** The fields of the form as the page has them, with changes. */
async function openForm(changes: Record<string, string> = {}): Promise<Record<string, string>> {
	return { ...toFields((await browser.open('/connect')).html), ...changes }
}

const filled = (): Record<string, string> => ({
	'store.url': store.url,
	'oauth.api.key': store.credentials.key,
	'oauth.api.secret': store.credentials.secret,
	'event.notification.callback.url': 'https://app.example.com/hook',
})

const HTMX = { headers: { 'HX-Request': 'true' } }

async function countInstances(): Promise<number> {
	return (await env.DB.prepare('SELECT count(*) AS n FROM instances').first<{ n: number }>())!.n
}

function expectNoSecrets(html: string): void {
	for (const secret of [store.credentials.key, store.credentials.secret, 'a-signature-key'])
		expect(html).not.toContain(secret)
}

describe('the form', () => {
	test('has the labels of the documentation, the default resources, and no script of its own', async () => {
		const { status, html } = await browser.open('/connect')
		expect(status).toBe(200)
		for (const label of [
			...['Name', 'The Store URL', 'OAuth API Key', 'OAuth API Secret', 'Events Enabled', 'Event Type'],
			...['Event Notification Callback URL', 'Event poller refresh interval (mins)', 'Configure Polling', 'URL'],
			...['ID Field', 'Advanced Filtering', 'Updated Date Field', 'Updated Date Format', 'Created Date Field'],
			...['Created Date Format', 'Callback Notification Signature Key', 'Tags', 'Create Instance', 'Resource to Poll'],
		])
			expect(html).toContain(label)
		for (const name of ['customers', 'discounts', 'orders', 'products']) expect(html).toContain(`value="${name}"`)
		expect(html).not.toMatch(/ style=|<script(?![^>]*src=)|hx-on|js:/)
	})

	test('is not for viewers', async () => {
		await env.DB.exec("UPDATE users SET role = 'viewer' WHERE id = 1")
		const { status, html } = await browser.open('/connect')
		expect([status, html.includes('Create Instance')]).toEqual([200, false])
	})

	test('a viewer who posts it creates nothing', async () => {
		const fields = await openForm(filled())
		await env.DB.exec("UPDATE users SET role = 'viewer' WHERE id = 1")
		expect((await browser.post('/connect', { ...fields, do: 'create' })).status).not.toBe(200)
		expect(await countInstances()).toBe(0)
	})
})

describe('a check', () => {
	test('says what was found of each part, and creates nothing', async () => {
		const { status, html } = await browser.post('/connect/check', await openForm({ ...filled(), do: 'callback' }))
		expect(status).toBe(200)
		expect(html).toMatch(/WooCommerce 11[\d.]* at https:\/\/shop\.example\.com/)
		expect(html).toContain('may read and write')
		expect(html).toContain('was answered 200')
		expect(html).toMatch(/About [\d,]+ requests a day/)
		expect(html).toMatch(/\d+ found, newest/)
		expect(html).toContain('read as 20')
		expectNoSecrets(html)
		expect([await countInstances(), store.webhooks()]).toEqual([0, []])
	})

	test('answers htmx with the parts that change', async () => {
		const { html } = await browser.post('/connect/check', await openForm(filled()), HTMX)
		expect(html).toContain('id="cf-store" hx-swap-oob="outerMorph"')
		expect(html).not.toMatch(/<html|<form/)
		expect(html).not.toContain('typed-secrets')
		expectNoSecrets(html)
	})

	test.each([
		['store.url', { 'store.url': 'http://169.254.169.254' }],
		['oauth-api-key', { 'oauth.api.key': 'ck_unknown' }],
		['oauth-api-secret', { 'oauth.api.secret': 'cs_wrong' }],
		['event-poller-refresh_interval', { 'event.poller.refresh_interval': 'often' }],
		['resource-2-url', { 'resource.2.url': '/hubs/ecommerce/orders?colour=red' }],
	])('an error stands at %s', async (field, changes) => {
		const { html } = await browser.post('/connect/check', await openForm({ ...filled(), ...changes }))
		expect(html).toContain(`id="${field.replace(/\W+/g, '-')}-error"`)
	})

	test('opens what hides an error, and leaves the rest as the person has it', async () => {
		const changes = { 'event.notification.rate': 'fast', 'resource.2.url': '/hubs/ecommerce/orders?colour=red' }
		const { html } = await browser.post('/connect/check', await openForm({ ...filled(), ...changes }), HTMX)
		expect(html).toMatch(/<details class="behind" id="cf-optional-details" open[^>]* hx-swap-oob="outerMorph"/)
		expect(html).toMatch(/<details class="edit" id="cf-edit-2" open[^>]* hx-swap-oob="outerMorph"/)
		expect(html).toContain('<div id="cf-fields-1" hx-swap-oob="outerMorph"')
		const right = await browser.post('/connect/check', await openForm(filled()), HTMX)
		expect(right.html).not.toMatch(/<details class="(?:behind|edit)" [^>]*hx-swap-oob/)
	})

	test('an error of the date stands beside it', async () => {
		const { html } = await browser.post(
			'/connect/check',
			await openForm({
				...filled(),
				'event.vendor.type': 'polling',
				'event.poller.backfill': 'since',
				'existing.since': 'soon',
			}),
		)
		expect(html).toContain('id="existing-since-error"')
	})

	test('keeps secrets sealed for a browser without JavaScript', async () => {
		const fields = await openForm({ ...filled(), 'event.notification.signature.key': 'a-signature-key' })
		const checked = await browser.post('/connect/check', fields)
		expectNoSecrets(checked.html)
		expect(checked.html).toContain('Kept as you entered it')
		const again = toFields(checked.html)
		expect(again['oauth.api.secret']).toBe('')
		const made = await browser.post('/connect', { ...again, do: 'create' })
		expect(made.html).toContain('is connected')
		expect(await countInstances()).toBe(1)
	})
})

describe('the summary', () => {
	test('leaves the form alone when its session has ended', async () => {
		const fields = await openForm(filled())
		await env.DB.exec('DELETE FROM sessions')
		const { status, headers, html } = await browser.post('/connect/summary', fields, HTMX)
		expect([status, headers.get('HX-Reswap'), headers.get('HX-Retarget'), html]).toEqual([401, 'none', null, ''])
	})

	const summarize = async (changes: Record<string, string>): Promise<string> => {
		const { html } = await browser.post('/connect/summary', await openForm({ ...filled(), ...changes }), HTMX)
		return /<p class="summary">([^<]*)/.exec(html)![1]!
	}

	test('is rendered again on every change of the form, and asks no store', async () => {
		const { html } = await browser.open('/connect')
		expect(html).toMatch(/hx-post="\/connect\/summary" hx-trigger="change from:#connect"[^>]*><div id="cf-summary"/)
		let requests = 0
		client.world.store = (request) => {
			requests++
			return store.fetch(request)
		}
		expect(await summarize({})).toContain('sends each change to app.example.com. What exists already is not sent.')
		expect(await summarize({ delivery: 'log' })).toContain('stores each change in the log')
		expect(await summarize({ 'event.poller.backfill': 'all' })).toContain('What exists already is sent first.')
		expect(await summarize({ 'event.notification.enabled': 'false' })).toContain('no changes are detected')
		expect(await summarize({ 'resource.0.label': 'contacts' })).toContain('Watches contacts, discounts,')
		expect(requests).toBe(0)
	})

	test('does not follow a check, which can be older than the form', async () => {
		const { html } = await browser.post('/connect/check', await openForm(filled()), HTMX)
		expect(html).not.toContain('cf-summary')
	})

	test('follows the rows when they become JSON', async () => {
		const { html } = await browser.post('/connect', await openForm({ ...filled(), do: 'json' }), HTMX)
		expect(html).toContain('Watches the resources of')
	})
})

describe('resources', () => {
	test('are added, removed, and edited as JSON and back', async () => {
		const added = await browser.post(
			'/connect',
			await openForm({ ...filled(), do: 'add', add: '/hubs/ecommerce/refunds' }),
		)
		let fields = toFields(added.html)
		expect([fields['resource.4.label'], fields['resource.4.url']]).toEqual(['refunds', '/hubs/ecommerce/refunds'])
		const asJson = await browser.post('/connect', { ...fields, do: 'json' })
		fields = toFields(asJson.html)
		expect(Object.keys(JSON.parse(fields['event.poller.configuration']!))).toEqual([
			...['customers', 'discounts', 'orders', 'products', 'refunds'],
		])
		const broken = await browser.post('/connect', { ...fields, 'event.poller.configuration': '{\n"a": }', do: 'rows' })
		expect(broken.html).toContain('Line 2: expected a value')
		const rows = toFields((await browser.post('/connect', { ...fields, do: 'rows' })).html)
		expect(rows['resource.4.label']).toBe('refunds')
		const removed = toFields((await browser.post('/connect', { ...rows, do: 'remove.4' })).html)
		expect([removed['resource.3.label'], removed['resource.4.label']]).toEqual(['products', undefined])
	})

	test('all that is wrong in the JSON is shown, a line each', async () => {
		const fields = toFields((await browser.post('/connect', await openForm({ ...filled(), do: 'json' }))).html)
		const json = [
			'{',
			'"orders": { "url": "/hubs/ecommerce/orders", "pageSize": 0 },',
			'"products": { "url": "/hubs/ecommerce/products", "pageSize": "x" }',
			'}',
		]
		const change = { 'event.poller.configuration': json.join('\n'), do: 'create' }
		const { status, html } = await browser.post('/connect', { ...fields, ...change })
		const [, shown] = /id="event-poller-configuration-error"[\s\S]*?<span>(.*?)<\/span>/.exec(html)!
		const lines = shown!.split(/<br\s*\/?>/)
		expect([status, lines.map((line) => line.slice(0, 7))]).toEqual([422, ['Line 2:', 'Line 3:']])
	})

	test('the collections of the store are listed on request', async () => {
		const { html } = await browser.post('/connect', await openForm({ ...filled(), do: 'collections' }))
		expect(html).toMatch(/<option value="\/hubs\/ecommerce\/products-categories"/)
	})
})

describe('Create Instance', () => {
	test('shows id and token once, and the same form again makes no second one', async () => {
		const fields = { ...(await openForm(filled())), do: 'create' }
		const { status, html } = await browser.post('/connect', fields)
		expect(status).toBe(200)
		const row = (await env.DB.prepare('SELECT id FROM instances').first<{ id: number }>())!
		const { body } = await client.call('GET', `/instances/${row.id}`)
		expect(html).toContain(body.token)
		expect(html).toContain(`hx-get="/instances/${row.id}/baseline" hx-trigger="every 2s"`)
		expect(html).toContain(`<sb-tail src="/instances/${row.id}/events/live"`)
		expectNoSecrets(html)
		expect(body.configuration['event.vendor.type']).toBe('hybrid')
		const again = await browser.post('/connect', fields)
		expect([again.status, await countInstances()]).toEqual([200, 1])
	})

	test('says beside each field what is missing, and keeps what was typed', async () => {
		const { status, html } = await browser.post(
			'/connect',
			await openForm({ name: 'My <shop>', tags: 'a\r\nb', do: 'create' }),
		)
		expect(status).toBe(422)
		for (const id of ['store-url', 'oauth-api-key', 'oauth-api-secret', 'event-notification-callback-url'])
			expect(html).toContain(`id="${id}-error"`)
		expect(toFields(html)).toMatchObject({ name: 'My <shop>', tags: 'a\nb' })
		expect(await countInstances()).toBe(0)
	})

	test('an error of the store leaves nothing behind, and the corrected form makes the instance', async () => {
		const fields = await openForm({ ...filled(), 'oauth.api.secret': 'cs_wrong', do: 'create' })
		const refused = await browser.post('/connect', fields)
		expect([refused.status, await countInstances()]).toEqual([422, 0])
		expect(refused.html).toContain('id="oauth-api-secret-error"')
		const corrected = { ...toFields(refused.html), 'oauth.api.secret': store.credentials.secret, do: 'create' }
		expect([(await browser.post('/connect', corrected)).status, await countInstances()]).toEqual([200, 1])
	})

	test('a generated signature key is shown, and is the key of the instance', async () => {
		const generated = await browser.post('/connect', await openForm({ ...filled(), do: 'generate' }))
		const fields = toFields(generated.html)
		const key = fields['event.notification.signature.key']!
		expect(key).toMatch(/^[\w-]{40,}/)
		await browser.post('/connect', { ...fields, do: 'create' })
		const row = (await env.DB.prepare('SELECT id FROM instances').first<{ id: number }>())!
		expect((await client.call('GET', `/instances/${row.id}/signature-key`)).body.key).toBe(key)
	})
})

describe('the instance of the form equals that of the documentation’s JSON', () => {
	const FORMAT = "yyyy-MM-dd'T'HH:mm:ss'"
	const shared = (): Record<string, string> => ({
		'store.url': store.url,
		'oauth.api.key': store.credentials.key,
		'oauth.api.secret': store.credentials.secret,
		'event.notification.callback.url': 'https://app.example.com/hook',
		'event.notification.signature.key': 'a-signature-key',
	})

	/** The instance without what differs between any two. */
	async function toComparable(id: number): Promise<unknown> {
		const {
			token: _t,
			subscriptionId: _s,
			id: _i,
			createdDate: _c,
			...rest
		} = (await client.call('GET', `/instances/${id}`)).body
		return rest
	}

	async function createBoth(configuration: Record<string, unknown>, fields: Record<string, string>): Promise<void> {
		const body = { element: { key: 'woocommercerest' }, configuration, tags: ['Docs'], name: 'My shop' }
		const made = await client.call('POST', '/instances', body)
		expect([made.status, made.body.message]).toEqual([200, undefined])
		const form = await openForm({ ...shared(), name: 'My shop', tags: 'Docs', ...fields, do: 'create' })
		expect((await browser.post('/connect', form)).html).toContain('is connected')
		expect(await toComparable(made.body.id + 1)).toEqual(await toComparable(made.body.id))
	}

	test('with polling, and contacts by renaming the row', async () => {
		const polled = (name: string, datesConfiguration: object = {}) => ({
			url: `/hubs/ecommerce/${name}`,
			idField: 'id',
			datesConfiguration,
		})
		const dates = {
			updatedDateField: 'date_modified',
			updatedDateFormat: FORMAT,
			createdDateField: 'date_created',
			createdDateFormat: FORMAT,
		}
		await createBoth(
			{
				...shared(),
				'event.notification.enabled': true,
				'event.vendor.type': 'polling',
				'event.poller.refresh_interval': '15',
				'event.poller.configuration': {
					contacts: polled('customers', dates),
					discounts: polled('discounts'),
					orders: polled('orders'),
					products: polled('products'),
				},
			},
			{
				'event.vendor.type': 'polling',
				'event.poller.refresh_interval': '15',
				'resource.0.label': 'contacts',
				...Object.fromEntries(Object.entries(dates).map(([name, value]) => [`resource.0.${name}`, value])),
			},
		)
	})

	test('with webhooks', async () => {
		await createBoth(
			{ ...shared(), 'event.notification.enabled': true, 'event.vendor.type': 'webhook' },
			{ 'event.vendor.type': 'webhook' },
		)
	})
})

describe('steps', () => {
	const isFolded = (html: string, step: string): boolean =>
		!new RegExp(`id="step-${step}"[^]*?<details open`).test(
			html.slice(0, html.indexOf('</summary>', html.indexOf(`id="step-${step}"`))),
		)

	test('a finished one folds to what was chosen, and stays so, also without JavaScript', async () => {
		const fields = await openForm({ ...filled(), do: 'continue.store' })
		const { status, html } = await browser.post('/connect', fields)
		expect([status, isFolded(html, 'store'), isFolded(html, 'events')]).toEqual([200, true, false])
		expect(html).toMatch(/id="cf-store-summary"[^>]*>[^<]*WooCommerce/)
		const next = await browser.post(
			'/connect',
			await openForm({ ...filled(), folded: 'store', do: 'continue.polling' }),
		)
		expect(['store', 'events', 'polling'].map((step) => isFolded(next.html, step))).toEqual([true, false, true])
		expect(next.html).toMatch(/id="cf-polling-summary"[^>]*>[^<]*orders/)
		expect((await browser.post('/connect', fields, HTMX)).html).toMatch(/id="connect"[^>]* hx-swap-oob="outerMorph"/)
	})

	test('one with an error does not fold, and opens', async () => {
		const missing = await browser.post(
			'/connect',
			await openForm({ ...filled(), 'oauth.api.secret': '', do: 'continue.store' }),
		)
		expect([missing.status, isFolded(missing.html, 'store')]).toEqual([422, false])
		expect(missing.html).toContain('id="oauth-api-secret-error"')
		const fields = await openForm({ ...filled(), 'store.url': 'http://169.254.169.254', folded: 'store', do: 'check' })
		const checked = await browser.post('/connect/check', fields, HTMX)
		expect(checked.html).toMatch(/id="connect"[^>]* hx-swap-oob="outerMorph"/)
		expect(isFolded(checked.html, 'store')).toBe(false)
	})
})

describe('Connect with WooCommerce', () => {
	test('leads to the store, and back to the created instance', async () => {
		const fields = await openForm({ 'store.url': store.url, delivery: 'log', do: 'authorize' })
		const htmx = await browser.post('/connect', fields, HTMX)
		const url = htmx.headers.get('HX-Redirect')!
		expect(url).toMatch(/^https:\/\/shop\.example\.com\/wc-auth\/v1\/authorize/)
		const page = await browser.post('/connect', fields)
		expect(page.html).toContain('Continue to shop.example.com')
		const approved = await store.fetch(
			new Request(url, { method: 'POST', body: new URLSearchParams({ answer: 'approve' }), redirect: 'manual' }),
		)
		const back = new URL(approved.headers.get('Location')!)
		const returned = await browser.open(back.pathname + back.search)
		expect([returned.status, returned.path]).toEqual([200, expect.stringMatching(/^\/connect\/return\?/)])
		expect(returned.html).toContain('is connected')
		const { id, token } = (await client.call('GET', '/instances')).body[0]
		expect(returned.html).not.toContain(token)
		expect((await browser.post(`/connect/token/${id}`)).html).toContain(token)
		await env.DB.exec("UPDATE users SET role = 'viewer' WHERE id = 1")
		const viewed = await browser.open(back.pathname + back.search)
		expect([viewed.html.includes('is connected'), viewed.html.includes('Show the token')]).toEqual([true, false])
		const asked = await browser.post(`/connect/token/${id}`)
		expect([asked.html.includes(token), asked.html.includes('********')]).toEqual([false, false])
	})

	test.each(['', 'state=made-up&', `state=${'x'.repeat(43)}&`])(
		'an instance that does not follow from the hand-over is not called connected: %j',
		async (state) => {
			await browser.post('/connect', await openForm({ ...filled(), do: 'create' }))
			const { id } = (await client.call('GET', '/instances')).body[0]
			const shown = await browser.open(`/connect/return?${state}instanceId=${id}`)
			expect([shown.status, shown.path, shown.html.includes('is connected')]).toEqual([200, `/instances/${id}`, false])
		},
	)

	test('denied at the store: the form again, with a message', async () => {
		const fields = await openForm({ 'store.url': store.url, delivery: 'log', do: 'authorize' })
		const url = (await browser.post('/connect', fields, HTMX)).headers.get('HX-Redirect')!
		const body = new URLSearchParams({ answer: 'deny' })
		const denied = await store.fetch(new Request(url, { method: 'POST', body, redirect: 'manual' }))
		const back = new URL(denied.headers.get('Location')!)
		const returned = await browser.open(back.pathname + back.search)
		expect([returned.status, returned.path]).toEqual([200, '/connect'])
		expect(returned.html).toContain('Access was denied at the store')
		expect(returned.html).toContain('name="store.url"')
	})

	test('an error of the address stands beside it', async () => {
		const fields = await openForm({ 'store.url': 'http://169.254.169.254', delivery: 'log', do: 'authorize' })
		const { status, html } = await browser.post('/connect', fields)
		expect([status, html.includes('id="store-url-error"')]).toEqual([422, true])
	})

	test('another organization’s instance is 404', async () => {
		expect((await browser.open('/connect/return?instanceId=999')).status).toBe(404)
	})
})
