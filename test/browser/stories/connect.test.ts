/** People connect a store: the first run, polling, webhooks, the store's own approval page, and what is wrong. */
import type { Locator } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../store/serve.ts'
import type { Fault } from '../../store/types.ts'
import { createClient, type Client } from '../../../src/client/client.ts'
import { runCurl } from '../../e2e/stack.ts'
import * as form from './connect-form.ts'
import { PATIENCE_MS, Visitor } from './visitor.ts'
import { ANN, createSignInUrl, signInToApi, startWorld, waitForBaseline, type World } from './world.ts'

let world: World
/** Ann's. */
let authorization: string
let api: Client

beforeAll(async () => {
	world = await startWorld()
})
afterAll(async () => await world?.close())

afterEach(async () => {
	world.store.setFaults({})
	// What is not looked at any more would be polled all the time.
	for (const { id } of await listInstances()) await api.deleteInstance({ params: { id } })
})

/** All instances of Acme: mostly one. */
async function listInstances(): Promise<[Instance, ...Instance[]]> {
	return (await api.listInstances()) as unknown as [Instance, ...Instance[]]
}

interface Instance {
	id: number
	token: string
}

/** A person who is signed in and sees the form. */
async function openForm(options: Parameters<typeof Visitor.open>[2] = {}): Promise<Visitor> {
	const visitor = await Visitor.open(world.browser, world.url, options)
	await visitor.page.goto(await createSignInUrl(world.url, api))
	await visitor.page.goto(`${world.url}/connect`)
	return visitor
}

async function fillKey(visitor: Visitor): Promise<void> {
	await visitor.fill(form.storeUrl(visitor), world.storeUrl)
	await visitor.fill(form.apiKey(visitor), world.store.credentials.key)
	await visitor.fill(form.apiSecret(visitor), world.store.credentials.secret)
}

/** Once the store is read, an order is placed, and its event appears on the same page. */
async function seeFirstEvent({ page }: Visitor): Promise<Locator> {
	await page.getByText('Live', { exact: true }).waitFor()
	await page.evaluate('globalThis.isTheSamePage = true')
	const [{ id }] = await listInstances()
	await waitForBaseline(api, id)
	const order = world.store.act({ do: 'place-order' }).find((change) => change.resource === 'orders')
	const row = page.getByRole('row').filter({ hasText: `orders ${order!.id}` })
	await row.waitFor()
	expect(await page.evaluate('globalThis.isTheSamePage')).toBe(true)
	return row
}

test('the first run: from the set-up token to the first event in at most 25 interactions', async () => {
	const ann = (await Visitor.open(world.browser, world.url)).showOnFailure()
	await ann.page.goto(world.url)
	await ann.page.getByRole('heading', { name: 'Set up Shopbell' }).waitFor()
	await ann.fill(ann.field('Set-up token'), world.setupToken)
	await ann.fill(ann.field('Organization'), ANN.organization)
	await ann.fill(ann.field('First name'), ANN.firstName)
	await ann.fill(ann.field('Last name'), ANN.lastName)
	await ann.fill(ann.field('E-mail address'), ANN.email)
	await ann.fill(ann.field('Password'), ANN.password)
	await ann.press(ann.button('Create the organization'))

	await ann.page.getByRole('heading', { name: 'Connect a store' }).waitFor()
	authorization = await signInToApi(world.url)
	api = createClient({ baseUrl: world.url, authorization })
	await fillKey(ann)
	await ann.choose(form.eventType(ann, 'polling'))
	await ann.fill(form.callbackUrl(ann), world.callback.url)
	await ann.fill(form.interval(ann), '0.05')
	await ann.press(form.createButton(ann))
	await seeFirstEvent(ann)
	expect(ann.interactions).toBeLessThanOrEqual(25)

	// The callback has it too.
	await expect
		.poll(() => world.callback.acceptedEvents.map(({ objectType }) => objectType), { timeout: PATIENCE_MS })
		.toContain('orders')
	ann.expectClean()
	await ann.leave()
})

test('by webhook: the store notifies, and its event appears', async () => {
	const ann = (await openForm()).showOnFailure()
	await fillKey(ann)
	await ann.choose(form.eventType(ann, 'webhook'))
	await ann.toggle(ann.field('Store events in the log only'))
	await ann.press(form.createButton(ann))
	expect(await (await seeFirstEvent(ann)).innerText()).toContain('webhook')
	ann.expectClean()
	await ann.leave()
})

test('by Connect with WooCommerce: approved at the store, back in the flow, without a key', async () => {
	const ann = (await openForm()).showOnFailure()
	await ann.fill(ann.field('Name'), 'Approved')
	await ann.fill(form.storeUrl(ann), world.storeUrl)
	await ann.toggle(ann.field('Store events in the log only'))
	await ann.press(ann.button('Connect with WooCommerce'))
	await ann.page.getByRole('heading', { name: 'would like to connect to your store' }).waitFor()
	expect(new URL(ann.page.url()).origin).toBe(world.storeUrl)
	await ann.press(ann.button('Approve'))
	await ann.see('Approved is connected.')
	expect(new URL(ann.page.url()).origin).toBe(world.url)
	await seeFirstEvent(ann)
	await ann.press(ann.button('Show the token'))
	const [{ token }] = await listInstances()
	await ann.see(token)
	ann.expectClean([world.storeUrl])
	await ann.leave()
})

test('a wrong key is named beside its field, when it is left and when the form is sent; the right one helps', async () => {
	const ann = (await openForm()).showOnFailure()
	await ann.fill(form.storeUrl(ann), world.storeUrl)
	await ann.fill(form.apiKey(ann), world.store.credentials.key)
	await ann.fill(form.apiSecret(ann), 'cs_of_another_store')
	await ann.toggle(ann.field('Store events in the log only'))
	await ann.expectWrong(form.apiSecret(ann), /signature|secret/i)
	await ann.press(form.createButton(ann))
	await ann.page.getByRole('alert').filter({ hasText: 'Nothing was changed' }).waitFor()
	await ann.expectWrong(form.apiSecret(ann), /signature|secret/i)
	expect(await listInstances()).toEqual([])

	await ann.fill(form.apiSecret(ann), world.store.credentials.secret)
	await ann.press(form.createButton(ann))
	await ann.see('is connected.')
	ann.expectClean()
	await ann.leave()
})

describe('a wrong address', () => {
	let ann: Visitor
	beforeAll(async () => {
		ann = await openForm()
	})
	afterAll(async () => {
		ann.expectClean()
		await ann.leave()
	})

	/** Leaves the field with this address, or checks again what is in it. */
	async function check(address: string): Promise<void> {
		const field = form.storeUrl(ann)
		if ((await field.inputValue()) === address) return await ann.press(ann.button('Check the store'))
		await ann.fill(field, address)
		await ann.page.keyboard.press('Tab')
	}

	test.each<{ what: string; says: RegExp; fault?: Fault; url?: () => string | Promise<string> }>([
		{ what: 'no address', url: () => 'my shop', says: /expected a URL such as https:\/\/example/ },
		{
			what: 'no such host',
			url: () => 'https://shop.nowhere.example',
			says: /no host of this name.*Check the spelling/,
		},
		{
			what: 'nobody listens',
			url: async () => `http://127.0.0.1:${await freePort()}`,
			says: /the connection (was refused|broke).*Check/,
		},
		{ what: 'no WordPress', fault: { site: 'not-wordpress' }, says: /not a WordPress site.*Enter the address/ },
		{ what: 'no WooCommerce', fault: { site: 'no-woocommerce' }, says: /WooCommerce.*(Activate|Install)/i },
		{
			what: 'plain permalinks',
			fault: { site: 'plain-permalinks' },
			says: /plain permalinks.*Settings → Permalinks/,
		},
		{ what: 'a closed API, 401', fault: { site: 'rest-closed-401' }, says: /REST API is blocked.*Allow \/wp-json\// },
		{ what: 'a closed API, 403', fault: { site: 'rest-closed-403' }, says: /REST API is blocked.*Allow \/wp-json\// },
		{ what: 'maintenance', fault: { site: 'maintenance' }, says: /maintenance mode.*Wait until it ends/ },
		{ what: 'a failing store', fault: { status: 500 }, says: /the store failed.*Check its error log/ },
		{ what: 'https only', fault: { site: 'https-only' }, says: /requires it.*Use https:/ },
		{
			what: 'another host',
			fault: { redirect: 'https://moved.example/' },
			says: /redirects to .*use .* as the store URL/,
		},
	])('$what: the field says so, and how to fix it', async ({ fault, url = () => world.storeUrl, says }) => {
		world.store.setFaults(fault ?? {})
		await check(await url())
		await ann.expectWrong(form.storeUrl(ann), says)
	})

	test('the right one: which WooCommerce answers there, and what the key may do', async () => {
		await ann.fill(form.apiKey(ann), world.store.credentials.key)
		await ann.fill(form.apiSecret(ann), world.store.credentials.secret)
		await check(world.storeUrl)
		await ann.expectFound(form.storeUrl(ann), new RegExp(`WooCommerce 11.* at ${world.storeUrl}`))
		await ann.expectFound(form.apiSecret(ann), /may read and write/)
	})
})

/** An instance as the API shows it, without what differs from instance to instance. */
async function readInstance(id: number): Promise<unknown> {
	const own = new Set(['id', 'subscriptionId', 'token', 'createdDate', 'updatedDate'])
	const response = await fetch(`${world.url}/elements/api-v2/instances/${id}`, {
		headers: { Authorization: authorization },
	})
	return JSON.parse(await response.text(), (name, value: unknown) => (own.has(name) ? undefined : value)) as unknown
}

/** The instance that a documented cURL makes, with this store and callback. */
async function createByCurl(file: string, replace: Record<string, string>): Promise<unknown> {
	const { status, body } = await runCurl(`${file}.sh`, {
		'https://api.cloud-elements.com': world.url,
		'User <USER_SECRET>, Organization <ORGANIZATION_SECRET>': authorization,
		'<http://mycoolstore.com>': `<${world.storeUrl}>`,
		'"xxxxxxxxxxxxxxxxxx"': JSON.stringify(world.store.credentials.key),
		'"xxxxxxxxxxxxxxxxxxxxxxxx"': JSON.stringify(world.store.credentials.secret),
		...replace,
	})
	expect(status, JSON.stringify(body)).toBe(200)
	return await readInstance((body as { id: number }).id)
}

const SIGNATURE_KEY = 'key-of-the-stories'

describe.each([
	{ how: 'by mouse', options: {} },
	{ how: 'by keyboard alone', options: { hands: 'keyboard' as const } },
	{ how: 'without JavaScript', options: { javaScript: false } },
])('the form, filled in $how', ({ options }) => {
	async function create(visitor: Visitor): Promise<unknown> {
		await visitor.press(form.createButton(visitor))
		await visitor.see('is connected.')
		visitor.expectClean()
		await visitor.leave()
		const [{ id }] = await listInstances()
		return await readInstance(id)
	}

	test("makes the instance of the documentation's polling body", async () => {
		const ann = (await openForm(options)).showOnFailure()
		await ann.fill(ann.field('Name'), 'API Instance with Polling')
		await fillKey(ann)
		await ann.choose(form.eventType(ann, 'polling'))
		await ann.fill(form.callbackUrl(ann), `${world.url}/elements/api-v2/events/woocommercerest/`)
		await ann.fill(form.interval(ann), '15')
		const { group, pencil } = form.resource(ann, 'customers')
		await ann.press(pencil)
		await ann.fill(ann.field('Resource to Poll', group), 'contacts')
		await ann.fill(ann.field('Updated Date Field', group), 'date_modified')
		await ann.fill(ann.field('Updated Date Format', group), "yyyy-MM-dd'T'HH:mm:ss'")
		await ann.fill(ann.field('Created Date Field', group), 'date_created')
		await ann.fill(ann.field('Created Date Format', group), "yyyy-MM-dd'T'HH:mm:ss'")
		for (const label of ['discounts', 'orders', 'products']) await ann.toggle(form.resource(ann, label).switch)
		await ann.fill(form.tags(ann), 'Docs')
		const made = await create(ann)
		expect(made).toEqual(await createByCurl('seed-polling', {}))
	})

	test("makes the instance of the documentation's webhook body", async () => {
		const ann = (await openForm(options)).showOnFailure()
		await ann.fill(ann.field('Name'), 'API Instance')
		await fillKey(ann)
		await ann.choose(form.eventType(ann, 'webhook'))
		await ann.fill(form.callbackUrl(ann), world.callback.url)
		await ann.press(form.unfold(ann, 'Show optional fields'))
		await ann.fill(ann.field('Callback Notification Signature Key'), SIGNATURE_KEY)
		await ann.fill(form.tags(ann), 'Docs')
		const made = await create(ann)
		const expected = await createByCurl('seed-webhook', {
			'https://mycoolapp.com/events': world.callback.url,
			'"xxxxxxxxxxxxxxxxxxxxxxxxx"': JSON.stringify(SIGNATURE_KEY),
		})
		expect(made).toEqual(expected)
	})
})

describe('a session that ends while the form is filled in loses nothing that was typed', () => {
	/** Ends the session of a browser, as signing out in another browser would. */
	async function endSession(visitor: Visitor): Promise<void> {
		const cookies = await visitor.context.cookies()
		const { value } = cookies.find(({ name }) => name.includes('session'))!
		await createClient({ baseUrl: world.url, authorization: `Bearer ${value}` }).signOut()
	}

	async function signInAgain(visitor: Visitor): Promise<void> {
		await visitor.fill(visitor.field('E-mail address'), ANN.email)
		await visitor.fill(visitor.field('Password'), ANN.password)
		await visitor.press(visitor.button('Sign in'))
	}

	async function expectCreated(visitor: Visitor): Promise<void> {
		await visitor.see('Typed is connected.')
		const [{ id }] = await listInstances()
		expect(await api.getInstance({ params: { id } })).toMatchObject({
			name: 'Typed',
			tags: ['One', 'Two'],
			configuration: {
				'store.url': world.storeUrl,
				'event.vendor.type': 'polling',
				'event.notification.callback.url': world.callback.url,
				'event.poller.refresh_interval': '7',
			},
		})
		visitor.expectClean()
		await visitor.leave()
	}

	async function fillAll(visitor: Visitor): Promise<void> {
		await visitor.fill(visitor.field('Name'), 'Typed')
		await fillKey(visitor)
		await visitor.choose(form.eventType(visitor, 'polling'))
		await visitor.fill(form.callbackUrl(visitor), world.callback.url)
		await visitor.fill(form.tags(visitor), 'One\nTwo')
	}

	/** Leaves a field, and waits for what is asked then. */
	async function leaveField({ page }: Visitor, javaScript: boolean): Promise<void> {
		const checked = javaScript ? page.waitForResponse((response) => response.url().endsWith('/connect/check')) : null
		await page.keyboard.press('Tab')
		await (await checked)?.finished()
	}

	test.each([
		{ how: 'with JavaScript', javaScript: true },
		{ how: 'without', javaScript: false },
	])('when it is sent, $how: after signing in, the instance is made', async ({ javaScript }) => {
		const ann = (await openForm({ javaScript })).showOnFailure()
		await fillAll(ann)
		await ann.fill(form.interval(ann), '7')
		// To leave the last field by the button would ask for its check as well, as the story below does.
		await leaveField(ann, javaScript)
		await endSession(ann)
		await ann.press(form.createButton(ann))
		await ann.see('Your session has ended')
		expect(await listInstances()).toEqual([])
		await signInAgain(ann)
		await expectCreated(ann)
	})

	test('when a field is left: after signing in, the form is there as it was, keys included', async () => {
		const ann = (await openForm()).showOnFailure()
		await fillAll(ann)
		await ann.expectFound(form.apiSecret(ann), /may read and write/)
		await endSession(ann)
		await ann.fill(form.interval(ann), '7')
		await ann.page.keyboard.press('Tab')
		await ann.see('Your session has ended')
		await signInAgain(ann)
		await ann.page.getByRole('heading', { name: 'Connect a store' }).waitFor()
		expect(await form.interval(ann).inputValue()).toBe('7')
		await ann.press(form.createButton(ann))
		await expectCreated(ann)
	})

	test('a reload keeps it too, but no keys', async () => {
		const ann = (await openForm()).showOnFailure()
		await fillAll(ann)
		await ann.fill(form.interval(ann), '7')
		await ann.page.reload()
		expect(await Promise.all([form.apiKey(ann).inputValue(), form.apiSecret(ann).inputValue()])).toEqual(['', ''])
		expect(await form.eventType(ann, 'polling').isChecked()).toBe(true)
		await ann.fill(form.apiKey(ann), world.store.credentials.key)
		await ann.fill(form.apiSecret(ann), world.store.credentials.secret)
		await ann.press(form.createButton(ann))
		await expectCreated(ann)
	})
})
