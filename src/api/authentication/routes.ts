/** Handlers of the calls about signing in (docs/contract.md §1). */
import type * as z from 'zod'
import { findLink, redeemLink } from '../../accounts/links.ts'
import * as sessions from '../../accounts/sessions.ts'
import { Conflict, NotFound, Unauthorized } from '../../lib/errors.ts'
import { getActor } from '../http/audit.ts'
import { getSecret } from '../accounts/secrets.ts'
import type { OperationResponse } from '../http/contract.ts'
import type { CallerContext, PublicContext } from '../http/environment.ts'
import { mountOperations, type Api } from '../http/serve.ts'
import { toIsoSeconds } from '../http/times.ts'
import { authenticationOperations, type AcceptBody, type SignInBody } from './operations.ts'
import { signInLockedError, getRequestOrigin } from './request-origin.ts'

type AuthenticationOperations = typeof authenticationOperations

/** 409: the password is right for accounts of several organizations. */
export class AmbiguousAccount extends Conflict {
	readonly organizations: readonly { id: number; name: string }[]

	constructor(organizations: readonly { id: number; name: string }[]) {
		super(
			`organization: expected one of ${organizations.map(({ id, name }) => `${id} (${name})`).join(', ')}, ` +
				'because you have an account with this password in each',
		)
		this.organizations = organizations
	}
}

/** Mounts the calls. */
export function mountAuthenticationRoutes(api: Api): void {
	mountOperations(api, authenticationOperations, {
		signIn: (c, { body }) => signIn(c, body),
		signOut,
		acceptLink: (c, { body }) => acceptLink(c, body),
		getLink: (c, { params }) => getLink(c, params.token),
		getSecrets,
		createSession,
		listSessions,
		endSessions,
	})
}

async function signIn(
	c: PublicContext,
	body: z.output<typeof SignInBody>,
): Promise<OperationResponse<AuthenticationOperations['signIn']>> {
	const input = { username: body.username, password: body.password, organizationId: body.organization ?? null }
	const result = await sessions.signIn(c.env.DB, input, getRequestOrigin(c), c.var.services.now())
	if (!result.ok) {
		if (result.reason === 'locked') throw signInLockedError(result.seconds)
		if (result.reason === 'ambiguous') throw new AmbiguousAccount(result.organizations)
		throw new Unauthorized('Invalid user name or password')
	}
	return { token: result.token, expiresDate: toIsoSeconds(result.expiresMs) }
}

async function signOut(c: CallerContext): Promise<undefined> {
	const { credential, services } = c.var
	if (credential.kind !== 'session') throw new Conflict('This request has no session to sign out of')
	await sessions.endSession(c.env.DB, getActor(c), credential.id, services.now())
}

async function acceptLink(
	c: PublicContext,
	{ token, password }: z.output<typeof AcceptBody>,
): Promise<OperationResponse<AuthenticationOperations['acceptLink']>> {
	const link = await redeemLink(c.env.DB, c.env.MASTER_KEYS, token, password, c.var.requestId, c.var.services.now())
	if (link === null) throw new NotFound('token: this link was used or replaced, is older than 7 days, or it is invalid')
	return { username: link.login ?? link.email }
}

async function getLink(
	c: PublicContext,
	token: string,
): Promise<OperationResponse<AuthenticationOperations['getLink']>> {
	const link = await findLink(c.env.DB, token, c.var.services.now())
	if (link === null) throw new NotFound('token: this link was used or replaced, is older than 7 days, or it is invalid')
	const { email, organizationName, purpose, expiresMs } = link
	return { emailAddress: email, organizationName, purpose, expiresDate: toIsoSeconds(expiresMs) }
}

async function createSession(c: CallerContext): Promise<OperationResponse<AuthenticationOperations['createSession']>> {
	const created = await sessions.createSessionOf(c.env.DB, c.var.user, getRequestOrigin(c), c.var.services.now())
	return { token: created.token, expiresDate: toIsoSeconds(created.expiresMs) }
}

async function getSecrets(c: CallerContext): Promise<OperationResponse<AuthenticationOperations['getSecrets']>> {
	const [user, organization] = [
		await getSecret(c, { kind: 'user', id: c.var.user.id }),
		await getSecret(c, { kind: 'organization' }),
	]
	return { userSecret: user.secret, organizationSecret: organization.secret }
}

async function listSessions(c: CallerContext): Promise<OperationResponse<AuthenticationOperations['listSessions']>> {
	const { credential, services, user } = c.var
	const sessionsOfUser = await sessions.listSessions(c.env.DB, user, services.now())
	return sessionsOfUser.map(({ id, agent, createdMs, expiresMs }) => ({
		id,
		current: credential.kind === 'session' && credential.id === id,
		agent,
		createdDate: toIsoSeconds(createdMs),
		expiresDate: toIsoSeconds(expiresMs),
	}))
}

async function endSessions(c: CallerContext): Promise<OperationResponse<AuthenticationOperations['endSessions']>> {
	return { ended: await sessions.endSessions(c.env.DB, getActor(c), c.var.services.now()) }
}
