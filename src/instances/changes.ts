/**
 * Committing a change of an instance: D1 is the truth and is written first; then the instance's object reads it. A call
 * to the object that is lost heals by itself.
 */
import type { User } from '../accounts/setup.ts'
import type { Actor } from '../accounts/audit.ts'
import { Conflict } from '../lib/errors.ts'
import { logError } from '../lib/log.ts'
import { changeInstance, type Instance, type InstanceChange } from './rows.ts'
import type { Services } from './services.ts'
import { applyKeyTakeover } from './signature.ts'

/** Has the object read a committed change. Not reaching it is no failure: it reads its row again by itself. */
export async function notifyWatcher(
	services: Services,
	instance: Pick<Instance, 'id' | 'version'>,
	options: { release?: boolean },
): Promise<void> {
	try {
		const watcher = services.watcher(instance.id)
		// An object that lost its storage is brought back as it was made.
		if ((await watcher.configure(instance.version, options)) === 'unknown') await watcher.create(instance.id)
	} catch (error) {
		logError('instance.configure-failed', error, { instance: instance.id })
	}
}

/**
 * Commits a change with its audit row; 409 when somebody else was first. A takeover of the signature key whose moment
 * has passed is written down with it.
 */
export async function commitChange(
	services: Services,
	instance: Instance,
	change: InstanceChange,
	actor: Actor,
	action: string,
	detail: Record<string, unknown>,
): Promise<Instance> {
	const nowMs = services.now()
	const { configuration, signatureNext, signatureFromMs } = applyKeyTakeover({ ...instance, ...change }, nowMs)
	const fullChange = { ...change, configuration, signatureNext, signatureFromMs }
	const changed = await changeInstance(services.env.DB, instance, fullChange, actor, { action, detail }, nowMs)
	if (changed === null)
		throw new Conflict('This instance was changed by another request at the same time; read it again and repeat')
	return changed
}

/** The user of a request as the audit log names them. */
export function toActor(user: User, requestId: string): Actor {
	return { organizationId: user.organizationId, userId: user.id, requestId }
}
