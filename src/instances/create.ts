/** Making an instance of a store. */
import type { User } from '../accounts/setup.ts'
import { hashSecret, newSecret } from '../accounts/secrets.ts'
import type { Element } from '../elements/element.ts'
import { logError } from '../lib/log.ts'
import { instanceContext, sealSecret } from '../lib/sealing.ts'
import { notifyWatcher, toActor } from './changes.ts'
import {
	normalizeOptionsFor,
	requireConfiguration,
	requireConnection,
	requireNaming,
	requirePaths,
	requireResources,
	toCanonicalStoreUrl,
	type InstanceInput,
} from './checks.ts'
import { purgeInstance } from './lifecycle.ts'
import { getHost } from './naming.ts'
import { nextSequenceNumber, type Instance } from './rows.ts'
import { abandonCreating, insertInstance, markReady } from './row-lifecycle.ts'
import type { Services } from './services.ts'
import { sealConfiguration, toCredentials } from './stores.ts'
import { createWebhooks, getCurrentKeyId, requireReachable, wantsWebhooks, WebhooksError } from './webhooks.ts'

/**
 * Checks the store and makes an instance of it. Whatever fails leaves nothing behind: what a crash leaves is a row
 * `creating`, which the cron clears away.
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
	const connection = await requireConnection(
		element,
		toCredentials(normalized.values),
		services.io,
		requirePaths(element, resources),
	)
	requireResources(element, resources, connection)

	const values = { ...normalized.values, 'store.url': toCanonicalStoreUrl(normalized.storeUrl, connection) }
	const [id, subscriptionId] = [
		await nextSequenceNumber(env.DB, 'instance'),
		await nextSequenceNumber(env.DB, 'subscription'),
	]
	const token = newSecret()
	const instance: Instance = {
		id,
		organizationId: user.organizationId,
		userId: user.id,
		creator: { email: user.email, firstName: user.firstName, lastName: user.lastName },
		eventsEnabled: normalized.eventsEnabled,
		elementKey: element.key,
		...toNames(name, tags, values['store.url']),
		configuration: await sealConfiguration(env.MASTER_KEYS, id, element, values),
		connection,
		tokenSealed: await sealSecret(env.MASTER_KEYS, token, instanceContext(id)),
		subscriptionId,
		// Written before they are made: whatever ends this creation, the cron knows that there may be some.
		webhookKeyId: usesWebhooks ? getCurrentKeyId(env) : null,
		...toInitialState(services.now()),
	}
	await insertInstance(env.DB, instance, hashSecret(token))
	try {
		await services.watcher(id).create(id)
		if (usesWebhooks) await createWebhooks(services, instance)
		if (!(await markReady(env.DB, instance, toActor(user, requestId), instance.createdMs)))
			throw new Error('the row was cleared away while its instance was made')
	} catch (error) {
		await rollbackCreation(services, id, error)
		throw error instanceof WebhooksError ? error.httpError : error
	}
	// The object leaves the webhooks alone until it has read that they are made.
	if (usesWebhooks) await notifyWatcher(services, instance, {})
	return { ...instance, state: 'ready' }
}

/**
 * Checks what an instance will be made of once its keys arrive, without the store; answers with the store's address.
 */
export function checkDraft(services: Services, element: Element, input: InstanceInput): string {
	requireNaming(input)
	const pending = { 'oauth.api.key': 'to come', 'oauth.api.secret': 'to come' }
	const normalized = requireConfiguration(
		{ ...input.configuration, ...pending },
		normalizeOptionsFor(services, element, {}),
	)
	requirePaths(element, normalized.eventsEnabled ? normalized.resources : {})
	if (wantsWebhooks({ eventsEnabled: normalized.eventsEnabled, configuration: normalized.values }))
		requireReachable(services.env)
	return normalized.storeUrl
}

/** Name and tags as given, or after the store's host. */
function toNames(name: string | null, tags: string[] | null, storeUrl: string): Pick<Instance, 'name' | 'tags'> {
	const displayName = name ?? getHost(storeUrl)
	return { name: displayName, tags: tags ?? [displayName] }
}

/** How every instance begins. */
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

/** Takes back what a failed creation wrote. */
async function rollbackCreation(services: Services, instanceId: number, cause: unknown): Promise<void> {
	const { DB } = services.env
	try {
		// The store refused before it made anything: there is nothing to remove, and it would refuse that too.
		if (cause instanceof WebhooksError && !cause.mayHaveChanged)
			await DB.prepare('UPDATE instances SET hook_key = NULL WHERE id = ?').bind(instanceId).run()
		// `deleted` first, so that a cron finishes what this cannot.
		await abandonCreating(DB, { id: instanceId }, services.now())
	} catch (error) {
		logError('instance.undo-failed', error, { instance: instanceId })
	}
	await purgeInstance(services, instanceId, cause instanceof WebhooksError && cause.isUnconfirmed)
}
