/** The users' guide: what is generated in it is up to date, links lead somewhere, and Markdown becomes the HTML that it should. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { woocommerce } from '../../src/elements/woocommerce/woocommerce.ts'
import { listConfigurationKeys } from '../../src/instances/configuration-keys.ts'
import { toAnchor, renderMarkdown } from '../../scripts/guide-markdown.ts'
import { INSTANCE_STATES } from '../../src/rpc/watcher.ts'
import { fillGenerated } from '../guide/blocks.ts'
import { curlsOf, filled, requestsOf } from '../guide/curls.ts'

const DIR = 'docs/guide'
const PAGES = readdirSync(DIR).filter((name) => name.endsWith('.md'))
const read = (name: string): string => readFileSync(join(DIR, name), 'utf8')

describe('pages', () => {
	test.each(PAGES)('%s has up-to-date generated parts', async (name) => {
		await expect(fillGenerated(read(name))).toMatchFileSnapshot(join('../..', DIR, name))
	})

	test.each(PAGES)('%s: every link leads somewhere', (name) => {
		for (const [, target] of read(name).matchAll(/(?<!!\[[^\]]*)\]\(([^)]+)\)/g)) {
			if (target === '/docs') continue
			const [, file = name, anchor] = /^([a-z-]+\.md)?(?:#(.+))?$/.exec(target!) ?? [null, target]
			expect(PAGES, `${name} → ${target}`).toContain(file)
			if (anchor === undefined) continue
			const anchors = [...read(file).matchAll(/^#{2,} (.+)$/gm)].map(([, text]) => toAnchor(text!))
			expect(anchors, `${name} → ${target}`).toContain(anchor)
		}
	})

	test.each(PAGES)('%s: nothing leads to another host', (name) => {
		expect(renderMarkdown(read(name)).html).not.toMatch(/href="(https?:)?\/\//)
	})

	test('every state of health is explained', () => {
		for (const state of INSTANCE_STATES) expect(read('missing-event.md')).toContain(`| \`${state}\` |`)
	})

	test('every configuration key is in one of the tables', () => {
		for (const { key } of listConfigurationKeys(woocommerce))
			expect(read('woocommerce-events.md'), key).toContain(`<br>\`${key}\` |`)
	})
})

describe('Markdown', () => {
	test('headings get anchors, the first one is the title', () => {
		const { html, title, headings } = renderMarkdown(
			"# A *title* & more\n\n## When it's `done`\n\n### Deep\n\n## When it's `done`\n",
		)
		expect(title).toBe('A title & more')
		expect(headings).toEqual([
			{ id: 'when-its-done', text: "When it's done" },
			{ id: 'when-its-done-1', text: "When it's done" },
		])
		expect(html).toContain('<h1>A <em>title</em> &amp; more</h1>')
		expect(html).toContain('<h2 id="when-its-done">')
		expect(html).toContain('href="#when-its-done-1"')
	})

	test('code is shown as it stands, tables scroll, links are turned', () => {
		const { html } = renderMarkdown(
			'```sh\ncurl <A> && b\n```\n\n| a | b |\n|---|---|\n| `x|y` | [c](page.md#d) |\n',
			(target) => `/guide/${target}`,
		)
		expect(html).toContain('<code class="language-sh">curl &#60;A&#62; &#38;&#38; b\n</code>')
		expect(html).toContain('<div class="scroll" tabindex="0"')
		expect(html).toContain('<th scope="col">a</th>')
		expect(renderMarkdown('[c](page.md#d)', (target) => `/guide/${target}`).html).toContain(
			'<a href="/guide/page.md#d">c</a>',
		)
	})

	test('a picture of the page has its size; any other is its text', () => {
		const picture = (target: string) =>
			target === '../pictures/a.png' ? { src: '/assets/a.1.png', width: 1280, height: 760 } : null
		const { html } = renderMarkdown(
			'![A "page"](../pictures/a.png)\n\n![B](https://other.example/b.png)',
			undefined,
			picture,
		)
		expect(html).toContain(
			'<img src="/assets/a.1.png" alt="A &#34;page&#34;" width="1280" height="760" loading="lazy">',
		)
		expect(html).not.toContain('other.example')
	})

	test('every picture of the guide exists', () => {
		for (const name of readdirSync(DIR)) {
			const targets = [...readFileSync(join(DIR, name), 'utf8').matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map(
				([, target]) => target!,
			)
			for (const target of targets) expect([name, target, existsSync(join(DIR, target))]).toEqual([name, target, true])
		}
	})

	test('HTML is shown as text, comments are not shown, and a link runs nothing', () => {
		const { html } = renderMarkdown(
			'<!-- generated: x -->\n\na <b onclick="x">b</b><br>c\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))\n',
		)
		expect(html).not.toContain('generated')
		expect(html).not.toMatch(/<(script|b)[ >]/)
		expect(html).toContain('<br>')
		expect(html).not.toContain('href="javascript:')
	})
})

describe('commands', () => {
	test('are found in blocks, in lists and within lines, with the status that they promise', () => {
		const page = [
			'# A page',
			'',
			'1. First:',
			'',
			'   ```sh',
			"   curl 'https://<HOST>/a?b=c' \\",
			"     -H 'A: b'",
			'   ```',
			'',
			'Then `curl https://<HOST>/within` and `curl`.',
			'',
			'<!-- curl: 202 -->',
			'```sh',
			'curl -X PUT https://<HOST>/d',
			'```',
			'',
			'```json',
			'{"curl": 1}',
			'```',
		].join('\n')
		expect(curlsOf(page)).toEqual([
			{ line: 5, text: "curl 'https://<HOST>/a?b=c' \\\n  -H 'A: b'\n", status: null },
			{ line: 10, text: 'curl https://<HOST>/within', status: null },
			{ line: 12, text: 'curl -X PUT https://<HOST>/d\n', status: 202 },
		])
	})

	test('are filled in once, and unknown names are errors', () => {
		expect(filled('<A> <<B>> x', { '<A>': '<B>', '<B>': '2', x: 'y' })).toBe('<B> <2> y')
		expect(() => filled('curl <NOT_KNOWN>', { '<A>': '1' })).toThrow('<NOT_KNOWN>')
	})

	test('are what curl would send', async () => {
		const [first, second] = await requestsOf(
			`curl -X PATCH http://h/a -H 'X-A: b: c' -d '{"it'\\''s": 1}'\ncurl -s -G http://h/b --data-urlencode "where=a='b' and c"`,
		)
		expect([first!.method, first!.url, first!.headers.get('x-a'), first!.body]).toEqual([
			'PATCH',
			'http://h/a',
			'b: c',
			'{"it\'s": 1}',
		])
		expect([second!.method, second!.url]).toEqual(['GET', 'http://h/b?where=a%3D%27b%27+and+c'])
		await expect(requestsOf('curl --unheard-of http://h')).rejects.toThrow('--unheard-of')
	})
})
