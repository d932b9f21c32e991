/** Pages of errors, and of forms that could not be accepted. */
import type { Child } from 'hono/jsx'
import type { CallError } from '../../api/http/call-operation.ts'
import { HttpError, NotFound, STATUS_DESCRIPTIONS } from '../../lib/errors.ts'
import { Frame, NarrowFrame } from '../frame.tsx'
import { Button } from '../parts/button.tsx'
import { Form } from '../parts/form.tsx'
import { Notice } from '../parts/notice.tsx'
import { SignInPage } from '../pages/sign-in/views.tsx'
import { canHaveCookies, readCookie } from './cookies.ts'
import type { AnyPageContext, Viewer } from './environment.ts'
import { RESUME_PATH, sealTypedForm, TYPED_FIELD } from './forms.ts'
import { redirectTo, toLocalPath } from './messages.ts'
import { isPartRequest, renderPage, renderPart } from './render.ts'

/** What a page says about a status. */
const TITLES = {
	400: 'This request is not valid',
	403: 'You may not do this',
	404: 'This page does not exist',
	405: 'There is no page here',
	409: 'This is not possible now',
	413: 'This form is too large',
	415: 'This is no form',
	429: 'Too many tries',
	500: 'Something went wrong',
	502: 'The store failed',
	503: 'Not available now',
} as const

/** A failed call that a page cannot show in its place. */
export class FailedCall extends HttpError {
	constructor({ status, message, providerMessage, retryAfterSeconds }: CallError) {
		super(status, message, {
			providerMessage,
			headers: retryAfterSeconds === null ? {} : { 'Retry-After': String(retryAfterSeconds) },
		})
	}
}

/** The body of a call that must succeed. Throws what becomes an error page. */
export function requireOk<Body>(result: { ok: true; body: Body } | CallError): Body {
	if (result.ok) return result.body
	throw new FailedCall(result)
}

/** The page of an error. Unexpected errors show nothing but the request's id. */
export async function respondWithErrorPage(
	c: AnyPageContext,
	thrown: unknown,
	viewer: Viewer | null = null,
): Promise<Response> {
	const error = thrown instanceof HttpError ? thrown : null
	const status = toPageStatus(error?.status ?? 500)
	const title = TITLES[status]
	const text =
		error === null || error.message === STATUS_DESCRIPTIONS[500]
			? 'Try again. If it happens again, tell your operator the request id.'
			: toText(error)
	const body = (
		<>
			<h1>{title}</h1>
			<p>{text}</p>
			<p class='meta'>
				Request id <code>{c.var.requestId}</code>
			</p>
			<p>
				<a class='link' href='/'>
					Go to Home
				</a>
			</p>
		</>
	)
	if (isPartRequest(c))
		return await renderPart(
			c,
			<Notice tone='bad' alert>
				{title}. {text} Request id <code>{c.var.requestId}</code>
			</Notice>,
			status,
			{ ...error?.headers, ...(c.req.method === 'GET' ? {} : ON_TOP) },
		)
	const page =
		viewer === null ? (
			<NarrowFrame title={title} unlisted>
				{body}
			</NarrowFrame>
		) : (
			<Frame title={title} place={null} viewer={viewer}>
				<div class='stack task'>{body}</div>
			</Frame>
		)
	return await renderPage(c, page, status, error?.headers)
}

function toPageStatus(status: number): keyof typeof TITLES {
	return status in TITLES ? (status as keyof typeof TITLES) : status < 500 ? 400 : 500
}

function toText(error: HttpError): string {
	if (error instanceof NotFound)
		return 'It was deleted, or it belongs to another organization, or the address is wrong.'
	const retryAfter = error.headers['Retry-After']
	const sentence = /[.!?]$/.test(error.message) ? error.message : `${error.message}.`
	return retryAfter === undefined ? sentence : `${sentence} Try again in ${retryAfter} s.`
}

/**
 * The page of a session that ended. `form`: what was typed, which is sent after signing in; null: nothing was. A part
 * of a page says so in its place, and leaves the rest of the page as it is.
 */
export async function respondWithEndedSession(c: AnyPageContext, form: URLSearchParams | null): Promise<Response> {
	const { pathname, search } = new URL(c.req.url)
	if (form === null && isPartRequest(c)) return await renderPart(c, <EndedPart next={getCurrentPath(c)} />, 401)
	const ended = readCookie(c, 'session') === null ? null : ENDED_MESSAGE
	if (form === null && pathname === '/') return redirectTo(c, '/sign-in', ended ?? c.var.message ?? undefined)
	const props = {
		csrf: c.var.csrf,
		next: form === null ? pathname + search : '/',
		typed: form === null ? null : await sealTypedForm(c, form),
		hasCookies: canHaveCookies(c),
		message: form === null ? (ended ?? c.var.message) : ENDED_FORM_MESSAGE,
	}
	return await renderPage(c, <SignInPage {...props} />, 401, WHOLE_PAGE)
}

const ENDED_MESSAGE = { kind: 'warn', text: 'Your session has ended. Sign in again.' } as const

const ENDED_FORM_MESSAGE = {
	kind: 'warn',
	text: 'Your session has ended. Nothing is lost: sign in, and what you typed is sent.',
} as const

/** A form whose token is old: of an earlier session, or from before the browser was closed. */
export async function respondWithUnsentForm(c: AnyPageContext, form: URLSearchParams): Promise<Response> {
	return await askToSend(c, {
		csrf: c.var.csrf,
		typed: await sealTypedForm(c, form),
		reason: 'This form was opened in an earlier session, so it was not accepted yet. Nothing is lost.',
	})
}

/** Asks whether a sealed form is to be sent. */
export async function askToSend(
	c: AnyPageContext,
	{ csrf, typed, reason }: { csrf: string; typed: string; reason: string },
): Promise<Response> {
	return await renderPage(
		c,
		<NarrowFrame title='Send it again' unlisted>
			<h1>Send it again</h1>
			<p>{reason}</p>
			<Form csrf={csrf} action={RESUME_PATH}>
				<input type='hidden' name={TYPED_FIELD} value={typed} />
				<Button kind='primary'>Send what was typed</Button>
			</Form>
			<p>
				<a class='link' href='/'>
					Do not send it
				</a>
			</p>
		</NarrowFrame>,
		403,
		WHOLE_PAGE,
	)
}

/** For htmx, which would put the page in place of a part. */
const WHOLE_PAGE = { 'HX-Retarget': 'body', 'HX-Reswap': 'outerHTML' }
/** For htmx, which would put the error in place of the form, and what was typed would be gone. */
const ON_TOP = { 'HX-Retarget': '#main', 'HX-Reswap': 'afterbegin show:top' }

/** The page that htmx asks for a part of. */
function getCurrentPath(c: AnyPageContext): string {
	const url = c.req.header('HX-Current-URL') ?? ''
	if (!URL.canParse(url)) return '/'
	const { pathname, search } = new URL(url)
	return toLocalPath(pathname + search)
}

function EndedPart({ next }: { next: string }): Child {
	return (
		<Notice tone='warn'>
			Your session has ended.{' '}
			<a class='link' href={`/sign-in?${new URLSearchParams({ next }).toString()}`}>
				Sign in
			</a>
		</Notice>
	)
}
