/**
 * Who is calling, what they may, and which instance the call is about (contract, section 1; docs: architecture, Who may what). One failure, one
 * answer: nothing tells which part was wrong. All of it is one round trip to D1.
 */
import type { Context, MiddlewareHandler } from 'hono'
import { isUseDue, noteUse } from '../../accounts/api-keys.ts'
import type { Actor } from '../../accounts/audit.ts'
import { type AuthorizationParts, parseAuthorization } from '../../accounts/authorization.ts'
import { callerLookup, type Caller } from '../../accounts/callers.ts'
import { FailureLimit } from '../../accounts/failures.ts'
import { mayAs, type Role } from '../../accounts/roles.ts'
import { hashSecret } from '../../accounts/secrets.ts'
import { findElement } from '../../elements/registry.ts'
import { Forbidden, NotFound, TooManyRequests, Unauthorized } from '../../lib/errors.ts'
import { findInstance, instanceOf, instanceStatement, type Instance } from '../../instances/records.ts'
import { logError } from '../../lib/log.ts'
import type { AccessLevel } from './contract.ts'
import type { CallerContext, InstanceEnv } from './environment.ts'

/** What a call wants of whoever makes it. */
export interface Right {
	/** Least role. */
	role: Role
	/** What an API key must have been given; null: none may. */
	scope: string | null
}

/** Shared by the requests of an isolate. */
const failures = new FailureLimit()

const EXPECTED =
	'Authorization: expected "User <user secret>, Organization <organization secret>", "User <user secret>, Element <instance token>" or "Bearer <session token or API key>"'

/** The middleware of a call: nothing for one that everybody may make. */
export function guard(access: AccessLevel, right: Right): MiddlewareHandler[] {
	if (access === 'public') return []
	return [
		async (c, next) => {
			await authorize(c as Context<InstanceEnv>, access, right)
			await next()
		},
	]
}

/** Finds the caller and what else the level of access promises, or throws: 401 unknown, 403 may not, 404 no such instance of theirs, in this order. */
export async function authorize(c: Context<InstanceEnv>, access: Exclude<AccessLevel, 'public'>, right: Right): Promise<void> {
	const parts = parseAuthorization(c.req.header('Authorization'))
	if (parts === null || (parts.bearer === null && (parts.user === null || (parts.organization === null && parts.element === null))))
		throw new Unauthorized(EXPECTED)
	// Only who proves the organization can mean another instance than the token's.
	const asked = access === 'instance' && (parts.organization ?? parts.bearer) !== null ? idOf(c.req.param('id')) : null
	const { caller, tokenInstance, askedInstance } = await lookUp(c, parts, asked)
	const { user, credential, organizationProven } = caller
	c.set('user', user)
	c.set('credential', credential)
	c.set('organizationProven', organizationProven)
	c.set('tokenInstance', tokenInstance)
	if (tokenInstance !== null) c.set('instanceId', tokenInstance.id)
	if (access === 'account' && !organizationProven)
		throw new Unauthorized('Authorization: this call needs "Organization <organization secret>" too')
	if (access === 'token' && tokenInstance === null) throw new Unauthorized('Authorization: this call needs "Element <instance token>"')
	requireRole(c, right.role)
	if (credential.kind === 'key') {
		if (right.scope === null) refuseKeys(c)
		else if (!credential.scopes.includes(right.scope)) throw new Forbidden(`This API key lacks the scope ${right.scope}`)
		const { organizationId } = user
		const nowMs = c.var.services.now()
		if (isUseDue(credential.lastUsedMs, nowMs))
			c.executionCtx.waitUntil(
				noteUse(c.env.DB, organizationId, credential.id, nowMs).catch((error: unknown) => logError('api-key.use', error)),
			)
	}
	if (access === 'token') c.set('instance', tokenInstance!)
	if (access === 'instance') c.set('instance', instanceByPath(c, tokenInstance, askedInstance))
}

/** One batch: the caller, the instance of their token, the instance of the path, the last two only of the caller's own organization. */
async function lookUp(
	c: Pick<CallerContext, 'env' | 'var' | 'req'>,
	parts: AuthorizationParts,
	askedId: number | null,
): Promise<{ caller: Caller; tokenInstance: Instance | null; askedInstance: Instance | null }> {
	const { DB } = c.env
	const nowMs = c.var.services.now()
	const lookup = callerLookup(parts, nowMs)
	if (lookup === null) throw refusal(c, nowMs)
	const organization = { sql: lookup.organizationSql, values: lookup.values }
	const [people, tokens, asked] = await DB.batch<Record<string, unknown>>([
		DB.prepare(lookup.sql).bind(...lookup.values),
		...(parts.element === null ? [] : [instanceStatement(DB, 'token_hash', hashSecret(parts.element), organization)]),
		...(askedId === null ? [] : [instanceStatement(DB, 'id', askedId, organization)]),
	])
	const caller = lookup.read(people!.results[0])
	if (caller === 'expired') throw new Unauthorized('Authorization: this API key has expired')
	const token = parts.element === null ? undefined : tokens!.results[0]
	if (caller === null || (parts.element !== null && token === undefined)) throw refusal(c, nowMs)
	const found = askedId === null ? undefined : (parts.element === null ? tokens! : asked!).results[0]
	return {
		caller,
		tokenInstance: token === undefined ? null : instanceOf(token),
		askedInstance: found === undefined ? null : instanceOf(found),
	}
}

/** What a failure is answered with, which is counted by address. */
function refusal(c: Pick<CallerContext, 'req'>, nowMs: number): Unauthorized | TooManyRequests {
	const address = addressOf(c)
	const blocked = failures.blockedSeconds(address, nowMs)
	if (blocked !== null) return new TooManyRequests('Too many failed attempts to authenticate; wait before the next one', blocked)
	failures.count(address, nowMs)
	return new Unauthorized('Authorization: a secret or token is wrong or over, or its instance was deleted')
}

/** Where a request comes from. */
export function addressOf(c: { req: { header(name: string): string | undefined } }): string {
	return c.req.header('CF-Connecting-IP') ?? 'local'
}

/** 403 for a role that may less than `least`. */
export function requireRole(c: Pick<CallerContext, 'var'>, least: Role): void {
	const { role } = c.var.user
	if (!mayAs(role, least)) throw new Forbidden(`This call needs the role ${least}${least === 'admin' ? '' : ' or above'}; yours is ${role}`)
}

/** 403 for an API key: what gives out secrets or rights would make more of a key than its scopes say. */
export function refuseKeys(c: Pick<CallerContext, 'var'>): void {
	if (c.var.credential.kind === 'key')
		throw new Forbidden('An API key may not do this: it gives out secrets or rights; sign in, or present User and Organization')
}

/** Whether the caller is shown the token of an instance; if not, they see `********`. An API key that only reads is not: the token opens writes to the store. */
export function seesToken(c: Pick<CallerContext, 'var'>): boolean {
	const { user, credential } = c.var
	return mayAs(user.role, 'developer') && (credential.kind !== 'key' || credential.scopes.includes('instances:write'))
}

/** Who does something, for the audit log. */
export function actorOf(c: Pick<CallerContext, 'var'>): Actor & { userId: number; requestId: string } {
	const { user, requestId } = c.var
	return { organizationId: user.organizationId, userId: user.id, requestId }
}

/** The instance of the path's `{id}`; beneath an element (`{keyOrId}`) only its own are found. Without the organization's secret it can only be the token's own. */
function instanceByPath(c: Context<InstanceEnv>, tokenInstance: Instance | null, asked: Instance | null): Instance {
	const id = readId(c.req.param('id'))
	const found = asked ?? (tokenInstance?.id === id ? tokenInstance : null)
	const keyOrId = c.req.param('keyOrId')
	if (found === null || (keyOrId !== undefined && findElement(keyOrId)?.key !== found.elementKey)) throw new NotFound(`No instance ${id}`)
	c.set('instanceId', found.id)
	return found
}

/** The instance of this id, if the caller may have it; null: for them it does not exist. */
export async function callersInstance(c: Pick<CallerContext, 'env' | 'var'>, id: number): Promise<Instance | null> {
	const { tokenInstance, organizationProven, user } = c.var
	if (tokenInstance !== null && tokenInstance.id === id) return tokenInstance
	return organizationProven ? await findInstance(c.env.DB, user.organizationId, id) : null
}

/** A number out of a path. What is none names nothing. */
export function readId(text: string | undefined): number {
	const id = idOf(text)
	if (id === null) throw new NotFound('Nothing has this id: expected a positive whole number')
	return id
}

function idOf(text: string | undefined): number | null {
	return /^[1-9]\d{0,14}$/.test(text ?? '') ? Number(text) : null
}
