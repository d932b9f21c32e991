/**
 * `npm run pictures`: takes the README's pictures of the pages anew, from the Worker as it runs here. Shops, secrets and times of this machine
 * are not in them.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBrowser, openPage } from '../test/browser/browser.ts'
import { startLocalWorker } from './local/local-worker.ts'
import { PROJECT_DIR } from './local/files.ts'
import { nextFreePort } from './local/ports.ts'

const TARGET = join(PROJECT_DIR, 'docs', 'pictures')
/** What a picture may weigh: they are read over the network, in a README. */
const MAX_BYTES = 150 * 1024

/** What is shown, and how. */
const PICTURES = [
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

const dir = mkdtempSync(join(tmpdir(), 'shopbell-pictures-'))
mkdirSync(TARGET, { recursive: true })
const [worker, browser] = await Promise.all([startLocalWorker({ dir, port: await nextFreePort(8787) }), openBrowser()])
try {
	for (const { name, path, width, height, dark } of PICTURES) {
		const { page, context } = await openPage(browser, worker.url, { width, dark })
		await page.setViewportSize({ width, height })
		await page.goto(`${worker.url}${path}`, { waitUntil: 'networkidle' })
		// The reference draws what a link leads to a moment after the rest.
		if (path.startsWith('/docs')) await page.waitForTimeout(1_500)
		const file = join(TARGET, `${name}.png`)
		await page.screenshot({ path: file })
		await context.close()
		const { size } = statSync(file)
		process.stdout.write(`${name}.png  ${Math.round(size / 1024)} kB\n`)
		if (size > MAX_BYTES) process.exitCode = 1
	}
} finally {
	await browser.close()
	await worker.stop()
	rmSync(dir, { recursive: true, force: true })
}
