/** Secrets of users and of the organization over HTTP: shown, rotated, revoked. */
import type * as z from 'zod'
import { revokeSecret, rotateSecret, showSecret, type Owner, type SecretRefusal, type ShownSecret } from '../../accounts/credentials.ts'
import { Conflict, NotFound } from '../../lib/errors.ts'
import { actorOf } from '../http/access.ts'
import type { CallerContext } from '../http/environment.ts'
import { toIsoSeconds } from '../http/times.ts'
import type { RotateSecretBody, SecretAnswer } from './schema.ts'

type Secret = z.input<typeof SecretAnswer>

/** `GET …/secrets`. */
export async function getSecret(c: CallerContext, owner: Owner): Promise<Secret> {
	const shown = await showSecret(c.env.DB, c.env.MASTER_KEYS, actorOf(c), owner, c.var.services.now())
	if (shown === null) throw REFUSALS.missing()
	return show(shown)
}

/** `POST …/secrets/rotate`. */
export async function rotate(c: CallerContext, owner: Owner, { grace }: z.output<typeof RotateSecretBody>): Promise<Secret> {
	const result = await rotateSecret(c.env.DB, c.env.MASTER_KEYS, actorOf(c), owner, grace, c.var.services.now())
	if (typeof result === 'string') throw REFUSALS[result]()
	return show(result)
}

/** `DELETE …/secrets`. */
export async function revoke(c: CallerContext, owner: Owner): Promise<undefined> {
	const refused = await revokeSecret(c.env.DB, actorOf(c), owner, c.var.services.now())
	if (refused !== null) throw REFUSALS[refused]()
}

const REFUSALS: Record<SecretRefusal, () => Conflict | NotFound> = {
	missing: () => new NotFound('No such user'),
	raced: () => new Conflict('Somebody else changed this secret at the same time; look at it again'),
	'in-grace': () =>
		new Conflict(
			'The secret before this one still opens, as was promised; wait until previousUntil, or rotate with grace 0, which ends it at once',
		),
	'locked-out': () => new Conflict('Nobody could look after the organization then: an admin needs a password first'),
}

function show({ secret, previousUntilMs }: ShownSecret): Secret {
	return { secret, previousUntil: previousUntilMs === null ? null : toIsoSeconds(previousUntilMs) }
}
