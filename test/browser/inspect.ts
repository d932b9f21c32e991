/** What is wrong with a page as it stands: nothing may be cut off, wider than the window, or out of reach of assistive technology. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Runs in the page. Elements whose text is cut off without an ellipsis or a way to scroll, and what is wider than the window. */
const FIND_LAYOUT_FAULTS = `(() => {
	const faults = []
	const name = (element) => element.tagName.toLowerCase() + (element.id ? '#' + element.id : '') +
		(typeof element.className === 'string' && element.className !== '' ? '.' + element.className.trim().replaceAll(/\\s+/g, '.') : '') +
		' "' + element.textContent.trim().replaceAll(/\\s+/g, ' ').slice(0, 40) + '"'
	if (document.documentElement.scrollWidth > innerWidth) {
		const wide = [...document.body.querySelectorAll('*')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
		faults.push('wider than the window by ' + (document.documentElement.scrollWidth - innerWidth) + ' px: ' + wide.slice(-1).map(name))
	}
	for (const element of document.body.querySelectorAll('*')) {
		if (!element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) continue
		const style = getComputedStyle(element)
		// Text for screen readers alone is clipped by intent.
		if (style.clipPath !== 'none' || element.closest('svg, .spoken, .reference') !== null) continue
		// Fields and code scroll.
		if (element.matches('input, textarea, select')) continue
		const isCut = (over, axis) => over > 1 && ['hidden', 'clip'].includes(style['overflow' + axis])
		if (isCut(element.scrollWidth - element.clientWidth, 'X') && style.textOverflow !== 'ellipsis' && style.webkitLineClamp === 'none')
			faults.push('cut off at the side: ' + name(element))
		if (isCut(element.scrollHeight - element.clientHeight, 'Y') && style.webkitLineClamp === 'none' && element.clientHeight > 0)
			faults.push('cut off below: ' + name(element))
		// Text that runs out of a box that does not grow, over what stands beside it.
		const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '')
		if (hasText && style.display !== 'inline' && style.overflowX === 'visible' && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0)
			faults.push('text runs out of its box: ' + name(element))
	}
	return faults
})()`

/** Runs in the page, after axe. */
const RUN_AXE = `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.flatMap((rule) =>
	rule.nodes.map((node) => rule.id + ' (' + rule.impact + '): ' + node.target.join(' ') + ' ' + node.html.slice(0, 120))))`

/** What is cut off or overflows, one line each. */
export async function findLayoutFaults(page: Page): Promise<string[]> {
	return await page.evaluate(FIND_LAYOUT_FAULTS)
}

/** Findings of axe of any impact, one line each, but for the rules that `without` names. */
export async function findAccessibilityFaults(page: Page, without: RegExp | undefined): Promise<string[]> {
	// Past the page's policy, which lets in no script of a test.
	await page.evaluate(AXE)
	const findings: string[] = await page.evaluate(RUN_AXE)
	return findings.filter((finding) => without?.test(finding) !== true)
}

/** The dialogs of the page, by id. */
export async function listDialogs(page: Page): Promise<string[]> {
	return await page.evaluate(`[...document.querySelectorAll('dialog[id]')].map((dialog) => dialog.id)`)
}

/** Opens or closes a dialog as a user's click does. */
export async function toggleDialog(page: Page, id: string, open: boolean): Promise<void> {
	await page.evaluate(`document.getElementById(${JSON.stringify(id)}).${open ? 'showModal' : 'close'}()`)
}
