/** Messages about what was just done, from one page to the next. */
import { PRIVATE_HEADERS } from '../../lib/response-headers.ts'
import { readCookie, removeCookie, writeCookie } from './cookies.ts'
import type { AnyPageContext, PageMessage } from './environment.ts'

/** Browsers drop a cookie of more than 4 kB, and a character can take 9 bytes of it. */
const MAX_CHARACTERS = 400

const KINDS: readonly string[] = ['ok', 'warn', 'bad'] satisfies PageMessage['kind'][]

/** The message of the page before, which is shown once. */
export function takeMessage(c: AnyPageContext): PageMessage | null {
	const text = readCookie(c, 'message')
	// A request for a part of the page leaves it to the page.
	if (text === null || c.req.header('HX-Request') !== undefined) return null
	removeCookie(c, 'message')
	const kind = text.slice(0, text.indexOf(' '))
	return KINDS.includes(kind) ? { kind: kind as PageMessage['kind'], text: text.slice(kind.length + 1) } : null
}

/**
 * Redirects after a form, so that a reload does not send it again. The next page shows the message, or else the one
 * that this page had to show.
 */
export function redirectTo(c: AnyPageContext, path: string, message: PageMessage | null = c.var.message): Response {
	if (message !== null) writeCookie(c, 'message', `${message.kind} ${toCookieText(message.text)}`, 60)
	for (const [name, value] of Object.entries(PRIVATE_HEADERS)) c.header(name, value)
	if (c.req.header('HX-Request') !== undefined) return c.body(null, 200, { 'HX-Redirect': path })
	return c.redirect(path, 303)
}

function toCookieText(text: string): string {
	return (text.length <= MAX_CHARACTERS ? text : `${text.slice(0, MAX_CHARACTERS - 1)}…`).toWellFormed()
}

/** A path of this host that a page may lead to; '/' for anything else. */
export function toLocalPath(text: string | null | undefined): string {
	if (text === null || text === undefined || !text.startsWith('/')) return '/'
	const base = 'http://local.invalid'
	if (!URL.canParse(text, base)) return '/'
	const url = new URL(text, base)
	// `/.//host` is a path of this host until the dot is gone.
	return url.origin === base && !url.pathname.startsWith('//') ? url.pathname + url.search : '/'
}
