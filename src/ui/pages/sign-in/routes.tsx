/** Signing in and out, the first run, one-time links, and the user's sessions. */
import { AmbiguousAccount } from '../../../api/authentication/routes.ts'
import { LINK_PATH } from '../../../api/accounts/links.ts'
import type { CallError } from '../../../api/http/call-operation.ts'
import { SESSION_TTL_MS } from '../../../accounts/sessions.ts'
import { isToken } from '../../../accounts/secrets.ts'
import { HttpError, NotFound } from '../../../lib/errors.ts'
import { isLoopbackHost } from '../../../lib/reachability.ts'
import { callOperation } from '../../http/call.ts'
import { allowsPrivateNetwork } from '../../../instances/stores.ts'
import { canHaveCookies, removeCookie, toCookieHeader, writeCookie } from '../../http/cookies.ts'
import type { AnyPageContext, PageContext, SignedInContext } from '../../http/environment.ts'
import { askToSend, FailedCall, requireOk, respondWithUnsentForm } from '../../http/errors.tsx'
import {
	FORM_TOKEN_FIELD,
	MAX_SEALED_FORM_BYTES,
	openTypedForm,
	RESUME_PATH,
	TYPED_FIELD,
	type TypedForm,
} from '../../http/forms.ts'
import { redirectTo, toLocalPath } from '../../http/messages.ts'
import type { PageSet } from '../../http/pages.ts'
import { renderPage } from '../../http/render.ts'
import { findSessionCaller, toFormToken } from '../../http/session.ts'
import { SessionsPage } from './sessions-page.tsx'
import { LinkPage, SetupPage, SignInPage, type Organization } from './views.tsx'

/** Mounts the pages. */
export function mountSignIn({ open, signedIn }: PageSet): void {
	open.page('/sign-in', showSignIn)
	// The password is asked for again: it is in no page, sealed neither.
	open.form('/sign-in', signIn, {
		maxBytes: MAX_SEALED_FORM_BYTES,
		whenOld: async (c, form) =>
			await renderSignInAgain(c, form, {
				error: 'This page was open for too long. Enter your password again.',
				status: 403,
			}),
	})
	open.page('/sign-in/local', signInLocally)
	open.form(RESUME_PATH, resume, { maxBytes: MAX_SEALED_FORM_BYTES })
	signedIn.form('/sign-out', signOut, {
		whenOld: async (c, form) => (c.var.caller === null ? toSignedOut(c) : await respondWithUnsentForm(c, form)),
	})
	open.page('/set-up', showSetup)
	open.form('/set-up', setUp)
	open.page(`${LINK_PATH}/:token`, showLink)
	open.form(`${LINK_PATH}/:token`, acceptLink)
	signedIn.page('/account/sessions', showSessions)
	signedIn.form('/account/sessions/end', endSessions)
}

/** Whether the first organization exists. */
async function isSetUp(c: PageContext): Promise<boolean> {
	const { setUp, database } = requireOk(await callOperation(c, 'healthz'))
	if (!database)
		throw new HttpError(503, 'The database does not answer, or its tables are missing: run npm run migrate.')
	return setUp
}

async function showSignIn(c: PageContext): Promise<Response> {
	const next = toLocalPath(c.req.query('next'))
	if (c.var.caller !== null) return redirectTo(c, next)
	if (!(await isSetUp(c))) return redirectTo(c, '/set-up')
	const props = { csrf: c.var.csrf, next, message: c.var.message, username: c.req.query('username') ?? '' }
	return await renderPage(c, <SignInPage {...props} hasCookies={canHaveCookies(c)} />)
}

async function signIn(c: PageContext, form: URLSearchParams): Promise<Response> {
	const organization = form.get('organization') ?? ''
	const result = await callOperation(c, 'signIn', {
		body: {
			username: form.get('username') ?? '',
			password: form.get('password') ?? '',
			...(organization === '' ? {} : { organization }),
		},
	})
	if (result.ok) {
		const { token } = result.body
		startSession(c, token)
		const sealed = form.get(TYPED_FIELD)
		return sealed === null ? redirectTo(c, toLocalPath(form.get('next'))) : await sendTyped(c, sealed, token)
	}
	const organizations = result.error instanceof AmbiguousAccount ? result.error.organizations : []
	return await renderSignInAgain(c, form, {
		error: toSignInError(result, organizations),
		organizations,
		status: result.status === 429 || result.status === 500 ? result.status : 422,
		headers: result.retryAfterSeconds === null ? {} : { 'Retry-After': String(result.retryAfterSeconds) },
	})
}

/** The form with what was typed but the password, and why it was refused. */
async function renderSignInAgain(
	c: PageContext,
	form: URLSearchParams,
	refusal: {
		error: string
		status: 403 | 422 | 429 | 500
		organizations?: readonly Organization[]
		headers?: Readonly<Record<string, string>>
	},
): Promise<Response> {
	const { error, organizations = [], status, headers } = refusal
	const props = {
		csrf: c.var.csrf,
		next: toLocalPath(form.get('next')),
		typed: form.get(TYPED_FIELD),
		username: form.get('username') ?? '',
		organizations,
		hasCookies: canHaveCookies(c),
		error,
	}
	return await renderPage(c, <SignInPage {...props} />, status, headers)
}

function toSignInError({ status, message, retryAfterSeconds }: CallError, choices: readonly Organization[]): string {
	if (choices.length > 0) return 'You have an account in several organizations. Choose one.'
	if (status === 401) return 'The e-mail address or the password is wrong.'
	if (status === 429)
		return `Too many attempts to sign in. Try again in ${Math.ceil((retryAfterSeconds ?? 60) / 60)} min.`
	return status === 500 ? 'Something went wrong. Try again.' : message
}

function startSession(c: PageContext, token: string): void {
	writeCookie(c, 'session', token, SESSION_TTL_MS / 1000)
	removeCookie(c, 'form')
}

/** Sends the form that was sealed when its session ended, in the session that begins with this response. */
async function sendTyped(c: PageContext, sealed: string, token: string): Promise<Response> {
	const typed = await openTypedForm(c, sealed)
	if (typed === null) return toNotSent(c)
	const caller = await findSessionCaller(c, token)
	const csrf = toFormToken(token, caller)
	if (typed.userId !== null && typed.userId !== caller?.user.id)
		return await askToSend(c, {
			csrf,
			typed: sealed,
			reason: 'Another user typed this form. If you send it, it is sent in your name.',
		})
	return await send(c, typed, { csrf, cookie: toCookieHeader(c, 'session', token) })
}

/** Sends a sealed form, after it was asked. */
async function resume(c: PageContext, form: URLSearchParams): Promise<Response> {
	const typed = await openTypedForm(c, form.get(TYPED_FIELD) ?? '')
	return typed === null ? toNotSent(c) : await send(c, typed, { csrf: c.var.csrf, cookie: null })
}

function toNotSent(c: PageContext): Response {
	return redirectTo(c, '/', {
		kind: 'warn',
		text: 'What you typed was not sent: it is more than a day old, or it cannot be read. Type it again.',
	})
}

/** Posts a form in this process. `cookie`: of a session that the browser does not have yet. */
async function send(
	c: PageContext,
	{ path, body: fields }: TypedForm,
	{ csrf, cookie }: { csrf: string; cookie: string | null },
): Promise<Response> {
	const headers = new Headers(c.req.raw.headers)
	for (const name of ['HX-Request', 'Content-Length']) headers.delete(name)
	if (cookie !== null) headers.set('Cookie', cookie)
	const body = new URLSearchParams(fields)
	body.set(FORM_TOKEN_FIELD, csrf)
	const request = new Request(new URL(path, c.req.url), { method: 'POST', headers, body: body.toString() })
	const response = await c.var.app.fetch(request, c.env, c.executionCtx)
	// Headers in this form: each cookie is added to those of this response.
	return c.body(response.body as ReadableStream, { status: response.status as 200, headers: response.headers as never })
}

/** For links of a local run: the session's token in the address, on this machine only. */
async function signInLocally(c: PageContext): Promise<Response> {
	const token = c.req.query('session') ?? ''
	const isLocal = allowsPrivateNetwork(c.env) && isLoopbackHost(new URL(c.req.url).hostname)
	if (!isLocal || !isToken('session', token)) throw new NotFound()
	if ((await findSessionCaller(c, token)) === null)
		return redirectTo(c, '/sign-in', {
			kind: 'warn',
			text: 'This link has expired. Start Shopbell again for a new one.',
		})
	startSession(c, token)
	return redirectTo(c, '/')
}

async function signOut(c: SignedInContext): Promise<Response> {
	requireOk(await callOperation(c, 'signOut'))
	return toSignedOut(c)
}

function toSignedOut(c: AnyPageContext): Response {
	removeCookie(c, 'session')
	return redirectTo(c, '/sign-in', { kind: 'ok', text: 'You are signed out.' })
}

async function showSetup(c: PageContext): Promise<Response> {
	if (await isSetUp(c)) return redirectTo(c, '/sign-in')
	return await renderPage(
		c,
		<SetupPage csrf={c.var.csrf} hasCookies={canHaveCookies(c)} values={new URLSearchParams()} />,
	)
}

async function setUp(c: PageContext, form: URLSearchParams): Promise<Response> {
	const get = (name: string): string => (form.get(name) ?? '').trim()
	const password = form.get('password') ?? ''
	const body = {
		token: get('token'),
		organizationName: get('organizationName'),
		email: get('email'),
		firstName: get('firstName'),
		lastName: get('lastName'),
		password,
	}
	const result = await callOperation(c, 'setup', { body })
	if (!result.ok) {
		if (result.status === 500) throw new FailedCall(result)
		const problems =
			result.status === 404
				? [{ field: 'token', message: 'This is not the value of SETUP_TOKEN, or Shopbell is already set up.' }]
				: result.problems
		const props = { csrf: c.var.csrf, hasCookies: canHaveCookies(c), values: form, problems }
		return await renderPage(c, <SetupPage {...props} />, 422)
	}
	return await startSessionByPassword(c, body.email, password, '/connect')
}

/** Signs in with a password that was just set. */
async function startSessionByPassword(
	c: PageContext,
	username: string,
	password: string,
	next: string,
): Promise<Response> {
	const result = await callOperation(c, 'signIn', { body: { username, password } })
	// Several accounts, or too many tries: the form says what to do.
	if (!result.ok)
		return redirectTo(c, `/sign-in?${new URLSearchParams({ username, next }).toString()}`, {
			kind: 'ok',
			text: 'Your password is set. Sign in with it.',
		})
	startSession(c, result.body.token)
	return redirectTo(c, next)
}

async function showLink(c: PageContext): Promise<Response> {
	const link = await callOperation(c, 'getLink', { params: { token: c.req.param('token') ?? '' } })
	if (!link.ok) return await renderInvalidLink(c, link)
	return await renderPage(c, <LinkPage csrf={c.var.csrf} action={c.req.path} link={link.body} />)
}

async function renderInvalidLink(c: PageContext, error: CallError): Promise<Response> {
	if (error.status !== 404 && error.status !== 400) throw new FailedCall(error)
	return await renderPage(c, <LinkPage csrf={c.var.csrf} action={c.req.path} link={null} />, 404)
}

async function acceptLink(c: PageContext, form: URLSearchParams): Promise<Response> {
	const token = c.req.param('token') ?? ''
	const link = await callOperation(c, 'getLink', { params: { token } })
	if (!link.ok) return await renderInvalidLink(c, link)
	const password = form.get('password') ?? ''
	const respond = async (problem: { field: string; message: string }): Promise<Response> =>
		await renderPage(c, <LinkPage csrf={c.var.csrf} action={c.req.path} link={link.body} problem={problem} />, 422)
	if (password !== form.get('repeated'))
		return await respond({ field: 'repeated', message: 'The two passwords differ. Nothing was changed.' })
	const result = await callOperation(c, 'acceptLink', { body: { token, password } })
	if (!result.ok) {
		if (result.status !== 400) return await renderInvalidLink(c, result)
		return await respond({ field: 'password', message: `${result.problems[0]!.message}. Nothing was changed.` })
	}
	return await startSessionByPassword(c, result.body.username, password, '/')
}

async function showSessions(c: SignedInContext): Promise<Response> {
	const sessions = requireOk(await callOperation(c, 'listSessions'))
	const { viewer, message } = c.var
	return await renderPage(
		c,
		<SessionsPage viewer={viewer} message={message} sessions={sessions} nowMs={c.var.services.now()} />,
	)
}

async function endSessions(c: SignedInContext): Promise<Response> {
	const { ended } = requireOk(await callOperation(c, 'endSessions'))
	removeCookie(c, 'session')
	return redirectTo(c, '/sign-in', {
		kind: 'ok',
		text: ended === 1 ? 'Your session has ended.' : `All ${ended} sessions of yours have ended.`,
	})
}
