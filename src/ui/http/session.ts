/** Turns the session's cookie into the caller, and gives each page the token of its forms. */
import { createHash } from 'node:crypto'
import type { Caller } from '../../accounts/callers.ts'
import { getCallerLookup } from '../../accounts/callers.ts'
import { isToken, newSecret } from '../../accounts/secrets.ts'
import type { AnyPageContext, Viewer } from './environment.ts'
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
export function getFormToken(c: AnyPageContext, caller: Caller | null): string {
	const known = readCookie(c, caller === null ? 'form' : 'session')
	if (known !== null) return toFormToken(known, caller)
	const secret = newFormSecret(readCookie(c, 'session'))
	writeCookie(c, 'form', secret, null)
	return toFormToken(secret, null)
}

/** The same for requests that come at once when a session has ended, so that none replaces the cookie of another. */
function newFormSecret(endedSession: string | null): string {
	return endedSession === null ? newSecret() : createHash('sha256').update(`ended ${endedSession}`).digest('base64url')
}

/** Who looks at a page that everybody may see; null: nobody is signed in. */
export async function findViewer(c: AnyPageContext): Promise<Viewer | null> {
	const caller = await findSessionCaller(c, readCookie(c, 'session'))
	return caller === null ? null : { user: caller.user, csrf: getFormToken(c, caller), nowMs: c.var.services.now() }
}

/** The token for the value of a cookie: the user's id, and a hash unlike that which D1 stores of a session's token. */
export function toFormToken(cookie: string, caller: Caller | null): string {
	return `${caller?.user.id ?? 0}.${createHash('sha256').update(`form ${cookie}`).digest('base64url')}`
}

/** The user whose page had this token, also when their session has ended; null: nobody was signed in. */
export function getFormOwner(token: string): number | null {
	const id = Number(/^(\d{1,15})\./.exec(token)?.[1] ?? 0)
	return id === 0 ? null : id
}
