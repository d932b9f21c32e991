/**
 * Who is calling, what they may, and which instance the call is about (docs/contract.md §1; docs/architecture.md, Who
 * may what). One failure, one answer: nothing tells which part was wrong. All of it is one round trip to D1.
 */
import type { Context, MiddlewareHandler } from 'hono'
import { shouldRecordUse, recordUse } from '../../accounts/api-keys.ts'
import { type AuthorizationParts, parseAuthorization } from '../../accounts/authorization.ts'
import { getCallerLookup, type Caller } from '../../accounts/callers.ts'
import { FailureLimiter } from '../../accounts/failure-limiter.ts'
import { hasRole, type Role } from '../../accounts/roles.ts'
import { hashSecret } from '../../accounts/secrets.ts'
import { findElement } from '../../elements/registry.ts'
import { Forbidden, NotFound, TooManyRequests, Unauthorized } from '../../lib/errors.ts'
import { findInstance, toFoundInstance, findInstanceStatement, type Instance } from '../../instances/records.ts'
import { logError } from '../../lib/log.ts'
import type { AccessLevel } from './contract.ts'
import type { CallerContext, InstanceEnv } from './environment.ts'

/** What a call wants of whoever makes it. */
export interface Permission {
	/** Least role. */
	role: Role
	/** What an API key must have been given; null: none may. */
	scope: string | null
}

/** Shared by the requests of an isolate. */
const failureLimiter = new FailureLimiter()

const EXPECTED_AUTHORIZATION =
	'Authorization: expected "User <user secret>, Organization <organization secret>", "User <user secret>, Element <instance token>" or "Bearer <session token or API key>"'

/** The middleware of a call: nothing for one that everybody may make. */
export function accessMiddleware(access: AccessLevel, permission: Permission): MiddlewareHandler[] {
	if (access === 'public') return []
	return [
		async (c, next) => {
			await authorize(c as Context<InstanceEnv>, access, permission)
			await next()
		},
	]
}

/**
 * Finds the caller and what else the level of access promises, or throws: 401 unknown, 403 may not, 404 no such
 * instance of theirs, in this order.
 */
export async function authorize(
	c: Context<InstanceEnv>,
	access: Exclude<AccessLevel, 'public'>,
	permission: Permission,
): Promise<void> {
	const parts = parseAuthorization(c.req.header('Authorization'))
	if (
		parts === null ||
		(parts.bearer === null && (parts.user === null || (parts.organization === null && parts.element === null)))
	)
		throw new Unauthorized(EXPECTED_AUTHORIZATION)
	// Only who proves the organization can mean another instance than the token's.
	const pathInstanceId =
		access === 'instance' && (parts.organization ?? parts.bearer) !== null ? parseIdOrNull(c.req.param('id')) : null
	const { caller, tokenInstance, askedInstance } = await findCaller(c, parts, pathInstanceId)
	const { user, credential, organizationProven } = caller
	c.set('user', user)
	c.set('credential', credential)
	c.set('organizationProven', organizationProven)
	c.set('tokenInstance', tokenInstance)
	if (tokenInstance !== null) c.set('instanceId', tokenInstance.id)
	if (access === 'account' && !organizationProven)
		throw new Unauthorized('Authorization: this call needs "Organization <organization secret>" too')
	if (access === 'token' && tokenInstance === null)
		throw new Unauthorized('Authorization: this call needs "Element <instance token>"')
	requireRole(c, permission.role)
	if (credential.kind === 'key') {
		if (permission.scope === null) forbidApiKeys(c)
		else if (!credential.scopes.includes(permission.scope))
			throw new Forbidden(`This API key lacks the scope ${permission.scope}`)
		const { organizationId } = user
		const nowMs = c.var.services.now()
		if (shouldRecordUse(credential.lastUsedMs, nowMs))
			c.executionCtx.waitUntil(
				recordUse(c.env.DB, organizationId, credential.id, nowMs).catch((error: unknown) =>
					logError('api-key.use', error),
				),
			)
	}
	if (access === 'token') c.set('instance', tokenInstance!)
	if (access === 'instance') c.set('instance', getPathInstance(c, tokenInstance, askedInstance))
}

/**
 * One batch: the caller, the instance of their token, the instance of the path, the last two only of the caller's own
 * organization.
 */
async function findCaller(
	c: Pick<CallerContext, 'env' | 'var' | 'req'>,
	parts: AuthorizationParts,
	pathInstanceId: number | null,
): Promise<{ caller: Caller; tokenInstance: Instance | null; askedInstance: Instance | null }> {
	const { DB } = c.env
	const nowMs = c.var.services.now()
	const lookup = getCallerLookup(parts, nowMs)
	if (lookup === null) throw authenticationError(c, nowMs)
	const organization = { sql: lookup.organizationSql, values: lookup.values }
	const [callerRows, tokenRows, pathRows] = await DB.batch<Record<string, unknown>>([
		DB.prepare(lookup.sql).bind(...lookup.values),
		...(parts.element === null
			? []
			: [findInstanceStatement(DB, 'token_hash', hashSecret(parts.element), organization)]),
		...(pathInstanceId === null ? [] : [findInstanceStatement(DB, 'id', pathInstanceId, organization)]),
	])
	const found = lookup.read(callerRows!.results[0])
	if (found?.ok === false) throw new Unauthorized('Authorization: this API key has expired')
	const tokenRow = parts.element === null ? undefined : tokenRows!.results[0]
	if (found === null || (parts.element !== null && tokenRow === undefined)) throw authenticationError(c, nowMs)
	const pathRow = pathInstanceId === null ? undefined : (parts.element === null ? tokenRows! : pathRows!).results[0]
	return {
		caller: found.caller,
		tokenInstance: tokenRow === undefined ? null : toFoundInstance(tokenRow),
		askedInstance: pathRow === undefined ? null : toFoundInstance(pathRow),
	}
}

/** What a failure is answered with, which is counted by address. */
function authenticationError(c: Pick<CallerContext, 'req'>, nowMs: number): Unauthorized | TooManyRequests {
	const address = getClientAddress(c)
	const blocked = failureLimiter.blockedSeconds(address, nowMs)
	if (blocked !== null)
		return new TooManyRequests('Too many failed attempts to authenticate; wait before the next one', blocked)
	failureLimiter.count(address, nowMs)
	return new Unauthorized('Authorization: invalid or expired credentials, or the instance of the token was deleted')
}

/** Where a request comes from. */
export function getClientAddress(c: { req: { header(name: string): string | undefined } }): string {
	return c.req.header('CF-Connecting-IP') ?? 'local'
}

/** 403 for a role that may less than `least`. */
export function requireRole(c: Pick<CallerContext, 'var'>, minRole: Role): void {
	const { role } = c.var.user
	if (!hasRole(role, minRole))
		throw new Forbidden(
			`This call needs the role ${minRole}${minRole === 'admin' ? '' : ' or above'}; yours is ${role}`,
		)
}

/** 403 for an API key: what gives out secrets or rights would make more of a key than its scopes say. */
export function forbidApiKeys(c: Pick<CallerContext, 'var'>): void {
	if (c.var.credential.kind === 'key')
		throw new Forbidden(
			'An API key may not do this: it gives out secrets or rights; sign in, or present User and Organization',
		)
}

/**
 * Whether the caller is shown the token of an instance; if not, they see `********`. An API key that only reads is not:
 * the token opens writes to the store.
 */
export function canSeeToken(c: Pick<CallerContext, 'var'>): boolean {
	const { user, credential } = c.var
	return hasRole(user.role, 'developer') && (credential.kind !== 'key' || credential.scopes.includes('instances:write'))
}

/**
 * The instance of the path's `{id}`; beneath an element (`{keyOrId}`) only its own are found. Without the
 * organization's secret it can only be the token's own.
 */
function getPathInstance(
	c: Context<InstanceEnv>,
	tokenInstance: Instance | null,
	pathInstance: Instance | null,
): Instance {
	const id = parseId(c.req.param('id'))
	const found = pathInstance ?? (tokenInstance?.id === id ? tokenInstance : null)
	const keyOrId = c.req.param('keyOrId')
	if (found === null || (keyOrId !== undefined && findElement(keyOrId)?.key !== found.elementKey))
		throw new NotFound(`No instance ${id}`)
	c.set('instanceId', found.id)
	return found
}

/** The instance of this id, if the caller may have it; null: for them it does not exist. */
export async function findAccessibleInstance(
	c: Pick<CallerContext, 'env' | 'var'>,
	id: number,
): Promise<Instance | null> {
	const { tokenInstance, organizationProven, user } = c.var
	if (tokenInstance !== null && tokenInstance.id === id) return tokenInstance
	return organizationProven ? await findInstance(c.env.DB, user.organizationId, id) : null
}

/** A number out of a path. What is none names nothing. */
export function parseId(text: string | undefined): number {
	const id = parseIdOrNull(text)
	if (id === null) throw new NotFound('Nothing has this id: expected a positive whole number')
	return id
}

function parseIdOrNull(text: string | undefined): number | null {
	return /^[1-9]\d{0,14}$/.test(text ?? '') ? Number(text) : null
}
