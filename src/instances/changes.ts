/**
 * Commits a change of an instance: first to D1, the source of truth, then the instance's object reads it. If that call
 * is lost, the object reads its row later.
 */
import type { User } from '../accounts/setup.ts'
import type { Actor } from '../accounts/audit.ts'
import { Conflict } from '../lib/errors.ts'
import { logError } from '../lib/log.ts'
import { changeInstance, type Instance, type InstanceChange } from './rows.ts'
import type { Services } from './services.ts'
import { applyKeyTakeover } from './signature.ts'

/** Makes the object read a committed change. A failed call is no error: the object reads its row again later. */
export async function notifyWatcher(
	services: Services,
	instance: Pick<Instance, 'id' | 'incarnation' | 'version'>,
	options: { release?: boolean; retry?: boolean },
): Promise<void> {
	try {
		const watcher = services.watcher(instance)
		// An object that has lost its storage is created again from its row.
		if ((await watcher.configure(instance.version, options)) === 'unknown')
			await watcher.create(instance.id, instance.incarnation, { again: true })
	} catch (error) {
		logError('instance.configure-failed', error, { instance: instance.id })
	}
}

/**
 * Commits a change with its audit row; 409 if another request was first. A rotation of the signature key whose time
 * has passed is completed at the same time.
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
		throw new Conflict('Another request changed this instance at the same time; read it again and retry')
	return changed
}

/** The user of a request for the audit log. */
export function toActor(user: User, requestId: string): Actor {
	return { organizationId: user.organizationId, userId: user.id, requestId }
}
