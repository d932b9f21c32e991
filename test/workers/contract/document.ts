/** Holds answers against the generated document: an undeclared status, media or field is an error. */
import { dereference, initialBaseURI, validate, type Schema, type ValidationResult } from '@cfworker/json-schema'
import { createApp } from '../../../src/app.ts'
import { buildDocument } from '../../../src/api/openapi.ts'

interface DeclaredResponse {
	content?: Record<string, { schema: Schema }>
}
/** An operation as the document has it. */
export interface DeclaredOperation {
	operationId: string
	responses: Record<string, DeclaredResponse>
	parameters?: { name: string; in: 'path' | 'query' | 'header'; required?: boolean; schema: Schema }[]
	requestBody?: { required?: boolean; content: Record<string, { schema: Schema; example?: unknown }> }
	security?: object[]
}
/** The document. */
export interface OpenApiDocument {
	paths: Record<string, Record<string, DeclaredOperation>>
	components: { schemas: Record<string, Schema> }
}

/** The document of the app as it is. */
export const openApiDocument = buildDocument(createApp()) as unknown as OpenApiDocument

/** Most words first, and words before braces: as the app itself chooses. */
const paths = Object.keys(openApiDocument.paths)
	.map((path) => ({
		path,
		pattern: new RegExp(`^${path.replace(/\{(\w+)\}/g, '[^/]+')}$`),
		braces: path.split('{').length,
	}))
	.sort((a, b) => a.braces - b.braces)

/** Schemas by their address. The components are walked through once: it takes far longer than to validate a value. */
const lookup = dereference({ components: openApiDocument.components })
const resolved = new Set<Schema>()

/** Validates a value with a schema of the document. */
export function validateWithDocument(schema: Schema, value: unknown): ValidationResult {
	if (!resolved.has(schema)) {
		dereference(schema, lookup, initialBaseURI, `/schemas/${resolved.size}`)
		resolved.add(schema)
	}
	return validate(value, schema, '2020-12', lookup)
}

/** Whether an operation with this method is at a path. */
export function isDeclared(method: string, path: string): boolean {
	return paths.some(
		({ path: at, pattern }) => pattern.test(path) && openApiDocument.paths[at]![method.toLowerCase()] !== undefined,
	)
}

/** What is wrong with an answer; null when the document declares it, or when no operation is at this path (a refusal of the framework's, which has the error body). */
export function findViolation(
	method: string,
	path: string,
	status: number,
	media: string | null,
	body: unknown,
): string | null {
	const match = paths.find(
		({ path: at, pattern }) => pattern.test(path) && openApiDocument.paths[at]![method.toLowerCase()] !== undefined,
	)
	if (match === undefined) return null
	const operation = openApiDocument.paths[match.path]![method.toLowerCase()]!
	const at = `${method} ${match.path} → ${status}`
	const answer = operation.responses[String(status)]
	if (answer === undefined) return `${at}: the document declares ${Object.keys(operation.responses).join(', ')}`
	if (answer.content === undefined)
		return body === null || body === '' ? null : `${at}: the document declares an empty body`
	const type = (media ?? '').split(';')[0]!.trim()
	const schema = answer.content[type]?.schema
	if (schema === undefined) return `${at}: ${type} is not declared`
	if (type !== 'application/json') return null
	const { valid, errors } = validateWithDocument(schema, body)
	return valid
		? null
		: `${at}: ${errors
				.slice(-3)
				.map(({ instanceLocation, error }) => `${instanceLocation} ${error}`)
				.join('; ')}`
}
