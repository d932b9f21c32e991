/** Holds answers against the generated document: an undeclared status, media or field is an error. */
import { Validator, type Schema } from '@cfworker/json-schema'
import { createApp } from '../../../src/app.ts'
import { documentOf } from '../../../src/api/openapi.ts'

interface Answer {
	content?: Record<string, { schema: Schema }>
}
/** An operation as the document has it. */
export interface Declared {
	operationId: string
	responses: Record<string, Answer>
	parameters?: { name: string; in: 'path' | 'query' | 'header'; required?: boolean; schema: Schema }[]
	requestBody?: { required?: boolean; content: Record<string, { schema: Schema; example?: unknown }> }
	security?: object[]
}
/** The document. */
export interface Document {
	paths: Record<string, Record<string, Declared>>
	components: { schemas: Record<string, Schema> }
}

/** The document of the app as it is. */
export const document = documentOf(createApp()) as unknown as Document

/** Most words first, and words before braces: as the app itself chooses. */
const paths = Object.keys(document.paths)
	.map((path) => ({ path, pattern: new RegExp(`^${path.replace(/\{(\w+)\}/g, '[^/]+')}$`), braces: path.split('{').length }))
	.sort((a, b) => a.braces - b.braces)

const validators = new Map<string, Validator>()

/** Whether an operation with this method is at a path. */
export function declares(method: string, path: string): boolean {
	return paths.some(({ path: at, pattern }) => pattern.test(path) && document.paths[at]![method.toLowerCase()] !== undefined)
}

/** What is wrong with an answer; null when the document declares it, or when no operation is at this path (a refusal of the framework's, which has the error body). */
export function undeclared(method: string, path: string, status: number, media: string | null, body: unknown): string | null {
	const found = paths.find(({ path: at, pattern }) => pattern.test(path) && document.paths[at]![method.toLowerCase()] !== undefined)
	if (found === undefined) return null
	const operation = document.paths[found.path]![method.toLowerCase()]!
	const at = `${method} ${found.path} → ${status}`
	const answer = operation.responses[String(status)]
	if (answer === undefined) return `${at}: the document declares ${Object.keys(operation.responses).join(', ')}`
	if (answer.content === undefined) return body === null || body === '' ? null : `${at}: the document declares an empty body`
	const type = (media ?? '').split(';')[0]!.trim()
	const schema = answer.content[type]?.schema
	if (schema === undefined) return `${at}: ${type} is not declared`
	if (type !== 'application/json') return null
	const key = at
	let validator = validators.get(key)
	if (validator === undefined) {
		validator = new Validator({ ...schema, components: document.components }, '2020-12')
		validators.set(key, validator)
	}
	const { valid, errors } = validator.validate(body)
	return valid
		? null
		: `${at}: ${errors
				.slice(-3)
				.map(({ instanceLocation, error }) => `${instanceLocation} ${error}`)
				.join('; ')}`
}
