/** What the Worker consists of when it is built for Cloudflare. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildWorker } from '../support/miniflare.ts'

/** Compressed size, KiB. It was 547 before it was minified, and 399 before it held each answer of a store against its question. */
const MAX_KIB = 456

/** The same without src/ui, KiB. It was 326 then. */
const MAX_KIB_WITHOUT_PAGES = 382
/** What src/app.ts imports of src/ui. */
const PAGES = ['routes.ts', 'connect.tsx', 'http/errors.tsx', 'http/session.ts']

/** The packages of which the Worker contains something. */
const PACKAGES = [
	'@asteasolutions/zod-to-openapi',
	'@date-fns/tz',
	'@hono/zod-openapi',
	'@hono/zod-validator',
	'date-fns',
	'hono',
	'ipaddr.js',
	'jsonc-parser',
	'lucide',
	'zod',
]

let dir: string
/** The files that the Worker is made of, from the project's folder. */
let sources: string[]

beforeAll(async () => {
	dir = mkdtempSync(join(tmpdir(), 'shopbell-bundle-'))
	const build = join(dir, 'build')
	await buildWorker('src/index.ts', build)
	const map = JSON.parse(readFileSync(join(build, 'index.js.map'), 'utf8')) as { sources: string[] }
	sources = map.sources.map((path) => path.replace(/^(?:\.\.\/)+/, '').replace(/^.*?(?=node_modules\/)/, ''))
}, 120_000)
afterAll(() => rmSync(dir, { recursive: true, force: true }))

test('the Worker is small', () => {
	const bytes = gzipSync(readFileSync(join(dir, 'build', 'index.js'))).length
	expect(bytes / 1024).toBeLessThan(MAX_KIB)
})

test('without pages it is smaller', async () => {
	const build = join(dir, 'without-pages')
	const aliases = PAGES.map((file) => `./ui/${file}:./test/support/no-pages.ts`)
	await buildWorker('src/index.ts', build, aliases)
	const map = JSON.parse(readFileSync(join(build, 'index.js.map'), 'utf8')) as { sources: string[] }
	expect(map.sources.filter((path) => path.includes('src/ui/'))).toEqual([])
	expect(gzipSync(readFileSync(join(build, 'index.js'))).length / 1024).toBeLessThan(MAX_KIB_WITHOUT_PAGES)
}, 120_000)

test('it contains of packages what it needs: no locale but English, no reference, no renderer, no polyfill', () => {
	const packages = sources.flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [])
	expect([...new Set(packages)].toSorted()).toEqual(PACKAGES)
	expect(sources.filter((path) => /\/locales?\/(?!en\b|en-US\b|_lib\/)/.test(path))).toEqual([])
	expect(sources.filter((path) => /zod\/v4\/(?:mini|core\/compile|classic\/from-json-schema)/.test(path))).toEqual([])
})

test('it contains no tests, scripts, documents or browser code', () => {
	const own = sources.filter((path) => !path.startsWith('node_modules/'))
	expect(own.length).toBeGreaterThan(300)
	expect(
		own.filter((path) => /(?:^|\/)(?:test|scripts|docs)\/|ui\/(?:browser|assets)\/|\.(?:md|css|test\.ts)$/.test(path)),
	).toEqual([])
})
