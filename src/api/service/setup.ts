/** `POST /setup`: creates the first organization and user, once. Otherwise, and without the token, 404. */
import type { Context } from 'hono'
import { setUp } from '../../accounts/setup.ts'
import { secretsEqual } from '../../accounts/secrets.ts'
import { BadRequest, NotFound } from '../../lib/errors.ts'
import { requireLinkBase, toLinkResponse } from '../accounts/links.ts'
import type { OperationResponse } from '../http/contract.ts'
import type { PublicContext } from '../http/environment.ts'
import { toBadRequest } from '../http/serve.ts'
import { SetupBody, type serviceOperations } from './operations.ts'

/** Handler of `POST /setup`. */
export async function setUpDeployment(c: PublicContext): Promise<OperationResponse<typeof serviceOperations.setup>> {
	const rawBody = await readJsonBody(c)
	// The token first: without it, a caller learns nothing, not even the shape of the body.
	const token =
		/^Bearer\s+(\S+)$/i.exec(c.req.header('Authorization') ?? '')?.[1] ??
		(isObject(rawBody) && typeof rawBody['token'] === 'string' ? rawBody['token'] : '')
	if ((c.env.SETUP_TOKEN ?? '') === '' || !secretsEqual(token, c.env.SETUP_TOKEN)) throw new NotFound()
	const body = SetupBody.safeParse(rawBody ?? {})
	if (!body.success)
		throw rawBody === undefined ? new BadRequest('body: expected well-formed JSON') : toBadRequest(body.error)
	const { organizationName, email, firstName, lastName, password = null } = body.data
	const base = password === null ? requireLinkBase(c) : ''
	const result = await setUp(
		c.env.DB,
		c.env.MASTER_KEYS,
		{ organizationName, email, firstName, lastName, password },
		c.var.requestId,
		c.var.services.now(),
	)
	if (result === null) throw new NotFound()
	const { link, ...created } = result
	return { ...created, invitation: link === null ? null : toLinkResponse(base, link) }
}

/** The body; null: there is none; undefined: it is not JSON. */
async function readJsonBody(c: Context): Promise<unknown> {
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
