/** Examples of noise show what differs, and neither secrets nor content. */
import { expect, test } from 'vitest'
import { toNoiseExample } from '../../../src/watcher/core/noise-examples.ts'
import { woocommerce } from '../../../src/elements/woocommerce/woocommerce.ts'
import { resource } from '../elements/support.ts'
import type { Snapshot } from '../../../src/elements/store.ts'

const snapshot = (record: Record<string, unknown>): Snapshot =>
	woocommerce.parseRecord(resource('/products'), { id: 7, ...record }, { version: 2, paths: [] })!
const example = (path: string, before: Record<string, unknown>, after: Record<string, unknown>) =>
	toNoiseExample(path, snapshot(before), snapshot(after))
const ofMeta = (before: unknown, after: unknown, key = 'x') =>
	example(`meta_data.${key}`, { meta_data: [{ key, value: before }] }, { meta_data: [{ key, value: after }] })

test('a signed address has the names of what differs in its query, and no value', () => {
	const url = (signature: string): string =>
		`https://me:secret@media.example/shop/mug.jpg?Key-Pair-Id=APKAEXAMPLE&Expires=2099&Signature=${signature}`
	const images = (signature: string) => ({ images: [{ src: 'same' }, { src: url(signature) }] })
	expect(example('images.*.src', images('abcdef0123'), images('fedcba9876'))).toEqual({
		objectId: 7,
		kind: 'query',
		values: [
			'https://********@media.example/shop/mug.jpg?Signature=<1>&…',
			'https://********@media.example/shop/mug.jpg?Signature=<2>&…',
		],
	})
})

test('of other addresses, long parts of a path are hidden', () => {
	const url = (host: string, part: string): string => `https://${host}.example/${part}/mug.jpg`
	expect(ofMeta(url('cdn1', 'a'), url('cdn2', 'a'))).toMatchObject({
		kind: 'address',
		values: ['https://cdn1.example/a/mug.jpg', 'https://cdn2.example/a/mug.jpg'],
	})
	expect(ofMeta(url('cdn', 'a'.repeat(40)), url('cdn', 'b'.repeat(40)))).toMatchObject({
		values: ['https://cdn.example/<1>/mug.jpg', 'https://cdn.example/<2>/mug.jpg'],
	})
	expect(ofMeta('https://cdn.example/a#one', 'https://cdn.example/a#two')).toMatchObject({
		values: ['https://cdn.example/a#<1>', 'https://cdn.example/a#<2>'],
	})
})

test('numbers and dates are shown, unless their name says that they are secret; texts are not', () => {
	expect(example('price', { price: '9.00' }, { price: '8.10' })).toMatchObject({
		kind: 'value',
		values: ['9.00', '8.10'],
	})
	expect(ofMeta(true, null)).toMatchObject({ values: ['true', 'null'] })
	expect(
		ofMeta({ at: { a: 1, b: '2026-06-01T12:00:00Z' } }, { at: { a: 1, b: '2026-06-01T12:00:20Z' } }),
	).toMatchObject({
		values: ['2026-06-01T12:00:00Z', '2026-06-01T12:00:20Z'],
	})
	expect(ofMeta('123456', '654321', '_access_token')).toMatchObject({
		values: ['<1> (6 characters)', '<2> (6 characters)'],
	})
	expect(ofMeta({ otp: 1234 }, { otp: 4321 })).toMatchObject({ values: ['<1> (4 characters)', '<2> (4 characters)'] })
	expect(ofMeta('Ada Lovelace', 'Grace Hopper')).toMatchObject({
		values: ['<1> (12 characters)', '<2> (12 characters)'],
	})
	expect(ofMeta('', 'x')).toMatchObject({ values: ['an empty text', '<2> (1 character)'] })
})

test('addresses inside a text are shown alone, and every text is short', () => {
	const html = (signature: string): string => `<p>Private</p> <img src="https://media.example/a.jpg?s=${signature}">`
	expect(ofMeta(html('1'), html('2'))).toMatchObject({
		kind: 'query',
		values: ['https://media.example/a.jpg?s=<1>', 'https://media.example/a.jpg?s=<2>'],
	})
	const long = (signature: string): string =>
		`https://media.example/${'dir/'.repeat(200)}a.jpg?${Array.from({ length: 50 }, (_, i) => `${'n'.repeat(90)}${i}=${signature}`).join('&')}`
	for (const text of ofMeta(long('1'), long('2'))!.values) expect(text.length).toBeLessThanOrEqual(200)
})

test('what does not differ is no example', () => {
	expect(ofMeta('a', 'a')).toBeNull()
	expect(example('none.*', {}, {})).toBeNull()
})
