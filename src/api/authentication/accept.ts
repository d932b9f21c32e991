/**
 * The page behind a one-time link: whoever opens it sets their password. It stands outside of the API's middleware, so that its address, which is a
 * secret until it was used, is in no log of ours; opening the page uses nothing.
 */
import { escapeHtml } from '../../lib/html.ts'
import type { Context } from 'hono'
import { findLink, useLink } from '../../accounts/links.ts'
import { PASSWORD_LEAST, PASSWORD_MOST } from '../../accounts/passwords.ts'
import { log } from '../../lib/log.ts'
import { Password } from '../accounts/fields.ts'
import { LINK_PATH } from '../accounts/links.ts'
import { page } from '../http/page.ts'
import type { PublicEnv } from '../http/environment.ts'
import type { Api } from '../http/serve.ts'
import { readBody } from '../../lib/body.ts'

type LinkContext = Context<PublicEnv>

/** A form with two passwords. */
const LARGEST_FORM = 16 * 1024

/** Mounts the page. */
export function declareAccept(app: Api): void {
	app.get(`${LINK_PATH}/:token`, show)
	app.on('POST', `${LINK_PATH}/:token`, set)
}

const DEAD = (): Response =>
	page({
		status: 404,
		title: 'This link leads nowhere',
		text: 'It was used or replaced, it is older than 7 days, or it was never ours. Ask for a new one.',
	})

async function show(c: LinkContext): Promise<Response> {
	const link = await findLink(c.env.DB, tokenOf(c), c.var.services.now())
	return link === null ? DEAD() : form(200, link.email, `Choose a password of ${PASSWORD_LEAST} to ${PASSWORD_MOST} characters.`)
}

async function set(c: LinkContext): Promise<Response> {
	const nowMs = c.var.services.now()
	const link = await findLink(c.env.DB, tokenOf(c), nowMs)
	if (link === null) return DEAD()
	const body = await readBody(c.req.raw, LARGEST_FORM).catch(() => null)
	const fields = new URLSearchParams(body === null ? '' : new TextDecoder().decode(body))
	const password = Password.safeParse(fields.get('password') ?? '')
	if (!password.success)
		return form(400, link.email, `That is no password of ${PASSWORD_LEAST} to ${PASSWORD_MOST} characters. Nothing was changed.`)
	if (fields.get('repeated') !== password.data) return form(400, link.email, 'The two passwords differ. Nothing was changed.')
	const requestId = crypto.randomUUID()
	const used = await useLink(c.env.DB, c.env.MASTER_KEYS, tokenOf(c), password.data, requestId, nowMs)
	log('link.used', { requestId, outcome: used === null ? 'dead' : used.purpose, user: used?.userId ?? null })
	if (used === null) return DEAD()
	return page({ status: 200, title: 'Your password is set', text: `Sign in as ${used.login ?? used.email}. You may close this page.` })
}

function form(status: 200 | 400, email: string, text: string): Response {
	const field = (name: string, label: string) =>
		`<label for="${name}">${label}</label><input id="${name}" name="${name}" type="password" autocomplete="new-password" required minlength="${PASSWORD_LEAST}" maxlength="${PASSWORD_MOST}">`
	return page({
		status,
		title: `A password for ${email}`,
		text,
		// No action: the form is posted to the address that it came from.
		form: `<form method="post"><input type="hidden" name="username" autocomplete="username" value="${escapeHtml(email)}">${field('password', 'Password')}${field('repeated', 'Once more')}<button>Set the password</button></form>`,
	})
}

function tokenOf(c: LinkContext): string {
	return c.req.param('token') ?? ''
}
