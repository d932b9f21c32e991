import { describe, expect, it } from 'vitest'
import { findElement, elements } from '../../../src/elements/registry.ts'
import { resolvePlaceholders, parseResource } from '../../../src/elements/woocommerce/resources.ts'
import { toCanonicalJson, parseRecord } from '../../../src/elements/woocommerce/parse-record.ts'
import { toObjectId } from '../../../src/elements/values.ts'
import { DENVER, NOW, recorded, resource } from './support.ts'
import type { Connection } from '../../../src/elements/store.ts'
import type { PollerResource } from '../../../src/elements/form.ts'

/** Content without anything that is ignored. */
const PLAIN = { version: 2, paths: [] }

const refusal = (settings: PollerResource): string => {
	const found = parseResource('label', settings, DENVER)
	return found.ok ? 'accepted' : `${found.field}: ${found.message}`
}

describe('the element', () => {
	it('is found by key and number', () => {
		expect(findElement('woocommercerest')).toBe(elements[0])
		expect(findElement(2881)).toBe(elements[0])
		expect(findElement('2881')?.name).toBe('WooCommerce')
		expect(findElement('shopify')).toBeUndefined()
	})

	it('polls four resources by default, and requires store, key and secret', () => {
		const element = elements[0]
		expect(Object.keys(element?.defaultPoller ?? {})).toEqual(['customers', 'discounts', 'orders', 'products'])
		expect(element?.configuration.filter((key) => key.required).map((key) => key.key)).toEqual([
			'store.url',
			'oauth.api.key',
			'oauth.api.secret',
		])
	})
})

describe('a resource of the poller configuration', () => {
	it('is what its url says; its name is only a label', () => {
		const found = parseResource(
			'contacts',
			{
				url: '/hubs/ecommerce/customers',
				idField: 'id',
				datesConfiguration: { updatedDateField: 'date_modified', updatedDateFormat: "yyyy-MM-dd'T'HH:mm:ss'" },
			},
			DENVER,
		)
		expect(found).toMatchObject({
			ok: true,
			resource: {
				objectType: 'contacts',
				path: 'customers',
				identity: 'customers',
				idField: 'id',
				modifiedFilter: false,
				filtered: false,
				indexed: true,
				pageSize: 100,
			},
		})
	})

	it.each([
		'/hubs/ecommerce/orders',
		'orders',
		'/orders/',
		'/hubs/anything/orders',
		'https://api.example/elements/api-v2/hubs/ecommerce/orders',
	])('%s is the orders', (url) => {
		expect(resource(url).path).toBe('orders')
	})

	it('4 paces re-reads by how much its stamps hide', () => {
		const posts: Connection = { ...DENVER, hpos: false }
		expect(resource('/orders')).toMatchObject({ postsStored: false, rereadHours: 168, recentHours: 0 })
		expect(resource('/orders', {}, posts)).toMatchObject({ postsStored: true, rereadHours: 24, recentHours: 1 })
		expect(resource('/orders', {}, { ...DENVER, hpos: null })).toMatchObject({ postsStored: true, rereadHours: 24 })
		expect(resource('/discounts')).toMatchObject({ postsStored: true, rereadHours: 24, recentHours: 1 })
		expect(resource('/products')).toMatchObject({ postsStored: true, rereadHours: 168 })
		expect(resource('/customers')).toMatchObject({ postsStored: false, rereadHours: 168 })
	})

	it('3 knows what each list can do', () => {
		expect(resource('/products')).toMatchObject({ modifiedFilter: true, trash: true })
		expect(resource('/customers')).toMatchObject({ modifiedFilter: false, trash: false })
		expect(resource('/variations')).toMatchObject({ modifiedFilter: true, trash: true })
		expect(resource('/hubs/ecommerce/products-categories')).toMatchObject({
			path: 'products/categories',
			modifiedFilter: false,
			trash: false,
			dates: { updated: null, created: null },
		})
		expect(resource('/orders/12/refunds')).toMatchObject({
			modifiedFilter: false,
			dates: { updated: null, created: { field: 'date_created' } },
		})
	})

	it('pushes a where into the list, and its identity does not depend on the spelling', () => {
		const a = resource("/hubs/ecommerce/orders?where=status = 'processing' AND total > '10'")
		const b = resource("/orders?where=total%20%3E%20'10'+AND+status%3D'processing'")
		expect(a).toMatchObject({
			query: { status: 'processing' },
			filtered: true,
			identity: "orders?status = 'processing' AND total > '10'",
		})
		expect(b.identity).toBe(a.identity)
		expect(a.matches?.({ status: 'processing', total: '11.00' })).toBe(true)
		expect(a.matches?.({ status: 'processing', total: '9.00' })).toBe(false)
		expect(resource("/orders?where=status='processing'").matches).toBeUndefined()
	})

	it('takes WooCommerce’s own parameters in a url', () => {
		expect(resource('/orders?status=processing&dp=4&pageSize=20&orderBy=x')).toMatchObject({
			query: { status: 'processing', dp: '4' },
			filtered: true,
			identity: "orders?status = 'processing'?dp=4",
		})
	})

	it('fills placeholders with the last poll’s time less the delay', () => {
		const url = "/hubs/ecommerce/orders?where=created_date > '${gmtDate:yyyy-MM-dd'T'HH:mm:ss}' AND status='processing'"
		const moving = resource(url, { pollDelay: 60 })
		expect(moving).toMatchObject({ placeholders: true, filtered: true })
		expect(resolvePlaceholders(moving, NOW, DENVER).query).toEqual({
			after: '2026-11-23T16:39:00',
			dates_are_gmt: 'true',
			status: 'processing',
		})
		expect(resolvePlaceholders(moving, NOW + 60_000, DENVER).query['after']).toBe('2026-11-23T16:40:00')
		const local = resource("/orders?where=after='${dateTimeZone:Asia/Kolkata:yyyy-MM-dd'T'HH:mm:ss}'")
		expect(resolvePlaceholders(local, NOW, DENVER).query['after']).toBe('2026-11-23T16:40:00')
		const still = resource('/orders')
		expect(resolvePlaceholders(still, NOW, DENVER)).toBe(still)
	})

	it('keeps numbers within bounds', () => {
		expect(
			resource('/orders', { pageSize: 500, pollDelay: 30, createdCheckTolerance: 5, filterByUpdatedDate: false }),
		).toMatchObject({
			pageSize: 100,
			pollDelaySec: 30,
			createdToleranceSec: 5,
			indexed: false,
		})
	})

	it('reads the GMT sibling only when no other zone is configured', () => {
		const dates = (updatedDateTimezone?: string) =>
			resource('/orders', { datesConfiguration: { updatedDateTimezone } }).dates.updated
		for (const zone of [undefined, '', 'UTC', 'GMT', 'Etc/UTC'])
			expect(dates(zone)).toMatchObject({ field: 'date_modified', gmtSibling: true, zone: 'UTC' })
		expect(dates('America/Denver')).toMatchObject({ gmtSibling: false, zone: 'America/Denver' })
	})

	it.each([
		[{ url: '/hubs/ecommerce/orders/5' }, /^url: expected the address of a collection/],
		[{ url: '../x' }, /^url: /],
		[{ url: "/orders?where=status ~ 'x'" }, /^url: where: expected/],
		[{ url: "/orders?where=after='${nonsense}'" }, /^url: \$\{nonsense\} is not understood/],
		[{ url: '/orders', pageSize: 0 }, /^pageSize: /],
		[{ url: '/orders', pollDelay: -1 }, /^pollDelay: /],
		[{ url: '/orders', createdCheckTolerance: Number.NaN }, /^createdCheckTolerance: /],
		[{ url: '/orders', datesConfiguration: { updatedDateFormat: 'qqq' } }, /^datesConfiguration\.updatedDateFormat: /],
		[
			{ url: '/orders', datesConfiguration: { createdDateTimezone: 'Mars/Olympus' } },
			/^datesConfiguration\.createdDateTimezone: /,
		],
	] as [PollerResource, RegExp][])('names the field of %j', (settings, expected) => {
		expect(refusal(settings)).toMatch(expected)
	})
})

describe('a record as the gate sees it', () => {
	const answers = recorded('answers')
	const record = (name: string): Record<string, unknown> =>
		JSON.parse(answers[name]?.text ?? '{}') as Record<string, unknown>
	const names = (path: string, one: Record<string, unknown>, paths: string[] = []): string[] =>
		parseRecord(resource(path), one, { ...PLAIN, paths })?.fields.map((field) => field.name) ?? []

	it('3.4 an order is stamped in GMT, and its local dates do not count', () => {
		const order = record('orders/single')
		const seen = parseRecord(resource('/orders'), order, PLAIN)
		expect(seen).toMatchObject({
			id: 286,
			state: 'live',
			modifiedSec: Date.parse('2025-11-29T04:39:13Z') / 1000,
			createdSec: Date.parse('2025-11-28T16:12:32Z') / 1000,
			localOffsetSec: -7 * 3600,
			unreadableDates: { updated: null, created: null },
		})
		expect(names('/orders', order)).not.toContain('date_paid')
		expect(names('/orders', order)).toContain('date_paid_gmt')
		expect(names('/orders', order)).not.toContain('date_modified_gmt')
	})

	it('4 names billing and shipping one level deeper, sorted', () => {
		const found = names('/orders', record('orders/single'))
		expect(found).toEqual([...found].sort())
		expect(found).toContain('billing.city')
		expect(found).not.toContain('billing')
		expect(found).toContain('line_items')
		expect(names('/orders', record('orders/single'), ['billing.city', 'total'])).not.toContain('billing.city')
	})

	it('4 leaves out what is volatile', () => {
		const product = record('products/single')
		for (const name of [
			'related_ids',
			'_links',
			'price_html',
			'total_sales',
			'average_rating',
			'rating_count',
			'date_modified',
			'date_modified_gmt',
			'date_created',
		])
			expect(names('/products', product)).not.toContain(name)
		const shuffled = { ...product, related_ids: [1, 2], total_sales: 9, price_html: 'x' }
		expect(parseRecord(resource('/products'), shuffled, PLAIN)?.fields).toEqual(
			parseRecord(resource('/products'), product, PLAIN)?.fields,
		)
	})

	it('4 images count without their local dates', () => {
		const image = {
			id: 3,
			date_created: '2026-06-15T06:00:00',
			date_created_gmt: '2026-06-15T12:00:00',
			date_modified: 'a',
			date_modified_gmt: 'b',
			src: 'x',
		}
		expect(toCanonicalJson([image])).toBe(
			'[{"date_created_gmt":"2026-06-15T12:00:00","date_modified_gmt":"b","id":3,"src":"x"}]',
		)
	})

	it('has one text for one content, whatever the order of its keys', () => {
		expect(toCanonicalJson({ b: 1, a: [{ d: null, c: 'é"' }] })).toBe(
			toCanonicalJson({ a: [{ c: 'é"', d: null }], b: 1 }),
		)
		expect(toCanonicalJson({ a: 1 })).not.toBe(toCanonicalJson({ a: '1' }))
	})

	it.each([
		['/orders', 'checkout-draft', 'hidden'],
		['/orders', 'auto-draft', 'hidden'],
		['/orders', 'draft', 'hidden'],
		['/orders', 'trash', 'trashed'],
		['/orders', 'completed', 'live'],
		['/orders', 'my-plugin-status', 'live'],
		['/products', 'draft', 'live'],
		['/products', 'trash', 'trashed'],
		['/customers', undefined, 'live'],
	])('4 5 in %s the status %s is %s', (path, status, state) => {
		expect(parseRecord(resource(path), { id: 1, status }, PLAIN)?.state).toBe(state)
	})

	it('what fails a where that only we can test is hidden', () => {
		const big = resource("/orders?where=total > '10'")
		expect(parseRecord(big, { id: 1, status: 'completed', total: '9.00' }, PLAIN)?.state).toBe('hidden')
		expect(parseRecord(big, { id: 1, status: 'completed', total: '11.00' }, PLAIN)?.state).toBe('live')
	})

	it('ids are numbers where they are numeric, and a record without one is nothing', () => {
		expect([
			toObjectId(5),
			toObjectId('5'),
			toObjectId('05'),
			toObjectId('bacs'),
			toObjectId(1.5),
			toObjectId(''),
			toObjectId(null),
		]).toEqual([5, 5, '05', 'bacs', null, null, null])
		expect(parseRecord(resource('/orders'), { name: 'x' }, PLAIN)).toBeNull()
		expect(parseRecord(resource('/orders', { idField: '$.meta.ref' }), { meta: { ref: 'R-1' } }, PLAIN)?.id).toBe('R-1')
	})

	it('a customer who was never saved has no stamp, and that is no error', () => {
		expect(parseRecord(resource('/customers'), record('customers/single_id_of_admin'), PLAIN)).toMatchObject({
			id: 1,
			modifiedSec: null,
			unreadableDates: { updated: null, created: null },
			localOffsetSec: null,
		})
	})

	it('names a date that it cannot read', () => {
		expect(parseRecord(resource('/orders'), { id: 1, date_modified: 'soon' }, PLAIN)).toMatchObject({
			modifiedSec: null,
			unreadableDates: { updated: 'date_modified "soon"', created: null },
		})
	})

	it('takes the store’s own date in place of one that it cannot read, so that nothing counts as new §3.6', () => {
		const settings = {
			datesConfiguration: {
				updatedDateField: 'changed',
				updatedDateFormat: 'dd/MM/yyyy',
				createdDateField: 'made',
				createdDateFormat: 'dd/MM/yyyy',
			},
		}
		const order = {
			id: 1,
			changed: '2026.06.15',
			made: '15/06/2026',
			date_modified_gmt: '2026-06-14T12:00:00',
			date_created_gmt: '2026-06-13T12:00:00',
		}
		expect(parseRecord(resource('/orders', settings), order, PLAIN)).toMatchObject({
			modifiedSec: Date.parse('2026-06-14T12:00:00Z') / 1000,
			createdSec: Date.parse('2026-06-15T00:00:00Z') / 1000,
			unreadableDates: { updated: 'changed "2026.06.15"', created: null },
		})
		expect(parseRecord(resource('/orders', settings), { ...order, made: 'x' }, PLAIN)).toMatchObject({
			createdSec: Date.parse('2026-06-13T12:00:00Z') / 1000,
			unreadableDates: { created: 'made "x"' },
		})
	})

	it('reads the date of the lists in the configured form where a plugin gave it that one', () => {
		const settings = (updatedDateFormat: string): Partial<PollerResource> => ({
			datesConfiguration: { updatedDateFormat },
		})
		const rfc = {
			id: 1,
			date_modified: 'Mon, 15 Jun 2026 12:00:00 GMT',
			date_modified_gmt: 'Mon, 15 Jun 2026 12:00:00 GMT',
		}
		const seconds = Date.parse('2026-06-15T12:00:00Z') / 1000
		expect(parseRecord(resource('/orders', settings('EEE, dd MMM yyyy HH:mm:ss z')), rfc, PLAIN)).toMatchObject({
			modifiedSec: seconds,
			listModifiedSec: seconds,
			unreadableDates: { updated: null },
		})
		// Days do not order a list.
		const short = { id: 1, date_modified: '15/06/26', date_modified_gmt: '15/06/26' }
		expect(parseRecord(resource('/orders', settings('dd/MM/yy')), short, PLAIN)).toMatchObject({
			modifiedSec: Date.parse('2026-06-15T00:00:00Z') / 1000,
			listModifiedSec: null,
		})
	})

	it('4 an order names its customer, a guest’s names nobody', () => {
		expect(resource('/orders').relatedObjects?.({ customer_id: 6 })).toEqual([{ path: 'customers', id: 6 }])
		expect(resource('/orders').relatedObjects?.({ customer_id: 0 })).toEqual([])
		expect(resource('/products').relatedObjects).toBeUndefined()
	})
})
