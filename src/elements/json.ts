/**
 * JSON whose numbers keep their digits. JavaScript rounds integers beyond 2^53 and long decimals, and writes others in
 * another form (`1.10`, `1e400`): such a number becomes an ExactNumber, which JSON.stringify writes as it was.
 */

/** What ECMAScript has and TypeScript does not declare yet: source text access of JSON.parse. */
const NativeJson = JSON as unknown as {
	parse(text: string, reviver: (key: string, value: unknown, context?: { source?: string }) => unknown): unknown
	rawJSON(text: string): object
}

/** A JSON number that JavaScript would write in another way. Immutable; compares by its text. */
export class ExactNumber {
	readonly #text: string

	/** `text`: a JSON number. */
	constructor(text: string) {
		this.#text = text
	}

	/** The number as it was written. */
	toString(): string {
		return this.#text
	}

	toJSON(): object {
		return NativeJson.rawJSON(this.#text)
	}
}

/**
 * Lists and objects in which a number may have such a form: 16 digits, an exponent, a last decimal of 0, below a
 * millionth, or -0. It is fast, and text that only looks like one costs time and nothing else.
 */
const MAY_HAVE_EXACT = /[:,[]\s*(?:-0[,}\]\s]|-?\d(?:[\d.]{15}|\.000000|[\d.]*(?:\.\d*0[,}\]\s]|[eE])))/

/** JSON.parse with exact numbers. Throws SyntaxError. */
export function parseExact(text: string): unknown {
	return MAY_HAVE_EXACT.test(text) || /^\s*[-\d]/.test(text) ? NativeJson.parse(text, keepDigits) : JSON.parse(text)
}

function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
	if (typeof value !== 'number' || context?.source === undefined || context.source === String(value)) return value
	return new ExactNumber(context.source)
}

/** A number's value without regard to how it is written: its sign, its digits without outer zeros, a power of ten. */
interface Decimal {
	negative: boolean
	/** '': zero. */
	digits: string
	exponent: bigint
}

const NUMBER_PATTERN = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/

function toDecimal(text: string): Decimal | null {
	const parts = NUMBER_PATTERN.exec(text)
	if (parts === null) return null
	const [, sign, whole = '', fraction = '', exponent = '0'] = parts
	const significant = `${whole}${fraction}`.replace(/^0+/, '')
	const digits = trimZeros(significant)
	if (digits === '') return { negative: false, digits, exponent: 0n }
	return {
		negative: sign === '-',
		digits,
		exponent:
			BigInt(exponent.replace(/^\+/, '')) - BigInt(fraction.length) + BigInt(significant.length - digits.length),
	}
}

/** Without the zeros at its end; a pattern would try each run of zeros. */
function trimZeros(digits: string): string {
	let end = digits.length
	while (digits.charCodeAt(end - 1) === 48) end--
	return digits.slice(0, end)
}

/** Whether two texts are the same number, however they are written; false if one is no JSON number. */
export function isSameNumber(a: string, b: string): boolean {
	return compareNumbers(a, b) === 0
}

/** Below 0 when the number `a` is less than `b`; null: one of them is no JSON number. Compares every digit. */
export function compareNumbers(a: string, b: string): number | null {
	const [left, right] = [toDecimal(a), toDecimal(b)]
	if (left === null || right === null) return null
	const [leftSign, rightSign] = [toSign(left), toSign(right)]
	if (leftSign !== rightSign) return leftSign - rightSign
	if (leftSign === 0) return 0
	const [leftTop, rightTop] = [left, right].map(({ digits, exponent }) => BigInt(digits.length) + exponent)
	const difference = leftTop === rightTop ? compareTexts(left.digits, right.digits) : leftTop! < rightTop! ? -1 : 1
	return leftSign * difference
}

function toSign({ negative, digits }: Decimal): number {
	return digits === '' ? 0 : negative ? -1 : 1
}

function compareTexts(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0
}

/**
 * One text for all spellings of a number: what JavaScript writes, if that is the same number (`1.10` is 1.1). PHP may
 * be set up to write floats with 17 digits (`0.10000000000000001`): that is the float, so that a change of this setting
 * changes no record.
 */
export function toCanonicalNumber(number: ExactNumber): string {
	const text = String(number)
	const value = Number(text)
	const isFloat = /[.eE]/.test(text)
	if (Number.isFinite(value)) {
		const written = JSON.stringify(value)
		if (isSameNumber(text, written) || (isFloat && isSameNumber(text, value.toPrecision(17)))) return written
	}
	const { negative, digits, exponent } = toDecimal(text)!
	return toIntegerDigits(number) ?? `${negative ? '-' : ''}${digits}e${exponent}`
}

/** Zeros that an integer is written out with at most. */
const MAX_PLAIN_ZEROS = 30n

/** The digits of an integer, however it is written; null: it is none, or longer than any that is used. */
export function toIntegerDigits(number: ExactNumber): string | null {
	const { negative, digits, exponent } = toDecimal(String(number))!
	if (exponent < 0n || exponent > MAX_PLAIN_ZEROS) return null
	return `${negative ? '-' : ''}${digits === '' ? '0' : digits}${'0'.repeat(Number(exponent))}`
}
