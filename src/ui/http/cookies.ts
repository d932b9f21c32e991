/**
 * Cookies of pages. The session's opens pages and their streams, never the API. Over https all of them have the prefix
 * `__Host-`, so that no other host can set them. On loopback there is no https, and so no prefix; their names have the
 * port, since all ports of a host share its cookies.
 */
import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { isLoopbackHost } from '../../lib/reachability.ts'
import type { AnyPageContext } from './environment.ts'

/** The names: the token of a session, a random text that forms of signed-out pages depend on, a message. */
const COOKIES = { session: 'shopbell_session', form: 'shopbell_form', message: 'shopbell_message' } as const

/** A cookie of pages. */
export type PageCookie = keyof typeof COOKIES

/** Whether the page may have cookies: over https, or on loopback. Browsers drop a Secure cookie elsewhere. */
export function canHaveCookies(c: AnyPageContext): boolean {
	return isLocal(c) || c.req.url.startsWith('https:')
}

/** Hono's helpers use no more of a context than this. */
const toContext = (c: AnyPageContext): Context => c as unknown as Context

/** Where a request's page is: every page reads several cookies. */
interface Place {
	isLocal: boolean
	port: string
}

const places = new WeakMap<Request, Place>()

function getPlace({ req }: AnyPageContext): Place {
	const known = places.get(req.raw)
	if (known !== undefined) return known
	const { hostname, port } = new URL(req.url)
	const place = { isLocal: isLoopbackHost(hostname), port }
	places.set(req.raw, place)
	return place
}

/** Whether the page is of this machine. */
const isLocal = (c: AnyPageContext): boolean => getPlace(c).isLocal

function toName(c: AnyPageContext, cookie: PageCookie): string {
	const { isLocal, port } = getPlace(c)
	if (!isLocal) return `__Host-${COOKIES[cookie]}`
	return port === '' ? COOKIES[cookie] : `${COOKIES[cookie]}_${port}`
}

/** The value of a cookie; null: the browser sent none. */
export function readCookie(c: AnyPageContext, cookie: PageCookie): string | null {
	return getCookie(toContext(c), toName(c, cookie)) ?? null
}

/** Sets a cookie. `maxAgeSeconds` null: until the browser closes. */
export function writeCookie(c: AnyPageContext, cookie: PageCookie, value: string, maxAgeSeconds: number | null): void {
	setCookie(toContext(c), toName(c, cookie), value, {
		path: '/',
		httpOnly: true,
		sameSite: 'Lax',
		secure: !isLocal(c),
		...(maxAgeSeconds === null ? {} : { maxAge: maxAgeSeconds }),
	})
}

/** Removes a cookie. */
export function removeCookie(c: AnyPageContext, cookie: PageCookie): void {
	writeCookie(c, cookie, '', 0)
}

/** The `Cookie` header of a request in this process that has this cookie alone. */
export function toCookieHeader(c: AnyPageContext, cookie: PageCookie, value: string): string {
	return `${toName(c, cookie)}=${value}`
}
