/** Enables, disables and deletes an instance, and rotates the secrets of its webhooks. */
import type { User } from '../accounts/setup.ts'
import { Conflict } from '../lib/errors.ts'
import type { ObjectRef } from '../lib/incarnation.ts'
import { logError } from '../lib/log.ts'
import { commitChange, notifyWatcher, toActor } from './changes.ts'
import type { Instance, InstanceChange } from './rows.ts'
import { deleteInstanceRow, markDeleted } from './row-lifecycle.ts'
import type { Services } from './services.ts'
import { PREVIOUS_SECRET_MS, requireReachable, runWebhookTask, wantsWebhooks } from './webhooks.ts'

/**
 * Enables or disables. `skip`: takes a new silent baseline and sends no changes from the pause. Enabling also releases
 * queued notifications.
 */
export async function setEnabled(
	services: Services,
	instance: Instance,
	user: User,
	requestId: string,
	enabled: boolean,
	skip: boolean,
): Promise<Instance> {
	// Disabling an instance pauses its webhooks. The store can be updated later: deliveries that arrive before are
	// answered.
	const task = enabled ? (wantsWebhooks(instance) ? 'ensure' : null) : instance.webhookKeyId === null ? null : 'pause'
	const changed = await commitChange(
		services,
		instance,
		{
			enabled,
			...(task === null ? {} : { webhookTask: task }),
			...(enabled && skip ? { baselineVersion: instance.version + 1 } : {}),
		},
		toActor(user, requestId),
		enabled ? 'instance.enable' : 'instance.disable',
		enabled && skip ? { skip: true } : {},
	)
	await notifyWatcher(services, changed, enabled ? { release: true } : {})
	if (task !== null) await runWebhookTask(services, instance.id)
	return changed
}

/**
 * Rotates the secrets of an instance's webhooks; the previous ones are accepted for another day. False: the store has
 * not been updated yet.
 */
export async function rotateInstanceWebhooks(
	services: Services,
	instance: Instance,
	user: User,
	requestId: string,
): Promise<{ instance: Instance; done: boolean }> {
	if (!wantsWebhooks(instance) || !instance.enabled)
		throw new Conflict('This instance has no webhooks at present, so there are no secrets to rotate')
	if (instance.webhookTask === 'ensure')
		throw new Conflict('The last change of the webhooks is not at the store yet; try again later')
	requireReachable(services.env)
	const change: InstanceChange = {
		webhookVersion: instance.webhookVersion + 1,
		webhookPreviousUntilMs: services.now() + PREVIOUS_SECRET_MS,
		webhookTask: 'ensure',
	}
	const changed = await commitChange(services, instance, change, toActor(user, requestId), 'instance.webhooks.rotate', {
		version: instance.webhookVersion + 1,
	})
	// The object first, because deliveries are signed with the new secrets as soon as the store has them.
	await notifyWatcher(services, changed, {})
	return { instance: changed, done: await runWebhookTask(services, instance.id) }
}

/**
 * Deletes an instance: its token and hub stop working immediately; its object is deleted now, or by the cron if that
 * fails.
 */
export async function deleteInstance(
	services: Services,
	instance: Instance,
	user: User,
	requestId: string,
): Promise<void> {
	if (await markDeleted(services.env.DB, instance, toActor(user, requestId), services.now()))
		await purgeInstance(services, instance)
}

/**
 * Deletes the object and the webhooks of a row that is not `ready`, then the row. False: the object or the store could
 * not be reached, and the cron tries again. `isUnconfirmed`: the store may still be creating webhooks, so the cron must
 * check again.
 */
export async function purgeInstance(services: Services, instance: ObjectRef, isUnconfirmed = false): Promise<boolean> {
	try {
		await services.watcher(instance).destroy()
		if (!(await runWebhookTask(services, instance.id, isUnconfirmed))) return false
		await deleteInstanceRow(services.env.DB, instance.id)
		return true
	} catch (error) {
		logError('instance.clear-away-failed', error, { instance: instance.id })
		return false
	}
}
