/** Enabling, disabling and deleting an instance, and new secrets for its webhooks. */
import type { User } from '../accounts/setup.ts'
import { Conflict } from '../lib/errors.ts'
import { logError } from '../lib/log.ts'
import { commitChange, notifyWatcher, toActor } from './changes.ts'
import type { Instance, InstanceChange } from './rows.ts'
import { deleteInstanceRow, markDeleted } from './row-lifecycle.ts'
import type { Services } from './services.ts'
import { PREVIOUS_SECRET_MS, requireReachable, runWebhookTask, wantsWebhooks } from './webhooks.ts'

/**
 * Enables or disables. `skip`: instead of going on at the old cursor, take a new silent baseline. Enabling also
 * releases what a dead callback holds.
 */
export async function setEnabled(
	services: Services,
	instance: Instance,
	user: User,
	requestId: string,
	enabled: boolean,
	skip: boolean,
): Promise<Instance> {
	// Webhooks sleep with their instance. Either way the store may be told later: what it sends meanwhile is answered.
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
 * Gives the webhooks of an instance new secrets; those before them are accepted for another day. False when the store
 * is still to be told.
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
	// The object first: from the moment when the store has the new secrets, deliveries come with them.
	await notifyWatcher(services, changed, {})
	return { instance: changed, done: await runWebhookTask(services, instance.id) }
}

/** Deletes: token and hub are dead at once; the object is cleared away now, or by the cron when that fails. */
export async function deleteInstance(
	services: Services,
	instance: Instance,
	user: User,
	requestId: string,
): Promise<void> {
	if (await markDeleted(services.env.DB, instance, toActor(user, requestId), services.now()))
		await purgeInstance(services, instance.id)
}

/**
 * Empties the object of a row that is not `ready` and removes its webhooks, then the row. False when the object or the
 * store could not be reached: the cron tries again. `unsure`: the store may still be making webhooks, so the cron is to
 * look again.
 */
export async function purgeInstance(services: Services, instanceId: number, isUnconfirmed = false): Promise<boolean> {
	try {
		await services.watcher(instanceId).destroy()
		if (!(await runWebhookTask(services, instanceId, isUnconfirmed))) return false
		await deleteInstanceRow(services.env.DB, instanceId)
		return true
	} catch (error) {
		logError('instance.clear-away-failed', error, { instance: instanceId })
		return false
	}
}
