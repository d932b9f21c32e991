/**
 * The one error table: every error that a caller can receive, with its status (docs/contract.md §1). A handler throws
 * one of these; `app.ts` turns it into `{message, requestId, providerMessage?}`. Anything else that is thrown is a 500
 * without text.
 */

/**
 * What each status means, as the reference says it: the statuses of the contract, 422 for an `Idempotency-Key` that was
 * used for something else, and the answers to stores.
 */
export const STATUS_DESCRIPTIONS = {
	400: 'Invalid request; the message names the field and what was expected',
	401: 'Missing, invalid or expired credentials, or the token of a deleted instance',
	403: 'Authenticated, but not allowed: the role or the scope is not sufficient, or the instance is disabled',
	404: 'It does not exist, or it belongs to another organization',
	405: 'The path does not support this method; `Allow` lists the methods that it supports',
	406: 'None of the media types that the caller accepts is available',
	409: 'Conflicts with the current state, or the same request is still running',
	410: 'Receivers only: the instance was deleted',
	413: 'Larger than the limit that the message names',
	415: 'The body is declared as something other than JSON',
	422: 'The Idempotency-Key was used before, for another request',
	429: 'Too many requests; `Retry-After` says when to try again',
	500: 'Internal error; the request id finds it in the log',
	502: 'The store failed; `providerMessage` is what it said',
	503: 'Receivers only: this delivery could not be kept; the change is found by polling',
} as const

/** The statuses of a refusal. */
export type ErrorStatus = keyof typeof STATUS_DESCRIPTIONS

/** What an error may have beside its message. */
export interface HttpErrorDetail {
	/** What the store said, plain text; only when the store said something. */
	providerMessage?: string | null | undefined
	/** Headers of the answer, such as `Allow` or `Retry-After`. */
	headers?: Record<string, string>
	/** The request may have been carried out all the same: it must not be repeated automatically. */
	outcomeUnknown?: boolean
}

/** An error that is meant for the caller: its message is a sentence that names what was wrong and what was expected. */
export class HttpError extends Error {
	readonly status: ErrorStatus
	readonly providerMessage: string | null
	readonly headers: Record<string, string>
	readonly outcomeUnknown: boolean

	constructor(status: ErrorStatus, message: string, detail: HttpErrorDetail = {}) {
		super(message)
		this.name = new.target.name
		this.status = status
		this.providerMessage = detail.providerMessage ?? null
		this.headers = detail.headers ?? {}
		this.outcomeUnknown = detail.outcomeUnknown ?? false
	}
}

/** 400: an invalid request; the message names the field. */
export class BadRequest extends HttpError {
	constructor(message: string, detail?: HttpErrorDetail) {
		super(400, message, detail)
	}
}

/** 401: missing, invalid or expired credentials, or the token of a deleted instance. */
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

/** 404: it does not exist, or it belongs to another organization. */
export class NotFound extends HttpError {
	constructor(message = 'Not found', detail?: HttpErrorDetail) {
		super(404, message, detail)
	}
}

/** 409: the request conflicts with the current state. */
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

/** 502: the store failed; `providerMessage` is what it said. */
export class StoreFailed extends HttpError {
	constructor(message: string, detail?: HttpErrorDetail) {
		super(502, message, detail)
	}
}
