/**
 * `npm run screenshots [-- name…]`: takes pictures of every page (test/browser/page-table.ts) into `.shopbell/pictures`, and judges them: exit 1
 * when something is cut off, overflows, is out of reach of assistive technology, logs an error or asks another host. `--readme` takes
 * those of the README into docs/pictures instead.
 */
import { mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Page } from 'playwright-core'
import { LOOKS, openBrowser, openPage, type Look } from '../test/browser/browser.ts'
import { PAGE_STATES } from '../test/browser/page-table.ts'
import { startScene, type Scene } from '../test/browser/scene.ts'
import { getLooks, visit } from '../test/browser/visit.ts'
import { LOCAL_DIR, PROJECT_DIR } from './local/files.ts'

/** Longer pages are cut, px. */
const MAX_HEIGHT = 4_000
/** What a picture in the README may weigh: it is read over the network. */
const MAX_README_BYTES = 150 * 1024

/** A picture of the README or the guide. */
interface ReadmePicture {
	name: string
	path: string | ((scene: Scene) => string)
	width: number
	height: number
	dark: boolean
	/** Leads from the page to what is shown. */
	act?: (page: Page, scene: Scene) => Promise<void>
}

const RIVERSIDE = 'Riverside Outfitters'

/** The pictures of the README and the guide. Hosts, secrets and times of this machine are not in them. */
const README: readonly ReadmePicture[] = [
	{ name: 'home', path: '/', width: 1280, height: 900, dark: false },
	{ name: 'home-narrow', path: '/', width: 390, height: 900, dark: true },
	{ name: 'instance', path: (scene) => scene.instancePath(RIVERSIDE), width: 1280, height: 900, dark: true },
	{ name: 'connect', path: '/connect', width: 1280, height: 1180, dark: false, act: fillConnect },
	{ name: 'guide', path: '/guide/verify', width: 1280, height: 760, dark: false },
	{ name: 'guide-narrow', path: '/guide/missing-event', width: 390, height: 760, dark: true },
	{
		name: 'reference',
		path: '/docs#tag/notifications/POST/elements/api-v2/notifications/subscriptions',
		width: 1280,
		height: 760,
		dark: true,
	},
]

/** The form of a new store, filled and checked. */
async function fillConnect(page: Page, scene: Scene): Promise<void> {
	const store = scene.stores.get(RIVERSIDE)!
	await page.getByLabel('Name', { exact: true }).fill(RIVERSIDE)
	await page.getByLabel('The Store URL').fill(store.url)
	await page.getByLabel('OAuth API Key').fill(store.credentials.key)
	await page.getByLabel('OAuth API Secret').fill(store.credentials.secret)
	await page.getByLabel('Event Notification Callback URL').fill(scene.callback.url)
	await page.getByRole('button', { name: 'Check the store' }).click()
	await page.locator('.resources').getByText('found').first().waitFor()
	await page.waitForTimeout(1_500)
	// Without an event, which would have the key checked.
	const key = `ck_${'•'.repeat(16)}`
	await page.evaluate(
		`document.querySelector("[name='oauth.api.key']").value = '${key}'; scrollTo(0, 0); document.activeElement.blur()`,
	)
}

/** Replaces the hosts of this machine on the page. Written as text, since it runs there. */
async function replaceHosts(page: Page, scene: Scene): Promise<void> {
	const hosts = [...scene.stores].map(([name, { url }]) => [
		new URL(url).host,
		`${name.toLowerCase().replace(/[^a-z]+/g, '-')}.example`,
	])
	await page.evaluate(`(() => {
		const hosts = new Map(${JSON.stringify(hosts)})
		const replace = (text) => text.replace(/(?:http:\\/\\/)?(127\\.0\\.0\\.1:\\d+)/g, (whole, host) =>
			(whole === host ? '' : 'https://') + (hosts.get(host) ?? 'api.northwind.example'))
		const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
		while (walker.nextNode()) walker.currentNode.data = replace(walker.currentNode.data)
		for (const input of document.querySelectorAll('input')) if (input.value.includes('127.')) input.value = replace(input.value)
	})()`)
}

type Browser = Awaited<ReturnType<typeof openBrowser>>

const toSuffix = ({ width, dark }: Look): string => `${width}-${dark ? 'dark' : 'light'}`

/** `whole`: in a window as high as the page, so that what sticks to its edges stays there. */
async function takePicture(page: Page, path: string, whole: boolean): Promise<void> {
	const size = page.viewportSize()!
	const height: number = await page.evaluate('document.documentElement.scrollHeight')
	if (whole) await page.setViewportSize({ ...size, height: Math.min(Math.max(height, size.height), MAX_HEIGHT) })
	await page.screenshot({ path })
	await page.setViewportSize(size)
}

/** The number of faults. */
async function takeAll(browser: Browser, scene: Scene, names: readonly string[]): Promise<number> {
	const target = join(LOCAL_DIR, 'pictures')
	if (names.length === 0) rmSync(target, { recursive: true, force: true })
	mkdirSync(target, { recursive: true })
	let count = 0
	for (const state of PAGE_STATES.filter(({ name }) => names.length === 0 || names.includes(name)))
		for (const look of getLooks(state, LOOKS)) {
			const file = `${state.name}-${toSuffix(look)}`
			const faults = await visit(browser, scene, state, look, async (page, suffix) => {
				await takePicture(page, join(target, `${file}${suffix}.png`), suffix === '')
			}).catch((error: unknown) => [String(error)])
			count += faults.length
			process.stdout.write(`${faults.length === 0 ? '✓' : '✗'} ${file}\n`)
			for (const fault of faults) process.stdout.write(`    ${fault}\n`)
		}
	process.stdout.write(`${count} faults; pictures in .shopbell/pictures\n`)
	return count
}

/** The number of pictures that are too large. */
async function takeReadme(browser: Browser, scene: Scene): Promise<number> {
	const folder = join(PROJECT_DIR, 'docs', 'pictures')
	mkdirSync(folder, { recursive: true })
	let count = 0
	await scene.growTo('normal')
	for (const { name, path, width, height, dark, act } of README) {
		const { page, context } = await openPage(browser, scene.url, { width, dark })
		await page.setViewportSize({ width, height })
		const target = typeof path === 'string' ? path : path(scene)
		const isPublic = /^\/(guide|docs)/.test(target)
		if (!isPublic) await page.goto(await scene.signInUrl('owner'))
		await page.goto(`${scene.url}${target}`, { waitUntil: isPublic ? 'networkidle' : 'load' })
		await act?.(page, scene)
		if (!isPublic) await replaceHosts(page, scene)
		// The reference draws what a link leads to a moment after the rest.
		if (target.startsWith('/docs')) await page.waitForTimeout(1_500)
		const file = join(folder, `${name}.png`)
		await page.screenshot({ path: file })
		await context.close()
		const { size } = statSync(file)
		process.stdout.write(`${name}.png  ${Math.round(size / 1024)} kB\n`)
		if (size > MAX_README_BYTES) count++
	}
	return count
}

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: { readme: { type: 'boolean', default: false } },
})
const [scene, browser] = await Promise.all([startScene(), openBrowser()])
try {
	const count = values.readme ? await takeReadme(browser, scene) : await takeAll(browser, scene, positionals)
	if (count > 0) process.exitCode = 1
} finally {
	await browser.close()
	await scene.close()
}
