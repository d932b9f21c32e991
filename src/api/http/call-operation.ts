/**
 * How pages read and change things: `callOperation` runs what a call over HTTP runs (validation, role and scope,
 * idempotency, handler, audit), in the same process and in the name of the page's session.
 */
import type { Context } from 'hono'
import type { Caller } from '../../accounts/callers.ts'
import { HttpError, NotFound, STATUS_DESCRIPTIONS, type ErrorStatus } from '../../lib/errors.ts'
import type { FieldProblem } from '../../lib/values.ts'
import { getSuccessStatuses, type Operation, type OperationResponse, type Operations } from './contract.ts'
import type { PublicEnv } from './environment.ts'
import { IDEMPOTENCY_KEY_HEADER } from './idempotency.ts'
import {
	canBeParam,
	readOperationResponse,
	toOperationRequest,
	type CallInput,
	type RequestInput,
} from './operation-request.ts'
import { withPageCall, type InstanceLookups, type PageCall } from './page-call.ts'

/** Options of one call. */
export interface PageCallOptions {
	/** Makes a POST safe to repeat: the same key gets the stored response. */
	idempotencyKey?: string
	/** Media type, where a call has several: `text/event-stream`. The body is a Response then. */
	accept?: string
	/** `Last-Event-ID` of a stream. */
	lastEventId?: string
	signal?: AbortSignal
}

/** The outcome of a call. */
export type CallResult<Body> =
	| {
			ok: true
			status: number
			body: Body
			/** `nextPage` of the next page; null after the last one. */
			next: string | null
			/** Number of items in all; null: unknown. */
			total: number | null
	  }
	| CallError

/** A refused or failed call. */
export interface CallError {
	ok: false
	status: ErrorStatus
	message: string
	/** The problems that the message lists, at least one; its field is '' when the message names none. */
	problems: readonly FieldProblem[]
	/** The store's error message; null: there is none. */
	providerMessage: string | null
	/** When to try again; null: not said. */
	retryAfterSeconds: number | null
	requestId: string
	/** The error itself, for details that responses do not have; null: an internal one. */
	error: HttpError | null
}

/** The input is optional when all of its parts are. */
type CallArguments<Op extends Operation> =
	{} extends CallInput<Op>
		? [input?: CallInput<Op>, options?: PageCallOptions]
		: [input: CallInput<Op>, options?: PageCallOptions]

/** What is used of a page's context. `caller` is the user of its session. */
export interface PageCallContext {
	readonly env: PublicEnv['Bindings']
	readonly executionCtx: Context['executionCtx']
	readonly req: { readonly url: string; header(name: string): string | undefined }
	readonly var: Readonly<{ requestId: string; caller: Caller | null; instances: InstanceLookups | null; app: PageApp }>
}

/** The app that holds the operations. */
export interface PageApp {
	fetch(request: Request, env: object, executionCtx: Context['executionCtx']): Response | Promise<Response>
}

/** `callOperation` for a table of operations: `callOperation(c, id, input)`. */
export function createCallOperation<Ops extends Operations>(operations: Ops) {
	return async <Id extends keyof Ops & string>(
		c: PageCallContext,
		id: Id,
		...[input, options = {}]: CallArguments<Ops[Id]>
	): Promise<CallResult<OperationResponse<Ops[Id]>>> => {
		const operation: Operation = operations[id]!
		const given = (input ?? {}) as RequestInput
		if (!Object.values(given.params ?? {}).every(canBeParam)) return toNotFound(c.var.requestId)
		const headers = new Headers()
		// Limits by address and the texts about a session also count for pages.
		for (const name of ['User-Agent', 'CF-Connecting-IP']) {
			const value = c.req.header(name)
			if (value !== undefined) headers.set(name, value)
		}
		if (options.idempotencyKey !== undefined) headers.set(IDEMPOTENCY_KEY_HEADER, options.idempotencyKey)
		if (options.accept !== undefined) headers.set('Accept', options.accept)
		if (options.lastEventId !== undefined) headers.set('Last-Event-ID', options.lastEventId)
		const request = toOperationRequest(new URL(c.req.url).origin, operation, given, {
			headers,
			signal: options.signal,
		})
		const { caller, requestId, instances } = c.var
		const call: PageCall = { caller, requestId, instances, error: null }
		const response = await c.var.app.fetch(request, withPageCall(c.env, call), c.executionCtx)
		if (!response.ok && !getSuccessStatuses(operation).some((status) => status === response.status))
			return await toCallError(response, call)
		const total = response.headers.get('Elements-Total-Count')
		return {
			ok: true,
			status: response.status,
			body: (call.answer ?? (await readOperationResponse(response, operation))) as OperationResponse<Ops[Id]>,
			next: response.headers.get('Elements-Next-Page-Token'),
			total: total === null ? null : Number(total),
		}
	}
}

/** As over HTTP, where no path leads there. */
function toNotFound(requestId: string): CallError {
	const error = new NotFound()
	const { status, message, providerMessage } = error
	const problems = [toProblem(message)]
	return { ok: false, status, message, problems, providerMessage, retryAfterSeconds: null, requestId, error }
}

async function toCallError(response: Response, call: PageCall): Promise<CallError> {
	// Every error of the API has this body (docs/contract.md §1).
	const { message, providerMessage } = (await response.json()) as { message: string; providerMessage?: string }
	const error = call.error instanceof HttpError ? call.error : null
	const retryAfter = response.headers.get('Retry-After')
	const status = (response.status in STATUS_DESCRIPTIONS ? response.status : 500) as ErrorStatus
	return {
		ok: false,
		status,
		message,
		problems: error === null || error.problems.length === 0 ? [toProblem(message)] : error.problems,
		providerMessage: providerMessage ?? null,
		retryAfterSeconds: retryAfter === null ? null : Number(retryAfter),
		requestId: call.requestId,
		error,
	}
}

/** The field and the rest of a message of the form `field: what was expected` (docs/contract.md §1). */
function toProblem(message: string): FieldProblem {
	const [, field = '', expected = message] = /^([A-Za-z][\w.[\]-]*): (.+)$/s.exec(message) ?? []
	return { field, message: expected }
}
