/** Store failures as HTTP errors of the hub (docs/contract.md §1, §8). */
import { type ErrorStatus, HttpError, StoreFailed, TooManyRequests } from '../../lib/errors.ts'
import type { Failure } from '../../elements/store.ts'

/** Client errors of the store that keep their status. */
const PASSTHROUGH_STATUSES: readonly ErrorStatus[] = [401, 403, 404]
/** The same for writes. */
const WRITE_PASSTHROUGH_STATUSES: readonly ErrorStatus[] = [409, 413]

/**
 * The error of a failed call. The store's 4xx keep their status where the contract has it; 410 becomes 404, others 400.
 * 429 keeps its `Retry-After`. Everything else is 502; the message says if a write may have taken effect.
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
		? `${failure.message} The write may have taken effect: check with GET before you retry.`
		: failure.message
	return new StoreFailed(message, {
		providerMessage,
		outcomeUnknown,
		...(retryAfter === null ? {} : { headers: { 'Retry-After': String(retryAfter) } }),
	})
}

/** Whether the store's API itself refused the call, not a page or redirect in front of it. */
function isClientError({ kind, status }: Failure): boolean {
	return (
		['auth', 'forbidden', 'no-route', 'rejected'].includes(kind) && status !== null && status >= 400 && status < 500
	)
}

/** Whether a write that failed this way may have taken effect. */
function mayHaveBeenDone({ kind, code, status }: Failure): boolean {
	if (kind === 'unreachable') return code !== 'no-such-host' && code !== 'resolver' && code !== 'refused'
	return kind === 'timeout' || kind === 'not-json' || (kind === 'server' && status !== 501)
}
