/** What the document promises of itself: every call says everything, and no answer is left open but the vendor's records. */
import { describe, expect, test } from 'vitest'
import type { Schema } from '@cfworker/json-schema'
import { getErrorStatuses, getSuccessStatuses, type Operation } from '../../../src/api/http/contract.ts'
import { operations } from '../../../src/api/operations.ts'
import { openApiDocument, type DeclaredOperation } from './document.ts'

const declared = Object.entries(openApiDocument.paths).flatMap(([path, methods]) =>
	Object.entries(methods).map(([method, operation]) => ({ at: `${method.toUpperCase()} ${path}`, operation })),
)

/** Schemas that may hold anything: records of the vendor, what a caller posted, and parts of this document, which OpenAPI closes. */
const OPEN = new Set(['VendorRecord', 'OwnMessage', 'OpenApiPart'])

test('every operation of the tables is there, and nothing else', () => {
	expect(declared.map(({ operation }) => operation.operationId).sort()).toEqual(Object.keys(operations).sort())
})

test('§8.19 the header of the platform’s newer clients is a parameter', () => {
	const found = declared.find(({ operation }) => operation.operationId === 'listObjects')
	expect(found!.operation.parameters).toContainEqual(
		expect.objectContaining({ in: 'header', name: 'Elements-Version', required: false }),
	)
})

describe.each(declared)(
	'$at',
	({ operation }: { operation: DeclaredOperation & { summary?: string; tags?: string[] } }) => {
		const one = (operations as Record<string, Operation>)[operation.operationId]!

		test('says what it is, what it takes, what it answers and how it refuses', () => {
			expect(operation.summary).toMatch(/\S/)
			expect(operation.tags).toHaveLength(1)
			expect(
				Object.keys(operation.responses)
					.map(Number)
					.sort((a, b) => a - b),
			).toEqual([...new Set([...getSuccessStatuses(one), ...getErrorStatuses(one)])].sort((a, b) => a - b))
			for (const { name, schema, ...parameter } of operation.parameters ?? [])
				expect(
					(parameter as { description?: string }).description ?? schema['description'],
					`${name} has no description`,
				).toMatch(/\S/)
			if (operation.requestBody !== undefined) {
				const { schema, example } = operation.requestBody.content['application/json']!
				expect(
					example ?? resolved(schema)['examples'] ?? resolved(schema)['example'],
					'a body without an example',
				).toBeDefined()
			}
		})

		test('answers with shapes that are closed', () => {
			for (const [status, answer] of Object.entries(operation.responses))
				for (const [media, { schema }] of Object.entries(answer.content ?? {}))
					expectClosed(schema, `${status} ${media}`)
		})
	},
)

function resolved(schema: Schema): Schema {
	return schema.$ref === undefined ? schema : openApiDocument.components.schemas[schema.$ref.split('/').at(-1)!]!
}

function expectClosed(schema: Schema, at: string, seen: ReadonlySet<string> = new Set()): void {
	const name = schema.$ref?.split('/').at(-1)
	if (name !== undefined) {
		if (OPEN.has(name) || seen.has(name)) return
		return expectClosed(openApiDocument.components.schemas[name]!, `${at} ${name}`, new Set([...seen, name]))
	}
	const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])] as Schema[]
	for (const choice of choices) expectClosed(choice, at, seen)
	if (choices.length > 0 || schema.enum !== undefined || schema.const !== undefined) return
	expect(schema.type, `${at}: empty ${JSON.stringify(schema)}`).toBeDefined()
	const types = [schema.type].flat()
	if (types.includes('array')) expectClosed(schema.items as Schema, `${at}[]`, seen)
	if (!types.includes('object')) return
	if (schema.properties === undefined) {
		// A map: what its values are is said.
		expect(typeof schema.additionalProperties, `${at}: an open object`).toBe('object')
		return expectClosed(schema.additionalProperties as Schema, `${at}{}`, seen)
	}
	expect(schema.additionalProperties, `${at}: fields beside ${Object.keys(schema.properties).join()}`).toBe(false)
	for (const [field, inner] of Object.entries(schema.properties)) expectClosed(inner as Schema, `${at}.${field}`, seen)
}
