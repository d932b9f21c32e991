/**
 * Authentication and authorization, in one round trip to D1 (docs/contract.md §1; docs/architecture.md, Authorization).
 * All failures to authenticate look the same, so that no answer reveals which part was wrong.
 */
import type { Context, MiddlewareHandler } from 'hono'
import { shouldRecordUse, recordUse } from '../../accounts/api-keys.ts'
import { type AuthorizationParts, parseAuthorization } from '../../accounts/authorization.ts'
import { getCallerLookup, type Caller } from '../../accounts/callers.ts'
import { hasRole, type Role } from '../../accounts/roles.ts'
import { hashSecret } from '../../accounts/secrets.ts'
import { findElement } from '../../elements/registry.ts'
import { Forbidden, NotFound, TooManyRequests, Unauthorized } from '../../lib/errors.ts'
import { findInstance, toFoundInstance, findInstanceStatement, type Instance } from '../../instances/rows.ts'
import { logError } from '../../lib/log.ts'
import type { AccessLevel } from './contract.ts'
import type { CallerContext, InstanceEnv } from './environment.ts'
import { getPageCall, type PageCall } from './page-call.ts'

/** The access requirements of a call. */
interface Permission {
	/** Minimum role. */
	role: Role
	/** Scope that an API key needs; null: API keys are not allowed. */
	scope: string | null
}

const EXPECTED_AUTHORIZATION =
	'Authorization: expected "User <user secret>, Organization <organization secret>", ' +
	'"User <user secret>, Element <instance token>" or "Bearer <session token or API key>"'

/** The middleware of a call; empty for a public one. */
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
 * Finds the caller and, as the access level says, the instance. Throws, in this order: 401 not authenticated, 403 not
 * allowed, 404 no such instance.
 */
export async function authorize(
	c: Context<InstanceEnv>,
	access: Exclude<AccessLevel, 'public'>,
	permission: Permission,
): Promise<void> {
	const page = getPageCall(c.env)
	const { caller, tokenInstance, pathInstance } =
		page === null ? await findCallerOfHeader(c, access) : await findCallerOfPage(c, access, page)
	const { user, credential, organizationProven } = caller
	c.set('user', user)
	c.set('credential', credential)
	c.set('organizationProven', organizationProven)
	c.set('tokenInstance', tokenInstance)
	if (tokenInstance !== null) c.set('instanceId', tokenInstance.id)
	if (access === 'account' && !organizationProven)
		throw new Unauthorized('Authorization: this call also needs "Organization <organization secret>"')
	if (access === 'token' && tokenInstance === null)
		throw new Unauthorized('Authorization: this call needs "Element <instance token>"')
	requireRole(c, permission.role)
	if (credential.kind === 'key') {
		if (permission.scope === null) forbidApiKeys(c)
		else if (!credential.scopes.includes(permission.scope))
			throw new Forbidden(`This API key does not have the scope ${permission.scope}`)
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
	if (access === 'instance') c.set('instance', getPathInstance(c, tokenInstance, pathInstance))
}

/** The caller and the instances that a request is about. */
interface FoundCaller {
	caller: Caller
	tokenInstance: Instance | null
	pathInstance: Instance | null
}

/** By the `Authorization` header. */
async function findCallerOfHeader(
	c: Context<InstanceEnv>,
	access: Exclude<AccessLevel, 'public'>,
): Promise<FoundCaller> {
	const parts = parseAuthorization(c.req.header('Authorization'))
	if (
		parts === null ||
		(parts.bearer === null && (parts.user === null || (parts.organization === null && parts.element === null)))
	)
		throw new Unauthorized(EXPECTED_AUTHORIZATION)
	// Without the organization's secret, a caller can only reach the token's own instance.
	const pathInstanceId =
		access === 'instance' && (parts.organization ?? parts.bearer) !== null ? parseIdOrNull(c.req.param('id')) : null
	return await findCaller(c, parts, pathInstanceId)
}

/** A page's session was looked up when the page was requested. */
async function findCallerOfPage(
	c: Context<InstanceEnv>,
	access: Exclude<AccessLevel, 'public'>,
	{ caller, instances }: PageCall,
): Promise<FoundCaller> {
	if (caller === null) throw new Unauthorized('Sign in first')
	const id = access === 'instance' ? parseIdOrNull(c.req.param('id')) : null
	if (id === null) return { caller, tokenInstance: null, pathInstance: null }
	const lookup = instances?.get(id) ?? findInstance(c.env.DB, caller.user.organizationId, id)
	instances?.set(id, lookup)
	return { caller, tokenInstance: null, pathInstance: await lookup }
}

/** Reads the caller, the token's instance and the path's instance in one batch, all of the caller's organization. */
async function findCaller(
	c: Pick<CallerContext, 'env' | 'var' | 'req'>,
	parts: AuthorizationParts,
	pathInstanceId: number | null,
): Promise<FoundCaller> {
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
		pathInstance: pathRow === undefined ? null : toFoundInstance(pathRow),
	}
}

/** Counts the failure by address; 429 after too many, otherwise 401. */
function authenticationError(c: Pick<CallerContext, 'req' | 'var'>, nowMs: number): Unauthorized | TooManyRequests {
	const { failureLimiter } = c.var.services
	const address = getClientAddress(c)
	const blocked = failureLimiter.blockedSeconds(address, nowMs)
	if (blocked !== null) return new TooManyRequests('Too many failed authentication attempts; try again later', blocked)
	failureLimiter.count(address, nowMs)
	return new Unauthorized('Authorization: invalid or expired credentials, or the instance was deleted')
}

/** The caller's IP address. */
export function getClientAddress(c: { req: { header(name: string): string | undefined } }): string {
	return c.req.header('CF-Connecting-IP') ?? 'local'
}

/** 403 for a role below `minRole`. */
export function requireRole(c: Pick<CallerContext, 'var'>, minRole: Role): void {
	const { role } = c.var.user
	if (!hasRole(role, minRole))
		throw new Forbidden(
			`This call requires the role ${minRole}${minRole === 'admin' ? '' : ' or above'}; yours is ${role}`,
		)
}

/** 403 for an API key: with secrets or rights that a call returns, a key could exceed its scopes. */
export function forbidApiKeys(c: Pick<CallerContext, 'var'>): void {
	if (c.var.credential.kind === 'key')
		throw new Forbidden(
			'API keys cannot make this call, because it returns secrets or changes rights. ' +
				'Sign in, or send User and Organization',
		)
}

/**
 * Whether the caller sees instances' tokens and whole callback URLs, or `********` in their place. A read-only API key
 * does not: a token allows writes.
 */
export function canSeeSecrets(c: Pick<CallerContext, 'var'>): boolean {
	const { user, credential } = c.var
	return hasRole(user.role, 'developer') && (credential.kind !== 'key' || credential.scopes.includes('instances:write'))
}

/** Whether the caller sees the organization's secret: as for the calls about secrets, no viewer and no API key. */
export function canShowOrganizationSecret(c: Pick<CallerContext, 'var'>): boolean {
	return c.var.credential.kind !== 'key' && hasRole(c.var.user.role, 'developer')
}

/**
 * The instance of the path's `{id}`, or 404; below an element (`{keyOrId}`) only that element's instances are found.
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

/** The instance of this id; null: there is none that the caller can access. */
export async function findAccessibleInstance(
	c: Pick<CallerContext, 'env' | 'var'>,
	id: number,
): Promise<Instance | null> {
	const { tokenInstance, organizationProven, user } = c.var
	if (tokenInstance !== null && tokenInstance.id === id) return tokenInstance
	return organizationProven ? await findInstance(c.env.DB, user.organizationId, id) : null
}

/** An id of a path; 404 for anything else. */
export function parseId(text: string | undefined): number {
	const id = parseIdOrNull(text)
	if (id === null) throw new NotFound('Not found: expected an id that is a positive whole number')
	return id
}

function parseIdOrNull(text: string | undefined): number | null {
	return /^[1-9]\d{0,14}$/.test(text ?? '') ? Number(text) : null
}
