/** Every part stands on /kit, and nothing in its HTML breaks the policy of pages. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { jsx } from 'hono/jsx'
import { describe, expect, test } from 'vitest'
import { Frame, NarrowFrame } from '../../../src/ui/frame.tsx'
import { Kit, KIT_VIEWER } from '../../../src/ui/kit/kit.tsx'
import { ICON_NAMES } from '../../../src/ui/parts/icon.tsx'
import { findForbidden, findWrongIds, listTags } from '../../support/html.ts'

const PARTS = 'src/ui/parts'
const KIT = 'src/ui/kit'

const html = String(jsx(Frame, { title: 'Kit', place: null, viewer: KIT_VIEWER, attention: 2, now: 0 }, jsx(Kit, {})))

function readAll(dir: string): string {
	return readdirSync(dir)
		.filter((name) => name.endsWith('.tsx'))
		.map((name) => readFileSync(join(dir, name), 'utf8'))
		.join('\n')
}

describe('/kit', () => {
	test('shows every part', () => {
		const names = [...readAll(PARTS).matchAll(/^export (?:function|const) ([A-Z][a-z]\w*)/gm)].map(([, name]) => name!)
		const kit = readAll(KIT)
		expect(names.length).toBeGreaterThan(30)
		expect(names.filter((name) => !new RegExp(`<${name}[\\s>]`).test(kit))).toEqual([])
	})

	test('has no icon that no page or part uses', () => {
		const source = ['src/ui/parts', 'src/ui/pages', 'src/ui/kit', 'src/ui']
			.flatMap((dir) => readdirSync(dir, { recursive: dir !== 'src/ui', withFileTypes: true }))
			.filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && entry.name !== 'icon.tsx')
			.map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
			.join('\n')
		expect(ICON_NAMES.filter((name) => !source.includes(`'${name}'`))).toEqual([])
	})

	test('has no inline script or style, and no attribute of htmx beyond the five patterns', () => {
		expect(findForbidden(html)).toEqual([])
		expect(findForbidden(String(jsx(NarrowFrame, { title: 'Sign in' })))).toEqual([])
	})

	test('has each id once, and what refers to an id finds it', () => {
		expect(findWrongIds(html)).toEqual([])
	})

	test('has a name for every button, link and field, and a token in every form that changes something', () => {
		const tags = listTags(html)
		for (const { name, attributes } of tags.filter((tag) => tag.name === 'svg'))
			expect(attributes['aria-hidden'] === 'true' || attributes['aria-label'] !== undefined, name).toBe(true)
		const forms = [...html.matchAll(/<form\b[^>]*method="post"[^>]*>(.*?)<\/form>/gs)]
		expect(forms.length).toBeGreaterThan(3)
		for (const [form, content] of forms) expect(content, form.slice(0, 80)).toContain('name="csrf"')
	})

	test('never shows the value of a secret', () => {
		const secrets = listTags(html).filter(({ attributes }) => attributes['type'] === 'password')
		expect(secrets.length).toBeGreaterThan(0)
		for (const { attributes } of secrets) expect(attributes['value']).toBeUndefined()
	})
})

describe('the check of HTML', () => {
	test.each([
		['<p style="color:red">', '<p style="color:red">'],
		["<p style='x'>", '<p style="x">'],
		['<a onclick="x()">', '<a onclick="x()">'],
		['<a hx-on:click="x()">', '<a hx-on:click="x()">'],
		['<a data-hx-get="/x">', '<a data-hx-get="/x">'],
		['<a hx-vals="js:{}">', '<a hx-vals="js:{}">'],
		['<a hx-get="js:x">', '<a hx-get="js:x">'],
		['<a href="javascript:x">', '<a href="javascript:x">'],
		['<a hx-confirm=Sure>', '<a hx-confirm="Sure">'],
		['<script>x</script>', '<script> in the page'],
		['<style>x</style>', '<style> in the page'],
	])('refuses %s', (text, found) => {
		expect(findForbidden(`<div>${text}</div>`)).toEqual([found])
	})

	test('takes what the five patterns need', () => {
		expect(findForbidden('<div hx-get="/x" hx-trigger="every 2s" hx-sse:connect="/live" hx-swap-oob="true">')).toEqual(
			[],
		)
		expect(findForbidden('<script src="/assets/x.js" defer=""></script>')).toEqual([])
	})
})
