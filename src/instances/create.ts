/** Creates instances. */
import type { User } from '../accounts/setup.ts'
import { hashSecret, newSecret } from '../accounts/secrets.ts'
import type { Element } from '../elements/element.ts'
import { newIncarnation, type ObjectRef } from '../lib/incarnation.ts'
import { logError } from '../lib/log.ts'
import { instanceSecret, sealSecret } from '../lib/sealing.ts'
import { notifyWatcher, toActor } from './changes.ts'
import {
	normalizeOptionsFor,
	requireArguments,
	requireConfiguration,
	requireConnection,
	requireNaming,
	requirePaths,
	requireResources,
	toCanonicalStoreUrl,
	type InstanceInput,
} from './checks.ts'
import { purgeInstance } from './lifecycle.ts'
import { toNewConfiguration } from './configuration-keys.ts'
import { getHost } from './naming.ts'
import { nextInstanceId, nextSequenceNumber, requireInstanceId, type Instance } from './rows.ts'
import { abandonCreating, insertInstance, markReady } from './row-lifecycle.ts'
import type { Services } from './services.ts'
import { sealConfiguration, toCredentials } from './stores.ts'
import { createWebhooks, getCurrentKeyId, requireReachable, wantsWebhooks, WebhooksError } from './webhooks.ts'

/**
 * Checks the store and creates an instance. A failure leaves nothing behind; a crash leaves a row in state `creating`,
 * which the cron removes.
 */
export async function createInstance(
	services: Services,
	user: User,
	requestId: string,
	element: Element,
	input: InstanceInput,
): Promise<Instance> {
	const { env } = services
	const { name, tags } = requireNaming(input)
	const normalized = requireConfiguration(input.configuration ?? {}, normalizeOptionsFor(services, element, {}))
	const resources = normalized.eventsEnabled ? normalized.resources : {}
	const usesWebhooks = wantsWebhooks({ eventsEnabled: normalized.eventsEnabled, configuration: normalized.values })
	if (usesWebhooks) requireReachable(env)
	const connection = await requireConnection(element, toCredentials(normalized.values), services.io, resources)
	requireArguments(element, normalized.resources, normalized.eventsEnabled ? connection : null)
	requireResources(element, resources, connection)

	const values = {
		...toNewConfiguration(normalized.values),
		'store.url': toCanonicalStoreUrl(normalized.storeUrl, connection),
	}
	const [id, subscriptionId] = [
		requireInstanceId(await nextInstanceId(env.DB)),
		await nextSequenceNumber(env.DB, 'subscription'),
	]
	const token = newSecret()
	const ref: ObjectRef = { id, incarnation: newIncarnation() }
	const instance: Instance = {
		...ref,
		organizationId: user.organizationId,
		userId: user.id,
		creator: { email: user.email, firstName: user.firstName, lastName: user.lastName },
		eventsEnabled: normalized.eventsEnabled,
		elementKey: element.key,
		...toNames(name, tags, values['store.url']),
		configuration: await sealConfiguration(env.MASTER_KEYS, ref, element, values),
		connection,
		tokenSealed: await sealSecret(env.MASTER_KEYS, token, instanceSecret(ref, 'token')),
		subscriptionId,
		// Stored before the webhooks are created, so that the cron can remove them if the creation fails.
		webhookKeyId: usesWebhooks ? getCurrentKeyId(env) : null,
		...toInitialState(services.now()),
	}
	await insertInstance(env.DB, instance, hashSecret(token))
	try {
		await services.watcher(instance).create(id, instance.incarnation)
		if (usesWebhooks) await createWebhooks(services, instance)
		if (!(await markReady(env.DB, instance, toActor(user, requestId), instance.createdMs)))
			throw new Error('the row was deleted while the instance was being created')
	} catch (error) {
		await rollbackCreation(services, instance, error)
		throw error instanceof WebhooksError ? error.httpError : error
	}
	// The object does not touch the webhooks until it has read that they exist.
	if (usesWebhooks) await notifyWatcher(services, instance, {})
	return { ...instance, state: 'ready' }
}

/**
 * Checks the input for an instance whose keys are not known yet, without calling the store. Returns the store's
 * address.
 */
export function checkDraft(services: Services, element: Element, input: InstanceInput): string {
	requireNaming(input)
	const pending = { 'oauth.api.key': 'to come', 'oauth.api.secret': 'to come' }
	const normalized = requireConfiguration(
		{ ...input.configuration, ...pending },
		normalizeOptionsFor(services, element, {}),
	)
	requirePaths(element, normalized.eventsEnabled ? normalized.resources : {})
	requireArguments(element, normalized.resources, null)
	if (wantsWebhooks({ eventsEnabled: normalized.eventsEnabled, configuration: normalized.values }))
		requireReachable(services.env)
	return normalized.storeUrl
}

/** The given name and tags, or the host of the store. */
function toNames(name: string | null, tags: string[] | null, storeUrl: string): Pick<Instance, 'name' | 'tags'> {
	const displayName = name ?? getHost(storeUrl)
	return { name: displayName, tags: tags ?? [displayName] }
}

/** Initial values of every instance. */
function toInitialState(nowMs: number) {
	return {
		state: 'creating' as const,
		version: 1,
		enabled: true,
		createdMs: nowMs,
		updatedMs: nowMs,
		webhookVersion: 1,
		webhookPreviousUntilMs: null,
		webhookTask: null,
		signatureNext: null,
		signatureFromMs: null,
		baselineVersion: 0,
	}
}

/** Undoes a failed creation. */
async function rollbackCreation(services: Services, instance: ObjectRef, cause: unknown): Promise<void> {
	const { DB } = services.env
	const { id } = instance
	try {
		// The store refused before it created anything, so there is nothing to remove, and it would refuse a deletion
		// too.
		if (cause instanceof WebhooksError && !cause.mayHaveChanged)
			await DB.prepare('UPDATE instances SET hook_key = NULL WHERE id = ?').bind(id).run()
		// `deleted` first, so that the cron completes what fails here.
		await abandonCreating(DB, { id }, services.now())
	} catch (error) {
		logError('instance.undo-failed', error, { instance: id })
	}
	await purgeInstance(services, instance, cause instanceof WebhooksError && cause.isUnconfirmed)
}
