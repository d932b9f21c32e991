/** Who is calling, and which instance the call is about (contract, section 1). One failure, one answer: nothing tells which part was wrong. */
import type { Context, MiddlewareHandler } from 'hono'
import { findOrganizationBySecret, findUserBySecret } from '../accounts/accounts.ts'
import { parseAuthorization } from '../accounts/authorization.ts'
import { FailureLimit } from '../accounts/failures.ts'
import { hashSecret } from '../accounts/secrets.ts'
import { findElement } from '../elements/registry.ts'
import { NotFound, TooManyRequests, Unauthorized } from '../errors.ts'
import { findInstance, findInstanceByToken, type Instance } from '../instances/records.ts'
import type { Access, CallerContext, CallerEnv, InstanceEnv } from './environment.ts'

/** Shared by the requests of an isolate. */
const failures = new FailureLimit()

/** The middleware of each level of access. */
export const guards: Record<keyof Access, MiddlewareHandler[]> = {
	public: [],
	caller: [caller as MiddlewareHandler],
	account: [caller as MiddlewareHandler, account as MiddlewareHandler],
	instance: [caller as MiddlewareHandler, instanceByPath as MiddlewareHandler],
	token: [caller as MiddlewareHandler, instanceByToken as MiddlewareHandler],
}

/** Finds the caller: the user, and every other part that was presented, must be known and belong together. */
export async function caller(c: Context<CallerEnv>, next: () => Promise<void>): Promise<void> {
	const parts = parseAuthorization(c.req.header('Authorization'))
	if (parts === null || parts.user === null || (parts.organization === null && parts.element === null)) {
		throw new Unauthorized(
			'Authorization: expected "User <user secret>, Organization <organization secret>" or "User <user secret>, Element <instance token>"',
		)
	}
	const { DB } = c.env
	const [user, organization, instance] = await Promise.all([
		findUserBySecret(DB, parts.user),
		parts.organization === null ? null : findOrganizationBySecret(DB, parts.organization),
		parts.element === null ? null : findInstanceByToken(DB, hashSecret(parts.element)),
	])
	const wrong =
		user === null ||
		(parts.organization !== null && organization?.id !== user.organizationId) ||
		(parts.element !== null && instance?.organizationId !== user.organizationId)
	if (wrong) {
		const nowMs = c.var.services.now()
		const address = c.req.header('CF-Connecting-IP') ?? 'local'
		const blocked = failures.blockedSeconds(address, nowMs)
		if (blocked !== null) throw new TooManyRequests('Too many failed attempts to authenticate; wait before the next one', blocked)
		failures.count(address, nowMs)
		throw new Unauthorized('Authorization: a secret or token is wrong, or its instance was deleted')
	}
	c.set('user', user)
	c.set('organizationProven', organization !== null)
	c.set('tokenInstance', instance)
	if (instance !== null) c.set('instanceId', instance.id)
	await next()
}

/** Wants the organization's secret. */
async function account(c: Context<CallerEnv>, next: () => Promise<void>): Promise<void> {
	if (!c.var.organizationProven) throw new Unauthorized('Authorization: this call needs "Organization <organization secret>" too')
	await next()
}

/** The instance of the path's `{id}`; beneath an element (`{keyOrId}`) only its own are found. Without the organization's secret it can only be the token's own. */
async function instanceByPath(c: Context<InstanceEnv>, next: () => Promise<void>): Promise<void> {
	const id = readId(c.req.param('id'))
	const found = await findCallersInstance(c, id)
	const keyOrId = c.req.param('keyOrId')
	if (keyOrId !== undefined && findElement(keyOrId)?.key !== found.elementKey) throw new NotFound(`No instance ${id}`)
	c.set('instance', found)
	c.set('instanceId', found.id)
	await next()
}

/** The instance of this id, if the caller may have it; otherwise it does not exist. */
export async function findCallersInstance(c: Pick<CallerContext, 'env' | 'var'>, id: number): Promise<Instance> {
	const { tokenInstance, organizationProven, user } = c.var
	const found =
		tokenInstance !== null && tokenInstance.id === id
			? tokenInstance
			: organizationProven
				? await findInstance(c.env.DB, user.organizationId, id)
				: null
	if (found === null) throw new NotFound(`No instance ${id}`)
	return found
}

/** The instance of the `Element` token. */
async function instanceByToken(c: Context<InstanceEnv>, next: () => Promise<void>): Promise<void> {
	if (c.var.tokenInstance === null) throw new Unauthorized('Authorization: this call needs "Element <instance token>"')
	c.set('instance', c.var.tokenInstance)
	await next()
}

/** A number out of a path. What is none names nothing. */
export function readId(text: string | undefined): number {
	const id = /^[1-9]\d{0,14}$/.test(text ?? '') ? Number(text) : 0
	if (id === 0) throw new NotFound('Nothing has this id: expected a positive whole number')
	return id
}
