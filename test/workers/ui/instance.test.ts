/** The pages of an instance: what they show, what its buttons do, and who may press them. */
import { beforeEach, describe, expect, test } from 'vitest'
import { addOrganization, env, refOf, resetDatabase, startApiWorld, type ApiClient } from '../api/harness.ts'
import { insertTwoLogs, LOGS_START_MS } from '../api/support.ts'
import { findForbidden, findWrongIds } from '../../support/html.ts'
import { SIGNATURE_KEY } from '../../../src/instances/signature.ts'
import { instanceSecret, sealSecret } from '../../../src/lib/sealing.ts'
import { TestBrowser } from './browser.ts'

const HOUR_MS = 3_600_000

let client: ApiClient
let browser: TestBrowser

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
	await insertTwoLogs(client)
	for (const id of [7, 8]) {
		const sealed = await sealSecret(env.MASTER_KEYS, `token-of-${id}`, instanceSecret(refOf(id), 'token'))
		await env.DB.prepare('UPDATE instances SET token_sealed = ? WHERE id = ?').bind(sealed, id).run()
	}
	browser = new TestBrowser(client)
	await browser.signIn()
})

const setRole = async (role: string): Promise<void> => {
	await env.DB.prepare('UPDATE users SET role = ?').bind(role).run()
}
const eventId = (sequence: number): string =>
	client.world.watchers.events.get(7)!.find((row) => row.sequence === sequence)!.eventId

const PAGES = ['', '/code', '/pause', '/resume', '/delete']

describe('every page of an instance', () => {
	test.each([...PAGES, '?range=7d', '?range=30d', '/code?language=php'])(
		'%s breaks no rule of pages',
		async (below) => {
			const { status, html } = await browser.open(`/instances/7${below}`)
			expect(status).toBe(200)
			expect(findForbidden(html)).toEqual([])
			expect(findWrongIds(html)).toEqual([])
		},
	)

	test('of another organization does not exist, nor do its parts and actions', async () => {
		await addOrganization(2)
		await env.DB.prepare('UPDATE instances SET organization_id = 2 WHERE id = 7').run()
		for (const below of [...PAGES, '/cards', '/changes', '/baseline', '/events/live', `/events/${eventId(1)}`])
			expect([below, (await browser.open(`/instances/7${below}`)).status]).toEqual([below, 404])
		for (const below of ['/poll', '/test-event', '/pause', '/resume', '/delete', '/code/secrets'])
			expect([below, (await browser.post(`/instances/7${below}`)).status]).toEqual([below, 404])
	})

	test('shows a viewer no button that would be refused, and refuses what is posted', async () => {
		await setRole('viewer')
		const { html } = await browser.open('/instances/7')
		expect(html).toContain('Latest events')
		expect(html).not.toMatch(/<form[^>]*instances\/7/)
		expect((await browser.open('/instances/7/code')).html).not.toContain('code/secrets')
		const asking = ['/pause', '/resume', '/delete']
		for (const below of [...asking, '/deletions', '/mass-changes', '/unchecked', '/source', '/subscription']) {
			const page = await browser.open(`/instances/7${below}`)
			expect([below, page.status]).toEqual([below, 200])
			expect(page.html).not.toMatch(/<form[^>]*instances\/7/)
			if (asking.includes(below)) expect(page.html).toContain('your role must be developer or admin')
		}
		client.world.watchers.calls.length = 0
		for (const below of ['poll', 'test-event', 'pause', 'resume', 'delete'])
			expect([below, (await browser.post(`/instances/7/${below}`)).status]).toEqual([below, 403])
		expect(client.world.watchers.calls.filter((call) => !/health|poller/.test(call))).toEqual([])
	})
})

describe('the overview', () => {
	test('says how store, delivery and coverage are, with numbers', async () => {
		const types = { created: 1, updated: 3, deleted: 1, unknown: 0 }
		client.world.watchers.tallies = new Map([
			[
				7,
				[
					{ atMs: LOGS_START_MS - 48 * HOUR_MS, count: 7, success: 7, failed: 0, types: { ...types, updated: 5 } },
					{ atMs: LOGS_START_MS, count: 5, success: 4, failed: 0, types },
				],
			],
		])
		client.world.watchers.healthChanges = {
			callback: { url: 'https://callback.example.com/', state: 'healthy', lastStatus: null, waiting: 1 },
		}
		const { html } = await browser.open('/instances/7')
		expect(html).toContain('4 of 5 delivered in the last 24 hours.')
		expect(html).toContain('https://callback.example.com/, 1 event waits to be sent')
		expect(html).toContain('12 changes this week: 0 by webhook')
		expect(html).toContain('3 updated')
		// A week has more.
		expect((await browser.open('/instances/7?range=7d')).html).toContain('8 updated')
		expect((await browser.open('/instances/7/changes?range=7d')).html).toContain('8 updated')
	})

	test('leaves out what is too much to count', async () => {
		client.world.watchers.coverageTooLarge = true
		expect((await browser.open('/instances/7')).status).toBe(200)
	})

	test('says what waits for a person, and leads to it', async () => {
		client.world.watchers.healthChanges = { state: 'deletions-held', reason: 'products: 214 disappeared at once.' }
		const { html } = await browser.open('/instances/7')
		expect(html).toContain('products: 214 disappeared at once.')
		expect(html).toContain('href="/instances/7/deletions"')
		// The part with the cards renews what the head says too.
		const part = await browser.open('/instances/7/cards')
		expect(part.html).toMatch(/id="instance-state" hx-swap-oob="true"/)
		expect(part.html).toMatch(/id="attention" hx-swap-oob="true".*products: 214 disappeared/s)
		await setRole('viewer')
		for (const below of ['', '/cards'])
			expect((await browser.open(`/instances/7${below}`)).html).not.toContain('href="/instances/7/deletions"')
		client.world.watchers.healthChanges = {}
		expect((await browser.open('/instances/7/cards')).html).toMatch(/id="attention" hx-swap-oob="true"><\/div>/)
	})

	test('lists the newest events, each leading to its page', async () => {
		const { html } = await browser.open('/instances/7')
		const links = [...html.matchAll(/class="cover" href="([^"]+)"/g)].map(([, href]) => href)
		expect(links).toEqual([5, 4, 3, 2, 1].map((sequence) => `/instances/7/events/${eventId(sequence)}`))
		expect(html).toContain(`<sb-tail src="/instances/7/events/live" after="${eventId(5)}" max="100">`)
	})

	test('goes on to older events, page by page, and back', async () => {
		const { html } = await browser.open('/instances/7?page=Mw')
		const links = [...html.matchAll(/class="cover" href="([^"]+)"/g)].map(([, href]) => href)
		expect(links).toEqual([2, 1].map((sequence) => `/instances/7/events/${eventId(sequence)}`))
		expect(html).toContain('Older events')
		expect(html).not.toContain('<sb-tail')
		expect(html).toContain('href="/instances/7#events"')
		expect(html).not.toContain('Show older events')
		const rows = client.world.watchers.events.get(7)!
		const [first] = rows
		for (let sequence = 6; sequence <= 25; sequence++)
			rows.push({ ...first!, sequence, eventId: `${first!.eventId.slice(0, -1)}${String.fromCharCode(91 + sequence)}` })
		expect((await browser.open('/instances/7?range=7d')).html).toMatch(
			/href="\/instances\/7\?range=7d&amp;page=[^"]+#events">Show older events/,
		)
		expect((await browser.open('/instances/7?page=x')).status).toBe(400)
	})

	test('while the store is indexed, says how far in one place', async () => {
		client.world.watchers.healthChanges = { state: 'connecting' }
		const { html } = await browser.open('/instances/7')
		expect(html).not.toMatch(/of [\d,]+ objects read/)
		const part = await browser.open('/instances/7/baseline')
		expect(part.html).toMatch(/id="instance-state" hx-swap-oob="true"/)
	})

	test('of an instance without events says what is to come; paused, it is not live', async () => {
		client.world.watchers.events.clear()
		expect((await browser.open('/instances/7')).html).toContain('The first change in the store appears here.')
		await env.DB.prepare('UPDATE instances SET enabled = 0 WHERE id = 7').run()
		const { html } = await browser.open('/instances/7')
		expect(html).not.toContain('<sb-tail')
		expect(html).toContain('Paused: nothing is detected.')
		expect(html).not.toContain('Poll now')
	})
})

describe('live rows', () => {
	test('go on after the last event that the page has, each with its id', async () => {
		client.world.watchers.running = false
		const { status, html, headers } = await browser.open('/instances/7/events/live', {
			headers: { 'Last-Event-ID': eventId(3), Accept: 'text/event-stream' },
		})
		expect([status, headers.get('Content-Type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
		const messages = html.split('\n\n').filter((block) => block.includes('data: <tr'))
		expect(messages.map((block) => /^id: (.+)$/m.exec(block)?.[1])).toEqual([eventId(4), eventId(5)])
		expect(messages[0]).toContain(`data: <tr id="event-${eventId(4)}"`)
		expect(html).not.toContain('providerData')
		expect(html).toMatch(/event: end\ndata: /)
	})

	test('of a page that has none begin with those that came meanwhile, oldest first', async () => {
		client.world.watchers.running = false
		const { html } = await browser.open('/instances/7/events/live')
		const messages = html.split('\n\n').filter((block) => block.includes('data: <tr'))
		expect(messages.map((block) => /^id: (.+)$/m.exec(block)?.[1])).toEqual([1, 2, 3, 4, 5].map(eventId))
	})

	test('are refused for an id of another instance', async () => {
		const other = client.world.watchers.events.get(8)![0]!.eventId
		const { status } = await browser.open('/instances/7/events/live', { headers: { 'Last-Event-ID': other } })
		expect(status).toBe(400)
	})

	test('ask often for a delivery that is new, slowly for one that is retried for long, and not when it has ended', async () => {
		const row = client.world.watchers.events.get(7)!.find(({ sequence }) => sequence === 5)!
		row.status = 'RECEIVED'
		row.notifications[0]!.status = 'waiting'
		client.world.nowMs = LOGS_START_MS + 10_000
		const path = `/instances/7/events/${eventId(5)}/row`
		expect((await browser.open(path)).html).toContain(`hx-get="${path}" hx-trigger="every 2s"`)
		client.world.nowMs += 200_000
		row.notifications[0]!.status = 'retry'
		expect((await browser.open(path)).html).toMatch(/hx-trigger="every 30s".*Retrying/s)
		row.status = 'NOTIFIED'
		client.world.nowMs = LOGS_START_MS + 10_000
		const { html } = await browser.open(path)
		expect(html).not.toContain('hx-get')
		expect(html).toContain('Delivered')
	})
})

/** The one that carries the events of instance 7. */
const addNotification = (): void => {
	client.world.watchers.notifications.set(7, [
		{
			id: 7e9 + 1,
			subscription: 7,
			url: 'https://callback.example.com/',
			objectType: 'orders',
			events: 5,
			status: 'delivered',
			createdMs: LOGS_START_MS,
			updatedMs: LOGS_START_MS,
			deliveredMs: LOGS_START_MS,
			nextTryMs: null,
			attempts: 2,
			acknowledged: false,
			body: null,
		},
	])
}

describe('an event', () => {
	test('shows its record and each attempt as text', async () => {
		const { watchers } = client.world
		watchers.events.get(7)![4]!.record = '{"id":4,"note":"<script>alert(1)</script>","total":12345678901234567890}'
		addNotification()
		const attempt = { startedMs: LOGS_START_MS, durationMs: 31, url: 'https://callback.example.com/', error: null }
		watchers.attempts = [
			{ ...attempt, number: 1, delivered: false, status: 503, body: 'upstream <down>' },
			{ ...attempt, number: 2, delivered: true, status: 200, body: '' },
		]
		const { status, html } = await browser.open(`/instances/7/events/${eventId(5)}`)
		expect(status).toBe(200)
		expect(html).toContain('orders 4 updated')
		expect(html).toMatch(/<\/code>, delivered</)
		expect(html).toMatch(/Attempt 2: 200 in 31 ms.*Attempt 1: 503 in 31 ms.*upstream &lt;down&gt;/s)
		expect(html).not.toContain('<script>alert')
		// Numbers are as the store wrote them.
		expect(html).toContain('12345678901234567890')
		expect(findForbidden(html)).toEqual([])
	})

	test('shows the variations that changed, and of many changed fields the first ones', async () => {
		const row = client.world.watchers.events.get(7)![4]!
		const changedFields = Array.from({ length: 40 }, (_, n) => `variations.${n}.price`)
		row.entry = JSON.stringify({ ...JSON.parse(row.entry), changedFields })
		row.variationRecords = '[{"id":98,"sku":"of-a-variation"}]'
		const { html } = await browser.open(`/instances/7/events/${eventId(5)}`)
		expect(html).toContain('of-a-variation')
		expect(html).toContain('variations.29.price and 10 more')
	})

	test('says that a record was erased or too large', async () => {
		const row = client.world.watchers.events.get(7)![4]!
		row.entry = JSON.stringify({ ...JSON.parse(row.entry), erased: true })
		expect((await browser.open(`/instances/7/events/${eventId(5)}`)).html).toContain('The record was erased.')
	})

	test('has its own heading and actions, and leads back to the instance', async () => {
		const { html } = await browser.open(`/instances/7/events/${eventId(5)}`)
		expect(html).toMatch(/<h1>(?:(?!<\/h1>).)*orders 4 updated/s)
		expect(html).toContain('<a class="link" href="/instances/7">')
		expect(html).not.toMatch(/aria-label="Instance"|instances\/7\/(?:delete|pause|poll)"/)
		expect(html).toMatch(/<sb-copy[^>]* value="curl [^"]*\/elements\/api-v2\/instances\/7\/events\//)
	})

	test('is delivered again, by those who may, and no other notification is', async () => {
		const { watchers } = client.world
		addNotification()
		watchers.subscriptions.set(7, [
			{
				number: 7,
				url: 'https://callback.example.com/',
				active: true,
				topics: null,
				reason: null,
				failingSinceMs: null,
				lastStatus: null,
				parkedUntilMs: null,
				createdMs: 0,
			},
		])
		watchers.replay = {
			id: 4,
			kind: 'replay',
			status: 'running',
			total: 1,
			left: 1,
			failed: 0,
			estimateSeconds: 1,
			createdMs: LOGS_START_MS,
			endedMs: null,
		}
		const notification = watchers.events.get(7)![4]!.notifications[0]!.id
		const path = `/instances/7/events/${eventId(5)}`
		const { html } = await browser.open(path)
		expect(html).toContain(`action="${path}/again"`)
		watchers.calls.length = 0
		const again = await browser.post(`${path}/again`, { notification: String(notification) })
		expect(again.path).toBe(path)
		expect(again.html).toContain(`Notification ${notification} is delivered again`)
		expect(watchers.calls.some((call) => call.startsWith('7 replay'))).toBe(true)
		watchers.subscriptions.clear()
		const refused = await browser.post(`${path}/again`, { notification: String(notification) })
		expect([refused.path, refused.html.includes('class="notice bad"')]).toEqual([path, true])
		expect((await browser.post(`${path}/again`, { notification: '8000000001' })).status).toBe(404)
		await setRole('viewer')
		expect((await browser.open(path)).html).not.toContain('/again"')
		expect((await browser.post(`${path}/again`, { notification: String(notification) })).status).toBe(403)
	})

	test('of another instance, or none, is a page that says so', async () => {
		const other = client.world.watchers.events.get(8)![0]!.eventId
		expect((await browser.open(`/instances/7/events/${other}`)).status).toBe(404)
		expect((await browser.open('/instances/7/events/x')).status).toBe(404)
	})
})

describe('actions', () => {
	test('poll now and a test event answer with a message, as a page and as a part', async () => {
		const { watchers } = client.world
		await browser.open('/instances/7')
		const page = await browser.post('/instances/7/poll')
		expect([page.path, page.html.includes('The store is being polled.')]).toEqual(['/instances/7', true])
		expect(watchers.calls).toContain('7 poll window')
		const part = await browser.post('/instances/7/poll', {}, { headers: { 'HX-Request': 'true' } })
		expect(part.html).toMatch(/^<div class="head" id="instance-head">/)
		expect(part.html).toContain('hx-swap-oob="true"')
		expect(part.html).toContain('The store is being polled. Changes appear on the overview.')
		watchers.pollNotBefore = '2026-06-01T12:30:00.000Z'
		for (const part of ['', 'true'])
			expect((await browser.post('/instances/7/poll', {}, { headers: { 'HX-Request': part } })).html).toMatch(
				/It is polled at <time datetime="2026-06-01T12:30:00.000Z">2026-06-01 12:30 UTC<\/time>\./,
			)
		// Without a callback there is nothing to test.
		const refused = await browser.post('/instances/7/test-event')
		expect(refused.html).toContain('class="notice bad"')
		watchers.testEvent = { notificationId: 7e9 + 2, eventId: eventId(1) }
		expect((await browser.post('/instances/7/test-event')).html).toContain('A signed test event is on its way')
	})

	test('pause, resume and delete say first what will happen, and then do it', async () => {
		client.world.watchers.healthChanges = {
			callback: { url: 'https://callback.example.com/', state: 'failing', lastStatus: '503', waiting: 3 },
		}
		const isEnabled = async () =>
			(await env.DB.prepare('SELECT enabled FROM instances WHERE id = 7').first<{ enabled: number }>())?.enabled
		expect((await browser.open('/instances/7/pause')).html).toContain('3 events wait to be delivered. They are kept')
		expect((await browser.post('/instances/7/pause')).html).toContain('Shop is paused.')
		expect(await isEnabled()).toBe(0)
		expect((await browser.open('/instances/7/resume')).html).toContain('name="skip"')
		expect((await browser.post('/instances/7/resume', { skip: 'false' })).html).toContain('Shop runs again.')
		expect(await isEnabled()).toBe(1)
		expect((await browser.open('/instances/7/delete')).html).toContain(
			'3 events wait to be delivered and will not be sent.',
		)
		const deleted = await browser.post('/instances/7/delete', {}, { stay: true })
		expect([deleted.status, deleted.headers.get('Location')]).toEqual([303, '/instances'])
		expect((await browser.open('/instances/7')).status).toBe(404)
	})

	test('are in the audit log, as calls of the API are', async () => {
		await browser.open('/instances/7')
		await browser.post('/instances/7/pause')
		const { results } = await env.DB.prepare('SELECT * FROM audit_log ORDER BY id DESC LIMIT 1').all()
		expect(JSON.stringify(results)).toMatch(/enabled|disable/)
	})
})

describe('code', () => {
	test('names this instance in four languages, and no secret until it is asked for', async () => {
		for (const [language, text] of [
			['curl', 'curl &#39;https://bell.example.com/elements/api-v2/instances/7/events'],
			['typescript', 'await fetch(&#39;https://bell.example.com/elements/api-v2/instances/7/events'],
			['python', 'urllib.request.Request('],
			['php', 'curl_init(&#39;https://bell.example.com/elements/api-v2/instances/7/events'],
		]) {
			const { html } = await browser.open(`/instances/7/code?language=${language}`)
			expect(html).toContain(text)
			expect(html).not.toContain('token-of-7')
			expect(html).not.toContain(client.userSecret)
			expect(html).not.toContain(client.organizationSecret)
		}
	})

	test('shows the token and the signature key on request; the audit log records the key', async () => {
		await browser.open('/instances/7/code')
		// Without JavaScript the answer is the page.
		expect((await browser.post('/instances/7/code/secrets', { show: 'token' })).html).toContain('token-of-7')
		const key = await sealSecret(env.MASTER_KEYS, 'key-of-7', instanceSecret(refOf(7), SIGNATURE_KEY))
		await env.DB.prepare(`UPDATE instances SET configuration = json_set(configuration, '$."' || ? || '"', ?)`)
			.bind(SIGNATURE_KEY, key)
			.run()
		const before = await countAudit()
		const { status, html } = await browser.post(
			'/instances/7/code/secrets',
			{ show: 'signature-key' },
			{ headers: { 'HX-Request': 'true' } },
		)
		expect(status).toBe(200)
		expect(html).toContain('key-of-7')
		expect(html).toContain('whsec_')
		expect(html).not.toContain('token-of-7')
		expect(await countAudit()).toBe(before + 1)
	})
})

const countAudit = async (): Promise<number> =>
	(await env.DB.prepare('SELECT count(*) AS n FROM audit_log').first<{ n: number }>())!.n
