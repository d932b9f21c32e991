/** Holds answers against an OpenAPI document: an undeclared status, media or field is an error. */
import { dereference, initialBaseURI, validate, type Schema, type ValidationResult } from '@cfworker/json-schema'

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

/** What a document says of calls. */
export interface DocumentCheck {
	/** Validates a value with a schema of the document. */
	validate(schema: Schema, value: unknown): ValidationResult
	/** The operation at a path, and the path as the document has it; null: there is none with this method. */
	findDeclared(method: string, path: string): { path: string; operation: DeclaredOperation } | null
	/** What is wrong with an answer; null when the document declares it, or when no operation is at this path (a refusal of the framework's, which has the error body). */
	findViolation(method: string, path: string, status: number, media: string | null, body: unknown): string | null
}

/** Reads a document once, for many answers. */
export function createDocumentCheck(document: OpenApiDocument): DocumentCheck {
	// Most words first, and words before braces: as the app itself chooses.
	const paths = Object.keys(document.paths)
		.map((path) => ({
			path,
			pattern: new RegExp(`^${path.replace(/\{(\w+)\}/g, '[^/]+')}$`),
			braces: path.split('{').length,
		}))
		.sort((a, b) => a.braces - b.braces)
	// The components are walked through once: it takes far longer than to validate a value.
	const lookup = dereference({ components: document.components })
	const resolved = new Set<Schema>()
	const validateWithDocument: DocumentCheck['validate'] = (schema, value) => {
		if (!resolved.has(schema)) {
			dereference(schema, lookup, initialBaseURI, `/schemas/${resolved.size}`)
			resolved.add(schema)
		}
		return validate(value, schema, '2020-12', lookup)
	}

	const findDeclared: DocumentCheck['findDeclared'] = (method, path) => {
		const verb = method.toLowerCase()
		const match = paths.find(({ path: at, pattern }) => pattern.test(path) && document.paths[at]![verb] !== undefined)
		return match === undefined ? null : { path: match.path, operation: document.paths[match.path]![verb]! }
	}
	return {
		validate: validateWithDocument,
		findDeclared,
		findViolation(method, path, status, media, body) {
			const declared = findDeclared(method, path)
			if (declared === null) return null
			const at = `${method} ${declared.path} → ${status}`
			const { responses } = declared.operation
			const answer = responses[String(status)]
			if (answer === undefined) return `${at}: the document declares ${Object.keys(responses).join(', ')}`
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
		},
	}
}
