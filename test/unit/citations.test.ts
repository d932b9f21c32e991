/** What comments and documents refer to exists: files, sections, facts, headings. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { toAnchor } from '../../scripts/guide-markdown.ts'

const ROOT = join(import.meta.dirname, '..', '..')

function listFiles(dir: string, extension: RegExp): string[] {
	return readdirSync(join(ROOT, dir), { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile() && extension.test(entry.name))
		.map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
}

const SOURCES = ['src', 'test', 'scripts']
	.flatMap((dir) => listFiles(dir, /\.(?:[jt]sx?|mjs)$/))
	.filter((file) => !file.startsWith('test/fixtures/') && file !== 'test/unit/citations.test.ts')
const DOCUMENTS = ['README.md', ...listFiles('docs', /\.md$/)]

function read(file: string): string {
	return readFileSync(join(ROOT, file), 'utf8')
}

/** A source with every comment on one line, so that no citation is broken. */
function readUnwrapped(file: string): string {
	return read(file).replaceAll(/\n\s*(?:\*(?!\/)|\/\/)\s*/g, ' ')
}

function listHeadings(document: string): string[] {
	return [...read(document).matchAll(/^#+ (.+)$/gm)].map(([, text]) => text!)
}

/** The numbers that a document gives to its sections and lines: `§3`, `3.2`. */
function listNumbers(document: string): Set<string> {
	const text = read(document)
	const sections = [...text.matchAll(/^## (\d+)\. /gm)].map(([, number]) => number!)
	const lines = [...text.matchAll(/^- (?:\*\*)?(\d+\.\d+)(?:\*\*)? /gm)].map(([, number]) => number!)
	return new Set([...sections, ...lines])
}

const NUMBERED: Readonly<Record<string, Set<string>>> = {
	'docs/contract.md': listNumbers('docs/contract.md'),
	'docs/woocommerce.md': listNumbers('docs/woocommerce.md'),
}

/** What is wrong with the citations of a text. */
function findBroken(text: string): string[] {
	const broken: string[] = []
	for (const [whole, document, numbers, heading] of text.matchAll(
		/(docs\/[\w/-]+\.md)((?:,? (?:and |to )?§?\d+(?:\.\d+)?(?=[\s,;:.)]))+)?(?:, ([A-Z][^;)]*)[;)])?/g,
	)) {
		if (!existsSync(join(ROOT, document!))) broken.push(`${whole}: no such file`)
		else {
			for (const [number] of numbers?.matchAll(/\d+(?:\.\d+)?/g) ?? [])
				if (NUMBERED[document!]?.has(number) !== true) broken.push(`${whole}: ${document} has no ${number}`)
			if (heading !== undefined && !listHeadings(document!).includes(heading))
				broken.push(`${whole}: ${document} has no heading "${heading}"`)
		}
	}
	for (const [whole] of text.matchAll(/\((?:the )?(?:design|contract|facts|WooCommerce facts)(?:,| [\d§])[^)]*\)/g))
		broken.push(`${whole}: names no document`)
	return broken
}

test('a citation that leads nowhere is found', () => {
	const missing = ['docs/nowhere.md', 'docs/contract.md §1, §99', 'docs/woocommerce.md 3.2 and 3.99']
	expect(missing.flatMap((text) => findBroken(`(${text})`))).toEqual([
		'docs/nowhere.md: no such file',
		'docs/contract.md §1, §99: docs/contract.md has no 99',
		'docs/woocommerce.md 3.2 and 3.99: docs/woocommerce.md has no 3.99',
	])
	expect(findBroken('(docs/architecture.md, No such heading)')).toHaveLength(1)
	expect(findBroken('(design, section 4)')).toHaveLength(1)
	expect(findBroken('(docs/contract.md §4, §11) and docs/woocommerce.md §3, last column')).toEqual([])
})

test('every citation in src, test and scripts leads somewhere', () => {
	const broken = SOURCES.flatMap((file) => findBroken(readUnwrapped(file)).map((what) => `${file}: ${what}`))
	expect(broken).toEqual([])
})

test.each(DOCUMENTS)('%s: every relative link leads somewhere', (document) => {
	const broken: string[] = []
	for (const [, target] of read(document)
		.replaceAll(/```[^]*?```/g, '')
		.matchAll(/\]\(([^)\s]+)\)/g)) {
		if (/^[a-z]+:|^\//.test(target!)) continue
		const [path, anchor] = target!.split('#')
		const file = path === '' ? document : join(dirname(document), path!)
		if (!existsSync(join(ROOT, file))) broken.push(target!)
		else if (anchor !== undefined && !listHeadings(file).map(toAnchor).includes(anchor)) broken.push(target!)
	}
	expect(broken).toEqual([])
})
