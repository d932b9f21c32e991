/** What holds for every request: its id and headers, its line in the log, what it may send and wants back. */
import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { parseAccept } from 'hono/utils/accept'
import { BadRequest, HttpError } from '../../lib/errors.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { log } from '../../lib/log.ts'
import type { PublicEnv } from './environment.ts'
import { getNestingDepth } from './json-depth.ts'

/** docs/contract.md §1. */
const EXPOSED_HEADERS =
	'Elements-Returned-Count, Elements-Total-Count, Elements-Request-Id, Elements-Next-Page-Token, Elements-Trace-Id, Elements-Error, Content-Disposition'

/**
 * Gives the request its id, the answer its headers, and the log a line: method, path and status, never a query, header
 * or body.
 */
export const requestMiddleware: MiddlewareHandler<PublicEnv> = async (c, next) => {
	const startedMs = Date.now()
	await next()
	// A new answer, since one that came from elsewhere may not be changed.
	c.res = new Response(c.res.body, c.res)
	c.res.headers.set('Elements-Request-Id', c.var.requestId)
	if (c.var.instanceId !== undefined) c.res.headers.set('Elements-Element-Instance-Id', String(c.var.instanceId))
	c.res.headers.set('Access-Control-Expose-Headers', EXPOSED_HEADERS)
	c.res.headers.set('Cache-Control', 'no-store')
	c.res.headers.set('X-Content-Type-Options', 'nosniff')
	log('request.done', {
		requestId: c.var.requestId,
		method: c.req.method,
		path: redactPath(c.req.path),
		status: c.res.status,
		instance: c.var.instanceId ?? null,
		durationMs: Date.now() - startedMs,
	})
}

/** A path as the log shows it: the state of a hand-over and tokens of ours open something and are left out. */
function redactPath(path: string): string {
	return path.replace(/(\/oauth\/|sb[slk]_)[\w-]{20,}/g, '$1…')
}

/**
 * 406 when the caller accepts none of the media that a call answers with. A call without a body in its answer takes
 * every caller.
 */
export function requireAcceptable(media: readonly string[]): MiddlewareHandler<PublicEnv> {
	// Refusals are JSON whatever the call answers with.
	const offered = media.length === 0 ? ['application/json'] : media
	return async (c, next) => {
		const accept = c.req.header('Accept') ?? ''
		if (accept.trim() !== '' && !parseAccept(accept).some((range) => matchesMediaRange(range, offered)))
			throw new HttpError(406, `Accept: expected ${offered.join(' or ')}`)
		await next()
	}
}

/** 413 for a body above the limit. Whoever reads it afterwards reads no more than that. */
export function limitBody(limitBytes = LIMITS.body.value): MiddlewareHandler<PublicEnv> {
	return bodyLimit({
		maxSize: limitBytes,
		onError: () => {
			throw new HttpError(413, `body: expected at most ${limitBytes / 1024 / 1024} MB`)
		},
	})
}

/**
 * 415 for a body that is not declared as JSON, 400 for one that is nested too deep. A body without any declaration is
 * read as JSON; where it may be left out, none is `{}`. Stands behind `bodyAtMost`.
 */
export function requireJsonBody(optional = false): MiddlewareHandler<PublicEnv> {
	return async (c, next) => {
		const type = c.req.header('Content-Type')?.trim()
		const empty = c.req.raw.body === null || c.req.header('Content-Length') === '0'
		if (empty && optional)
			c.req.raw = new Request(c.req.url, {
				method: c.req.method,
				headers: withJsonContentType(c.req.raw.headers),
				body: '{}',
			})
		if (empty) return await next()
		if (type !== undefined && !/^application\/([a-z0-9.+-]+\+)?json\s*(;|$)/i.test(type))
			throw new HttpError(415, 'Content-Type: expected application/json')
		// Said in one way from here on: what reads it takes fewer names of JSON than are accepted, and would see no body
		// under the others.
		if (type !== 'application/json')
			c.req.raw = new Request(c.req.raw, { headers: withJsonContentType(c.req.raw.headers) })
		if (getNestingDepth(await c.req.text()) > LIMITS.nesting.value)
			throw new BadRequest(`body: ${expectedAtMost('nesting')} of lists and objects inside one another`)
		return await next()
	}
}

function withJsonContentType(given: Headers): Headers {
	const headers = new Headers(given)
	headers.set('Content-Type', 'application/json')
	headers.delete('Content-Length')
	return headers
}

/** Whether a range of an Accept header takes one of the offered media; `+json` types count as JSON. */
function matchesMediaRange(range: { type: string; q: number }, offered: readonly string[]): boolean {
	if (range.q === 0) return false
	const type = range.type.toLowerCase()
	const acceptsJson = /^application\/([a-z0-9.+-]+\+)?json$/.test(type)
	return offered.some(
		(media) =>
			type === '*/*' ||
			type === media ||
			type === `${media.split('/')[0]}/*` ||
			(acceptsJson && media === 'application/json'),
	)
}
