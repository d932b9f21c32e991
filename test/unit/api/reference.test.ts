/** The reference teaches: every call has a short title of its own, stands where one looks for it, and shows what is sent and what is answered. */
import type { Schema } from '@cfworker/json-schema'
import { describe, expect, test } from 'vitest'
import { type Operation, TAGS, VERBS } from '../../../src/api/http/contract.ts'
import { buildDocument } from '../../../src/api/openapi.ts'
import { operations } from '../../../src/api/operations.ts'
import { createApi, addToDocument } from '../../../src/api/http/serve.ts'
import { createDocumentCheck, type OpenApiDocument } from '../../support/document.ts'

const BASE = '/elements/api-v2'

interface Content {
	schema: Schema
	example?: unknown
}
interface Call {
	operationId: string
	summary: string
	tags: [string]
	'x-order': number
	parameters?: { name: string; in: string; schema: Schema }[]
	requestBody?: { content: Record<string, Content> }
	responses: Record<string, { content?: Record<string, Content> }>
}

/** The document, made of the tables alone. */
function describeCalls(): {
	paths: Record<string, Record<string, Call>>
	components: { schemas: Record<string, Schema> }
} {
	const app = createApi()
	const all = Object.entries<Operation>(operations)
	addToDocument(app, Object.fromEntries(all.filter(([, one]) => one.root)), '')
	addToDocument(app, Object.fromEntries(all.filter(([, one]) => !one.root)), BASE)
	return buildDocument(app) as never
}

const document = describeCalls()
const check = createDocumentCheck(document as unknown as OpenApiDocument)
const { schemas } = document.components
const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
	Object.entries(methods).map(([method, call]) => ({ at: `${method.toUpperCase()} ${path}`, path, method, call })),
)
/** As the reference shows them. */
const shown = calls.toSorted((one, other) => one.call['x-order'] - other.call['x-order'])

describe('titles', () => {
	test.each(calls)('$call.summary ($at)', ({ call: { summary } }) => {
		expect(summary.length).toBeLessThanOrEqual(40)
		expect(summary).not.toContain('`')
		expect(VERBS).toContain(summary.split(' ')[0])
	})

	test('no two are the same', () => {
		expect(calls.length).toBe(Object.keys(operations).length)
		expect(calls.map(({ call }) => call.summary).filter((title, index, all) => all.indexOf(title) !== index)).toEqual(
			[],
		)
	})
})

describe('order', () => {
	const titlesOf = (tag: string): string[] =>
		shown.filter(({ call }) => call.tags[0] === tag).map(({ call }) => call.summary)

	test('tags as the table has them, and every call its own place', () => {
		expect([...new Set(shown.map(({ call }) => call.tags[0]))]).toEqual(Object.keys(TAGS))
		expect(shown.map(({ call }) => call['x-order'])).toEqual(shown.map((_, index) => index + 1))
	})

	test('within a tag: list, create, get, replace, update, delete, then what is special, metrics last', () => {
		const titles = titlesOf('Instances')
		expect(titles.slice(0, 9)).toEqual([
			'List instances',
			'Create an instance',
			'Get an instance',
			'Replace an instance',
			'Replace an instance (by token)',
			'Update an instance',
			'Update an instance (by token)',
			'Delete an instance',
			'Delete an instance (by token)',
		])
		expect(titles.slice(-2)).toEqual(['Get metrics', 'Get metrics at the root'])
		expect(titlesOf('Hub').slice(0, 5)).toEqual([
			'Ping the hub',
			'List objects',
			"Get an object's metadata",
			'List customers',
			'Create a customer',
		])
		expect(titlesOf('Accounts').slice(0, 3)).toEqual(['List accounts', 'Get an account', 'Update an account'])
	})

	test('the call by token follows the one by id', () => {
		const titles = shown.map(({ call }) => call.summary)
		const byToken = titles.filter((title) => title.endsWith(' (by token)'))
		expect(byToken.length).toBeGreaterThan(20)
		for (const title of byToken)
			expect(titles.indexOf(title), title).toBe(titles.indexOf(title.replace(' (by token)', '')) + 1)
	})

	test('the document itself has its paths, and the methods of a path, in that order', () => {
		const firsts = Object.values(document.paths).map((methods) => Object.values(methods).map((call) => call['x-order']))
		for (const places of firsts) expect(places).toEqual(places.toSorted((a, b) => a - b))
		expect(firsts.map(([first]) => first)).toEqual(firsts.map(([first]) => first!).toSorted((a, b) => a - b))
	})
})

describe('examples', () => {
	test.each(calls)('$at shows what is sent and what is answered', ({ call }) => {
		for (const parameter of call.parameters ?? [])
			expectShown(parameter.schema, {}, `${parameter.in} ${parameter.name}`)
		for (const [media, content] of Object.entries(call.requestBody?.content ?? {}))
			expectShown(content.schema, content, `sent as ${media}`)
		for (const [status, answer] of Object.entries(call.responses)) {
			for (const [media, content] of Object.entries(answer.content ?? {}))
				expectShown(content.schema, content, `${status} ${media}`)
		}
	})

	test.each(Object.entries(schemas))('%s has one of its own, which fits', (name, schema) => {
		expect(examplesOf(schema), name).not.toEqual([])
		expectShown(schema, {}, name)
	})

	test('no secret in them looks like one that opens something', () => {
		// `whsec_` is base64 of a key that stands beside it in clear.
		const texts = (JSON.stringify(calls.map(({ call }) => call.responses)) + JSON.stringify(schemas)).replace(
			/whsec_[A-Za-z0-9+/=]+/g,
			'',
		)
		const tokens = [...texts.matchAll(/sb[skl]_[\w-]{43}|[A-Za-z0-9+/]{43}=/g)].map(([token]) => token)
		expect(tokens.length).toBeGreaterThan(5)
		for (const token of tokens) expect(token).toContain('example')
	})
})

/** What a schema itself gives as examples: a constant, a default and a list of words are some. */
function examplesOf(schema: Schema): unknown[] {
	const own = [
		...((schema['examples'] as unknown[] | undefined) ?? []),
		...('example' in schema ? [schema['example']] : []),
	]
	if (own.length > 0) return own
	if (schema.const !== undefined) return [schema.const]
	if (schema.default !== undefined) return [schema.default]
	return (schema.enum ?? []).slice(0, 1)
}

/** The examples that a reader is shown: the operation's own, the schema's, or those of what it is made of. */
function shownOf(schema: Schema, own: { example?: unknown }): unknown[] {
	if (own.example !== undefined) return [own.example]
	const direct = examplesOf(schema)
	if (direct.length > 0) return direct
	if (schema.$ref !== undefined) return shownOf(schemas[schema.$ref.split('/').at(-1)!]!, {})
	if (schema.type === 'array') return shownOf(schema.items as Schema, {}).map((one) => [one])
	return (schema.anyOf ?? []).flatMap((one) => shownOf(one, {}))
}

function expectShown(schema: Schema, own: { example?: unknown }, at: string): void {
	const examples = shownOf(schema, own)
	expect(examples, `${at}: no example`).not.toEqual([])
	for (const example of examples) {
		const { valid, errors } = check.validate(schema, example)
		expect(
			valid,
			`${at}: ${JSON.stringify(example).slice(0, 200)}: ${errors.map(({ instanceLocation, error }) => `${instanceLocation} ${error}`).join('; ')}`,
		).toBe(true)
	}
}
