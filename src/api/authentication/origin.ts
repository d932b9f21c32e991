/** What signing in needs to know of a request, and how a lock is answered. */
import type { Origin } from '../../accounts/sessions.ts'
import { TooManyRequests } from '../../lib/errors.ts'
import { addressOf } from '../http/access.ts'

/** Where an attempt comes from. */
export function originOf(c: { req: { header(name: string): string | undefined }; var: { requestId: string } }): Origin {
	return { address: addressOf(c), agent: c.req.header('User-Agent') ?? '', requestId: c.var.requestId }
}

/** 429: this name or this address has no attempt left. */
export function locked(seconds: number): TooManyRequests {
	return new TooManyRequests('Too many attempts to sign in with this name or from this address; wait before the next one', seconds)
}
