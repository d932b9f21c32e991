/** The elements of src/ui/browser, on pages of their own. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openBrowser, openPage, type Watched } from './browser.ts'
import { sendPage, serveSite, type StaticSite } from './static-site.ts'

let site: StaticSite
let browser: Browser
let opened: Awaited<ReturnType<typeof openPage>>
let page: Page

/** What the site shows and what it was asked. */
let html = ''
let posts: string[] = []
/** Streams that are open, with the headers that they were asked with. */
let streams: { headers: IncomingHttpHeaders; response: ServerResponse }[] = []
let refuseStreams: ((response: ServerResponse) => void) | null = null
let holdPosts: Promise<void> | null = null

beforeAll(async () => {
	;[site, browser] = await Promise.all([
		serveSite((request, response) => {
			if (request.path === '/stream') {
				if (refuseStreams !== null) {
					refuseStreams(response)
					return true
				}
				response.writeHead(200, { 'Content-Type': 'text/event-stream' })
				response.write(': open\n\n')
				streams.push({ headers: request.headers, response })
				return true
			}
			if (request.method === 'POST') {
				posts.push(`${request.path} ${request.body}`)
				void (holdPosts ?? Promise.resolve()).then(() => sendPage(response, '<p id="done">Done</p>'))
				return true
			}
			if (request.path.startsWith('/part')) {
				response.setHeader('Content-Type', 'text/html')
				response.end('<p id="part">Loaded</p>')
				return true
			}
			return request.path.startsWith('/page') && sendPage(response, html)
		}),
		openBrowser(),
	])
})
afterAll(async () => {
	await browser?.close()
	await site?.close()
})
beforeEach(async () => {
	posts = []
	streams = []
	refuseStreams = null
	holdPosts = null
	opened = await openPage(browser, site.url, { width: 1280, dark: false })
	page = opened.page
})
afterEach(async () => {
	for (const { response } of streams) response.destroy()
	await opened.context.close()
})

async function show(body: string): Promise<Watched> {
	html = body
	await page.goto(`${site.url}/page`)
	return opened
}

async function poll<T>(read: () => T | Promise<T>): Promise<T> {
	for (;;) {
		const value = await read()
		if (value) return value
		await new Promise((resolve) => setTimeout(resolve, 20))
	}
}

test('sb-time follows the clock, and shows the exact time with its zone on hover and on focus', async () => {
	await page.clock.install({ time: new Date('2026-12-01T10:00:00Z') })
	const { errors } = await show(
		'<p><sb-time><time datetime="2026-12-01T09:59:48Z" title="x">12 s ago</time></sb-time></p><p id="far">Far</p>',
	)
	const time = page.locator('time')
	expect(await time.innerText()).toBe('12 s ago')
	await page.clock.runFor('03:00')
	expect(await time.innerText()).toBe('3 min ago')
	await time.hover()
	const tip = page.getByRole('tooltip')
	expect(await tip.innerText()).toMatch(/Dec 1, 2026.*9:59:48.* (UTC|GMT|[A-Z]+)/)
	await page.locator('#far').hover()
	expect(await tip.isVisible()).toBe(false)
	await page.keyboard.press('Tab')
	expect(await tip.isVisible()).toBe(true)
	expect(await time.getAttribute('aria-describedby')).toBe(await tip.getAttribute('id'))
	await page.keyboard.press('Escape')
	expect(await tip.isVisible()).toBe(false)
	expect(errors).toEqual([])
})

test('sb-time believes the server when the viewer’s clock is wrong', async () => {
	await page.clock.install({ time: new Date('2026-12-01T12:00:00Z') })
	html = '<sb-time><time datetime="2026-12-01T09:59:00Z">1 min ago</time></sb-time>'
	await page.route('**/page', async (route) => {
		const response = await route.fetch()
		const nowMs = Date.parse('2026-12-01T10:00:00Z')
		await route.fulfill({ response, body: (await response.text()).replace('<html', `<html data-now="${nowMs}"`) })
	})
	await page.goto(`${site.url}/page`)
	expect(await page.locator('time').innerText()).toBe('1 min ago')
})

test('sb-countdown counts down, and what waits for it is loaded when it is due', async () => {
	await page.clock.install({ time: new Date('2026-12-01T10:00:00Z') })
	await show(
		`<sb-countdown id="next"><time datetime="2026-12-01T10:01:05Z">in 1 min 5 s</time></sb-countdown>
		<sb-countdown id="poll" before="Next poll " done="Polling now"><time datetime="2026-12-01T10:01:05Z"></time></sb-countdown>
		<div hx-get="/part" hx-trigger="due from:#next" hx-swap="innerHTML"></div>`,
	)
	const time = page.locator('#next time')
	await poll(async () => (await time.innerText()).startsWith('in 1 min'))
	await page.clock.runFor(15_000)
	expect(await time.innerText()).toMatch(/^in (49|50) s$/)
	expect(await page.locator('#poll').innerText()).toMatch(/^Next poll in (49|50) s$/)
	await page.clock.runFor(60_000)
	expect(await time.innerText()).toBe('now')
	expect(await page.locator('#poll').innerText()).toBe('Polling now')
	await page.locator('#part').waitFor()
})

test('sb-copy copies a value, the text within or a field elsewhere, and says so', async () => {
	await opened.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: site.url })
	await show(
		`<sb-copy id="one" value="a b" label="Copy the id"><code>shown</code></sb-copy>
		<sb-copy id="two"><code>within</code></sb-copy>
		<input id="field" value="of the field"><sb-copy id="three" from="field"></sb-copy>`,
	)
	const copied: unknown[] = []
	for (const id of ['one', 'two', 'three']) {
		const element = page.locator(`#${id}`)
		await element.getByRole('button').click()
		await poll(async () => (await element.getByRole('status').innerText()) === 'Copied')
		copied.push(await page.evaluate('navigator.clipboard.readText()'))
	}
	expect(copied).toEqual(['a b', 'within', 'of the field'])
	expect(await page.locator('#one button').getAttribute('aria-label')).toBe('Copy the id')
})

test('sb-json shows a tree that the keyboard opens, with numbers as they were written', async () => {
	await show(
		`<sb-json><pre>{"id":12345678901234567890,"total":1.10,"billing":{"city":"Köln","tags":["a","b"]},"empty":{}}</pre></sb-json>
		<sb-json id="broken"><pre>not JSON</pre></sb-json>`,
	)
	const tree = page.locator('.tree')
	expect(await tree.innerText()).toContain('12345678901234567890')
	expect(await tree.innerText()).toContain('1.10')
	expect(await tree.getByText('Köln').count()).toBe(0)
	await page.keyboard.press('Tab')
	await page.keyboard.press('ArrowDown')
	await page.keyboard.press('ArrowRight')
	await tree.getByText('"Köln"').waitFor()
	await page.keyboard.press('ArrowLeft')
	expect(await tree.getByText('"Köln"').isVisible()).toBe(false)
	expect(await page.locator('#broken pre').isVisible()).toBe(true)
})

test('sb-confirm asks in a dialog, which sends the form; without JavaScript the link leads to the page that asks', async () => {
	const confirm = `<sb-confirm><a href="/part">Delete</a><dialog aria-label="Delete it?">
		<form method="post" action="/delete"><button formmethod="dialog">Keep it</button>
		<button name="what" value="it">Delete it</button></form></dialog></sb-confirm>`
	await show(confirm)
	const dialog = page.getByRole('dialog')
	await page.getByRole('link', { name: 'Delete' }).click()
	await dialog.getByRole('button', { name: 'Keep it' }).click()
	expect(await dialog.isVisible()).toBe(false)
	await page.getByRole('link', { name: 'Delete' }).click()
	await page.keyboard.press('Escape')
	expect(posts).toEqual([])
	await page.getByRole('link', { name: 'Delete' }).click()
	await dialog.getByRole('button', { name: 'Delete it' }).click()
	await page.locator('#done').waitFor()
	expect(posts).toEqual(['/delete what=it'])

	const context = await browser.newContext({ javaScriptEnabled: false })
	const plain = await context.newPage()
	html = confirm
	await plain.goto(`${site.url}/page`)
	await plain.getByRole('link', { name: 'Delete' }).click()
	await plain.locator('#part').waitFor()
	await context.close()
})

test('sb-confirm asks for a link in a menu, which closes; the focus goes back to what opened it', async () => {
	await show(
		`<button popovertarget="menu">More</button>
		<div id="menu" popover="auto"><sb-confirm dialog="ask"><a href="/part">Delete</a></sb-confirm></div>
		<dialog id="ask" aria-label="Delete it?"><form method="post" action="/delete">
		<button formmethod="dialog">Cancel</button> <button>Delete it</button></form></dialog>`,
	)
	const more = page.getByRole('button', { name: 'More' })
	await more.click()
	await page.getByRole('link', { name: 'Delete' }).click()
	const dialog = page.getByRole('dialog')
	await dialog.waitFor()
	expect(await page.locator('#menu').isVisible()).toBe(false)
	await dialog.getByRole('button', { name: 'Cancel' }).click()
	expect(await dialog.isVisible()).toBe(false)
	expect(await page.evaluate('document.activeElement.textContent')).toBe('More')
	expect(posts).toEqual([])
})

const TAIL = `<sb-tail src="/stream" after="e7" max="3"><p class="live"><span class="when-open">Live</span>
	<span class="when-lost">Reconnecting…</span></p><table><tbody><tr id="e7"><td>seven</td></tr></tbody></table></sb-tail>`

test('sb-tail goes on after the newest row, adds and replaces rows, and keeps so many', async () => {
	const { errors } = await show(TAIL)
	await poll(() => streams.length === 1)
	expect(streams[0]!.headers['last-event-id']).toBe('e7')
	const { response } = streams[0]!
	response.write('id: e8\ndata: <tr id="e8">\ndata: <td>eight</td></tr>\n\nid: e9\ndata: <tr id="e9"><td>ni')
	response.write('ne</td></tr>\n\nid: e10\ndata: <tr id="e10"><td>ten</td></tr>\n\n')
	const rows = page.locator('tbody tr')
	await poll(async () => (await rows.allInnerTexts()).join() === 'ten,nine,eight')
	response.write('id: e10\ndata: <tr id="e9"><td>nine, delivered</td></tr>\n\n')
	await poll(async () => (await rows.allInnerTexts()).join() === 'ten,nine, delivered,eight')
	expect(await page.locator('sb-tail').getAttribute('data-state')).toBe('open')
	expect(errors).toEqual([])
})

test('sb-tail says that it reconnects, and goes on after the last event', async () => {
	await show(TAIL)
	await poll(() => streams.length === 1)
	streams[0]!.response.write('id: e8\ndata: <tr id="e8"><td>eight</td></tr>\n\n')
	await page.locator('#e8').waitFor()
	expect(await page.getByText('Live', { exact: true }).isVisible()).toBe(true)
	refuseStreams = (response) => response.destroy()
	streams[0]!.response.destroy()
	await page.locator('.when-lost').waitFor({ state: 'visible' })
	expect(await page.locator('sb-tail [role=status]').textContent()).toBe('Reconnecting…')
	refuseStreams = null
	await poll(() => streams.length === 2)
	expect(streams[1]!.headers['last-event-id']).toBe('e8')
	await page.locator('.when-open').waitFor({ state: 'visible' })
})

test('sb-tail holds no stream while the page is hidden', async () => {
	await show(TAIL)
	await poll(() => streams.length === 1)
	const closed = new Promise((resolve) => streams[0]!.response.once('close', resolve))
	const setHidden = async (hidden: boolean): Promise<void> => {
		await page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: ${hidden} });
			document.dispatchEvent(new Event('visibilitychange'))`)
	}
	await setHidden(true)
	await closed
	await setHidden(false)
	await poll(() => streams.length === 2)
	expect(streams[1]!.headers['last-event-id']).toBe('e7')
})

test.each([
	['the session has ended', (response: ServerResponse) => response.writeHead(303, { Location: '/page' }).end()],
	['a page instead of a stream', (response: ServerResponse) => void sendPage(response, 'Sign in')],
])('sb-tail ends and says so: %s', async (_what, refuse) => {
	refuseStreams = refuse
	await show(TAIL)
	await page.getByText('Live updates have ended. Reload the page.').waitFor()
	expect(await page.locator('.when-open').isVisible()).toBe(false)
})

const KEEP = `<sb-keep name="connect" owner="17"><form method="post" action="/connect"><label>Name <input name="name"></label>
	<label>Secret <input name="secret" type="password"></label><div data-secret><label>Key <input name="key"></label></div>
	<label><input type="radio" name="mode" value="a" checked> A</label><label><input type="radio" name="mode" value="b"> B</label>
	<label><input type="checkbox" name="on"> On</label><input type="hidden" name="csrf" value="t"></form></sb-keep>`

test('sb-keep keeps what was typed over a reload, but no secrets, for nobody else, and not after success', async () => {
	await show(KEEP)
	await page.getByLabel('Name').fill('My store')
	await page.getByLabel('Secret').fill('hush')
	await page.getByLabel('Key').fill('hush too')
	await page.getByLabel('B', { exact: true }).check()
	await page.getByLabel('On').check()
	html = KEEP.replace('value="t"', 'value="new"')
	await page.reload()
	expect(await page.getByLabel('Name').inputValue()).toBe('My store')
	expect(await page.getByLabel('Secret').inputValue()).toBe('')
	expect(await page.getByLabel('Key').inputValue()).toBe('')
	expect(await page.getByLabel('B', { exact: true }).isChecked()).toBe(true)
	expect(await page.getByLabel('On').isChecked()).toBe(true)
	expect(await page.locator('[name=csrf]').inputValue()).toBe('new')
	expect(await page.evaluate('JSON.stringify(sessionStorage)')).not.toContain('hush')

	await show('<sb-keep name="connect" clear></sb-keep>')
	await show(KEEP)
	expect(await page.getByLabel('Name').inputValue()).toBe('')

	await page.getByLabel('Name').fill('Mine')
	html = KEEP.replace('owner="17"', 'owner="18"')
	await page.reload()
	expect(await page.getByLabel('Name').inputValue()).toBe('')
	html = KEEP
	await page.reload()
	expect(await page.getByLabel('Name').inputValue()).toBe('')
})

test('sb-keep has the last key stroke when something else replaces the form at once', async () => {
	await show(KEEP)
	await page.evaluate(`const field = document.querySelector('[name=name]')
		field.value = 'The last'
		field.dispatchEvent(new Event('input', { bubbles: true }))
		document.querySelector('sb-keep').remove()`)
	await page.reload()
	expect(await page.getByLabel('Name').inputValue()).toBe('The last')
})

test.each([
	['by the browser', '<form method="post" action="/sent">'],
	['by htmx', '<form method="post" action="/sent" hx-post="/sent" hx-target="this">'],
])('a form that is sent %s is sent once, however often its button is pressed', async (_how, form) => {
	let release = (): void => undefined
	holdPosts = new Promise((resolve) => (release = resolve))
	await show(`${form}<input name="a" value="1"><button name="b" value="2">Send</button></form>`)
	await page.evaluate(`const form = document.querySelector('form'), button = form.querySelector('button')
		button.click(); button.click(); form.requestSubmit()`)
	await poll(() => posts.length === 1)
	release()
	await page.locator('#done').waitFor()
	await new Promise((resolve) => setTimeout(resolve, 200))
	expect(posts).toEqual(['/sent a=1&b=2'])
})

test('an answer to a part of a form that comes while the form is sent is not shown', async () => {
	let release = (): void => undefined
	holdPosts = new Promise((resolve) => (release = resolve))
	await show(`<form method="post" action="/sent" hx-post="/sent" hx-target="this" hx-swap="none">
		<div hx-get="/part" hx-trigger="change" hx-target="body"><input name="a"></div><button>Send</button></form>`)
	const held = Promise.withResolvers<void>()
	await page.route('**/part', async (route) => {
		await held.promise
		await route.continue()
	})
	const asked = page.waitForRequest('**/part')
	await page.locator('input').fill('1')
	// To leave the field by the button is to ask for the part, and to send the form.
	await page.getByRole('button').click()
	await asked
	await poll(() => posts.length === 1)
	const answered = page.waitForResponse('**/part')
	held.resolve()
	await (await answered).finished()
	await new Promise((resolve) => setTimeout(resolve, 200))
	expect(await page.locator('#part').count()).toBe(0)
	release()
})

test('a form in a dialog that was closed can still be sent', async () => {
	await show(`<dialog><form method="post" action="/delete"><button formmethod="dialog">Keep it</button>
		<button name="a" value="1">Delete it</button></form></dialog>`)
	const openDialog = "document.querySelector('dialog').showModal()"
	await page.evaluate(openDialog)
	await page.getByRole('button', { name: 'Keep it' }).click()
	await page.evaluate(openDialog)
	await page.getByRole('button', { name: 'Delete it' }).click()
	await page.locator('#done').waitFor()
	expect(posts).toEqual(['/delete a=1'])
})

test('a part that cannot be loaded says so, until it can', async () => {
	await show('<button hx-get="/part" hx-target="#here">Load</button><div id="here"></div>')
	await page.route('**/part', (route) => route.abort())
	await page.getByRole('button').click()
	const line = page.locator('.connection')
	await poll(async () => (await line.textContent()) === 'Reconnecting… What you see may be out of date.')
	await page.unroute('**/part')
	await page.getByRole('button').click()
	await page.locator('#part').waitFor()
	expect(await line.textContent()).toBe('')
})

test('a part that asks by itself is asked again after a failure and when online; another part that loads hides no line', async () => {
	await page.clock.install()
	await show(
		`<div id="live" hx-get="/page/live" hx-trigger="due, every 600s"></div>
		<button hx-get="/part" hx-target="#here">Load</button><div id="here"></div>`,
	)
	const line = page.locator('.connection')
	const says = 'Reconnecting… What you see may be out of date.'
	let asked = 0
	let answer: 'abort' | 503 | 200 = 'abort'
	await page.route('**/page/live', async (route) => {
		asked++
		if (answer === 'abort') await route.abort()
		else await route.fulfill({ status: answer, contentType: 'text/html', body: `<p>${answer}</p>` })
	})
	await page.locator('#live').dispatchEvent('due')
	await poll(async () => (await line.textContent()) === says)
	await page.getByRole('button').click()
	await page.locator('#part').waitFor()
	expect(await line.textContent()).toBe(says)
	answer = 503
	await page.clock.runFor(10_500)
	await poll(() => asked === 2)
	answer = 200
	await page.clock.runFor(10_500)
	await page.getByText('200').waitFor()
	expect(await page.getByText('503').count()).toBe(0)
	await poll(async () => (await line.textContent()) === '')

	await opened.context.setOffline(true)
	await poll(async () => (await line.textContent()) === says)
	await opened.context.setOffline(false)
	await poll(() => asked === 4)
	await poll(async () => (await line.textContent()) === '')
})

test('what htmx is allowed works under the policy of the pages', async () => {
	const { errors } = await show(
		`<div hx-get="/part" hx-trigger="every 100ms" hx-swap="innerHTML"></div>
		<form hx-get="/part" hx-target="#found" hx-push-url="true" hx-trigger="input delay:50ms" action="/part">
		<input name="q" aria-label="Search"></form><div id="found"></div>`,
	)
	await page.locator('#part').first().waitFor()
	await page.getByLabel('Search').fill('x')
	await page.locator('#found #part').waitFor()
	expect(page.url()).toBe(`${site.url}/part?q=x`)
	expect(errors).toEqual([])
})
