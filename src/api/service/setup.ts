/** `POST /setup`: the operator makes the first organization and user, once. Any other time, and for anybody else, it does not exist. */
import type { Context } from 'hono'
import { setUp } from '../../accounts/accounts.ts'
import { equalSecrets } from '../../accounts/secrets.ts'
import { BadRequest, NotFound } from '../../lib/errors.ts'
import { showLink } from '../accounts/links.ts'
import type { AnswerOf } from '../http/contract.ts'
import type { PublicContext } from '../http/environment.ts'
import { invalid } from '../http/serve.ts'
import { SetupBody, type serviceOperations } from './operations.ts'

/** Makes them. */
export async function setup(c: PublicContext): Promise<AnswerOf<typeof serviceOperations.setup>> {
	const given = await readBody(c)
	// The token first: whoever lacks it learns nothing, not even what a body should look like.
	const token =
		/^Bearer\s+(\S+)$/i.exec(c.req.header('Authorization') ?? '')?.[1] ??
		(isObject(given) && typeof given['token'] === 'string' ? given['token'] : '')
	if ((c.env.SETUP_TOKEN ?? '') === '' || !equalSecrets(token, c.env.SETUP_TOKEN)) throw new NotFound()
	const body = SetupBody.safeParse(given ?? {})
	if (!body.success) throw given === undefined ? new BadRequest('body: expected well-formed JSON') : invalid(body.error)
	const { organizationName, email, firstName, lastName, password = null } = body.data
	const result = await setUp(
		c.env.DB,
		c.env.MASTER_KEYS,
		{ organizationName, email, firstName, lastName, password },
		c.var.requestId,
		c.var.services.now(),
	)
	if (result === null) throw new NotFound()
	const { link, ...made } = result
	return { ...made, invitation: link === null ? null : showLink(c, link) }
}

/** The body: null when there is none, undefined when it is no JSON. */
async function readBody(c: Context): Promise<unknown> {
	const body = await c.req.text()
	if (body.trim() === '') return null
	try {
		return JSON.parse(body)
	} catch {
		return undefined
	}
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null
}
