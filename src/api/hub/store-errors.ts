/** A store's failure as the caller of the hub sees it (docs/contract.md §1, §8). */
import { type ErrorStatus, HttpError, StoreFailed, TooManyRequests } from '../../lib/errors.ts'
import type { Failure } from '../../elements/store.ts'

/** What the store answers to a caller's own mistake stays what it is, as far as the contract has the status. */
const PASSTHROUGH_STATUSES: readonly ErrorStatus[] = [401, 403, 404]
/** Besides, of a write. */
const WRITE_PASSTHROUGH_STATUSES: readonly ErrorStatus[] = [409, 413]

/**
 * The error of a failed call. The store's own 4xx are kept: 410 is 404, any other is 400. 429 passes with its
 * `Retry-After`. Everything else is the store's failure, 502; of a write that may have been done all the same, the
 * message says so.
 */
export function toHttpError(failure: Failure, method: string): HttpError {
	const { status, providerMessage } = failure
	const retryAfter = failure.retryAfterMs === null ? null : Math.max(1, Math.ceil(failure.retryAfterMs / 1000))
	if (status === 429) return new TooManyRequests(failure.message, retryAfter ?? 1, { providerMessage })
	if (isClientError(failure)) {
		const passedStatus = status === 410 ? 404 : status
		const isWrite = method === 'POST' || method === 'PUT' || method === 'PATCH' || method === 'DELETE'
		const allowed =
			isWrite && !(method === 'DELETE' && passedStatus === 413)
				? [...PASSTHROUGH_STATUSES, ...WRITE_PASSTHROUGH_STATUSES]
				: PASSTHROUGH_STATUSES
		return new HttpError(allowed.find((candidate) => candidate === passedStatus) ?? 400, failure.message, {
			providerMessage,
		})
	}
	const outcomeUnknown = method !== 'GET' && mayHaveBeenDone(failure)
	const message = outcomeUnknown
		? `${failure.message} It is unknown whether it was done: look with GET before it is tried again.`
		: failure.message
	return new StoreFailed(message, {
		providerMessage,
		outcomeUnknown: outcomeUnknown,
		...(retryAfter === null ? {} : { headers: { 'Retry-After': String(retryAfter) } }),
	})
}

/** Whether the store's API itself refused the call, in its own words. Pages and redirects are none. */
function isClientError({ kind, status }: Failure): boolean {
	return (
		['auth', 'forbidden', 'no-route', 'rejected'].includes(kind) && status !== null && status >= 400 && status < 500
	)
}

/** Whether a write that failed this way may have been done. */
function mayHaveBeenDone({ kind, code, status }: Failure): boolean {
	if (kind === 'unreachable') return code !== 'no-such-host' && code !== 'refused'
	return kind === 'timeout' || kind === 'not-json' || (kind === 'server' && status !== 501)
}
