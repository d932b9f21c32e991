/** What a receiver reads of a request before it trusts anything. */
import { describe, expect, test } from 'vitest'
import {
	declaresOversizedBody,
	MAX_NESTING_DEPTH,
	parseInstancePath,
	parseInstancesHeader,
	decodeJsonObject,
	parseVersions,
} from '../../../src/api/receivers/parse-request.ts'
import { readBody } from '../../../src/lib/body.ts'

describe('the instance', () => {
	test('padded, unpadded and URL-safe base64 of a whole number', () => {
		for (const id of [1, 7, 42, 987, 1234, 12345, 999_999_999_999_999]) {
			const padded = Buffer.from(String(id)).toString('base64')
			for (const text of [padded, padded.replace(/=+$/, ''), Buffer.from(String(id)).toString('base64url')])
				expect(parseInstancePath(text), text).toEqual({ id, incarnation: String(id) })
		}
	})

	test('nothing else, and one spelling an id', () => {
		const of = (text: string) => Buffer.from(text).toString('base64')
		for (const text of [
			'',
			'=',
			'N',
			'42',
			'NDJ=',
			'NDI=x',
			' NDI=',
			of('0'),
			of('01'),
			of('-1'),
			of('1.5'),
			of('1e3'),
			of('٤٢'),
			of('9'.repeat(16)),
			of('42 '),
			of('abc'),
			'../etc',
			'%00',
			of('4\n2'),
		]) {
			expect(parseInstancePath(text), JSON.stringify(text)).toBeNull()
		}
	})

	test('the header names up to five', () => {
		const [first, second] = [42, 7].map((id) => ({ id, incarnation: String(id) }))
		const ref = { id: 42, incarnation: 'abcdefghijklmnopqrst-_' }
		expect(parseInstancesHeader('42')).toEqual([first])
		expect(parseInstancesHeader('42, 7,42')).toEqual([first, second])
		expect(parseInstancesHeader('42.abcdefghijklmnopqrst-_')).toEqual([ref])
		expect(parseInstancePath(btoa('42.abcdefghijklmnopqrst-_'))).toEqual(ref)
		expect(parseInstancePath(btoa('42.abc'))).toBeNull()
		for (const text of [undefined, '', ',', '42,', 'x', '42,x', '0', '1,2,3,4,5,6', '42;7'])
			expect(parseInstancesHeader(text), String(text)).toEqual([])
	})

	test('versions', () => {
		expect(parseVersions([])).toEqual([1])
		expect(parseVersions(['2', '1', '2'])).toEqual([2, 1])
		for (const odd of [['0'], ['-1'], ['x'], [''], ['01'], ['1.0'], ['9999999'], ['1', '2', '3', '4']])
			expect(parseVersions(odd), odd.join()).toEqual([])
	})
})

describe('the body', () => {
	const request = (body: BodyInit | null, headers: Record<string, string> = {}) =>
		new Request('https://b.example/', { method: 'POST', body, headers })

	test('is read up to a limit, whether or not its length is declared', async () => {
		expect(await readBody(request(null), 10)).toHaveLength(0)
		expect(await readBody(request('0123456789'), 10)).toHaveLength(10)
		expect(await readBody(request('0123456789a'), 10)).toBeNull()
		const parts = () =>
			new ReadableStream({
				start(controller) {
					for (let n = 0; n < 4; n++) controller.enqueue(new TextEncoder().encode('abc'))
					controller.close()
				},
			})
		const streamed = (limit: number) =>
			readBody(
				new Request('https://b.example/', { method: 'POST', body: parts(), duplex: 'half' } as RequestInit),
				limit,
			)
		expect(new TextDecoder().decode((await streamed(12))!)).toBe('abcabcabcabc')
		expect(await streamed(11)).toBeNull()
	})

	test('more than 8 MB is known before it is read', () => {
		const declared = (length: string) =>
			declaresOversizedBody({ headers: new Headers({ 'content-length': length }) } as Request)
		expect(declared(String(8 * 1024 * 1024))).toBe(false)
		expect(declared(String(8 * 1024 * 1024 + 1))).toBe(true)
	})

	test('a JSON object in UTF-8, and nothing else', () => {
		const bytes = (text: string) => new TextEncoder().encode(text)
		expect(decodeJsonObject(bytes('{"id":7,"name":"Caf\\u00e9 \\/ é"}'))).toContain('Café'.slice(0, 3))
		expect(decodeJsonObject(bytes('\uFEFF{"id":7}'))).toBe('{"id":7}')
		for (const text of [
			'',
			' ',
			'null',
			'7',
			'"x"',
			'[{"id":7}]',
			'{"id":7',
			'{"id":7}}',
			"{'id':7}",
			'webhook_id=7',
			'<html>',
		])
			expect(decodeJsonObject(bytes(text)), text).toBeNull()
		expect(decodeJsonObject(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toBeNull()
	})

	test('nesting is bounded; brackets inside texts do not count', () => {
		const nested = (depth: number) => new TextEncoder().encode(`{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`)
		expect(decodeJsonObject(nested(MAX_NESTING_DEPTH))).not.toBeNull()
		expect(decodeJsonObject(nested(MAX_NESTING_DEPTH + 1))).toBeNull()
		expect(decodeJsonObject(nested(2_000_000))).toBeNull()
		expect(decodeJsonObject(new TextEncoder().encode(JSON.stringify({ a: '[{"\\'.repeat(2000) })))).not.toBeNull()
	})
})
