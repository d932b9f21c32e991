/** The list of instances: rows, filters in the address, pages, and what is done with several at once. */
import { beforeEach, describe, expect, test } from 'vitest'
import { newToken } from '../../../src/accounts/secrets.ts'
import { instanceSecret, sealSecret } from '../../../src/lib/sealing.ts'
import { env, refOf, resetDatabase, startApiWorld, type ApiClient } from '../api/harness.ts'
import { countQueries, insertReportingInstance } from '../api/support.ts'
import { findForbidden, findWrongIds } from '../../support/html.ts'
import { addViewer, insertForeignInstance, insertThousand, TestBrowser } from './browser.ts'

let client: ApiClient
let browser: TestBrowser

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
	browser = new TestBrowser(client)
	await browser.signIn()
})

const configuration = (url: string, type: string): string =>
	JSON.stringify({ 'store.url': url, 'event.vendor.type': type })

async function insertThree(): Promise<void> {
	await insertReportingInstance(client, 7, {
		name: 'Riverside',
		tags: '["shop","north"]',
		configuration: configuration('https://riverside.example', 'hybrid'),
	})
	await insertReportingInstance(
		client,
		8,
		{ name: 'Hemlock', tags: '["shop"]', configuration: configuration('https://hemlock.example', 'polling') },
		{ state: 'connecting', lastEventAtMs: null },
		{ progress: { done: 629, total: 1000 } },
	)
	await insertReportingInstance(client, 9, {
		name: 'Lantern <b>',
		tags: '[]',
		enabled: 0,
		configuration: configuration('https://lantern.example', 'webhook'),
	})
	// Those who may change an instance are shown its token.
	for (const id of [7, 8]) {
		const owner = instanceSecret({ id, incarnation: String(id) }, 'token')
		const sealed = await sealSecret(env.MASTER_KEYS, newToken('session'), owner)
		await env.DB.prepare('UPDATE instances SET token_sealed = ? WHERE id = ?').bind(sealed, id).run()
	}
}

/** Names of the rows. */
const names = (html: string): string[] => [...html.matchAll(/class="cover"[^>]*>([^<]*)</g)].map((match) => match[1]!)

test('no instance: the way to the first store, and no filters', async () => {
	const { html } = await browser.open('/instances')
	expect(html).toContain('No store is connected yet')
	expect(html).toMatch(/href="\/connect"/)
	expect(html).not.toContain('class="filters"')
})

describe('rows', () => {
	beforeEach(insertThree)

	test('have all that is drawn', async () => {
		const { html } = await browser.open('/instances')
		expect(names(html)).toEqual(['Riverside', 'Hemlock', 'Lantern &lt;b&gt;'])
		for (const text of ['riverside.example', 'Healthy', 'Indexing, 62%', 'Paused', 'hybrid', 'No changes in 24 hours'])
			expect(html).toContain(text)
		expect(html).toMatch(/<a class="cover" href="\/instances\/7"/)
		expect(html).toMatch(/<time datetime="2026-06-01T11:58:00\.000Z"/)
		expect(findForbidden(html)).toEqual([])
		expect(findWrongIds(html)).toEqual([])
	})

	test.each([
		['?search=RIVER', ['Riverside']],
		['?search=hemlock.example', ['Hemlock']],
		['?search=9', ['Lantern &lt;b&gt;']],
		['?state=disabled', ['Lantern &lt;b&gt;']],
		['?tag=shop&mode=hybrid', ['Riverside']],
		['?state=unheard&mode=of', ['Riverside', 'Hemlock', 'Lantern &lt;b&gt;']],
	])('%s: %j', async (query, expected) => {
		expect(names((await browser.open(`/instances${query}`)).html)).toEqual(expected)
	})

	test('a filter keeps what was chosen, and one without matches says so', async () => {
		const { html } = await browser.open('/instances?search=xyz%22%3E&state=full&tag=t&mode=off')
		expect(html).toContain('No instance matches')
		expect(html).toContain('value="xyz&quot;&gt;"')
		expect(html).toContain('<option value="full" selected')
		expect(html).toContain('<option value="off" selected')
		expect(html).toMatch(/href="\/instances"[^>]*>Clear filters/)
	})

	test('a part request gets the list alone', async () => {
		const { html } = await browser.open('/instances?search=river', { headers: { 'HX-Request': 'true' } })
		expect(html).toMatch(/^<section class="card" id="instances"/)
		expect(names(html)).toEqual(['Riverside'])
		expect(html).not.toContain('class="filters"')
	})

	test('a viewer sees no boxes and no buttons, and can press none', async () => {
		const viewer = new TestBrowser(client)
		await viewer.signIn(await addViewer())
		const { html } = await viewer.open('/instances')
		expect(names(html)).toHaveLength(3)
		expect(html).not.toContain('type="checkbox"')
		expect(html).not.toContain('/instances/bulk')
		expect(html).not.toContain('href="/connect"')
		const refused = await viewer.post('/instances/bulk', { action: 'pause', id: '7', back: '/instances' })
		expect(refused.html).toContain('1 instance failed.')
		expect(refused.html).toContain('requires the role developer')
		expect(await isEnabled(7)).toBe(true)
	})

	test('those of another organization are absent and cannot be changed', async () => {
		const foreign = await insertForeignInstance(client)
		expect((await browser.open('/instances')).html).not.toContain('Foreign')
		const { html } = await browser.post('/instances/bulk', { action: 'pause', id: String(foreign), back: '/instances' })
		expect(html).toContain(`Instance ${foreign}: No instance ${foreign}.`)
		expect(await isEnabled(foreign)).toBe(true)
	})
})

const isEnabled = async (id: number): Promise<boolean> =>
	(await env.DB.prepare('SELECT enabled FROM instances WHERE id = ?').bind(id).first<{ enabled: number }>())!
		.enabled === 1

describe('several at once', () => {
	beforeEach(insertThree)

	test('are paused and resumed, with the filters kept', async () => {
		await browser.open('/instances?tag=shop')
		const paused = await browser.post('/instances/bulk', {
			action: 'pause',
			id: ['7', '8'],
			back: '/instances?tag=shop',
		})
		expect([paused.status, paused.path]).toEqual([200, '/instances?tag=shop'])
		expect(paused.html).toContain('2 instances paused.')
		expect([await isEnabled(7), await isEnabled(8)]).toEqual([false, false])
		const resumed = await browser.post('/instances/bulk', { action: 'resume', id: '7', back: '/instances' })
		expect(resumed.html).toContain('1 instance resumed.')
		expect([await isEnabled(7), await isEnabled(8)]).toEqual([true, false])
		// Once.
		expect((await browser.open('/instances')).html).not.toContain('1 instance resumed.')
	})

	test('are all of the page when that box is checked', async () => {
		await browser.open('/instances')
		await browser.post('/instances/bulk', { action: 'pause', all: 'true', shown: ['7', '8'], back: '/instances' })
		expect([await isEnabled(7), await isEnabled(8)]).toEqual([false, false])
	})

	test('are polled now; which failed is named, and why', async () => {
		const sealed = await sealSecret(env.MASTER_KEYS, 'token-of-9', instanceSecret(refOf(9), 'token'))
		await env.DB.prepare('UPDATE instances SET token_sealed = ? WHERE id = 9').bind(sealed).run()
		await browser.open('/instances')
		const { html } = await browser.post('/instances/bulk', { action: 'poll', id: ['7', '9'], back: '/instances' })
		expect(html).toContain('1 instance polled now. 1 instance failed. Lantern &lt;b&gt;: ')
		expect(client.world.watchers.calls.filter((call) => call.includes('poll'))).toContain('7 poll window')
	})

	test.each([
		[{ action: 'pause' }, 'Choose at least one instance.'],
		[{ action: 'explode', id: '7' }, 'Choose what to do'],
		[{ id: '7' }, 'Choose what to do'],
	])('%j: %s', async (fields, text) => {
		await browser.open('/instances')
		const { html } = await browser.post('/instances/bulk', {
			...(fields as Record<string, string>),
			back: '/instances',
		})
		expect(html).toContain(text)
		expect(await isEnabled(7)).toBe(true)
	})

	test('the way back stays on this host', async () => {
		await browser.open('/instances')
		const { headers } = await browser.post(
			'/instances/bulk',
			{ action: 'pause', id: '7', back: 'https://evil.example/' },
			{ stay: true },
		)
		expect(headers.get('Location')).toBe('/')
	})
})

test('a thousand instances: one query besides the session’s, 50 a page, forth and back', async () => {
	await insertThousand(client)
	const counts = countQueries(client)
	const first = await browser.open('/instances')
	expect(counts).toEqual({ trips: 2, statements: 2 })
	expect(client.world.watchers.calls).toEqual([])
	expect(names(first.html)).toHaveLength(50)
	expect(first.html).toContain('50 of 1,000')
	const next = /<a[^>]*href="([^"]*)"[^>]*rel="next"/.exec(first.html)![1]!.replaceAll('&amp;', '&')
	const second = await browser.open(next)
	expect(names(second.html)[0]).not.toBe(names(first.html)[0])
	const previous = /<a[^>]*href="([^"]*)"[^>]*rel="prev"/.exec(second.html)![1]!.replaceAll('&amp;', '&')
	expect(names((await browser.open(previous)).html)).toEqual(names(first.html))
	client.world.settings.DB = env.DB
})
