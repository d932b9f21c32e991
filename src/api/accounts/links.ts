/** One-time links in responses. */
import * as z from 'zod'
import type { Link } from '../../accounts/links.ts'
import { getPublicBase } from '../../instances/addresses.ts'
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

export function toLinkResponse(c: Pick<PublicContext, 'env' | 'req'>, link: Link): z.input<typeof LinkResponse> {
	const base = getPublicBase(c.env) || new URL(c.req.url).origin
	return { url: `${base}${LINK_PATH}/${link.token}`, token: link.token, expiresDate: toIsoSeconds(link.expiresMs) }
}
