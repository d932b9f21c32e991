/** Handlers that show, rotate and revoke secrets of users and of the organization. */
import type * as z from 'zod'
import {
	revokeSecret,
	rotateSecret,
	revealSecret,
	type SecretOwner,
	type SecretChangeError,
	type RevealedSecret,
} from '../../accounts/credentials.ts'
import { Conflict, NotFound } from '../../lib/errors.ts'
import { getActor } from '../http/audit.ts'
import type { CallerContext } from '../http/environment.ts'
import { toIsoSeconds } from '../http/times.ts'
import type { RotateSecretBody, SecretResponse } from './schema.ts'

type Secret = z.input<typeof SecretResponse>

/** `GET …/secrets`. */
export async function getSecret(c: CallerContext, owner: SecretOwner): Promise<Secret> {
	const revealed = await revealSecret(c.env.DB, c.env.MASTER_KEYS, getActor(c), owner, c.var.services.now())
	if (revealed === null) throw ERROR_BY_REASON.missing()
	return toSecretResponse(revealed)
}

/** `POST …/secrets/rotate`. */
export async function rotateOwnerSecret(
	c: CallerContext,
	owner: SecretOwner,
	{ grace }: z.output<typeof RotateSecretBody>,
): Promise<Secret> {
	const result = await rotateSecret(c.env.DB, c.env.MASTER_KEYS, getActor(c), owner, grace, c.var.services.now())
	if (!result.ok) throw ERROR_BY_REASON[result.reason]()
	return toSecretResponse(result)
}

/** `DELETE …/secrets`. */
export async function revokeOwnerSecret(c: CallerContext, owner: SecretOwner): Promise<undefined> {
	const result = await revokeSecret(c.env.DB, getActor(c), owner, c.var.services.now())
	if (!result.ok) throw ERROR_BY_REASON[result.reason]()
}

const ERROR_BY_REASON: Record<SecretChangeError, () => Conflict | NotFound> = {
	missing: () => new NotFound('No such user'),
	raced: () => new Conflict('Another request changed this secret at the same time; read it again'),
	'in-grace': () =>
		new Conflict(
			'The previous secret is still accepted. Wait until previousUntil, or rotate with grace 0, ' +
				'which revokes it immediately',
		),
	'locked-out': () =>
		new Conflict(
			'This would leave the organization without an admin who can sign in; an admin must set a password first',
		),
}

function toSecretResponse({ secret, previousUntilMs }: RevealedSecret): Secret {
	return { secret, previousUntil: previousUntilMs === null ? null : toIsoSeconds(previousUntilMs) }
}
