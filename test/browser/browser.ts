/** A browser without a window: the one that CHROME_PATH names, else one that is installed, else the one that an npm package brings along. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'

/** Names under which Chrome and Chromium are installed. */
const NAMES = ['google-chrome', 'google-chrome-stable', 'chromium', 'chromium-browser']

/** Where macOS keeps it. */
const MAC = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'

/** Starts it. */
export async function openBrowser(): Promise<Browser> {
	return await chromium.launch({
		executablePath: installedBrowser() ?? (await bundledBrowser()),
		args: ['--no-sandbox', '--disable-gpu'],
	})
}

/** Unpacks it into the temporary folder. Its own arguments are for one process and switch off what protects a page: they are not used. */
async function bundledBrowser(): Promise<string> {
	if (process.platform !== 'linux')
		throw new Error('No Chrome is installed where it is looked for: set CHROME_PATH to one')
	const { default: bundled } = await import('@sparticuz/chromium')
	return await bundled.executablePath()
}

function installedBrowser(): string | null {
	const { CHROME_PATH, PATH = '' } = process.env
	if (CHROME_PATH !== undefined && CHROME_PATH !== '') return CHROME_PATH
	const found = PATH.split(':').flatMap((dir) => NAMES.map((name) => join(dir, name)))
	return [...found, MAC].find((path) => existsSync(path)) ?? null
}

/** A page that is watched: what it asked for elsewhere, and what went wrong on it. */
export interface Watched {
	page: Page
	/** Requests to any other origin than the one that is tested. */
	elsewhere: string[]
	/** Errors that the page logged or threw, refused resources among them. */
	errors: string[]
}

/** How a page is looked at. */
export interface Look {
	width: number
	dark: boolean
	/** Switched on, if left out. */
	javaScript?: boolean
}

/** Every way in which pages are looked at. */
export const LOOKS: readonly Look[] = [1280, 390].flatMap((width) => [false, true].map((dark) => ({ width, dark })))

/** Opens an empty page for one look. It closes with the context. */
export async function openPage(
	browser: Browser,
	origin: string,
	{ width, dark, javaScript = true }: Look,
): Promise<Watched & { context: BrowserContext }> {
	const context = await browser.newContext({
		viewport: { width, height: width < 600 ? 844 : 800 },
		colorScheme: dark ? 'dark' : 'light',
		reducedMotion: 'reduce',
		locale: 'en-US',
		javaScriptEnabled: javaScript,
	})
	const page = await context.newPage()
	const elsewhere: string[] = []
	const errors: string[] = []
	page.on('request', (request) => {
		const { protocol, origin: asked } = new URL(request.url())
		if (asked !== origin && protocol !== 'data:' && protocol !== 'blob:') elsewhere.push(request.url())
	})
	page.on('console', (message) => {
		if (message.type() === 'error') errors.push(message.text())
	})
	page.on('pageerror', (error) => errors.push(error.message))
	return { page, context, elsewhere, errors }
}
