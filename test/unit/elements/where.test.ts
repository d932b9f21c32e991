import { describe, expect, it } from 'vitest'
import { getCollection } from '../../../src/elements/woocommerce/collections.ts'
import { toVendorPath } from '../../../src/elements/woocommerce/hub-paths.ts'
import { planList } from '../../../src/elements/woocommerce/lists.ts'
import { toCanonicalWhere, parseWhere } from '../../../src/elements/where.ts'
import { splitConditions } from '../../../src/elements/woocommerce/where.ts'
import { DENVER } from './support.ts'

/** The query that a hub's `where` becomes, with what is left in brackets. */
function query(path: string, where: string, zone = DENVER.timeZone): string {
	const result = planList(path, { where, orderBy: null }, { ...DENVER, timeZone: zone })
	if (!result.ok) return result.message
	const { orderby: _orderby, order: _order, ...filter } = result.plan.query
	return `${new URLSearchParams(filter).toString().replaceAll('%3A', ':').replaceAll('%2C', ',')}${result.plan.matches === null ? '' : ' + test'}`
}

function matches(path: string, where: string, record: Record<string, unknown>): boolean {
	const parsed = parseWhere(where)
	if (!parsed.ok) throw new Error(parsed.message)
	const divided = splitConditions(parsed.conditions, getCollection(path, DENVER), 'America/Denver')
	if (!divided.ok) throw new Error(divided.message)
	return divided.filter.matches(record)
}

describe('where', () => {
	it('3.2 created_date and after are the same, in the site’s time, sent as GMT', () => {
		const expected = 'after=2016-04-29T03:58:25&dates_are_gmt=true'
		expect(query('orders', "after = '2016-04-28T21:58:25'")).toBe(expected)
		expect(query('orders', "created_date > '2016-04-28T21:58:25'")).toBe(expected)
		expect(query('products', "date_created_gmt > '2016-04-29T03:58:25'")).toBe(expected)
		expect(query('orders', "after = '2016-04-29T03:58:25Z'")).toBe(expected)
		expect(query('orders', "after = '2016-04-29T09:28:25'", 'Asia/Kolkata')).toBe(expected)
	})

	it('3.1 inclusive bounds take a second more, since the store’s are strict', () => {
		expect(
			query('orders', "date_modified_gmt >= '2026-06-15T12:00:00' AND date_modified_gmt <= '2026-06-15T13:00:00'"),
		).toBe('modified_after=2026-06-15T11:59:59&dates_are_gmt=true&modified_before=2026-06-15T13:00:01')
	})

	it('reads 9 and 10 digits as epoch seconds, 13 and more as milliseconds', () => {
		for (const text of ['1767225600', '1767225600000', '2026-01-01T00:00:00Z'])
			expect(query('orders', `after = '${text}'`)).toBe('after=2026-01-01T00:00:00&dates_are_gmt=true')
		expect(query('orders', "after = '999999999'")).toContain('after=2001-09-09T01:46:39')
	})

	it('loosens no bound out of the years that a store can read', () => {
		expect(query('orders', "date_created_gmt <= '9999-12-31T23:59:59'")).toBe(
			'before=9999-12-31T23:59:59&dates_are_gmt=true',
		)
		expect(query('orders', "date_created_gmt >= '0100-01-01T00:00:00'")).toBe(
			'after=0100-01-01T00:00:00&dates_are_gmt=true',
		)
	})

	it.each([
		['orders', "status = 'processing'", 'status=processing'],
		['orders', "status IN ('processing','completed')", 'status=processing,completed'],
		['orders', "status = 'processing' AND customer_id = 6", 'status=processing&customer=6'],
		['orders', 'id IN (1, 2, 3)', 'include=1,2,3'],
		['orders', "id != '5'", 'exclude=5'],
		['products', "sku = 'A-1'", 'sku=A-1'],
		['discounts', "code = 'save4'", 'code=save4'],
		['customers', "email = 'a@b.example'", 'role=all&email=a%40b.example'],
		['customers', "role = 'subscriber'", 'role=subscriber'],
		['products-categories', "slug = 'books'", 'slug=books'],
		['products-tags', "slug = 'x'", 'slug=x'],
		['products/reviews', 'product_id = 5', 'status=all&product=5'],
		['discounts', "code = 'SAVE4'", 'code=SAVE4'],
		['orders', '', ''],
	])('%s: %s is the store’s to filter', (path, where, expected) => {
		expect(query(path, where)).toBe(expected)
	})

	it.each([
		['orders/12/refunds', 'amount >= 10', ' + test'],
		['orders', 'total > 100', ' + test'],
		['orders', "status != 'completed'", ' + test'],
		['orders', "billing.city LIKE 'Bould%'", ' + test'],
		['customers', "after = '2026-01-01T00:00:00'", 'role=all + test'],
		['products', "type IN ('simple','variable')", ' + test'],
		// WordPress ignores `exclude` beside `include`; a coupon's code and being on sale become one of the two.
		['orders', 'id != 5 AND id IN (5, 6)', 'exclude=5 + test'],
		['orders', 'id IN (5, 6) AND id != 5', 'include=5,6 + test'],
		['orders', 'id != 5 AND id != 6', 'exclude=5 + test'],
		['discounts', "code = 'save4' AND id = 5", 'code=save4 + test'],
		['discounts', "id != 5 AND code = 'save4'", 'exclude=5 + test'],
		['products', 'on_sale = true AND id IN (5, 6)', 'on_sale=true + test'],
		['products', 'id = 5 AND on_sale = false', 'include=5 + test'],
	])('%s: %s is filtered here', (path, where, expected) => {
		expect(query(path, where)).toBe(expected)
	})

	it.each([
		["status 'x'", /one of =, !=/],
		["status = 'a' OR status = 'b'", /AND/],
		['status = ', /a value/],
		["status IN 'a'", /parentheses/],
		["= 'a'", /a field name/],
		["after = 'yesterday'", /expected a date/],
		["after > '2026-01-01T00:00:00'", /after = /],
		["date_modified LIKE '2026%'", /expected a date/],
		["after = '2026-02-30T00:00:00'", /expected a date/],
		["after = '17672256000'", /expected a date/],
		["after = '176722560000'", /expected a date/],
		// In UTC it is the year 10000, which no store can read.
		["after = '9999-12-31T23:59:59'", /expected a date/],
		["after = '0050-01-01T00:00:00Z'", /expected a date/],
	])('says what is wrong with %s', (where, expected) => {
		expect(query('orders', where)).toMatch(expected)
	})

	it('compares numbers as numbers, text as text, lists by their elements', () => {
		const refund = {
			amount: '9.00',
			reason: "it's late",
			items: [{ id: 3, slug: 'x' }],
			nested: { deep: true },
			none: null,
		}
		expect(matches('orders/1/refunds', 'amount >= 10', refund)).toBe(false)
		expect(matches('orders/1/refunds', "amount >= '9'", refund)).toBe(true)
		expect(matches('orders/1/refunds', "amount = '9.00' AND nested.deep = true", refund)).toBe(true)
		expect(matches('orders/1/refunds', "reason = 'it''s late'", refund)).toBe(true)
		expect(matches('orders/1/refunds', "reason LIKE '%LATE'", refund)).toBe(true)
		expect(matches('orders/1/refunds', "reason LIKE 'late'", refund)).toBe(false)
		expect(matches('orders/1/refunds', "items IN ('3','4')", refund)).toBe(true)
		expect(matches('orders/1/refunds', "missing = 'x'", refund)).toBe(false)
		expect(matches('orders/1/refunds', 'none = null', refund)).toBe(true)
		expect(matches('orders/1/refunds', "none != 'x'", refund)).toBe(true)
	})

	it('takes text for text where it asks whether something is equal, as the store does', () => {
		const product = { id: 12, sku: '010', parent_id: 7, price: '9.50', on: '2026-01-31 12:00:00', images: [{ id: 3 }] }
		for (const [where, expected] of [
			["sku = '010'", true],
			["sku = '10'", false],
			["sku != '10'", true],
			["sku IN ('10', '10.0')", false],
			["sku >= '10'", true],
			["price = '9.5'", false],
			["price <= '9.5'", true],
			["parent_id = '07'", true],
			["parent_id = '7.0'", true],
			["images = '03'", true],
			["on = '2026-01-31T12:00:00'", true],
			["on != '2026-01-31T12:00:01'", true],
		] as const)
			expect(matches('taxes', where, product), where).toBe(expected)
	})

	it('folds a coupon’s code as the store’s own look-up does', () => {
		for (const where of ["code = 'SAVE4'", "code IN ('Save4', 'x')", "code != 'OTHER'"])
			expect(matches('coupons', where, { id: 219, code: 'save4' }), where).toBe(true)
		expect(matches('coupons', "code != 'SAVE4'", { id: 219, code: 'save4' })).toBe(false)
	})

	it('3.4 tests dates by the GMT field, and lets pass what has no dates at all', () => {
		const where = "after = '2026-06-15T06:00:00'"
		expect(
			matches('customers', where, { date_created: '2026-06-15T06:00:01', date_created_gmt: '2026-06-15T12:00:01' }),
		).toBe(true)
		expect(
			matches('customers', where, { date_created: '2026-06-15T06:00:00', date_created_gmt: '2026-06-15T12:00:00' }),
		).toBe(false)
		expect(matches('customers', where, { date_created: null, date_created_gmt: null })).toBe(false)
		expect(matches('taxes', where, { id: 1 })).toBe(true)
	})

	it('has one form whatever its spelling', () => {
		const form = (text: string): string => {
			const parsed = parseWhere(text)
			return parsed.ok ? toCanonicalWhere(parsed.conditions) : parsed.message
		}
		expect(form("b = '2'  and a in ('y', 'x')")).toBe("a IN ('x','y') AND b = '2'")
		expect(form('a IN ("x","y") AND b=2')).toBe("a IN ('x','y') AND b = '2'")
	})
})

describe('hub paths', () => {
	it.each([
		['discounts', 'coupons'],
		['/discounts/5/', 'coupons/5'],
		['orders/12/comments', 'orders/12/notes'],
		['orders/12/comments/3', 'orders/12/notes/3'],
		['orders/12/refunds', 'orders/12/refunds'],
		['products-attributes', 'products/attributes'],
		['products-attributes/1/terms', 'products/attributes/1/terms'],
		['products-categories/19', 'products/categories/19'],
		['products-tags', 'products/tags'],
		['reports', 'reports'],
		['reports-sales', 'reports/sales'],
		['reports-top-sellers', 'reports/top_sellers'],
		['customers/6', 'customers/6'],
		['payment_gateways/bacs', 'payment_gateways/bacs'],
		['taxes', 'taxes'],
	])('%s is %s', (hub, vendor) => {
		expect(toVendorPath(hub)).toBe(vendor)
	})

	it.each([
		'',
		'/',
		'../users',
		'orders/..',
		'orders/%2e%2e/x',
		'orders//5',
		'orders/5?x=1',
		'https://x',
		'orders/%E0',
		'9orders',
	])('%j is no collection', (path) => {
		expect(toVendorPath(path)).toBeNull()
	})
})
