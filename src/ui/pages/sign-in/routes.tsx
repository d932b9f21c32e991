/** Signing in and out, the first run, one-time links, and the user's sessions. */
import { AmbiguousAccount } from '../../../api/authentication/routes.ts'
import { LINK_PATH } from '../../../api/accounts/links.ts'
import type { CallError } from '../../../api/http/call-operation.ts'
import { SESSION_TTL_MS } from '../../../accounts/sessions.ts'
import { isToken } from '../../../accounts/secrets.ts'
import { HttpError, NotFound } from '../../../lib/errors.ts'
import { isLoopbackHost } from '../../../lib/reachability.ts'
import { callOperation } from '../../http/call.ts'
import { canHaveCookies, removeCookie, toCookieHeader, writeCookie } from '../../http/cookies.ts'
import type { AnyPageContext, PageContext, SignedInContext } from '../../http/environment.ts'
import { requireOk } from '../../http/errors.tsx'
import { FORM_TOKEN_FIELD, openTypedForm } from '../../http/forms.ts'
import { redirectTo, toLocalPath } from '../../http/messages.ts'
import type { PageSet } from '../../http/pages.ts'
import { renderPage } from '../../http/render.ts'
import { findSessionCaller, toFormToken } from '../../http/session.ts'
import { SessionsPage } from './sessions-page.tsx'
import { LinkPage, SetupPage, SignInPage, type Organization } from './views.tsx'

/** Mounts the pages. */
export function mountSignIn({ open, signedIn }: PageSet): void {
	open.page('/sign-in', showSignIn)
	open.form('/sign-in', signIn)
	open.page('/sign-in/local', signInLocally)
	signedIn.form('/sign-in/resume', async (c, form) => await resume(c, form, null))
	open.form('/sign-out', signOut)
	open.page('/set-up', showSetup)
	open.form('/set-up', setUp)
	open.page(`${LINK_PATH}/:token`, showLink)
	open.form(`${LINK_PATH}/:token`, acceptLink)
	signedIn.page('/account/sessions', showSessions)
	signedIn.form('/account/sessions/end', endSessions)
}

async function showSignIn(c: PageContext): Promise<Response> {
	const next = toLocalPath(c.req.query('next'))
	if (c.var.caller !== null) return redirectTo(c, next)
	const { setUp: isSetUp, database } = requireOk(await callOperation(c, 'healthz'))
	if (database && !isSetUp) return redirectTo(c, '/set-up')
	const props = { csrf: c.var.csrf, next, message: c.var.message, username: c.req.query('username') ?? '' }
	return await renderPage(c, <SignInPage {...props} hasCookies={canHaveCookies(c)} />)
}

async function signIn(c: PageContext, form: URLSearchParams): Promise<Response> {
	const [username, password, organization] = ['username', 'password', 'organization'].map(
		(name) => form.get(name) ?? '',
	)
	const result = await callOperation(c, 'signIn', {
		body: {
			username: username!,
			password: password!,
			...(organization === '' ? {} : { organization: organization! }),
		},
	})
	const next = toLocalPath(form.get('next'))
	const typed = form.get('typed')
	if (result.ok) {
		startSession(c, result.body.token)
		return typed === null ? redirectTo(c, next) : await resume(c, form, result.body.token)
	}
	const organizations = result.error instanceof AmbiguousAccount ? result.error.organizations : []
	const props = { csrf: c.var.csrf, next, typed, username: username!, organizations, hasCookies: canHaveCookies(c) }
	return await renderPage(
		c,
		<SignInPage {...props} error={toSignInError(result, organizations)} />,
		result.status === 429 ? 429 : 422,
		result.retryAfterSeconds === null ? {} : { 'Retry-After': String(result.retryAfterSeconds) },
	)
}

function toSignInError({ status, message, retryAfterSeconds }: CallError, choices: readonly Organization[]): string {
	if (choices.length > 0) return 'You have an account in several organizations. Choose one.'
	if (status === 401) return 'The e-mail address or the password is wrong.'
	if (status === 429) return `${message}: in ${Math.ceil((retryAfterSeconds ?? 60) / 60)} min.`
	return message
}

function startSession(c: PageContext, token: string): void {
	writeCookie(c, 'session', token, SESSION_TTL_MS / 1000)
	removeCookie(c, 'form')
}

/** Handles the form that was sealed when its session ended. `token`: of a session that begins with this response. */
async function resume(c: AnyPageContext, form: URLSearchParams, token: string | null): Promise<Response> {
	const typed = await openTypedForm(c, form.get('typed') ?? '')
	if (typed === null)
		return redirectTo(c, '/', { kind: 'warn', text: 'What you typed is more than a day old and was not sent.' })
	const headers = new Headers(c.req.raw.headers)
	for (const name of ['HX-Request', 'Content-Length']) headers.delete(name)
	const body = new URLSearchParams(typed.body)
	body.set(FORM_TOKEN_FIELD, token === null ? c.var.csrf : toFormToken(token))
	if (token !== null) headers.set('Cookie', toCookieHeader(c, 'session', token))
	headers.set('Content-Type', 'application/x-www-form-urlencoded')
	const request = new Request(new URL(typed.path, c.req.url), { method: 'POST', headers, body: body.toString() })
	const response = await c.var.app.fetch(request, c.env, c.executionCtx)
	// With the cookie of the new session.
	return c.body(response.body as ReadableStream, response.status as 200, Object.fromEntries(response.headers))
}

/** For links of a local run: the session's token in the address, on this machine only. */
async function signInLocally(c: PageContext): Promise<Response> {
	const token = c.req.query('session') ?? ''
	const isLocal = c.env.ALLOW_PRIVATE_NETWORK === 'true' && isLoopbackHost(new URL(c.req.url).hostname)
	if (!isLocal || !isToken('session', token)) throw new NotFound()
	if ((await findSessionCaller(c, token)) === null)
		return redirectTo(c, '/sign-in', {
			kind: 'warn',
			text: 'This link has expired. Start Shopbell again for a new one.',
		})
	startSession(c, token)
	return redirectTo(c, '/')
}

async function signOut(c: PageContext): Promise<Response> {
	if (c.var.caller !== null) requireOk(await callOperation(c, 'signOut'))
	removeCookie(c, 'session')
	return redirectTo(c, '/sign-in', { kind: 'ok', text: 'You are signed out.' })
}

async function showSetup(c: PageContext): Promise<Response> {
	const { setUp: isSetUp, database } = requireOk(await callOperation(c, 'healthz'))
	if (!database)
		throw new HttpError(503, 'The database does not answer, or its tables are missing: run npm run migrate.')
	if (isSetUp) return redirectTo(c, '/sign-in')
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
	return await renderPage(
		c,
		<LinkPage csrf={c.var.csrf} action={c.req.path} link={link.ok ? link.body : null} />,
		link.ok ? 200 : 404,
	)
}

async function acceptLink(c: PageContext, form: URLSearchParams): Promise<Response> {
	const token = c.req.param('token') ?? ''
	const link = await callOperation(c, 'getLink', { params: { token } })
	if (!link.ok) return await renderPage(c, <LinkPage csrf={c.var.csrf} action={c.req.path} link={null} />, 404)
	const [password = '', repeated] = form.getAll('password').concat(form.getAll('repeated'))
	const respond = async (problem: { field: string; message: string }): Promise<Response> =>
		await renderPage(c, <LinkPage csrf={c.var.csrf} action={c.req.path} link={link.body} problem={problem} />, 422)
	if (password !== repeated)
		return await respond({ field: 'repeated', message: 'The two passwords differ. Nothing was changed.' })
	const result = await callOperation(c, 'acceptLink', { body: { token, password } })
	if (!result.ok) {
		if (result.status === 404)
			return await renderPage(c, <LinkPage csrf={c.var.csrf} action={c.req.path} link={null} />, 404)
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
