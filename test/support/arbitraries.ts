/** Values out of the document's own schemas: some that fit, and some in which one thing is broken. */
import * as fc from 'fast-check'
import type { Schema } from '@cfworker/json-schema'

type Schemas = Record<string, Schema>

/** Text that trips up what takes it for ASCII, for a number, or for markup. */
export const ODD_TEXTS = [
	'ünï¢ødé ✓ 漢字 🛒',
	'‮right to left',
	"'; DROP TABLE instances; --",
	'<script>alert(1)</script>',
	'%00%ff',
	'{{}}',
	'\\',
	'../../etc',
]

/** Values that fit a schema. Where it has examples, they come most of the time: only they know what a text means. */
export function arbitraryFor(schema: Schema | undefined, schemas: Schemas): fc.Arbitrary<unknown> {
	if (schema === undefined) return fc.jsonValue({ maxDepth: 1 })
	if (schema.$ref !== undefined) return arbitraryFor(schemas[schema.$ref.split('/').at(-1)!], schemas)
	const examples =
		(schema['examples'] as unknown[] | undefined) ?? (schema['example'] === undefined ? [] : [schema['example']])
	const general = arbitraryWithoutExamples(schema, schemas)
	return examples.length === 0
		? general
		: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...examples) }, { weight: 1, arbitrary: general })
}

function arbitraryWithoutExamples(schema: Schema, schemas: Schemas): fc.Arbitrary<unknown> {
	if (schema.const !== undefined) return fc.constant(schema.const)
	if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
	const choices = schema.anyOf ?? schema.oneOf
	if (choices !== undefined) return fc.oneof(...choices.map((choice) => arbitraryFor(choice, schemas)))
	if (schema.allOf !== undefined)
		return fc
			.tuple(...schema.allOf.map((part) => arbitraryFor(part, schemas)))
			.map((parts) => Object.assign({}, ...(parts as object[])) as unknown)
	const types = schema.type === undefined ? [] : [schema.type].flat()
	if (types.length === 0) return fc.jsonValue({ maxDepth: 1 })
	return fc.oneof(...types.map((type) => arbitraryOfType(type, schema, schemas)))
}

function arbitraryOfType(type: string, schema: Schema, schemas: Schemas): fc.Arbitrary<unknown> {
	switch (type) {
		case 'null':
			return fc.constant(null)
		case 'boolean':
			return fc.boolean()
		case 'integer':
		case 'number': {
			const low =
				schema.minimum ?? (schema.exclusiveMinimum === undefined ? -1000 : Number(schema.exclusiveMinimum) + 1)
			const high = schema.maximum ?? low + 2000
			return type === 'integer'
				? fc.integer({ min: Math.ceil(low), max: Math.floor(high) })
				: fc.double({ min: low, max: high, noNaN: true })
		}
		case 'array':
			return fc.array(arbitraryFor(schema.items as Schema | undefined, schemas), {
				minLength: schema.minItems ?? 0,
				maxLength: Math.min(schema.maxItems ?? 3, 3),
			})
		case 'object':
			return arbitraryObject(schema, schemas)
		default:
			return arbitraryText(schema)
	}
}

function arbitraryObject(schema: Schema, schemas: Schemas): fc.Arbitrary<unknown> {
	const required = schema.required ?? []
	const named = fc.record(
		Object.fromEntries(
			Object.entries(schema.properties ?? {}).map(([name, property]) => [
				name,
				arbitraryFor(property as Schema, schemas),
			]),
		),
		{ requiredKeys: required as never[] },
	)
	if (typeof schema.additionalProperties !== 'object' || schema.properties !== undefined) return named
	return fc.dictionary(fc.string({ minLength: 1, maxLength: 12 }), arbitraryFor(schema.additionalProperties, schemas), {
		maxKeys: 3,
		noNullPrototype: true,
	})
}

function arbitraryText(schema: Schema): fc.Arbitrary<string> {
	const [minLength, maxLength] = [schema.minLength ?? 0, Math.min(schema.maxLength ?? 30, 30)]
	if (schema.format === 'email') return fc.constantFrom('ann@example.com', 'bob.b+c@shop.example.org')
	if (schema.format === 'date-time') return fc.constantFrom('2026-05-31T12:00:00Z', '2026-06-01T00:00:00.000Z')
	if (schema.format === 'uri' || schema.format === 'url') return fc.constant('https://callback.example.com/hook')
	if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern))
	return fc.oneof(
		fc.string({ minLength, maxLength }),
		fc.string({ unit: 'grapheme', minLength, maxLength: Math.max(minLength, maxLength >> 1) }),
	)
}

/** What can stand in a field's place, and what is wrong with it. */
export interface InvalidValue {
	what: string
	/** undefined: the field is missing. */
	value: unknown
}

/** A field of a JSON body, broken in every way. */
export function invalidValues(): InvalidValue[] {
	return [
		{ what: 'missing', value: undefined },
		{ what: 'null', value: null },
		{ what: 'a number', value: 12.5 },
		{ what: 'negative', value: -1 },
		{ what: 'huge', value: 1e21 },
		{ what: 'a boolean', value: true },
		{ what: 'a list', value: [[1]] },
		{ what: 'an object', value: { a: { b: [null] } } },
		{ what: 'empty', value: '' },
		{ what: 'too long', value: 'x'.repeat(70_000) },
		{ what: 'no such word', value: 'no-such-word' },
		...ODD_TEXTS.map((value) => ({ what: 'odd text', value })),
	]
}

/** A parameter of a path or a query, broken in every way. */
export function invalidTexts(): InvalidValue[] {
	return [
		{ what: 'empty', value: '' },
		{ what: 'zero', value: '0' },
		{ what: 'negative', value: '-1' },
		{ what: 'a fraction', value: '1.5' },
		{ what: 'huge', value: '99999999999999999999' },
		{ what: 'a word', value: 'no-such-word' },
		{ what: 'null', value: 'null' },
		{ what: 'too long', value: 'x'.repeat(5000) },
		...ODD_TEXTS.map((value) => ({ what: 'odd text', value })),
	]
}
