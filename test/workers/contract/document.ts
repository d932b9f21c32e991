/** Holds answers against the document of the app as it is. */
import { createApp } from '../../../src/app.ts'
import { buildDocument } from '../../../src/api/openapi.ts'
import { createDocumentCheck, type OpenApiDocument } from '../../support/document.ts'

export type { DeclaredOperation } from '../../support/document.ts'

/** The document of the app as it is. */
export const openApiDocument = buildDocument(createApp()) as unknown as OpenApiDocument

const check = createDocumentCheck(openApiDocument)

/** Validates a value with a schema of the document. */
export const validateWithDocument = check.validate

/** What is wrong with an answer (test/support/document.ts). */
export const findViolation = check.findViolation

/** Whether an operation with this method is at a path. */
export function isDeclared(method: string, path: string): boolean {
	return check.findDeclared(method, path) !== null
}
