/** Posted forms: where they may come from, their token, and what was typed when a session ended. */
import { secretsEqual } from '../../accounts/secrets.ts'
import { readBody } from '../../lib/body.ts'
import { openSecret, sealSecret } from '../../lib/sealing.ts'
import { HOUR_MS } from '../../lib/time.ts'
import type { AnyPageContext } from './environment.ts'
import { readCookie } from './cookies.ts'
import { toFormToken } from './session.ts'

/** The field of a form's token. */
export const FORM_TOKEN_FIELD = 'csrf'
/** The largest form has the configuration of all resources as JSON. */
const MAX_FORM_BYTES = 1024 * 1024
/** How long what was typed can be sent after all. */
const TYPED_TTL_MS = 24 * HOUR_MS

/** The posted fields; null: it is no form, or too large. */
export async function readForm(request: Request): Promise<URLSearchParams | null> {
	if (!/^application\/x-www-form-urlencoded\b/i.test(request.headers.get('Content-Type') ?? '')) return null
	const body = await readBody(request, MAX_FORM_BYTES).catch(() => null)
	return body === null ? null : new URLSearchParams(new TextDecoder().decode(body))
}

/** Whether a form has the token of a page that this browser was given. */
export function hasFormToken(c: AnyPageContext, form: URLSearchParams): boolean {
	const token = form.get(FORM_TOKEN_FIELD) ?? ''
	return (['session', 'form'] as const).some((name) => {
		const cookie = readCookie(c, name)
		return cookie !== null && secretsEqual(token, toFormToken(cookie))
	})
}

/** Whether a form was posted by a page of this host: by `Sec-Fetch-Site`, or else by `Origin`. */
export function isOwnForm(c: AnyPageContext): boolean {
	const site = c.req.header('Sec-Fetch-Site')
	const origin = c.req.header('Origin')
	if (origin !== undefined && origin !== 'null') return getOwnOrigins(c).includes(origin)
	return site === 'same-origin'
}

/** Of the request, and the public one, which differ behind a proxy. */
function getOwnOrigins(c: AnyPageContext): string[] {
	const own = new URL(c.req.url).origin
	return URL.canParse(c.env.PUBLIC_URL) ? [own, new URL(c.env.PUBLIC_URL).origin] : [own]
}

/** A form that was not accepted because its session had ended. */
interface TypedForm {
	path: string
	body: string
	atMs: number
}

/** What was typed, sealed, since it may hold secrets and goes through the browser. */
export async function sealTypedForm(c: AnyPageContext, form: URLSearchParams): Promise<string> {
	const fields = new URLSearchParams(form)
	fields.delete(FORM_TOKEN_FIELD)
	const { pathname, search } = new URL(c.req.url)
	const typed: TypedForm = { path: pathname + search, body: fields.toString(), atMs: c.var.services.now() }
	return await sealSecret(c.env.MASTER_KEYS, JSON.stringify(typed), 'typed-form')
}

/** The form that `sealTypedForm` sealed; null: it was changed, or is older than a day. */
export async function openTypedForm(c: AnyPageContext, sealed: string): Promise<TypedForm | null> {
	try {
		const typed = JSON.parse(await openSecret(c.env.MASTER_KEYS, sealed, 'typed-form')) as TypedForm
		return c.var.services.now() - typed.atMs < TYPED_TTL_MS ? typed : null
	} catch {
		return null
	}
}
