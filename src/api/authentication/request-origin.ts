/** Origin of a sign-in attempt, and the error for too many. */
import type { RequestOrigin } from '../../accounts/sessions.ts'
import { TooManyRequests } from '../../lib/errors.ts'
import { getClientAddress } from '../http/access.ts'

export function getRequestOrigin(c: {
	req: { header(name: string): string | undefined }
	var: { requestId: string }
}): RequestOrigin {
	return { address: getClientAddress(c), agent: c.req.header('User-Agent') ?? '', requestId: c.var.requestId }
}

/** 429: too many failed attempts for this name or address. */
export function signInLockedError(seconds: number): TooManyRequests {
	return new TooManyRequests(
		'Too many attempts to sign in with this name or from this address; try again later',
		seconds,
	)
}
