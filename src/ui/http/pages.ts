/**
 * Mounts pages. Each one gets its session, the token of its forms and the message of the page before. A posted form is
 * handled only if it comes from a page of this host with that token. Errors become pages.
 */
import type { PageApp } from '../../api/http/call-operation.ts'
import type { Api } from '../../api/http/serve.ts'
import { HttpError } from '../../lib/errors.ts'
import { log, logError } from '../../lib/log.ts'
import { readCookie, removeCookie } from './cookies.ts'
import type { PageContext, SignedInContext, Viewer } from './environment.ts'
import { respondWithEndedSession, respondWithErrorPage, respondWithUnsentForm } from './errors.tsx'
import { hasFormToken, isOwnForm, MAX_FORM_BYTES, readForm } from './forms.ts'
import { takeMessage } from './messages.ts'
import { findSessionCaller, getFormToken } from './session.ts'

type Answer = Response | Promise<Response>

/** Mounts pages by path. */
interface Pages<C> {
	/** A page. */
	page(path: string, show: (c: C) => Answer): void
	/** What a form of a page posts. */
	form(path: string, handle: (c: C, form: URLSearchParams) => Answer, options?: FormOptions): void
}

/** Where a form is not as others. */
interface FormOptions {
	/** Bytes; left out: `MAX_FORM_BYTES`. */
	maxBytes?: number
	/** Answers a form of an earlier session, or of an earlier run of the browser. Left out: it is asked for again. */
	whenOld?: (c: PageContext, form: URLSearchParams) => Answer
}

/** Mounts pages for everybody, and pages for signed-in users. */
export interface PageSet {
	open: Pages<PageContext>
	signedIn: Pages<SignedInContext>
}

/** The pages of an app. */
export function createPages(app: Api): PageSet {
	const mount = (method: 'GET' | 'POST', path: string, handle: (c: PageContext) => Answer): void => {
		app.on(method, path, async (c) => await runPage(c as unknown as PageContext, app, path, handle))
	}
	return {
		open: {
			page: (path, show) => mount('GET', path, show),
			form: (path, handle, { maxBytes, whenOld = respondWithUnsentForm } = {}) =>
				mount('POST', path, async (c) => await handleForm(c, { handle, maxBytes, whenOld })),
		},
		signedIn: {
			page: (path, show) => mount('GET', path, (c) => (isSignedIn(c) ? show(c) : respondWithEndedSession(c, null))),
			form: (path, handle, { maxBytes, whenOld = respondWithOldForm } = {}) =>
				mount(
					'POST',
					path,
					async (c) =>
						await handleForm(c, {
							handle: async (page, form) => (isSignedIn(page) ? await handle(page, form) : await whenOld(page, form)),
							maxBytes,
							whenOld,
						}),
				),
		},
	}
}

function toViewer(c: PageContext | SignedInContext): Viewer | null {
	const { caller, csrf, services } = c.var
	return caller === null ? null : { user: caller.user, csrf, nowMs: services.now() }
}

function isSignedIn(c: PageContext | SignedInContext): c is SignedInContext {
	if (c.var.caller === null) return false
	;(c as SignedInContext).set('viewer', toViewer(c)!)
	return true
}

/**
 * Prepares a page, runs it, and turns what it throws into a page. The log has its pattern, since paths hold secrets.
 */
async function runPage(
	c: PageContext,
	app: Api,
	pattern: string,
	handle: (c: PageContext) => Answer,
): Promise<Response> {
	const startedMs = Date.now()
	c.set('app', app as PageApp)
	c.set('message', takeMessage(c))
	c.set('caller', null)
	c.set('csrf', '')
	c.set('instances', c.req.method === 'GET' ? new Map() : null)
	c.header('Elements-Request-Id', c.var.requestId)
	let response: Response
	try {
		await findCaller(c)
		response = await handle(c)
	} catch (error) {
		if (!(error instanceof HttpError)) logError('page.failed', error, { requestId: c.var.requestId })
		response = await respondWithErrorPage(c, error, toViewer(c))
	}
	log('page.done', {
		requestId: c.var.requestId,
		method: c.req.method,
		path: pattern,
		status: response.status,
		durationMs: Date.now() - startedMs,
	})
	return response
}

async function findCaller(c: PageContext): Promise<void> {
	const token = readCookie(c, 'session')
	const caller = await findSessionCaller(c, token)
	// The cookie of a session that ended would be looked up with every page.
	if (token !== null && caller === null) removeCookie(c, 'session')
	c.set('caller', caller)
	c.set('csrf', getFormToken(c, caller))
}

/** Signed out in another tab, and perhaps in again: only the token is old, and a page of ours sent the form. */
async function respondWithOldForm(c: PageContext, form: URLSearchParams): Promise<Response> {
	return c.var.caller === null ? await respondWithEndedSession(c, form) : await respondWithUnsentForm(c, form)
}

/** Handles a form of our own; anything else changes nothing. */
async function handleForm(
	c: PageContext,
	{
		handle,
		maxBytes = MAX_FORM_BYTES,
		whenOld,
	}: {
		handle: (c: PageContext, form: URLSearchParams) => Answer
		maxBytes: number | undefined
		whenOld: (c: PageContext, form: URLSearchParams) => Answer
	},
): Promise<Response> {
	if (!isOwnForm(c)) throw new HttpError(403, 'This form was sent by another site. Nothing was changed.')
	const form = await readForm(c.req.raw, maxBytes)
	return hasFormToken(c, form) ? await handle(c, form) : await whenOld(c, form)
}
