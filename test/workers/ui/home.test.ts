/** Home: what needs attention, the figures, the instances; with one query. */
import { beforeEach, describe, expect, test } from 'vitest'
import { toHour, type ActivityHour } from '../../../src/events/activity.ts'
import { env, resetDatabase, startApiWorld, type ApiClient } from '../api/harness.ts'
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

const hour = (lags: number[]): ActivityHour => [toHour(client.world.nowMs), 431, 812, 41, 1281, 900, 15, lags]

test('without an instance: the way to the first store', async () => {
	const { status, html } = await browser.open('/')
	expect(status).toBe(200)
	expect(html).toContain('Welcome to Shopbell')
	expect(html).toMatch(/<a[^>]*href="\/connect"/)
	expect(html).not.toContain('class="card figures"')
})

test('when nothing is to do, one calm line says so', async () => {
	await insertReportingInstance(client, 7, { name: 'Riverside' })
	await insertReportingInstance(client, 8, { name: 'Lantern', enabled: 0 })
	const { html } = await browser.open('/')
	expect(html).toContain('<h1>Nothing needs your attention</h1>')
	expect(html).toContain('2 instances, 1 healthy')
	expect(html).not.toContain('class="need"')
	expect(html).not.toContain('class="count"')
})

describe('what needs attention', () => {
	beforeEach(async () => {
		await insertReportingInstance(client, 7, { name: 'Alder & Oak' }, { state: 'needs-reauth' })
		await insertReportingInstance(
			client,
			8,
			{ name: 'Kiosk Nord' },
			{ state: 'deletions-held' },
			{
				held: [{ resource: 'products', deletions: 214, changes: 0 }],
				hours: [hour([0, 0, 99, 0, 0, 1])],
				waiting: 3,
				waitingSinceMs: client.world.nowMs - 40_000,
			},
		)
	})

	test('is a sentence with the number and one button that leads to the fix', async () => {
		const { html } = await browser.open('/')
		expect(html).toContain('<h1>Two things need your attention</h1>')
		expect(html).toContain('<b>Kiosk Nord</b>: 214 products disappeared at once.')
		expect(html).toMatch(/href="\/instances\/7\/re-authentication"[^>]*>Update key/)
		expect(html).toMatch(/href="\/instances\/8\/deletions"[^>]*>Review/)
		expect(html.match(/class="need"/g)).toHaveLength(2)
		expect(html.indexOf('Alder &amp; Oak</b>')).toBeLessThan(html.indexOf('Kiosk Nord</b>'))
	})

	test('has four figures and says as of when', async () => {
		const { html } = await browser.open('/')
		for (const text of [
			'<b>1,284</b>',
			'812 updated, 431 created, 41 deleted',
			'<b>1,281</b>',
			'oldest 40 s, in 1 instance',
			'<b>15</b>',
		])
			expect(html).toContain(text)
		expect(html).toMatch(/p50 1\.\d s, p99 2\.0 s after the change/)
		expect(html).toMatch(/As of <sb-time><time datetime="2026-06-01T11:59:00\.000Z"/)
	})

	test('leads a viewer to the instance, who may fix nothing', async () => {
		const viewer = new TestBrowser(client)
		await viewer.signIn(await addViewer())
		const { html } = await viewer.open('/')
		expect(html).toContain('Two things need your attention')
		expect(html).not.toMatch(/href="\/instances\/\d+\/[a-z-]+"/)
		expect(html).not.toContain('href="/connect"')
	})
})

test('more than ten things unfold, and beyond a hundred are counted', async () => {
	for (let id = 1000; id < 1103; id++) await insertReportingInstance(client, id, {}, { state: 'full', reason: 'Full.' })
	const { html } = await browser.open('/')
	expect(html).toContain('<h1>103 things need your attention</h1>')
	expect(html).toContain('Show 90 more')
	expect(html).toContain('3 instances need attention besides.')
})

test('shows nothing of another organization', async () => {
	await insertForeignInstance(client)
	const { html } = await browser.open('/')
	expect(html).not.toContain('Foreign')
	expect(html).toContain('Welcome to Shopbell')
})

test('signed out: the way to sign in', async () => {
	expect((await new TestBrowser(client).open('/')).path).toMatch(/^\/sign-in/)
})

test('a thousand instances: one query besides the session’s, no object call, 50 rows', async () => {
	await insertThousand(client)
	const counts = countQueries(client)
	const { html } = await browser.open('/')
	expect(counts).toEqual({ trips: 2, statements: 2 })
	expect(client.world.watchers.calls).toEqual([])
	expect(html.match(/class="cover"/g)).toHaveLength(50)
	expect(html).toContain('Show all 1,000')
	expect(findForbidden(html)).toEqual([])
	expect(findWrongIds(html)).toEqual([])
	client.world.settings.DB = env.DB
})
