/** Turns the session's cookie into the caller, and gives each page the token of its forms. */
import { createHash } from 'node:crypto'
import type { Caller } from '../../accounts/callers.ts'
import { getCallerLookup } from '../../accounts/callers.ts'
import { isToken, newSecret } from '../../accounts/secrets.ts'
import type { AnyPageContext } from './environment.ts'
import { readCookie, writeCookie } from './cookies.ts'

/** The caller of a session's token, with one query of D1; null: it has ended, or there is none. */
export async function findSessionCaller(c: AnyPageContext, token: string | null): Promise<Caller | null> {
	if (token === null || !isToken('session', token)) return null
	const parts = { user: null, organization: null, element: null, bearer: token }
	const lookup = getCallerLookup(parts, c.var.services.now())
	if (lookup === null) return null
	const row = await c.env.DB.prepare(lookup.sql)
		.bind(...lookup.values)
		.first()
	const found = lookup.read(row ?? undefined)
	return found?.ok === true ? found.caller : null
}

/**
 * The token of this browser's forms. It follows from a secret cookie, the session's or else one that is set here, so
 * another site cannot know it, and nothing is stored.
 */
export function getFormToken(c: AnyPageContext, isSignedIn: boolean): string {
	const known = (isSignedIn ? readCookie(c, 'session') : null) ?? readCookie(c, 'form')
	if (known !== null) return toFormToken(known)
	const secret = newSecret()
	writeCookie(c, 'form', secret, null)
	return toFormToken(secret)
}

/** The token for the value of a cookie. Unlike the hash that D1 stores of a session's token. */
export function toFormToken(cookie: string): string {
	return createHash('sha256').update(`form ${cookie}`).digest('base64url')
}
