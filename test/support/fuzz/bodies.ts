/** Breaks JSON bodies: a value in them, their text, or their bytes. */
import { gzipSync } from 'node:zlib'
import type { Random } from '../../store/random.ts'
import { ODD_DATES, ODD_NUMBERS, ODD_STRINGS } from './odd.ts'

/** Stands for raw text in a value that is made JSON of. */
const RAW = /"\u241Fraw:([^"\u241F]*)\u241F"/g

/** JSON text of a value; numbers that no value can hold stand in it as they were written. */
export function toJsonText(value: unknown): string {
	return (JSON.stringify(value) ?? '').replace(RAW, '$1')
}

function raw(text: string): string {
	return `\u241Fraw:${text}\u241F`
}

/** Any value but the one that was meant. */
export function oddValue(random: Random): unknown {
	switch (random.int(0, 9)) {
		case 0:
			return random.pick([null, true, false, [], {}, [[]], [null], '', 0])
		case 1:
			return raw(random.pick(ODD_NUMBERS.filter((text) => /^-?(0|[1-9]\d*)(\.\d+)?([eE]-?\d+)?$/.test(text))))
		case 2:
			return random.pick(ODD_DATES)
		case 3:
			return random.pick(ODD_NUMBERS)
		case 4:
			return JSON.parse(
				random.pick([
					'{"__proto__":{"a":1}}',
					'{"constructor":{"prototype":1}}',
					'{"":1}',
					'{"toString":1}',
					'{"length":5}',
					'{"then":1}',
				]),
			)
		case 5:
			return nested(random.pick([3, 20, 64, 65, 200]), random.chance(0.5))
		case 6:
			return Array.from({ length: random.pick([2, 21, 101, 1001]) }, (_, index) => (index % 2 === 0 ? 'x' : index))
		case 7:
			return 'x'.repeat(random.pick([63, 64, 65, 255, 256, 1000, 2048, 2049, 70_000]))
		case 8:
			return random.pick([
				'https://shop.example.com/../',
				'http://[::1]',
				'https://user:pw@x.example',
				'javascript:alert(1)',
				'https://',
				'https://x.example:99999',
				'ftp://x.example',
				'//x.example',
				'https://xn--.example',
				'a@b',
				'a@b.example\n',
			])
		default:
			return random.pick(ODD_STRINGS)
	}
}

function nested(depth: number, list: boolean): unknown {
	let value: unknown = 1
	for (let level = 0; level < depth; level++) value = list ? [value] : { a: value }
	return value
}

/** Changes one thing somewhere in a value; says what. */
export function breakValue(random: Random, value: unknown): { value: unknown; what: string } {
	if (typeof value !== 'object' || value === null || random.chance(0.05))
		return { value: oddValue(random), what: 'another value' }
	const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...value }) as Record<string, unknown>
	const names = Object.keys(copy)
	if (names.length === 0 || random.chance(0.12)) {
		const name = random.pick([
			'__proto__',
			'constructor',
			'toString',
			'id',
			'unknown',
			'',
			'\0',
			'\uD800',
			'x'.repeat(300),
			'0',
			'organizationId',
			'role',
			'$ref',
			'a.b',
		])
		if (Array.isArray(copy)) copy.push(oddValue(random))
		else Object.defineProperty(copy, name, { value: oddValue(random), enumerable: true })
		return { value: copy, what: `with ${JSON.stringify(name.slice(0, 20))}` }
	}
	const name = random.pick(names)
	if (random.chance(0.12)) {
		if (Array.isArray(copy)) copy.splice(Number(name), 1)
		else delete copy[name]
		return { value: copy, what: `without ${name.slice(0, 40)}` }
	}
	if (typeof copy[name] === 'object' && copy[name] !== null && random.chance(0.7)) {
		const inner = breakValue(random, copy[name])
		copy[name] = inner.value
		return { value: copy, what: `${name.slice(0, 40)}.${inner.what}` }
	}
	copy[name] = oddValue(random)
	return { value: copy, what: `${name.slice(0, 40)} changed` }
}

type BreakText = (random: Random, text: string) => string | Uint8Array

const BREAK_TEXT: Readonly<Record<string, BreakText>> = {
	empty: () => '',
	blank: () => ' \r\n',
	truncated: (random, text) => text.slice(0, random.int(0, Math.max(0, text.length - 1))),
	'followed by more': (random, text) => text + random.pick(['}', ']', ' {}', ',', '\0', '\u2028', text]),
	'with a comma at the end': (_random, text) => text.replace(/([}\]])$/, ',$1'),
	'with single quotes': (_random, text) => text.replaceAll('"', "'"),
	'with a comment': (_random, text) => `/* */${text}`,
	'with NaN': (_random, text) => text.replace(/:\s*[^,}\]]+/, ':NaN'),
	'with a name twice': (_random, text) => text.replace(/^\{("(?:[^"\\]|\\.)*"):/, '{$1:null,$1:'),
	'with a byte order mark': (_random, text) => `\uFEFF${text}`,
	'not UTF-8': (random, text) => {
		const bytes = Buffer.from(text === '' ? '{}' : text)
		bytes[random.int(0, bytes.length - 1)] = random.pick([0x00, 0x80, 0xc0, 0xed, 0xf5, 0xff])
		return bytes
	},
	'UTF-16': (_random, text) => Buffer.from(`\uFEFF${text}`, 'utf16le'),
	gzip: (_random, text) => gzipSync(text),
	'a word': (random) =>
		random.pick([
			'null',
			'true',
			'0',
			'"text"',
			'[]',
			'{}',
			'-',
			'1e400',
			'undefined',
			'[[[[[[',
			'{"":""}',
			'{"__proto__":null}',
		]),
	form: () => 'a=b&__proto__=1&%=%zz',
	multipart: () => '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n',
	'deeply nested': (random) => random.pick(['[', '{"a":']).repeat(random.pick([100, 5000])),
	'of many members': (random) =>
		`{${Array.from({ length: random.pick([100, 3000]) }, (_, index) => `"k${index}":${index}`).join()}}`,
	large: (random) => `{"name":"${'x'.repeat(random.pick([100_000, 1024 * 1024 - 20, 1024 * 1024 + 1]))}"}`,
}

/** Breaks the text of a body; says how. */
export function breakText(random: Random, text: string): { body: string | Uint8Array; what: string } {
	const what = random.pick(Object.keys(BREAK_TEXT))
	// Megabytes cost time: a few are enough.
	if (what === 'large' && random.chance(0.8)) return { body: '', what: 'empty' }
	return { body: BREAK_TEXT[what]!(random, text), what }
}
