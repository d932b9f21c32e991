/** Visits a page in a state and judges it. */
import type { Browser, Page, Response } from 'playwright-core'
import { ASSETS } from '#assets'
import { openPage, type Look } from './browser.ts'
import { findAccessibilityFaults, findLayoutFaults, listDialogs, toggleDialog } from './inspect.ts'
import { REFERENCE_PATH, type PageState } from './page-table.ts'
import type { Scene } from './scene.ts'

/** How a state is looked at first. */
const FIRST_LOOK: Look = { width: 1280, dark: false }

/** Assets that only the reference loads. */
const REFERENCE_ASSETS = [ASSETS['scalar.js'], ASSETS['reference.js'], ASSETS['reference.css']]

/** The looks of a state: the usual one of a page in all of them, others once. */
export function getLooks({ normal = false }: PageState, all: readonly Look[]): readonly Look[] {
	return normal ? all : [FIRST_LOOK]
}

/** Opens a state and returns what is wrong with it, one line each; `picture` takes its picture, and one of each dialog that it can open. */
export async function visit(
	browser: Browser,
	scene: Scene,
	state: PageState,
	look: Look,
	picture: (page: Page, suffix: string) => Promise<void> = async () => undefined,
): Promise<string[]> {
	await scene.growTo(state.phase)
	const { page, context, elsewhere, errors } = await openPage(browser, scene.url, look)
	const faults: string[] = []
	const asked: string[] = []
	try {
		if (state.as !== 'nobody' && state.phase !== 'fresh') {
			await page.goto(await scene.signInUrl(state.as ?? 'owner'))
			await page.goto('about:blank')
		}
		page.on('request', (request) => asked.push(new URL(request.url()).pathname))
		const path = typeof state.path === 'string' ? state.path : await state.path(scene)
		const response = await page.goto(`${scene.url}${path}`)
		const status = response?.status() ?? 0
		const firstStatus = state.act === undefined ? (state.status ?? 200) : 200
		if (status !== firstStatus) faults.push(`answers ${status}`)
		if (state.act !== undefined) await act(page, scene, state.act, state.status)
		if (state.until !== undefined) await page.locator(state.until).first().waitFor()
		await settle(page)
		await picture(page, '')
		faults.push(...(await findLayoutFaults(page)))
		if (state.foreign !== true) {
			faults.push(...(await findAccessibilityFaults(page, state.without)))
			for (const id of await listDialogs(page)) faults.push(...(await judgeDialog(page, id, state.without, picture)))
		}
		faults.push(...elsewhere.map((url) => `asks ${url}`))
		// A page that says no is loaded by a request that fails.
		const isExpected = (text: string): boolean =>
			(state.status ?? 200) !== 200 && text.includes('Failed to load resource')
		faults.push(...errors.filter((text) => !isExpected(text)).map((text) => `logs ${text}`))
		const foreign = path.startsWith(REFERENCE_PATH) ? [] : asked.filter((one) => REFERENCE_ASSETS.includes(one))
		faults.push(...foreign.map((one) => `loads ${one}`))
	} finally {
		await context.close()
	}
	return faults
}

/** Leads to a state. `status`: waits until the page or a part of it is answered so. */
async function act(
	page: Page,
	scene: Scene,
	lead: NonNullable<PageState['act']>,
	status: number | undefined,
): Promise<void> {
	const isAnswer = (response: Response): boolean =>
		response.status() === status && ['document', 'fetch', 'xhr'].includes(response.request().resourceType())
	await Promise.all([status === undefined ? null : page.waitForResponse(isAnswer), lead(page, scene)])
}

/** Waits until fonts, elements and what is loaded later are there. Streams stay open, so the network is never idle. */
async function settle(page: Page): Promise<void> {
	await page.waitForLoadState('load')
	await page.evaluate('document.fonts.ready')
	await page.locator('.htmx-request').first().waitFor({ state: 'detached' })
	await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))')
}

async function judgeDialog(
	page: Page,
	id: string,
	without: RegExp | undefined,
	picture: (page: Page, suffix: string) => Promise<void>,
): Promise<string[]> {
	await toggleDialog(page, id, true)
	await picture(page, `-${id}`)
	const faults = [...(await findLayoutFaults(page)), ...(await findAccessibilityFaults(page, without))]
	await toggleDialog(page, id, false)
	return faults.map((fault) => `dialog ${id}: ${fault}`)
}
