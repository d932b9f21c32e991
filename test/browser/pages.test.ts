/** The pages in a real browser: nothing is asked of anybody else, nothing goes wrong, and both colours and both widths are fit to be read. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ASSETS } from '#assets'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LocalWorker } from '../../scripts/local/local-worker.ts'
import { LOCAL_DIR } from '../../scripts/local/files.ts'
import { anyFreePort } from '../../scripts/local/ports.ts'
import { startBuiltWorker } from '../support/built-worker.ts'
import { LOOKS, openBrowser, openPage } from './browser.ts'

/** For whoever wants to look at what the tests saw. */
const PICTURES = join(LOCAL_DIR, 'pictures')

let dir: string
let worker: LocalWorker
let browser: Browser

beforeAll(async () => {
	dir = mkdtempSync(join(tmpdir(), 'shopbell-browser-'))
	mkdirSync(PICTURES, { recursive: true })
	;[worker, browser] = await Promise.all([startBuiltWorker({ dir, port: await anyFreePort() }), openBrowser()])
})
afterAll(async () => {
	await browser?.close()
	await worker?.stop()
	rmSync(dir, { recursive: true, force: true })
})

/** A colour's brightness as eyes see it, 0 to 1 (WCAG 2). */
function luminance(colour: string): number {
	const [r, g, b] = (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map((text) => {
		const part = Number(text) / 255
		return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
	})
	return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
}

function contrast(one: string, other: string): number {
	const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b)
	return (light! + 0.05) / (dark! + 0.05)
}

/** The colours in which an element is seen: its own and that of the first thing behind it that has one. Written as text, since it runs in the page. */
async function coloursOf(page: Page, selector: string): Promise<{ text: string; back: string }> {
	return await page.evaluate(`(() => {
		const element = document.querySelector(${JSON.stringify(selector)})
		let behind = element
		while (behind.parentElement !== null && getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement
		// Any notation, as red, green and blue.
		const canvas = document.createElement('canvas').getContext('2d')
		const toRgb = (colour) => {
			canvas.fillStyle = colour
			canvas.fillRect(0, 0, 1, 1)
			return 'rgb(' + [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).join(' ') + ')'
		}
		return { text: toRgb(getComputedStyle(element).color), back: toRgb(getComputedStyle(behind).backgroundColor) }
	})()`)
}

/** By how many pixels the page is wider than its window. */
async function overflow(page: Page): Promise<number> {
	return await page.evaluate('document.documentElement.scrollWidth - innerWidth')
}

/** The page of an invitation of somebody with a long address. */
let invitationUrl: string
beforeAll(async () => {
	const response = await fetch(`${worker.url}/setup`, {
		method: 'POST',
		headers: { Authorization: `Bearer ${worker.setupToken}`, 'Content-Type': 'application/json' },
		body: JSON.stringify({
			organizationName: 'Acme',
			email: 'ann.with.a.very.long.name.for.a.narrow.phone@customers.example-organization.com',
		}),
	})
	invitationUrl = ((await response.json()) as { invitation: { url: string } }).invitation.url
})

describe.each(LOOKS)('a plain page, $width pixels wide, dark: $dark', (look) => {
	test.each([
		['the form of a link', () => invitationUrl, 'Set a password for'],
		['a link that is not valid', () => `${worker.url}/accept/x`, 'This link is not valid'],
		['a hand-over that is not known', () => `${worker.url}/connect/woocommerce/x`, 'This link is not valid'],
	])('%s fits and can be read', async (what, url, title) => {
		const { page, context, elsewhere } = await openPage(browser, worker.url, look)
		await page.goto(url())
		expect(await page.locator('h1').innerText()).toContain(title)
		expect(await overflow(page)).toBeLessThanOrEqual(0)
		// Fields and buttons have the colours of the page too.
		for (const selector of ['h1', 'p', 'input[type=password]', 'button']) {
			if ((await page.locator(selector).count()) === 0) continue
			const { text, back } = await coloursOf(page, selector)
			expect(contrast(text, back), selector).toBeGreaterThan(4.5)
			// The main button of a page is drawn the other way round.
			const isDark = luminance(back) < 0.5
			expect(selector === 'button' ? !isDark : isDark, `${selector} ${back}`).toBe(look.dark)
		}
		expect(elsewhere).toEqual([])
		await page.screenshot({
			path: join(PICTURES, `${what.replaceAll(' ', '-')}-${look.width}-${look.dark ? 'dark' : 'light'}.png`),
		})
		await context.close()
	})
})

test('static files have HSTS, as pages have over https, and are kept for ever', async () => {
	const { headers } = await fetch(`${worker.url}${ASSETS['shopbell.css']}`)
	expect(headers.get('Cache-Control')).toBe('public, max-age=31536000, immutable')
	expect(headers.get('Strict-Transport-Security')).toBe('max-age=31536000')
	expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
})

describe.each(LOOKS)('$width pixels wide, dark: $dark', (look) => {
	const name = `${look.width}-${look.dark ? 'dark' : 'light'}.png`

	test.each(['/guide', '/guide/woocommerce-events'])('%s', async (path) => {
		const { page, context, elsewhere, errors } = await openPage(browser, worker.url, look)
		const answer = await page.goto(`${worker.url}${path}`)
		expect(answer?.status()).toBe(200)
		expect(await page.locator('main h1').count()).toBe(1)
		// Wide tables and code scroll by themselves; the page never does.
		expect(await overflow(page)).toBeLessThanOrEqual(0)
		const checked: string[] = []
		for (const selector of [
			'main p',
			'main a',
			'main code',
			'.rail a.item',
			'.rail a[aria-current]',
			'.crumbs a',
			'.pages a',
			'.pages ul ul a',
		]) {
			if ((await page.locator(selector).count()) === 0) continue
			checked.push(selector)
			const { text, back } = await coloursOf(page, selector)
			expect(contrast(text, back), `${selector}: ${text} on ${back}`).toBeGreaterThanOrEqual(4.5)
		}
		expect(checked).toEqual(expect.arrayContaining(['main p', 'main a', 'main code']))
		expect(luminance((await coloursOf(page, 'main p')).back) < 0.5).toBe(look.dark)
		await page.screenshot({ path: join(PICTURES, `${path.slice(1).replaceAll('/', '-')}-${name}`) })
		expect({ elsewhere, errors }).toEqual({ elsewhere: [], errors: [] })
		await context.close()
	})

	test('/docs shows an operation', async () => {
		const { page, context, elsewhere, errors } = await openPage(browser, worker.url, look)
		await page.goto(`${worker.url}/docs`)
		await page.locator('#reference h1').waitFor()
		await page.screenshot({ path: join(PICTURES, `docs-${name}`) })
		// As a reader who was sent a link.
		await page.evaluate("location.hash = '#tag/accounts/GET/elements/api-v2/accounts/settings'")
		const operation = page
			.locator('#reference section')
			.filter({ hasText: 'notification.webhook.retry.schedule' })
			.first()
		await operation.waitFor()
		await page.screenshot({ path: join(PICTURES, `docs-operation-${name}`) })
		expect(await overflow(page)).toBeLessThanOrEqual(0)
		const checked: string[] = []
		for (const selector of ['#reference h1', '#reference main p', '#reference aside a']) {
			if (!(await page.locator(selector).first().isVisible())) continue
			checked.push(selector)
			const { text, back } = await coloursOf(page, selector)
			expect(contrast(text, back), `${selector}: ${text} on ${back}`).toBeGreaterThanOrEqual(4.5)
			expect(luminance(back) < 0.5, `${selector}: ${text} on ${back}`).toBe(look.dark)
		}
		expect(checked).toEqual(expect.arrayContaining(['#reference h1', '#reference main p']))
		await page.waitForLoadState('networkidle')
		expect({ elsewhere, errors }).toEqual({ elsewhere: [], errors: [] })
		await context.close()
	})
})

test('/docs shows calls in the order in which one meets them, and asks for nothing that may be left out', async () => {
	const { page, context, errors } = await openPage(browser, worker.url, { width: 1280, dark: false })
	await page.goto(`${worker.url}/docs`)
	await page.locator('#reference aside').getByText('Get an instance', { exact: true }).waitFor()
	const entries = (await page.locator('#reference aside').innerText()).split('\n')
	const places = [
		'List instances',
		'Create an instance',
		'Get an instance',
		'Replace an instance',
		'Replace an instance (by token)',
	]
	expect(places.map((title) => entries.indexOf(title))).toEqual(
		places.map((title) => entries.indexOf(title)).toSorted((a, b) => a - b),
	)
	expect(places.filter((title) => !entries.includes(title))).toEqual([])

	await page.evaluate("location.hash = '#tag/events/GET/elements/api-v2/instances/{id}/events'")
	const section = page.locator('#reference section[id$="GET/elements/api-v2/instances/{id}/events"]').first()
	const sample = section.locator('code, pre').filter({ hasText: 'curl' }).first()
	await sample.waitFor()
	const command = await sample.innerText()
	expect(command).toContain('/instances/12345/events')
	expect(command).toContain('Authorization: User <user secret>, Organization <organization secret>')
	expect(command).not.toContain('?')
	await section.getByText('Test Request').first().click()
	const dialog = page.locator('[role=dialog]')
	await dialog.getByText('nextPage').first().waitFor()
	expect(errors).toEqual([])
	await context.close()
})

test('the keyboard goes to the content first, code is copied, and the guide leads from page to page', async () => {
	const { page, context, errors } = await openPage(browser, worker.url, { width: 1280, dark: false })
	await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: worker.url })
	await page.goto(`${worker.url}/guide`)
	await page.keyboard.press('Tab')
	expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content')
	expect((await page.locator('.skip').boundingBox())!.y).toBeGreaterThanOrEqual(0)

	const block = page.locator('.code').first()
	await block.hover()
	await block.getByRole('button', { name: 'Copy' }).click()
	await block.getByRole('button', { name: 'Copied' }).waitFor()
	expect(await page.evaluate('navigator.clipboard.readText()')).toBe(
		(await block.locator('code').innerText()).trimEnd(),
	)

	const seen = new Set<string>()
	for (;;) {
		seen.add(new URL(page.url()).pathname)
		const next = page.locator('a[rel=next]')
		if ((await next.count()) === 0) break
		await page.goto(`${worker.url}${await next.getAttribute('href')}`)
	}
	const listed = await page.evaluate(
		"[...document.querySelectorAll('nav.pages > ul > li > a')].map((link) => link.pathname)",
	)
	expect([...seen]).toEqual(listed)
	expect(errors).toEqual([])
	await context.close()
})

test('pages that do not exist are pages too, and a policy goes with every one', async () => {
	const missing = await fetch(`${worker.url}/guide/nothing-here`)
	expect(missing.status).toBe(404)
	expect(await missing.text()).toContain('Page not found')
	for (const path of ['/guide', '/guide/limits', '/docs', '/guide/nothing-here']) {
		const policy = (await fetch(`${worker.url}${path}`)).headers.get('Content-Security-Policy') ?? ''
		expect(policy).toContain("default-src 'none'")
		expect(policy).toContain("script-src 'self';")
		expect(policy.includes('unsafe-inline'), path).toBe(path === '/docs')
	}
	const first = await fetch(`${worker.url}/guide/start-here`, { redirect: 'manual' })
	expect([first.status, first.headers.get('Location')]).toEqual([301, '/guide'])
})
