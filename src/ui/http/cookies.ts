/**
 * Cookies of pages. The session's opens pages and their streams, never the API. Over https all of them have the prefix
 * `__Host-`, so that no other host can set them; on loopback there is no https, and so no prefix.
 */
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { isLoopbackHost } from '../../lib/reachability.ts'
import type { AnyPageContext } from './environment.ts'

/** The names: the token of a session, a random text that forms of signed-out pages depend on, a message. */
const COOKIES = { session: 'shopbell_session', form: 'shopbell_form', message: 'shopbell_message' } as const

/** A cookie of pages. */
export type PageCookie = keyof typeof COOKIES

/** Whether the page may have cookies: over https, or on loopback. Browsers drop a Secure cookie elsewhere. */
export function canHaveCookies(c: AnyPageContext): boolean {
	const { protocol, hostname } = new URL(c.req.url)
	return protocol === 'https:' || isLoopbackHost(hostname)
}

/** Hono's helpers use no more of a context than this. */
const toContext = (c: AnyPageContext): Context => c as unknown as Context

function getPrefix(c: AnyPageContext): 'host' | undefined {
	return isLoopbackHost(new URL(c.req.url).hostname) ? undefined : 'host'
}

/** The value of a cookie; null: the browser sent none. */
export function readCookie(c: AnyPageContext, name: PageCookie): string | null {
	const prefix = getPrefix(c)
	return (
		(prefix === undefined ? getCookie(toContext(c), COOKIES[name]) : getCookie(toContext(c), COOKIES[name], prefix)) ??
		null
	)
}

/** Sets a cookie. `maxAgeSeconds` null: until the browser closes. */
export function writeCookie(c: AnyPageContext, name: PageCookie, value: string, maxAgeSeconds: number | null): void {
	const prefix = getPrefix(c)
	setCookie(toContext(c), COOKIES[name], value, {
		path: '/',
		httpOnly: true,
		sameSite: 'Lax',
		secure: prefix !== undefined,
		...(prefix === undefined ? {} : { prefix }),
		...(maxAgeSeconds === null ? {} : { maxAge: maxAgeSeconds }),
	})
}

/** Removes a cookie. */
export function removeCookie(c: AnyPageContext, name: PageCookie): void {
	const prefix = getPrefix(c)
	deleteCookie(toContext(c), COOKIES[name], {
		path: '/',
		secure: prefix !== undefined,
		...(prefix === undefined ? {} : { prefix }),
	})
}

/** The `Cookie` header of a request in this process that has this cookie alone. */
export function toCookieHeader(c: AnyPageContext, name: PageCookie, value: string): string {
	return `${getPrefix(c) === undefined ? '' : '__Host-'}${COOKIES[name]}=${value}`
}
