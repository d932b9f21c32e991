/** Pages as responses, with their Content-Security-Policy. */
import type { Child } from 'hono/jsx'
import { PAGE_HEADERS } from '../lib/response-headers.ts'
import type { Viewer } from './http/environment.ts'

/** Sources by directive that replace those of `POLICY`. */
type PolicyOverrides = Readonly<Partial<Record<'style-src' | 'img-src' | 'worker-src', string>>>

/** Everything comes from this host, no inline scripts run, and no other page can embed it. */
const POLICY = {
	'default-src': "'none'",
	'script-src': "'self'",
	'style-src': "'self'",
	'img-src': "'self'",
	'font-src': "'self'",
	'connect-src': "'self'",
	'form-action': "'self'",
	'base-uri': "'none'",
	'frame-ancestors': "'none'",
}

/** The Content-Security-Policy of a page. `allow` replaces single directives. */
export function toPolicy(allow: PolicyOverrides = {}): string {
	return Object.entries({ ...POLICY, ...allow })
		.map(([directive, sources]) => `${directive} ${sources}`)
		.join('; ')
}

/** A form of the page, such as sign out, names its origin. */
const SIGNED_IN_HEADERS = { 'Cache-Control': 'no-store', 'Referrer-Policy': 'same-origin' }

/** The page as a response. `allow` replaces single directives of the policy. `viewer`: whose page it is. */
export async function respondWithPage(
	document: Child,
	options: { status?: number; allow?: PolicyOverrides; viewer?: Viewer | null } = {},
): Promise<Response> {
	return new Response(`<!doctype html>${String(await document)}`, {
		status: options.status ?? 200,
		headers: {
			'Content-Type': 'text/html; charset=utf-8',
			'Content-Security-Policy': toPolicy(options.allow),
			...PAGE_HEADERS,
			...(options.viewer == null ? { 'Cache-Control': 'no-cache' } : SIGNED_IN_HEADERS),
		},
	})
}
