/** The checks of pages find what they are for, and nothing else. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from './browser.ts'
import { findAccessibilityFaults, findLayoutFaults } from './inspect.ts'

let browser: Browser
let page: Page

beforeAll(async () => {
	browser = await openBrowser()
	page = await browser.newPage({ viewport: { width: 390, height: 600 } })
})
afterAll(async () => await browser?.close())

const show = async (body: string): Promise<void> =>
	await page.setContent(`<!doctype html><html lang="en"><title>Test</title><main><h1>Test</h1>${body}</main></html>`)

const LONG = 'averylongwordthatneverends'.repeat(5)

test.each([
	['wider than the window', '<div style="width: 500px">wide</div>'],
	['cut off at the side', `<div style="width: 100px; overflow: hidden">${LONG}</div>`],
	['cut off below', '<div style="height: 10px; overflow: hidden">two<br>lines</div>'],
	[
		'text runs out of its box',
		`<div style="width: 380px; contain: paint"><p style="width: 100px">${LONG.slice(0, 40)}</p></div>`,
	],
])('%s', async (fault, body) => {
	await show(body)
	expect((await findLayoutFaults(page)).join()).toContain(fault)
})

test.each([
	['an ellipsis', `<div style="width: 100px; overflow: hidden; text-overflow: ellipsis">${LONG}</div>`],
	['a box that scrolls', `<div style="width: 100px; overflow: auto">${LONG}</div>`],
	[
		'text for screen readers',
		`<span style="position: absolute; width: 1px; overflow: hidden; clip-path: inset(50%)">${LONG}</span>`,
	],
	['a hidden element', `<div hidden style="width: 500px">${LONG}</div>`],
	['a field', `<label>Name <input size="4" value="${LONG}"></label>`],
])('%s is no fault', async (_what, body) => {
	await show(body)
	expect(await findLayoutFaults(page)).toEqual([])
})

test('findings of axe of any impact count, but for rules that do not hold', async () => {
	await show('<img src="data:,"><p style="color: #aaa; background: #fff">pale</p>')
	const findings = await findAccessibilityFaults(page, undefined)
	expect(findings.join()).toContain('image-alt (critical)')
	expect(findings.join()).toContain('color-contrast (serious)')
	expect((await findAccessibilityFaults(page, /^image-alt/)).join()).not.toContain('image-alt')
})
