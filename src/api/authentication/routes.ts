/** Signing in and out over HTTP (contract, section 1). */
import type * as z from 'zod'
import { useLink } from '../../accounts/links.ts'
import * as sessions from '../../accounts/sessions.ts'
import { Conflict, NotFound, Unauthorized } from '../../lib/errors.ts'
import { actorOf } from '../http/access.ts'
import { getSecret } from '../accounts/secrets.ts'
import type { AnswerOf } from '../http/contract.ts'
import type { CallerContext, PublicContext } from '../http/environment.ts'
import { serve, type Api } from '../http/serve.ts'
import { toIsoSeconds } from '../http/times.ts'
import { authenticationOperations, type AcceptBody, type SignInBody } from './operations.ts'
import { locked, originOf } from './origin.ts'

type Calls = typeof authenticationOperations

/** Mounts the calls. */
export function declareAuthentication(api: Api): void {
	serve(api, authenticationOperations, {
		signIn: (c, { body }) => signIn(c, body),
		signOut,
		acceptLink: (c, { body }) => accept(c, body),
		getSecrets,
		listSessions,
		endSessions,
	})
}

async function signIn(c: PublicContext, body: z.output<typeof SignInBody>): Promise<AnswerOf<Calls['signIn']>> {
	const result = await sessions.signIn(c.env.DB, body, originOf(c), c.var.services.now())
	if (result.kind === 'locked') throw locked(result.seconds)
	if (result.kind === 'wrong') throw new Unauthorized('The user name or the password is wrong')
	return { token: result.token, expiresDate: toIsoSeconds(result.expiresMs) }
}

async function signOut(c: CallerContext): Promise<undefined> {
	const { credential, services } = c.var
	if (credential.kind !== 'session') throw new Conflict('This request was made without a session: there is nothing to sign out of')
	await sessions.endSession(c.env.DB, actorOf(c), credential.id, services.now())
}

async function accept(c: PublicContext, { token, password }: z.output<typeof AcceptBody>): Promise<AnswerOf<Calls['acceptLink']>> {
	const link = await useLink(c.env.DB, c.env.MASTER_KEYS, token, password, c.var.requestId, c.var.services.now())
	if (link === null) throw new NotFound('token: this link was used or replaced, is older than 7 days, or never was one')
	return { username: link.login ?? link.email }
}

async function getSecrets(c: CallerContext): Promise<AnswerOf<Calls['getSecrets']>> {
	const [user, organization] = [await getSecret(c, { kind: 'user', id: c.var.user.id }), await getSecret(c, { kind: 'organization' })]
	return { userSecret: user.secret, organizationSecret: organization.secret }
}

async function listSessions(c: CallerContext): Promise<AnswerOf<Calls['listSessions']>> {
	const { credential, services, user } = c.var
	const own = await sessions.listSessions(c.env.DB, user, services.now())
	return own.map(({ id, agent, createdMs, expiresMs }) => ({
		id,
		current: credential.kind === 'session' && credential.id === id,
		agent,
		createdDate: toIsoSeconds(createdMs),
		expiresDate: toIsoSeconds(expiresMs),
	}))
}

async function endSessions(c: CallerContext): Promise<AnswerOf<Calls['endSessions']>> {
	return { ended: await sessions.endSessions(c.env.DB, actorOf(c), c.var.services.now()) }
}
