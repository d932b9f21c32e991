/**
 * The errors that callers see (docs/contract.md §1). A handler throws one of them; `app.ts` turns it into
 * `{message, requestId, providerMessage?}`. Anything else that is thrown is a 500 without details.
 */
import type { FieldProblem } from './values.ts'

/** The meaning of each error status, as the API reference shows it. */
export const STATUS_DESCRIPTIONS = {
	400: 'Invalid request. The message names the field and the expected value',
	401: 'Missing, invalid or expired credentials, or the token of a deleted instance',
	403: 'Not allowed: the role or scope does not suffice, or the instance is disabled',
	404: 'Not found, or it belongs to another organization',
	405: 'Method not allowed. `Allow` lists the allowed methods',
	406: 'The call cannot answer with any of the accepted media types',
	409: 'Conflicts with the current state, or the same request is still running',
	410: 'Receivers only: the instance was deleted',
	413: 'The body exceeds the limit that the message names',
	415: 'The Content-Type is not JSON',
	422: 'The Idempotency-Key was already used for another request',
	429: 'Too many requests. `Retry-After` says when to try again',
	500: 'Internal error. Use the request id to find it in the log, unless the message names the cause',
	502: 'The store failed. `providerMessage` holds its error message',
	503: 'Receivers only: the delivery could not be stored. Polling finds the change',
} as const

/** An error status. */
export type ErrorStatus = keyof typeof STATUS_DESCRIPTIONS

/** Maximum characters of an error's message: it may name fields, and callers choose how long names are. */
export const MAX_MESSAGE_CHARACTERS = 2_000

/** A message within the limit. Leaves out the middle: the field is at the start, what was expected at the end. */
export function shortenMessage(message: string): string {
	if (message.length <= MAX_MESSAGE_CHARACTERS) return message
	const half = MAX_MESSAGE_CHARACTERS / 2 - 1
	return `${message.slice(0, half)} … ${message.slice(1 - half)}`.toWellFormed()
}

/** Details of an error beside its message. */
interface HttpErrorDetail {
	/** The store's error message, plain text. */
	providerMessage?: string | null | undefined
	/** Response headers, such as `Allow` or `Retry-After`. */
	headers?: Record<string, string>
	/** The request may have taken effect, so it must not be retried automatically. */
	outcomeUnknown?: boolean
	/** The fields that are wrong, which a form shows beside its fields; the message has them all. */
	problems?: readonly FieldProblem[]
}

/** An error for the caller. Its message names what is wrong and what is expected. */
export class HttpError extends Error {
	readonly status: ErrorStatus
	readonly providerMessage: string | null
	readonly headers: Record<string, string>
	readonly outcomeUnknown: boolean
	readonly problems: readonly FieldProblem[]

	constructor(status: ErrorStatus, message: string, detail: HttpErrorDetail = {}) {
		super(message)
		this.name = new.target.name
		this.status = status
		this.providerMessage = detail.providerMessage ?? null
		this.headers = detail.headers ?? {}
		this.outcomeUnknown = detail.outcomeUnknown ?? false
		this.problems = detail.problems ?? []
	}
}

/** 400: invalid request; the message names the field. */
export class BadRequest extends HttpError {
	constructor(message: string, detail?: HttpErrorDetail) {
		super(400, message, detail)
	}
}

/** One 400 for a list of problems: `field: what was expected; …`. */
export function toFieldError(problems: readonly FieldProblem[]): BadRequest {
	return new BadRequest(problems.map(({ field, message }) => `${field}: ${message}`).join('; '), { problems })
}

/** 401: missing, invalid or expired credentials. */
export class Unauthorized extends HttpError {
	constructor(message: string, detail?: HttpErrorDetail) {
		super(401, message, detail)
	}
}

/** 403: authenticated, but not allowed, such as a hub call of a disabled instance. */
export class Forbidden extends HttpError {
	constructor(message: string, detail?: HttpErrorDetail) {
		super(403, message, detail)
	}
}

/** 404: not found, or it belongs to another organization. */
export class NotFound extends HttpError {
	constructor(message = 'Not found', detail?: HttpErrorDetail) {
		super(404, message, detail)
	}
}

/** 409: conflicts with the current state. */
export class Conflict extends HttpError {
	constructor(message: string, detail?: HttpErrorDetail) {
		super(409, message, detail)
	}
}

/** 429: too many requests; `Retry-After` says when to try again. */
export class TooManyRequests extends HttpError {
	constructor(message: string, retryAfterSeconds: number, detail: HttpErrorDetail = {}) {
		super(429, message, { ...detail, headers: { ...detail.headers, 'Retry-After': String(retryAfterSeconds) } })
	}
}

/** 500: stored secrets cannot be decrypted; the message names the instance and the next step. */
export class SecretsUnreadable extends HttpError {
	constructor(message: string, detail?: HttpErrorDetail) {
		super(500, message, detail)
	}
}

/** 502: the store failed; `providerMessage` holds its error message. */
export class StoreFailed extends HttpError {
	constructor(message: string, detail?: HttpErrorDetail) {
		super(502, message, detail)
	}
}
