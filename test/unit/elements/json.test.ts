/** Numbers of JSON keep their digits, in whatever form they are written. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareNumbers, ExactNumber, parseExact, toCanonicalNumber } from '../../../src/elements/json.ts'
import { toCanonicalJson } from '../../../src/elements/woocommerce/parse-record.ts'
import { compareIds, getValueAt, isRecord, toObjectId } from '../../../src/elements/values.ts'
import { isSameJson, jsonText, numberText } from '../../support/json-texts.ts'

const toCanonical = (text: string): string => toCanonicalNumber(new ExactNumber(text))

describe('numbers of JSON', () => {
	it.each([
		'7615917337495251231',
		'-9007199254740993',
		'1.10',
		'1.0',
		'1e400',
		'-1E-400',
		'0.1000000000000000055511151231257827',
		'0.0000001',
		'-0',
		'-0.0',
		'12',
		'-1.5',
		'1e5',
		'123456789.123456789',
	])('%s is written as it was read', (number) => {
		for (const text of [number, `[${number}]`, `{"a":${number}}`, `{"a":{"b":[1,${number},"${number}"]}}`])
			expect(JSON.stringify(parseExact(text))).toBe(text)
		expect(JSON.stringify(parseExact(`{ "a" : [\n\t${number}\n] , "b":  ${number} }`))).toBe(
			`{"a":[${number}],"b":${number}}`,
		)
	})

	it('any JSON is written as it was read, up to white space', () => {
		fc.assert(
			fc.property(jsonText, (text) => {
				expect(isSameJson(JSON.stringify(parseExact(text)), text)).toBe(true)
			}),
		)
	})

	it('ordinary numbers stay numbers', () => {
		fc.assert(
			fc.property(fc.oneof(fc.maxSafeInteger(), fc.double({ noDefaultInfinity: true, noNaN: true })), (value) => {
				const parsed = parseExact(`[${JSON.stringify(value)}]`) as unknown[]
				expect(parsed).toEqual([JSON.parse(JSON.stringify(value))])
			}),
		)
	})

	it('are no objects with parts', () => {
		const number = new ExactNumber('1.10')
		expect(isRecord(number)).toBe(false)
		expect(Object.keys(number)).toEqual([])
		expect(getValueAt({ a: number }, 'a.text')).toBeUndefined()
		expect(String(number)).toBe('1.10')
	})

	it.each([
		['1.10', '1.1'],
		['1.0', '1'],
		['1e2', '100'],
		['-0', '0'],
		['-0.0', '0'],
		['0e7', '0'],
		['7615917337495251231', '7615917337495251231'],
		['7615917337495251231.000', '7615917337495251231'],
		['7615917337495251231e0', '7615917337495251231'],
		['9007199254740993', '9007199254740993'],
		['1E400', '1e400'],
		['10e399', '1e400'],
		// PHP with serialize_precision = 17.
		['0.10000000000000001', '0.1'],
		['19.899999999999999', '19.9'],
	])('%s counts as %s', (text, expected) => {
		expect(toCanonical(text)).toBe(expected)
	})

	it('a float counts alike with 17 digits and with as few as it needs', () => {
		fc.assert(
			fc.property(fc.double({ noDefaultInfinity: true, noNaN: true }), (value) => {
				const text = value.toPrecision(17)
				if (/[.e]/.test(text)) expect(toCanonical(text)).toBe(JSON.stringify(value))
			}),
		)
	})

	it('count as equal exactly when they are the same number, or one float', () => {
		fc.assert(
			fc.property(numberText, numberText, (a, b) => {
				if (compareNumbers(a, b) === 0) expect(toCanonical(a)).toBe(toCanonical(b))
				else if (!/[.eE]/.test(a + b)) expect(toCanonical(a)).not.toBe(toCanonical(b))
			}),
		)
	})

	it('what JavaScript has exactly counts as before', () => {
		fc.assert(
			fc.property(fc.jsonValue(), (value) => {
				expect(toCanonicalJson(value)).toBe(toCanonicalJson(value, false))
			}),
		)
		expect(toCanonicalJson(parseExact('{"a":1.10,"b":[7615917337495251231]}'), false)).toBe(
			'{"a":1.1,"b":[7615917337495251000]}',
		)
		expect(toCanonicalJson(parseExact('{"a":1.10,"b":[7615917337495251231]}'))).toBe(
			'{"a":1.1,"b":[7615917337495251231]}',
		)
	})

	it('are compared digit by digit', () => {
		expect(compareNumbers('7615917337495251231', '7615917337495251232')).toBeLessThan(0)
		expect(compareNumbers('-7615917337495251231', '-7615917337495251232')).toBeGreaterThan(0)
		expect(compareNumbers('1e400', '1e399')).toBeGreaterThan(0)
		expect(compareNumbers('0.10', '0.1')).toBe(0)
		expect(compareNumbers('0', '-0.0')).toBe(0)
		expect(compareNumbers('-3', '2')).toBeLessThan(0)
		expect(compareNumbers('12x', '2')).toBeNull()
		fc.assert(
			fc.property(fc.bigInt(), fc.bigInt(), (a, b) => {
				expect(Math.sign(compareNumbers(String(a), String(b))!)).toBe(a < b ? -1 : a > b ? 1 : 0)
			}),
		)
	})
})

describe('ids', () => {
	it('beyond 2^53 are their digits, others numbers', () => {
		const idOf = (text: string) => toObjectId((parseExact(`[${text}]`) as unknown[])[0])
		expect(idOf('9007199254740993')).toBe('9007199254740993')
		expect(idOf('9007199254740991')).toBe(9_007_199_254_740_991)
		// JavaScript has these exactly; their neighbours it has not.
		expect(idOf('9007199254740992')).toBe('9007199254740992')
		expect(idOf('10000000000000002')).toBe('10000000000000002')
		expect(idOf('1000000000000000000000')).toBe('1000000000000000000000')
		expect(idOf('7615917337495251231.0')).toBe('7615917337495251231')
		expect(idOf('12.0')).toBe(12)
		expect(idOf('1e3')).toBe(1000)
		expect(idOf('1.5')).toBeNull()
		expect(idOf('12.50')).toBeNull()
		expect(idOf('1e400')).toBeNull()
		expect(idOf('"9007199254740993"')).toBe('9007199254740993')
	})

	it('are in the order of their values, and before texts', () => {
		const sorted = [-1, 2, 10, 9_007_199_254_740_991, '9007199254740993', '10000000000000000', '7615917337495251231']
		const all = [...sorted, 'a', 'b']
		fc.assert(
			fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
				expect(shuffled.toSorted(compareIds)).toEqual(all)
			}),
		)
	})
})
