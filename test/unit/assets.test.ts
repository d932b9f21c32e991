/** What browsers load, as scripts/assets.js lays it out. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { ASSETS, GUIDE } from '#assets'
import { expect, test } from 'vitest'

const PUBLIC = join('.shopbell', 'public')

test('names contain the hash of their content, and nothing is served but what has a use', () => {
	const served = readdirSync(join(PUBLIC, 'assets')).map((name) => `/assets/${name}`)
	for (const path of served) {
		const hash = createHash('sha256')
			.update(readFileSync(join(PUBLIC, path)))
			.digest('hex')
		expect(path).toContain(`.${hash.slice(0, 10)}.`)
	}
	const named = [...Object.values(ASSETS), ...GUIDE.map(({ file }) => file)]
	const pages = GUIDE.map(({ file }) => readFileSync(join(PUBLIC, file), 'utf8')).join()
	const pictures = [...pages.matchAll(/src="(\/assets\/[^"]+)"/g)].map(([, path]) => path!)
	expect(served.toSorted()).toEqual([...new Set([...named, ...pictures])].toSorted())
	expect(readdirSync(PUBLIC).toSorted()).toEqual(['_headers', 'assets'])
})

test('the module of all pages is small', () => {
	const module = readFileSync(join(PUBLIC, ASSETS['shopbell.js']))
	expect(gzipSync(module, { level: 9 }).length).toBeLessThan(10_000)
})

test('every asset has a type', () => {
	const declared = [...readFileSync('src/ui/assets.d.ts', 'utf8').matchAll(/'([\w.-]+\.\w+)'/g)].map(([, name]) => name)
	expect(declared).toEqual(Object.keys(ASSETS))
})
