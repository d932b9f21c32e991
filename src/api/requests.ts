/** What holds for every request: its id and headers, its line in the log, what it may send and wants back. */
import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { HttpError } from '../errors.ts'
import { atMost, LIMITS } from '../limits.ts'
import { log } from '../log.ts'
import type { PublicEnv } from './environment.ts'

/** Contract, section 1. */
const EXPOSED =
	'Elements-Returned-Count, Elements-Total-Count, Elements-Request-Id, Elements-Next-Page-Token, Elements-Trace-Id, Elements-Error, Content-Disposition'

/** Gives the request its id, the answer its headers, and the log a line: method, path and status, never a query, header or body. */
export const requests: MiddlewareHandler<PublicEnv> = async (c, next) => {
	const startedMs = Date.now()
	c.set('requestId', crypto.randomUUID())
	await next()
	// A new answer, since one that came from elsewhere may not be changed.
	c.res = new Response(c.res.body, c.res)
	c.res.headers.set('Elements-Request-Id', c.var.requestId)
	if (c.var.instanceId !== undefined) c.res.headers.set('Elements-Element-Instance-Id', String(c.var.instanceId))
	c.res.headers.set('Access-Control-Expose-Headers', EXPOSED)
	c.res.headers.set('Cache-Control', 'no-store')
	c.res.headers.set('X-Content-Type-Options', 'nosniff')
	log('request.done', {
		requestId: c.var.requestId,
		method: c.req.method,
		path: shownPath(c.req.path),
		status: c.res.status,
		instance: c.var.instanceId ?? null,
		durationMs: Date.now() - startedMs,
	})
}

/** A path as the log shows it: the state of a hand-over opens something and is left out. */
function shownPath(path: string): string {
	return path.replace(/(\/oauth\/)[\w-]{20,}/, '$1…')
}

/** 406 when the caller wants no JSON. */
export const acceptable: MiddlewareHandler<PublicEnv> = async (c, next) => {
	const accept = c.req.header('Accept')
	if (accept !== undefined && accept.trim() !== '' && !accept.split(',').some(acceptsJson))
		throw new HttpError(406, 'Accept: expected application/json')
	await next()
}

/** 413 above 1 MB, 415 for a body that is not declared as JSON. A body without any declaration is read as JSON. */
export const bodyRules: MiddlewareHandler<PublicEnv> = async (c, next) => {
	if (c.req.raw.body === null) return await next()
	const type = c.req.header('Content-Type')
	if (type !== undefined && !/^application\/([a-z0-9.+-]+\+)?json\s*(;|$)/i.test(type.trim()))
		throw new HttpError(415, 'Content-Type: expected application/json')
	if (type === undefined) {
		const headers = new Headers(c.req.raw.headers)
		headers.set('Content-Type', 'application/json')
		c.req.raw = new Request(c.req.raw, { headers })
	}
	await limit(c, next)
}

const limit = bodyLimit({
	maxSize: LIMITS.body.value,
	onError: () => {
		throw new HttpError(413, `body: ${atMost('body')}`)
	},
})

function acceptsJson(range: string): boolean {
	const [type = '', ...parameters] = range
		.toLowerCase()
		.split(';')
		.map((part) => part.trim())
	if (parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) return false
	return type === '*/*' || type === 'application/*' || /^application\/([a-z0-9.+-]+\+)?json$/.test(type)
}
