/**
 * The one error table: every refusal that a caller can meet, with its status (docs/contract.md §1). A handler throws
 * one of these; `app.ts` turns it into `{message, requestId, providerMessage?}`. Anything else that is thrown is a 500
 * without text.
 */

/**
 * What each status means, as the reference says it: the statuses of the contract, 422 for an `Idempotency-Key` that was
 * used for something else, and what stores are told.
 */
export const STATUS_DESCRIPTIONS = {
	400: 'The request says something that cannot be; the message names the field and what was expected',
	401: 'No secrets, wrong secrets, or the token of a deleted instance',
	403: 'Known, but not allowed: the role or the scope does not suffice, or the instance is disabled',
	404: "It does not exist, or is another organization's, which is the same",
	405: 'The path exists, with other methods; `Allow` names them',
	406: 'The caller accepts nothing that this call answers with',
	409: 'The request contradicts what is, or the same one is still running',
	410: 'Of receivers: the instance was deleted',
	413: 'Larger than the limit that the message names',
	415: 'The body is declared as something other than JSON',
	422: 'The Idempotency-Key was used before, for another request',
	429: 'Too many; `Retry-After` says when to come back',
	500: 'Something went wrong here; the request id finds it in the log',
	502: 'The store failed; `providerMessage` is what it said',
	503: 'Of receivers: this delivery could not be kept; the change is found by polling',
} as const

/** The statuses of a refusal. */
export type ErrorStatus = keyof typeof STATUS_DESCRIPTIONS

/** What an error may carry beside its message. */
export interface HttpErrorDetail {
	/** What the store said, plain text; only when the store said something. */
	providerMessage?: string | null | undefined
	/** Headers of the answer, such as `Allow` or `Retry-After`. */
	headers?: Record<string, string>
	/** What was asked for may have been done all the same: it must not be made again of itself. */
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

/** 400: the request says something that cannot be; the message names the field. */
export class BadRequest extends HttpError {
	constructor(message: string, detail?: HttpErrorDetail) {
		super(400, message, detail)
	}
}

/** 401: no secrets, wrong secrets, or the token of a deleted instance. */
export class Unauthorized extends HttpError {
	constructor(message: string, detail?: HttpErrorDetail) {
		super(401, message, detail)
	}
}

/** 403: known, but not allowed, such as a hub call of a disabled instance. */
export class Forbidden extends HttpError {
	constructor(message: string, detail?: HttpErrorDetail) {
		super(403, message, detail)
	}
}

/** 404: it does not exist, or belongs to another organization, which is the same. */
export class NotFound extends HttpError {
	constructor(message = 'Not found', detail?: HttpErrorDetail) {
		super(404, message, detail)
	}
}

/** 409: the request contradicts what is. */
export class Conflict extends HttpError {
	constructor(message: string, detail?: HttpErrorDetail) {
		super(409, message, detail)
	}
}

/** 429: too many; `Retry-After` says when to come back. */
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
