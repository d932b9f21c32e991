/** What of a record never counts: paths, the closed list of housekeeping meta, and what a resource's `ignore` may name. */
import { readFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import { isPathIn, omitPaths } from '../../../src/elements/paths.ts'
import { findIgnoreProblem, HOUSEKEEPING_PATHS, toIgnoredPaths } from '../../../src/elements/woocommerce/ignore.ts'
import { parseRecord } from '../../../src/elements/woocommerce/parse-record.ts'
import { resource } from './support.ts'

const record = {
	id: 1,
	total_sales: 4,
	billing: { city: 'Denver', phone: '1' },
	images: [
		{ id: 1, src: 'a?sig=1', alt: 'x' },
		{ id: 2, src: 'b' },
	],
	meta_data: [
		{ id: 5, key: '_views', value: '9' },
		{ id: 6, key: 'a.b', value: '1' },
		{ id: 7, key: 'note', value: 'x' },
	],
	line_items: [{ id: 1, meta_data: [{ id: 8, key: '_views', value: '2' }] }],
}

/** The content of a record under some paths, by field. */
function content(one: Record<string, unknown>, paths: string[] = [], version = 2): Record<string, string> {
	const snapshot = parseRecord(resource('/products'), one, { version, paths })
	return Object.fromEntries(snapshot!.fields.map(({ name, value }) => [name, value]))
}

describe('paths leave out', () => {
	it.each([
		['total_sales', { total_sales: undefined }],
		['billing.*', { billing: {} }],
		['billing', { billing: undefined }],
		['billing.phone', { billing: { city: 'Denver' } }],
		['bill*.ci*', { billing: { phone: '1' } }],
		['images.*.src', { images: [{ id: 1, alt: 'x' }, { id: 2 }] }],
		['images.0', { images: [record.images[1]] }],
		['images.*', { images: [] }],
		['meta_data._views', { meta_data: [record.meta_data[1], record.meta_data[2]] }],
		['meta_data.a.b', { meta_data: [record.meta_data[0], record.meta_data[2]] }],
		['meta_data._*', { meta_data: [record.meta_data[1], record.meta_data[2]] }],
		['meta_data.*', { meta_data: [] }],
		['line_items.*.meta_data._views', { line_items: [{ id: 1, meta_data: [] }] }],
		['nothing.here', {}],
		['total_sales.x', {}],
		['constructor.name', {}],
	])('%s', (path, difference) => {
		const expected = Object.entries({ ...record, ...difference }).filter(([, value]) => value !== undefined)
		expect(omitPaths(record, [path])).toEqual(Object.fromEntries(expected))
	})
	it('nothing of the record itself, and of no other path', () => {
		const before = JSON.stringify(record)
		omitPaths(record, ['billing.*', 'meta_data._views'])
		expect(JSON.stringify(record)).toBe(before)
		const entries = [
			{ key: '_woocommerce_persistent_cart_1', value: 'a' },
			{ key: '_woocommerce_persistent_cart_2', value: 'b' },
		]
		const paths = toIgnoredPaths(['!meta_data._woocommerce_persistent_cart_2'])
		expect(omitPaths({ meta_data: entries }, paths)).toEqual({ meta_data: [entries[1]] })
	})
	it('and lie in fields of the content', () => {
		expect(isPathIn('images.*.src', 'images')).toBe(true)
		expect(isPathIn('billing.*', 'billing.city')).toBe(true)
		expect(isPathIn('billing.phone', 'billing.city')).toBe(false)
		expect(isPathIn('price', 'price')).toBe(true)
		expect(isPathIn('price', 'prices')).toBe(false)
	})
})

describe('content', () => {
	it('does not count ids and order of meta entries', () => {
		const [a, b, c] = record.meta_data
		const other = { ...record, meta_data: [{ ...c, id: 99 }, { ...a, id: 100 }, b] }
		expect(content(other)).toEqual(content(record))
		const changed = { ...record, meta_data: [a, b, { ...c, value: 'y' }] }
		expect(content(changed)).not.toEqual(content(record))
		expect(content({ ...record, meta_data: [a, a, b, c] })).not.toEqual(content(record))
	})
	it('of version 1 is read as that version did', () => {
		expect(content(record, [], 1)['meta_data']).toBe(
			'[{"id":5,"key":"_views","value":"9"},{"id":6,"key":"a.b","value":"1"},{"id":7,"key":"note","value":"x"}]',
		)
	})
	it('has no fields of an ignored object', () => {
		expect(Object.keys(content(record, ['billing.*']))).not.toContain('billing.city')
	})
})

describe('ignore of a resource', () => {
	test('4.15 housekeeping meta is ignored unless it is taken back', () => {
		expect(resource('/orders').ignore).toEqual([...HOUSEKEEPING_PATHS].sort())
		const own = ['!meta_data.wc_last_active', 'total_sales', 'billing.*']
		expect(resource('/orders', { ignore: own }).ignore).toEqual(
			['billing.*', 'total_sales', ...HOUSEKEEPING_PATHS.filter((path) => !path.endsWith('last_active'))].sort(),
		)
	})
	it.each([
		undefined,
		null,
		'',
		[],
		['total_sales', 'billing.*', 'images.*.src', 'meta_data._views', 'meta_data.My key', 'meta_data.a..b', 'a*'],
		HOUSEKEEPING_PATHS.map((path) => `!${path}`),
		['!meta_data._woocommerce_persistent_cart_1'],
	])('takes %j', (ignore) => {
		expect(findIgnoreProblem(ignore)).toBeNull()
	})
	it.each([
		['total_sales', ''],
		[{ path: 'x' }, ''],
		[7, ''],
		[['price', 7], '.1'],
		[['price', null], '.1'],
		[[''], '.0'],
		[['a..b'], '.0'],
		[['.a'], '.0'],
		[['a.'], '.0'],
		[['*'], '.0'],
		[['*.id'], '.0'],
		[['!'], '.0'],
		[['!price'], '.0'],
		[['!meta_data.*'], '.0'],
		[[' price'], '.0'],
		[['a\u0000b'], '.0'],
		[['a\ud800'], '.0'],
	])('refuses %j and names the place', (ignore, field) => {
		const problem = findIgnoreProblem(ignore)
		expect(problem).toMatchObject({ field })
		expect(problem!.message).toMatch(/^expected /)
		expect(() => toIgnoredPaths(ignore)).not.toThrow()
	})
	it('the guide names the closed list', () => {
		const guide = readFileSync('docs/guide/woocommerce-events.md', 'utf8')
		const section = guide.slice(guide.indexOf('### What never counts'))
		for (const path of HOUSEKEEPING_PATHS) expect(section).toContain(`\`${path.slice('meta_data.'.length)}\``)
	})
})
