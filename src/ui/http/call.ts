/** The one way in which pages read and change things. */
import { createCallOperation } from '../../api/http/call-operation.ts'
import { operations } from '../../api/operations.ts'

/** Runs an operation in the name of the page's session, as a call over HTTP would. Never throws an HttpError. */
export const callOperation = createCallOperation(operations)
