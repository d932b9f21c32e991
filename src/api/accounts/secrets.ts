/** Secrets of users and of the organization over HTTP: shown, rotated, revoked. */
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
	raced: () => new Conflict('Somebody else changed this secret at the same time; look at it again'),
	'in-grace': () =>
		new Conflict(
			'The secret before this one still opens, as was promised; wait until previousUntil, or rotate with grace 0, which ends it at once',
		),
	'locked-out': () =>
		new Conflict('This would leave the organization without an admin who can sign in; an admin needs a password first'),
}

function toSecretResponse({ secret, previousUntilMs }: RevealedSecret): Secret {
	return { secret, previousUntil: previousUntilMs === null ? null : toIsoSeconds(previousUntilMs) }
}
