/**
 * The page of a one-time link, on which a user sets a password. Mounted before the API's middleware, so that its URL,
 * a secret until it is used, is never logged. Opening the page does not use the link.
 */
import type { Context } from 'hono'
import { findLink, redeemLink } from '../accounts/links.ts'
import { MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH } from '../accounts/passwords.ts'
import { log } from '../lib/log.ts'
import { Password } from '../api/accounts/fields.ts'
import { LINK_PATH } from '../api/accounts/links.ts'
import type { PublicEnv } from '../api/http/environment.ts'
import type { Api } from '../api/http/serve.ts'
import { readBody } from '../lib/body.ts'
import { respondWithPlainPage } from './plain-page.tsx'

type LinkContext = Context<PublicEnv>

/** Two passwords are much smaller. */
const MAX_FORM_BYTES = 16 * 1024

/** Mounts the page. */
export function mountAcceptPage(app: Api): void {
	app.get(`${LINK_PATH}/:token`, showForm)
	app.on('POST', `${LINK_PATH}/:token`, setPassword)
}

const PASSWORD_LENGTHS = `${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters`

const invalidLinkPage = (): Response =>
	respondWithPlainPage({
		status: 404,
		title: 'This link is not valid',
		text: 'It was already used or replaced, has expired after 7 days, or is invalid. Ask for a new one.',
	})

async function showForm(c: LinkContext): Promise<Response> {
	const link = await findLink(c.env.DB, getToken(c), c.var.services.now())
	return link === null
		? invalidLinkPage()
		: respondWithForm(200, link.email, `Choose a password of ${PASSWORD_LENGTHS}.`)
}

async function setPassword(c: LinkContext): Promise<Response> {
	const nowMs = c.var.services.now()
	const link = await findLink(c.env.DB, getToken(c), nowMs)
	if (link === null) return invalidLinkPage()
	const body = await readBody(c.req.raw, MAX_FORM_BYTES).catch(() => null)
	const fields = new URLSearchParams(body === null ? '' : new TextDecoder().decode(body))
	const password = Password.safeParse(fields.get('password') ?? '')
	if (!password.success)
		return respondWithForm(400, link.email, `The password must have ${PASSWORD_LENGTHS}. Nothing was changed.`)
	if (fields.get('repeated') !== password.data)
		return respondWithForm(400, link.email, 'The two passwords differ. Nothing was changed.')
	const { requestId } = c.var
	const usedLink = await redeemLink(c.env.DB, c.env.MASTER_KEYS, getToken(c), password.data, requestId, nowMs)
	log('link.used', {
		requestId,
		outcome: usedLink === null ? 'dead' : usedLink.purpose,
		user: usedLink?.userId ?? null,
	})
	if (usedLink === null) return invalidLinkPage()
	return respondWithPlainPage({
		status: 200,
		title: 'Your password is set',
		text: `Sign in as ${usedLink.login ?? usedLink.email}. You may close this page.`,
	})
}

function respondWithForm(status: 200 | 400, email: string, text: string): Response {
	const title = `Set a password for ${email}`
	return respondWithPlainPage({ status, title, text, form: <PasswordForm email={email} /> })
}

/** Without an action, the form is posted to its own URL. */
function PasswordForm({ email }: { email: string }) {
	return (
		<form method='post'>
			<input type='hidden' name='username' autocomplete='username' value={email} />
			<PasswordField name='password' label='Password' />
			<PasswordField name='repeated' label='Repeat the password' />
			<button class='btn primary'>Set the password</button>
		</form>
	)
}

function PasswordField({ name, label }: { name: string; label: string }) {
	return (
		<div class='field'>
			<label for={name}>{label}</label>
			<input
				id={name}
				name={name}
				type='password'
				autocomplete='new-password'
				required
				minlength={MIN_PASSWORD_LENGTH}
				maxlength={MAX_PASSWORD_LENGTH}
			/>
		</div>
	)
}

function getToken(c: LinkContext): string {
	return c.req.param('token') ?? ''
}
