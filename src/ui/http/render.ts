/** Pages and parts of pages as responses. */
import type { Child } from 'hono/jsx'
import { PAGE_HEADERS, PRIVATE_HEADERS } from '../../lib/response-headers.ts'
import { toPolicy } from '../respond.ts'
import type { AnyPageContext } from './environment.ts'

/** A status that pages answer with. */
type PageStatus = 200 | 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 429 | 500 | 502 | 503

const HEADERS = {
	'Content-Type': 'text/html; charset=utf-8',
	'Content-Security-Policy': toPolicy(),
	...PAGE_HEADERS,
	...PRIVATE_HEADERS,
	// Without a referrer a browser names no origin with a form, and the form is refused.
	'Referrer-Policy': 'same-origin',
}

/** A whole page. */
export async function renderPage(
	c: AnyPageContext,
	document: Child,
	status: PageStatus = 200,
	headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
	return c.body(`<!doctype html>${String(await document)}`, status, { ...HEADERS, ...headers })
}

/** A part of a page, which htmx puts in its place. */
export async function renderPart(
	c: AnyPageContext,
	part: Child,
	status: PageStatus = 200,
	headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
	return c.body(String(await part), status, { ...HEADERS, ...headers })
}

/** Whether htmx asks, for a part of the page. */
export function isPartRequest(c: AnyPageContext): boolean {
	return c.req.header('HX-Request') !== undefined
}
