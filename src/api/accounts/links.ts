/** One-time links as answered. */
import * as z from 'zod'
import type { Link } from '../../accounts/links.ts'
import { getPublicBase } from '../../instances/addresses.ts'
import type { PublicContext } from '../http/environment.ts'
import { toIsoSeconds } from '../http/times.ts'
import { LINK } from './examples.ts'

/** A link. There is no mail: whoever asked for it passes it on. */
export const LinkResponse = z
	.strictObject({
		url: z.string().meta({ description: 'Opens the page on which the password is set, once' }),
		token: z.string().meta({ description: 'The same for a program: `POST /authentication/accept`' }),
		expiresDate: z.string(),
	})
	.meta({ id: 'Link', examples: [LINK] })

/** Where the page is; the token follows. */
export const LINK_PATH = '/accept'

/** A link as answered. */
export function toLinkResponse(c: Pick<PublicContext, 'env' | 'req'>, link: Link): z.input<typeof LinkResponse> {
	const base = getPublicBase(c.env) || new URL(c.req.url).origin
	return { url: `${base}${LINK_PATH}/${link.token}`, token: link.token, expiresDate: toIsoSeconds(link.expiresMs) }
}
