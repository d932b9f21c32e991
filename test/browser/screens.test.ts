/** Every page in its states (page-table.ts), each in one look: nothing is cut off, overflows, is out of reach of assistive technology or goes wrong. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LOOKS, openBrowser } from './browser.ts'
import { PAGE_STATES } from './page-table.ts'
import { startScene, type Scene } from './scene.ts'
import { visit } from './visit.ts'

let scene: Scene
let browser: Browser

beforeAll(async () => {
	;[scene, browser] = await Promise.all([startScene(), openBrowser()])
})
afterAll(async () => {
	await browser?.close()
	await scene?.close()
})

// In order: the scene only grows.
test.each(PAGE_STATES.map((state, index) => ({ ...state, look: LOOKS[index % LOOKS.length]! })))(
	'$name',
	{ timeout: 240_000 },
	async ({ look, ...state }) => {
		expect(await visit(browser, scene, state, look)).toEqual([])
	},
)
