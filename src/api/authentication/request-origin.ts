/** What signing in needs to know of a request, and how a lock is answered. */
import type { RequestOrigin } from '../../accounts/sessions.ts'
import { TooManyRequests } from '../../lib/errors.ts'
import { getClientAddress } from '../http/access.ts'

/** Where an attempt comes from. */
export function getRequestOrigin(c: {
	req: { header(name: string): string | undefined }
	var: { requestId: string }
}): RequestOrigin {
	return { address: getClientAddress(c), agent: c.req.header('User-Agent') ?? '', requestId: c.var.requestId }
}

/** 429: this name or this address has no attempt left. */
export function signInLockedError(seconds: number): TooManyRequests {
	return new TooManyRequests(
		'Too many attempts to sign in with this name or from this address; wait before the next one',
		seconds,
	)
}
