/** Posted forms: where they may come from, their token, and what was typed when a session ended. */
import { secretsEqual } from '../../accounts/secrets.ts'
import { readBody } from '../../lib/body.ts'
import { openSecret, sealSecret } from '../../lib/sealing.ts'
import { HOUR_MS } from '../../lib/time.ts'
import { HttpError } from '../../lib/errors.ts'
import type { AnyPageContext } from './environment.ts'
import { getFormOwner } from './session.ts'

/** The field of a form's token. */
export const FORM_TOKEN_FIELD = 'csrf'
/** The largest form has the configuration of all resources as JSON. */
export const MAX_FORM_BYTES = 1024 * 1024
/** A form that holds another one, sealed, which makes it a third larger. */
export const MAX_SEALED_FORM_BYTES = 2 * MAX_FORM_BYTES
/** Sends what was typed after all. */
export const RESUME_PATH = '/sign-in/resume'
/** The field of what was typed, sealed. */
export const TYPED_FIELD = 'typed'
/** How long what was typed can be sent after all. */
const TYPED_TTL_MS = 24 * HOUR_MS

/** The posted fields. Throws HttpError. */
export async function readForm(request: Request, maxBytes: number): Promise<URLSearchParams> {
	if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(request.headers.get('Content-Type') ?? ''))
		throw new HttpError(415, 'Expected the fields of a form. Nothing was changed.')
	const body = await readBody(request, maxBytes).catch(() => {
		throw new HttpError(400, 'The form ended early. Nothing was changed.')
	})
	if (body === null)
		throw new HttpError(413, `Expected a form of at most ${maxBytes / 1024 / 1024} MB. Nothing was changed.`)
	return new URLSearchParams(new TextDecoder().decode(body))
}

/** Whether a form has the token of this browser's pages. */
export function hasFormToken(c: AnyPageContext, form: URLSearchParams): boolean {
	return secretsEqual(form.get(FORM_TOKEN_FIELD) ?? '', c.var.csrf)
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
export interface TypedForm {
	path: string
	body: string
	atMs: number
	/** The user whose page it was on, so that nobody else sends it unasked; null: nobody was signed in. */
	userId: number | null
}

/** What was typed, sealed, since it may hold secrets and goes through the browser. */
export async function sealTypedForm(c: AnyPageContext, form: URLSearchParams): Promise<string> {
	const { pathname, search } = new URL(c.req.url)
	if (pathname === RESUME_PATH) return form.get(TYPED_FIELD) ?? ''
	const fields = new URLSearchParams(form)
	fields.delete(FORM_TOKEN_FIELD)
	const typed: TypedForm = {
		path: pathname + search,
		body: fields.toString(),
		atMs: c.var.services.now(),
		userId: getFormOwner(form.get(FORM_TOKEN_FIELD) ?? ''),
	}
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
