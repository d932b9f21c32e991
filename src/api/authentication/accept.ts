/**
 * The page behind a one-time link: whoever opens it sets their password. It stands outside of the API's middleware, so
 * that its address, which is a secret until it was used, is in no log of ours; opening the page uses nothing.
 */
import { escapeHtml } from '../../lib/html.ts'
import type { Context } from 'hono'
import { findLink, redeemLink } from '../../accounts/links.ts'
import { MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH } from '../../accounts/passwords.ts'
import { log } from '../../lib/log.ts'
import { Password } from '../accounts/fields.ts'
import { LINK_PATH } from '../accounts/links.ts'
import { renderPage } from '../http/page.ts'
import type { PublicEnv } from '../http/environment.ts'
import type { Api } from '../http/serve.ts'
import { readBody } from '../../lib/body.ts'

type LinkContext = Context<PublicEnv>

/** A form with two passwords. */
const MAX_FORM_BYTES = 16 * 1024

/** Mounts the page. */
export function mountAcceptPage(app: Api): void {
	app.get(`${LINK_PATH}/:token`, showForm)
	app.on('POST', `${LINK_PATH}/:token`, setPassword)
}

const invalidLinkPage = (): Response =>
	renderPage({
		status: 404,
		title: 'This link leads nowhere',
		text: 'It was used or replaced, it is older than 7 days, or it is invalid. Ask for a new one.',
	})

async function showForm(c: LinkContext): Promise<Response> {
	const link = await findLink(c.env.DB, getToken(c), c.var.services.now())
	return link === null
		? invalidLinkPage()
		: renderForm(200, link.email, `Choose a password of ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters.`)
}

async function setPassword(c: LinkContext): Promise<Response> {
	const nowMs = c.var.services.now()
	const link = await findLink(c.env.DB, getToken(c), nowMs)
	if (link === null) return invalidLinkPage()
	const body = await readBody(c.req.raw, MAX_FORM_BYTES).catch(() => null)
	const fields = new URLSearchParams(body === null ? '' : new TextDecoder().decode(body))
	const password = Password.safeParse(fields.get('password') ?? '')
	if (!password.success)
		return renderForm(
			400,
			link.email,
			`That is no password of ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters. Nothing was changed.`,
		)
	if (fields.get('repeated') !== password.data)
		return renderForm(400, link.email, 'The two passwords differ. Nothing was changed.')
	const requestId = crypto.randomUUID()
	const usedLink = await redeemLink(c.env.DB, c.env.MASTER_KEYS, getToken(c), password.data, requestId, nowMs)
	log('link.used', {
		requestId,
		outcome: usedLink === null ? 'dead' : usedLink.purpose,
		user: usedLink?.userId ?? null,
	})
	if (usedLink === null) return invalidLinkPage()
	return renderPage({
		status: 200,
		title: 'Your password is set',
		text: `Sign in as ${usedLink.login ?? usedLink.email}. You may close this page.`,
	})
}

function renderForm(status: 200 | 400, email: string, text: string): Response {
	const renderField = (name: string, label: string) =>
		`<label for="${name}">${label}</label><input id="${name}" name="${name}" type="password" autocomplete="new-password" required minlength="${MIN_PASSWORD_LENGTH}" maxlength="${MAX_PASSWORD_LENGTH}">`
	return renderPage({
		status,
		title: `A password for ${email}`,
		text,
		// No action: the form is posted to the address that it came from.
		form: `<form method="post"><input type="hidden" name="username" autocomplete="username" value="${escapeHtml(email)}">${renderField('password', 'Password')}${renderField('repeated', 'Once more')}<button>Set the password</button></form>`,
	})
}

function getToken(c: LinkContext): string {
	return c.req.param('token') ?? ''
}
