/** JSON texts with numbers of any size and form, and their comparison without a parser that rounds. */
import fc from 'fast-check'

const digits = (max: number): fc.Arbitrary<string> =>
	fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: max }).map((list) => list.join(''))

/** A JSON number: integers up to 40 digits, decimals with zeros at their end, exponents. */
export const numberText: fc.Arbitrary<string> = fc
	.tuple(
		fc.constantFrom('', '-'),
		digits(40).map((text) => text.replace(/^0+(?=\d)/, '')),
		fc.option(digits(20), { nil: null }),
		fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'e-'), digits(3)), { nil: null }),
	)
	.map(([sign, whole, fraction, exponent]) =>
		[sign, whole, fraction === null ? '' : `.${fraction}`, exponent === null ? '' : exponent.join('')].join(''),
	)

/** A number that stands in stores' records: beyond 2^53, with zeros, or ordinary. */
const usualNumber = fc.oneof(
	numberText,
	fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n }).map(String),
	fc.constantFrom('1.10', '0.0', '-0', '1.0e+25', '19.899999999999999', '12', '0.5'),
)

/** Keys that JavaScript does not sort, and that hold no second time. */
const key = fc.constantFrom('a', 'b', 'value', 'naïve "key"', 'x\\y', '_meta')

const { value } = fc.letrec<{ value: string }>((tie) => ({
	value: fc.oneof(
		{ depthSize: 'small' },
		usualNumber,
		fc.oneof(fc.string(), usualNumber).map((text) => JSON.stringify(text)),
		fc.constantFrom('true', 'false', 'null'),
		fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(', ')}]`),
		fc
			.uniqueArray(fc.tuple(key, tie('value')), { selector: ([name]) => name, maxLength: 4 })
			.map((members) => `{${members.map(([name, text]) => `${JSON.stringify(name)}: ${text}`).join(',')}}`),
	),
}))

/** A JSON value of any shape. */
export const jsonText: fc.Arbitrary<string> = value

/** A JSON object. */
export const objectText: fc.Arbitrary<string> = fc
	.uniqueArray(fc.tuple(key, jsonText), { selector: ([name]) => name, minLength: 1, maxLength: 5 })
	.map((members) => `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`)

/** Whether two JSON texts are equal up to white space between values. */
export function isSameJson(a: string, b: string): boolean {
	return withoutSpace(a) === withoutSpace(b)
}

function withoutSpace(text: string): string {
	return text.replace(/("(?:[^"\\]|\\.)*")|\s+/gs, (_, string: string | undefined) => string ?? '')
}
