/** An empty page of a store that writes lists as objects: `{}` is one where the store counts no rows at its place. */
import { expect, test } from 'vitest'
import { parseRecords } from '../../../src/elements/woocommerce/client.ts'

const answer = (total: string | null, text = '{}') => ({
	ok: true as const,
	status: 200,
	url: 'https://shop.example/wp-json/wc/v3/coupons',
	headers: new Headers(total === null ? {} : { 'X-WP-Total': total }),
	text,
	storeNowMs: 0,
})

test.each([
	[{ offset: '4', per_page: '1' }, '4'],
	[{ offset: '1000000000', per_page: '1' }, '4'],
	[{ page: '3', per_page: '2' }, '4'],
	[{}, '0'],
])('of %j, with a total of %s, is a list', (query, total) => {
	expect(parseRecords(answer(total), query)?.records).toEqual([])
})

test.each([
	[{ offset: '3', per_page: '1' }, '4'],
	[{ page: '2', per_page: '2' }, '4'],
	[{ offset: '4', per_page: '1' }, null],
	[{}, '4'],
])('of %j, with a total of %s, is none', (query, total) => {
	expect(parseRecords(answer(total), query)).toBeNull()
})
