/** Pages as responses, with their Content-Security-Policy. */
import type { Child } from 'hono/jsx'
import { PAGE_HEADERS } from '../lib/response-headers.ts'

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

/** The page as a response. `allow` replaces single directives of the policy. */
export async function respondWithPage(
	document: Child,
	options: { status?: number; allow?: PolicyOverrides } = {},
): Promise<Response> {
	return new Response(`<!doctype html>${String(await document)}`, {
		status: options.status ?? 200,
		headers: {
			'Content-Type': 'text/html; charset=utf-8',
			'Content-Security-Policy': toPolicy(options.allow),
			'Cache-Control': 'no-cache',
			...PAGE_HEADERS,
		},
	})
}
