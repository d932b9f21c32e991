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

/** The README's pictures. Shops, secrets and times of this machine are not in them. */
const README = [
	{ name: 'guide', path: '/guide/woocommerce-events', width: 1280, height: 760, dark: false },
	{ name: 'guide-narrow', path: '/guide/missing-event', width: 390, height: 760, dark: true },
	{
		name: 'reference',
		path: '/docs#tag/notifications/POST/elements/api-v2/notifications/subscriptions',
		width: 1280,
		height: 760,
		dark: true,
	},
] as const

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
	const target = join(PROJECT_DIR, 'docs', 'pictures')
	mkdirSync(target, { recursive: true })
	let count = 0
	for (const { name, path, width, height, dark } of README) {
		const { page, context } = await openPage(browser, scene.url, { width, dark })
		await page.setViewportSize({ width, height })
		await page.goto(`${scene.url}${path}`, { waitUntil: 'networkidle' })
		// The reference draws what a link leads to a moment after the rest.
		if (path.startsWith('/docs')) await page.waitForTimeout(1_500)
		const file = join(target, `${name}.png`)
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
