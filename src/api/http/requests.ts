/** Middleware of every request: headers, the log line, body limits, JSON and Accept. */
import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { parseAccept } from 'hono/utils/accept'
import { BadRequest, HttpError } from '../../lib/errors.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { log } from '../../lib/log.ts'
import { PRIVATE_HEADERS } from '../../lib/response-headers.ts'
import type { PublicEnv } from './environment.ts'
import { getNestingDepth } from './json-depth.ts'
import { getPageCall } from './page-call.ts'

/** docs/contract.md §1. */
const EXPOSED_HEADERS =
	'Elements-Returned-Count, Elements-Total-Count, Elements-Request-Id, Elements-Next-Page-Token, ' +
	'Elements-Trace-Id, Elements-Error, Content-Disposition'

/** Sets the headers of every response and logs method, path and status, never a query, header or body. */
export const requestMiddleware: MiddlewareHandler<PublicEnv> = async (c, next) => {
	const startedMs = Date.now()
	await next()
	// What a page reads never leaves the process, and the page has its own line.
	if (c.req.method === 'GET' && c.res.ok && getPageCall(c.env) !== null) return
	// A copy: the headers of a fetched response cannot be changed.
	c.res = new Response(c.res.body, c.res)
	c.res.headers.set('Elements-Request-Id', c.var.requestId)
	if (c.var.instanceId !== undefined) c.res.headers.set('Elements-Element-Instance-Id', String(c.var.instanceId))
	c.res.headers.set('Access-Control-Expose-Headers', EXPOSED_HEADERS)
	for (const [name, value] of Object.entries(PRIVATE_HEADERS)) c.res.headers.set(name, value)
	log('request.done', {
		requestId: c.var.requestId,
		method: c.req.method,
		path: redactPath(c.req.path),
		status: c.res.status,
		instance: c.var.instanceId ?? null,
		durationMs: Date.now() - startedMs,
	})
}

/** A path as the log shows it, without states of hand-overs and tokens, which are secrets. */
function redactPath(path: string): string {
	return path.replace(/(\/oauth\/|sb[slk]_)[\w-]{20,}/g, '$1…')
}

/** 406 when the caller accepts none of the call's media types. */
export function requireAcceptable(media: readonly string[]): MiddlewareHandler<PublicEnv> {
	// Without a response body, only errors have one: JSON.
	const offered = media.length === 0 ? ['application/json'] : media
	return async (c, next) => {
		const accept = c.req.header('Accept') ?? ''
		if (accept.trim() !== '' && !parseAccept(accept).some((range) => matchesMediaRange(range, offered)))
			throw new HttpError(406, `Accept: expected ${offered.join(' or ')}`)
		await next()
	}
}

/** 413 for a body above the limit, 400 for one that ends early. */
export function limitBody(limitBytes = LIMITS.body.value): MiddlewareHandler<PublicEnv> {
	const limit = bodyLimit({
		maxSize: limitBytes,
		onError: () => {
			throw new HttpError(413, `body: expected at most ${limitBytes / 1024 / 1024} MB`)
		},
	})
	return async (c, next) => {
		let wasRead = false
		const continueRequest = async (): Promise<void> => {
			wasRead = true
			await next()
		}
		try {
			return await limit(c, continueRequest)
		} catch (error) {
			// It reads a body without Content-Length itself, and what the sender does to it is no error of Shopbell.
			throw wasRead || error instanceof HttpError ? error : endedEarlyError()
		}
	}
}

/** 400: the caller disconnected, or sent less than announced. */
export function endedEarlyError(): BadRequest {
	return new BadRequest('body: it ended early')
}

/**
 * 415 for a Content-Type other than JSON, 400 for JSON that is nested too deep. A body without Content-Type is read as
 * JSON; an optional body that is absent becomes `{}`. Mounted after `limitBody`.
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
		// The validator only reads bodies whose Content-Type it knows as JSON.
		if (type !== 'application/json')
			c.req.raw = new Request(c.req.raw, { headers: withJsonContentType(c.req.raw.headers) })
		const text = await c.req.text().catch(() => {
			throw endedEarlyError()
		})
		if (getNestingDepth(text) > LIMITS.nesting.value)
			throw new BadRequest(`body: ${expectedAtMost('nesting')} of nested lists and objects`)
		return await next()
	}
}

function withJsonContentType(given: Headers): Headers {
	const headers = new Headers(given)
	headers.set('Content-Type', 'application/json')
	headers.delete('Content-Length')
	return headers
}

/** Whether a media range of an Accept header matches an offered media type; `+json` types count as JSON. */
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
