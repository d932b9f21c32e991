/** People look after an instance: pause, resume and delete, with and without JavaScript, and live rows over a restart. */
import type { Request } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createClient, type Client } from '../../../src/client/client.ts'
import * as form from './connect-form.ts'
import { PATIENCE_MS, Visitor } from './visitor.ts'
import { ANN, createSignInUrl, signInToApi, startWorld, waitForBaseline, type World } from './world.ts'

let world: World
let api: Client
/** The instance of the test, and what its page is called. */
let id: number
let path: string

beforeAll(async () => {
	world = await startWorld()
	const { organization: organizationName, ...ann } = ANN
	await createClient({ baseUrl: world.url }).setup({ body: { token: world.setupToken, organizationName, ...ann } })
	api = createClient({ baseUrl: world.url, authorization: await signInToApi(world.url) })
})
afterAll(async () => await world?.close())

beforeEach(async () => {
	const { key, secret } = world.store.credentials
	const made = await api.createInstanceOfElement({
		params: { keyOrId: 'woocommercerest' },
		body: {
			name: 'Riverside',
			configuration: {
				'store.url': world.storeUrl,
				'oauth.api.key': key,
				'oauth.api.secret': secret,
				'event.notification.enabled': true,
				'event.vendor.type': 'polling',
				// 3 s
				'event.poller.refresh_interval': 0.05,
			},
		},
	})
	id = made.id
	path = `/instances/${id}`
	await waitForBaseline(api, id)
})
afterEach(async () => await api.deleteInstance({ params: { id } }).catch(() => undefined))

async function openInstance(): Promise<Visitor> {
	const visitor = (await Visitor.open(world.browser, world.url)).showOnFailure()
	await visitor.page.goto(await createSignInUrl(world.url, api))
	await visitor.page.goto(world.url + path)
	await visitor.page.getByRole('heading', { name: 'Riverside', level: 1 }).waitFor()
	return visitor
}

/** Places an order; its number at the store. */
function placeOrder(): number {
	return world.store.act({ do: 'place-order' }).find((change) => change.resource === 'orders')!.id
}

async function seeOrder({ page }: Visitor, order: number): Promise<void> {
	await page
		.getByRole('row')
		.filter({ hasText: `orders ${order}` })
		.waitFor()
}

test('pause and resume, each with its dialog: what changed meanwhile is delivered', async () => {
	const ann = await openInstance()
	const { page } = ann
	await ann.press(ann.button('More actions'))
	await ann.press(page.getByRole('link', { name: 'Pause', exact: true }))
	const pausing = page.getByRole('dialog', { name: 'Pause Riverside?' })
	await ann.see('Shopbell stops polling this store', pausing)
	await ann.press(ann.button('Pause the instance', pausing))
	await ann.see('Riverside is paused.')
	expect(await api.getInstance({ params: { id } })).toMatchObject({ disabled: true })
	const order = placeOrder()
	await ann.press(page.getByRole('link', { name: 'Resume', exact: true }))
	const resuming = page.getByRole('dialog', { name: 'Resume Riverside?' })
	await ann.choose(resuming.getByRole('radio', { name: /^Deliver/ }))
	await ann.press(ann.button('Resume the instance', resuming))
	await ann.see('Riverside runs again.')
	await seeOrder(ann, order)
	ann.expectClean()
	await ann.leave()
})

test('a resource is changed on the Configuration tab; a wrong secret changes nothing', async () => {
	const ann = await openInstance()
	const { page } = ann
	await ann.press(page.getByRole('navigation', { name: 'Instance' }).getByRole('link', { name: 'Configuration' }))
	await ann.toggle(form.resource(ann, 'discounts').switch)
	const { group, pencil } = form.resource(ann, 'customers')
	await ann.press(pencil)
	await ann.fill(ann.field('Resource to Poll', group), 'contacts')
	await ann.press(ann.button('Save changes'))
	await ann.see('Saved. It applies from now on.')
	const resources = async (): Promise<string[]> => {
		const { configuration } = await api.getInstance({ params: { id } })
		return Object.keys(JSON.parse(configuration!['event.poller.configuration']!) as object)
	}
	expect(await resources()).toEqual(['contacts', 'orders', 'products'])

	await ann.fill(form.apiSecret(ann), 'cs_of_another_store')
	await page.keyboard.press('Tab')
	await ann.expectWrong(form.apiSecret(ann), /signature|secret/i)
	await ann.press(ann.button('Save changes'))
	await page.getByRole('alert').filter({ hasText: 'Nothing was changed' }).waitFor()
	await ann.expectWrong(form.apiSecret(ann), /signature|secret/i)

	await waitForBaseline(api, id)
	const [customer] = world.store.act({ do: 'create', resource: 'customers' })
	await page.goto(world.url + path)
	await page
		.getByRole('row')
		.filter({ hasText: `contacts ${customer!.id}` })
		.waitFor()
	ann.expectClean()
	await ann.leave()
})

test('delete, with its dialog: kept at first, then gone', async () => {
	const ann = await openInstance()
	const { page } = ann
	const link = page.getByRole('link', { name: 'Delete', exact: true })
	const dialog = page.getByRole('dialog', { name: 'Delete Riverside?' })
	await ann.press(ann.button('More actions'))
	await ann.press(link)
	await ann.see('This cannot be undone.', dialog)
	await ann.press(ann.button('Cancel', dialog))
	await dialog.waitFor({ state: 'hidden' })
	await ann.press(ann.button('More actions'))
	await ann.press(link)
	await page.keyboard.press('Escape')
	await dialog.waitFor({ state: 'hidden' })
	expect(await api.getInstance({ params: { id } })).toMatchObject({ name: 'Riverside' })
	await ann.press(ann.button('More actions'))
	await ann.press(link)
	await ann.press(ann.button('Delete the instance', dialog))
	await ann.see('Riverside is deleted.')
	expect(new URL(page.url()).pathname).toBe('/instances')
	expect((await page.goto(world.url + path))?.status()).toBe(404)
	await ann.see('This page does not exist')
	await ann.leave()
})

test('without JavaScript: sign in, edit, pause, resume, delete', async () => {
	const ann = (await Visitor.open(world.browser, world.url, { javaScript: false })).showOnFailure()
	const { page } = ann
	await page.goto(world.url)
	await ann.fill(ann.field('E-mail address'), ANN.email)
	await ann.fill(ann.field('Password'), ANN.password)
	await ann.press(ann.button('Sign in'))
	await ann.press(page.getByRole('main').getByRole('link', { name: 'Riverside' }))

	await ann.press(page.getByRole('link', { name: 'Configuration' }))
	await ann.fill(form.interval(ann), '30')
	await ann.toggle(form.resource(ann, 'discounts').switch)
	await ann.press(ann.button('Save changes'))
	await ann.see('Saved. It applies from now on.')
	const { configuration } = await api.getInstance({ params: { id } })
	expect(configuration).toMatchObject({ 'event.poller.refresh_interval': '30' })
	expect(configuration!['event.poller.configuration']).not.toContain('discounts')

	await ann.press(ann.button('More actions'))
	await ann.press(page.getByRole('link', { name: 'Pause', exact: true }))
	await ann.press(ann.button('Pause the instance'))
	await ann.see('Riverside is paused.')
	await ann.press(page.getByRole('link', { name: 'Resume', exact: true }))
	await ann.press(ann.button('Resume the instance'))
	await ann.see('Riverside runs again.')
	await ann.press(ann.button('More actions'))
	await ann.press(page.getByRole('link', { name: 'Delete', exact: true }))
	await ann.see('This cannot be undone.')
	await ann.press(ann.button('Delete the instance'))
	await ann.see('Riverside is deleted.')
	ann.expectClean()
	await ann.leave()
})

describe('live events', () => {
	/** Rows of the page's newest events, top down, as the log has them. */
	async function expectRowsOfLog({ page }: Visitor): Promise<void> {
		const log = async (): Promise<string[]> => {
			const events = await api.listEvents({ params: { id }, query: { pageSize: 20 } })
			return events.map(({ objectType, objectId }) => `${objectType} ${objectId}`)
		}
		const rows = async (): Promise<string[]> => {
			const links = page.getByRole('table', { name: /^Latest events/ }).getByRole('link')
			return (await links.allInnerTexts()).map((text) => text.replace(/\s+/g, ' ').trim())
		}
		await expect.poll(rows, { timeout: PATIENCE_MS }).toEqual(await log())
	}

	test('come without reload; a restart of Shopbell says so, and loses and doubles none', async () => {
		const ann = await openInstance()
		const { page } = ann
		await ann.see('Live')
		await page.evaluate('globalThis.isTheSamePage = true')
		await seeOrder(ann, placeOrder())
		await world.stop()
		await ann.see('Reconnecting…')
		const missed = [placeOrder(), placeOrder()]
		await world.restart()
		for (const order of missed) await seeOrder(ann, order)
		await ann.see('Live')
		await page.getByText('Reconnecting…').filter({ visible: true }).waitFor({ state: 'detached' })
		await seeOrder(ann, placeOrder())
		await expectRowsOfLog(ann)
		expect(await page.evaluate('globalThis.isTheSamePage')).toBe(true)
		// What failed while nobody listened.
		ann.forgetErrors()
		ann.expectClean()
		await ann.leave()
	})

	test('what comes before the first stream of an empty page begins is shown too', async () => {
		const ann = (await Visitor.open(world.browser, world.url)).showOnFailure()
		const { page } = ann
		await page.goto(await createSignInUrl(world.url, api))
		let begin = (): void => undefined
		const mayBegin = new Promise<void>((resolve) => (begin = resolve))
		await page.route(`**${path}/events/live`, async (route) => {
			await mayBegin
			await route.continue()
		})
		await page.goto(world.url + path)
		await ann.see('No events yet')
		const order = placeOrder()
		await waitForEvent(order)
		begin()
		await seeOrder(ann, order)
		await expectRowsOfLog(ann)
		ann.expectClean()
		await ann.leave()
	})

	test('a hidden page has no stream; seen again, it goes on where it was', async () => {
		const ann = await openInstance()
		const { page } = ann
		await ann.see('Live')
		const first = placeOrder()
		await seeOrder(ann, first)
		const isStream = (request: Request): boolean => new URL(request.url()).pathname === `${path}/events/live`
		const closed = page.waitForEvent('requestfailed', { predicate: isStream })
		await setHidden(ann, true)
		await closed
		const missed = placeOrder()
		await waitForEvent(missed)
		expect(
			await page
				.getByRole('row')
				.filter({ hasText: `orders ${missed}` })
				.count(),
		).toBe(0)
		const [again] = await Promise.all([page.waitForRequest(isStream), setHidden(ann, false)])
		expect((await again.allHeaders())['last-event-id']).toMatch(/./)
		await seeOrder(ann, missed)
		await expectRowsOfLog(ann)
		ann.expectClean()
		await ann.leave()
	})

	test('offline, a line says that the page may be old; online again, rows and cards are fresh', async () => {
		const ann = await openInstance()
		const { page, context } = ann
		await ann.see('Live')
		const line = page.getByText('What you see may be out of date.').filter({ visible: true })
		const readCards = page.waitForEvent('requestfailed', (request) => request.url().endsWith(`${path}/cards`))
		await context.setOffline(true)
		await line.waitFor()
		const missed = placeOrder()
		await waitForEvent(missed)
		await readCards
		expect(await line.count()).toBe(1)
		const onlineMs = Date.now()
		await context.setOffline(false)
		await seeOrder(ann, missed)
		await line.waitFor({ state: 'detached' })
		const polled = page.locator('#says').getByText('Up to date as of').locator('time')
		await expect
			.poll(async () => Date.parse((await polled.getAttribute('datetime'))!), { timeout: PATIENCE_MS })
			.toBeGreaterThan(onlineMs)
		await seeOrder(ann, placeOrder())
		await expectRowsOfLog(ann)
		// What failed meanwhile.
		ann.forgetErrors()
		ann.expectClean()
		await ann.leave()
	})

	/** Waits until an order's event is in the log. */
	async function waitForEvent(order: number): Promise<void> {
		const log = async (): Promise<string[]> =>
			(await api.listEvents({ params: { id } })).map(({ objectType, objectId }) => `${objectType} ${objectId}`)
		await expect.poll(log, { timeout: PATIENCE_MS }).toContain(`orders ${order}`)
	}

	/** As another tab in front of it does, which a browser without a window does not tell. */
	async function setHidden({ page }: Visitor, hidden: boolean): Promise<void> {
		await page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: ${hidden} });
			document.dispatchEvent(new Event('visibilitychange'))`)
	}
})
