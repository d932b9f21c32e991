/** The JSON of an answer is taken whatever stands around it, if it is certain which JSON is meant. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { getEntries, parseAnswer, toList } from '../../../src/elements/woocommerce/answer-json.ts'
import { parseVendorError } from '../../../src/elements/woocommerce/failures.ts'
import { isSameJson, objectText } from '../../support/json-texts.ts'

const LIST = '[{"id":1,"name":"a [b] {c} \\"<!-- d --> <script>"},{"id":7615917337495251231}]'
const NOTICE = '<br />\n<b>Warning</b>:  Undefined array key "x" in <b>/var/www/foo.php</b> on line <b>12</b><br />\n'

const listOf = (text: string): string | null => {
	const answer = parseAnswer(text)
	const entries = answer === null ? null : getEntries(answer, false)
	return entries === null ? null : JSON.stringify(entries)
}

describe('what stands around the JSON of an answer', () => {
	it.each([
		['nothing', LIST, null],
		['white space and NULs', ` \n\0${LIST}\0\r\n`, null],
		['byte order marks', `\uFEFF\uFEFF\uFEFF${LIST}`, null],
		['byte order marks and NULs at the end', `\uFEFF ${LIST}\uFEFF\0`, null],
		['a comment of a cache', `${LIST}\n<!-- Page cached by LiteSpeed Cache 7.6 -->`, null],
		['a comment with JSON in it', `${LIST}<!-- {"cache":"hit"} -->\n<!-- [1,2] -->`, null],
		['a comment before it', `<!-- W3 Total Cache -->${LIST}`, null],
		['a comment that does not end', `${LIST}<!-- cached`, null],
		['a script', `<script>var a = {"id": 1};</script>${LIST}<style>a{b:c}</style>`, null],
		['a notice', NOTICE + LIST, 'Warning : Undefined array key "x" in /var/www/foo.php on line 12'],
		['two notices and a byte order mark', `\uFEFF${NOTICE}${NOTICE}\uFEFF${LIST}`, expect.stringContaining('Warning')],
		['a notice after it', `${LIST}\n${NOTICE}`, expect.stringContaining('Warning')],
		['text with brackets', `Undefined index: [0] in {closure}() ["a"] $x[]\n${LIST}`, expect.stringContaining('[0]')],
		['a log line', `[12-Jan-2026 10:00:00 UTC] PHP Notice: no\n${LIST}`, expect.stringContaining('12-Jan')],
		['a dump of print_r', `Array\n(\n    [0] => 1\n    [id] => 5\n)\n${LIST}`, expect.stringContaining('Array')],
		['a dump of var_dump', `array(1) {\n  [0]=>\n  int(1)\n  ["a"]=>\n}\n${LIST}`, expect.stringContaining('int')],
		['what an AJAX call returns', `${LIST}0`, '0'],
		['what guards against JSONP', `)]}',\n${LIST}`, ")]}',"],
	])('%s', (_name, text, around) => {
		expect(listOf(text)).toBe(LIST)
		expect(parseAnswer(text)!.around).toEqual(around)
	})

	it.each([
		['two lists', `${LIST}${LIST}`],
		['a list and an error', `${LIST}{"code":"internal_server_error","message":"x"}`],
		['an empty list and a list', `[]\n${LIST}`],
		['a list and an empty list', `${LIST}\n[]`],
		['JSON in the notice', `debug: {"id":1}\n${LIST}`],
		['JSON in an attribute', `<div data-x='{"id":1}'></div>${LIST}`],
		['a list that was cut off', LIST.slice(0, -1)],
		['an object that was cut off, with a whole one in it', '{"id":1,"parent":{"id":2},"na'],
		['a list that was cut off in a string', LIST.slice(0, 20)],
		['a notice in the middle', `[{"id":1},${NOTICE}{"id":2}]`],
		['a notice in the middle, with one whole object', `[{"id":1},${NOTICE}]`],
		['a notice before what was cut off', NOTICE + LIST.slice(0, -5)],
		['an object with an escaped key that was cut off', 'x {"caf\\u00e9":{"id":1},'],
		['a list of scalars with one object that was cut off', 'x [1,{"id":1}'],
		['a page', '<!DOCTYPE html><html><head><title>x</title></head><body>[{"id":1}]</body></html>'],
		['a page with a script', `<html><script type="application/ld+json">${LIST}</script></html>`],
		['a page with JSON outside of it', `<html><body></body></html>${LIST}`],
		['text', 'Service unavailable [503]'],
		['nothing', ''],
		['an unclosed comment before it', `<!-- ${LIST}`],
		['much text before it', `${'x'.repeat(70_000)}${LIST}`],
	])('is not guessed: %s', (_name, text) => {
		expect(parseAnswer(text)).toBeNull()
	})

	it('empty and short lists count on their own line only', () => {
		expect(listOf(`${NOTICE}[]`)).toBe('[]')
		expect(listOf(`${NOTICE}["a"]\n`)).toBe('["a"]')
		expect(listOf(`${NOTICE}["a","b"]`)).toBe('["a","b"]')
		expect(parseAnswer(`Cannot use [] for reading`)).toBeNull()
		expect(listOf(`Cannot use [] for reading\n[]`)).toBe('[]')
	})

	it('is taken whole or not at all, whatever was cut off', () => {
		fc.assert(
			fc.property(objectText, fc.constantFrom('', NOTICE, '\uFEFF', 'x [0] '), fc.nat(), (json, before, cut) => {
				const whole = parseAnswer(before + json)
				expect(whole !== null && isSameJson(whole.json, json)).toBe(true)
				expect(parseAnswer((before + json).slice(0, before.length + (cut % json.length)))).toBeNull()
			}),
		)
	})

	it('takes a time that grows with the text alone', () => {
		for (const text of ['['.repeat(100_000), '{"a":'.repeat(20_000), '<!--'.repeat(30_000), '[ '.repeat(50_000)]) {
			const start = performance.now()
			expect(parseAnswer(text)).toBeNull()
			expect(performance.now() - start).toBeLessThan(5_000)
		}
	})

	it('an error’s code is read behind a notice too', () => {
		const error = '{"code":"woocommerce_rest_cannot_view","message":"Sorry","data":{"status":403}}'
		expect(parseVendorError(NOTICE + error)).toEqual({ code: 'woocommerce_rest_cannot_view', message: 'Sorry' })
		expect(parseVendorError(`\uFEFF\uFEFF${error}<!-- x -->`)?.code).toBe('woocommerce_rest_cannot_view')
		expect(parseVendorError(`${error}${error}`)).toBeNull()
	})
})

describe('a list that PHP wrote as an object', () => {
	it.each([
		['{"1":{"id":5},"2":{"id":3}}', '[{"id":5},{"id":3}]'],
		['{"0":{"id":5}}', '[{"id":5}]'],
		// The order of the text is PHP's; JavaScript sorts such keys.
		['{"12":{"id":12,"a":{"1":2}},"7":{"id":7,"b":"\\":["}}', '[{"id":12,"a":{"1":2}},{"id":7,"b":"\\":["}]'],
		[`${NOTICE}{"3":{"id":5}}`, '[{"id":5}]'],
		['{"7615917337495251231":{"id":7615917337495251231}}', '[{"id":7615917337495251231}]'],
		['{"id":5}', null],
		['{"1":{"id":5},"total":1}', null],
		['{"01":{"id":5}}', null],
		['{"1":{"id":5},"1":{"id":6}}', null],
		['{}', null],
	])('%s', (text, expected) => {
		expect(listOf(text)).toBe(expected)
	})

	it('an empty object is a list where the store counts none', () => {
		expect(getEntries(parseAnswer('{}')!, true)).toEqual([])
		expect(getEntries(parseAnswer('{"id":1}')!, true)).toBeNull()
	})

	it('inside of an answer too', () => {
		expect(toList({ 0: 'wp/v2', 3: 'wc/v3' })).toEqual(['wp/v2', 'wc/v3'])
		expect(toList(['a'])).toEqual(['a'])
		for (const other of [{}, { a: 1 }, null, 'x', 5]) expect(toList(other)).toBeNull()
	})
})
