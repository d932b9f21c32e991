/** One-time links in responses. */
import * as z from 'zod'
import type { Link } from '../../accounts/links.ts'
import { findOwnAddress } from '../../instances/addresses.ts'
import { Conflict } from '../../lib/errors.ts'
import type { PublicContext } from '../http/environment.ts'
import { toIsoSeconds } from '../http/times.ts'
import { LINK } from './examples.ts'

/** A one-time link. Shopbell sends no mail: the caller passes it on. */
export const LinkResponse = z
	.strictObject({
		url: z.string().meta({ description: 'Page on which the user sets a password' }),
		token: z.string().meta({ description: 'Token for `POST /authentication/accept`, instead of the page' }),
		expiresDate: z.string(),
	})
	.meta({ id: 'Link', examples: [LINK] })

/** Path of the page; the token follows. */
export const LINK_PATH = '/accept'

/**
 * The address that links begin with; 409 without one. Called before anything is stored: only PUBLIC_URL names it,
 * because the sender of a request chooses its host.
 */
export function requireLinkBase(c: Pick<PublicContext, 'env' | 'req'>): string {
	const base = findOwnAddress(c.env, c.req.url)
	if (base === null) throw new Conflict('Links need the public address of this service: set PUBLIC_URL')
	return base
}

export function toLinkResponse(base: string, link: Link): z.input<typeof LinkResponse> {
	return { url: `${base}${LINK_PATH}/${link.token}`, token: link.token, expiresDate: toIsoSeconds(link.expiresMs) }
}
