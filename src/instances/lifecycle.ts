/**
 * An instance's life: made, changed, replaced, enabled, disabled, deleted. D1 is the truth and is committed first; then
 * the instance's object is told, and a call that is lost heals by itself.
 */
import type { User } from '../accounts/setup.ts'
import type { Actor } from '../accounts/audit.ts'
import { hashSecret, newSecret } from '../accounts/secrets.ts'
import { Conflict } from '../lib/errors.ts'
import type { Element } from '../elements/element.ts'
import { log, logError } from '../lib/log.ts'
import {
	toCanonicalStoreUrl,
	toConfigurationError,
	requireConfiguration,
	requireConnection,
	requirePaths,
	requireResources,
} from './checks.ts'
import { getCallbackUrl, getFloorSeconds } from './config.ts'
import { isSecretKey } from './configuration-keys.ts'
import type { NormalizeOptions } from './normalize.ts'
import {
	getCurrentKeyId,
	WebhooksError,
	removeAbandonedWebhooks,
	createWebhooks,
	planWebhooks,
	PREVIOUS_SECRET_MS,
	requireReachable,
	wantsWebhooks,
	runWebhookTask,
	type WebhookPlan,
} from './webhooks.ts'
import { getHost, parseName, parseTags } from './naming.ts'
import { getEffectivePoller } from './poller.ts'
import {
	abandonCreating,
	changeInstance,
	insertInstance,
	markDeleted,
	markReady,
	nextSequenceNumber,
	deleteInstanceRow,
	type Instance,
	type InstanceChange,
} from './records.ts'
import { instanceContext, sealSecret } from '../lib/sealing.ts'
import type { Services } from './services.ts'
import { SIGNATURE_KEY, applyKeyTakeover } from './signature.ts'
import { allowsPrivateNetwork, toCredentials, getElement, openConfiguration, sealConfiguration } from './stores.ts'
import { listFurtherSubscriptions } from './subscriptions.ts'
import { toSiteKey } from '../lib/urls.ts'
import { SECRET_MASK } from '../lib/values.ts'

/** What a caller says of an instance; what is absent keeps its value (PATCH) or has its default (POST, PUT). */
export interface InstanceInput {
	name?: string | null | undefined
	tags?: string[] | string | null | undefined
	configuration?: Record<string, unknown> | undefined
}

/** Keys whose change means that the store is checked again. */
const CONNECTION_KEYS = ['store.url', 'oauth.api.key', 'oauth.api.secret'] as const

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
	const nowMs = services.now()
	const displayName = name ?? getHost(values['store.url'])
	const instance: Instance = {
		id,
		organizationId: user.organizationId,
		userId: user.id,
		creator: { email: user.email, firstName: user.firstName, lastName: user.lastName },
		state: 'creating',
		version: 1,
		enabled: true,
		eventsEnabled: normalized.eventsEnabled,
		elementKey: element.key,
		name: displayName,
		tags: tags ?? [displayName],
		configuration: await sealConfiguration(env.MASTER_KEYS, id, element, values),
		connection,
		tokenSealed: await sealSecret(env.MASTER_KEYS, token, instanceContext(id)),
		subscriptionId,
		createdMs: nowMs,
		updatedMs: nowMs,
		webhookVersion: 1,
		webhookPreviousUntilMs: null,
		// Written before they are made: whatever ends this creation, the cron knows that there may be some.
		webhookKeyId: usesWebhooks ? getCurrentKeyId(env) : null,
		webhookTask: null,
		signatureNext: null,
		signatureFromMs: null,
		baselineVersion: 0,
	}
	await insertInstance(env.DB, instance, hashSecret(token))
	try {
		await services.watcher(id).create(id)
		if (usesWebhooks) await createWebhooks(services, instance)
		if (!(await markReady(env.DB, instance, toActor(user, requestId), nowMs)))
			throw new Error('the row was cleared away while its instance was made')
	} catch (error) {
		await rollbackCreation(services, id, error)
		throw error instanceof WebhooksError ? error.httpError : error
	}
	// Until it hears that its webhooks are made, the object leaves them alone.
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

/** How a change treats what is not sent. */
export interface ChangeOptions {
	/** PUT: what is not sent is gone. */
	replace: boolean
	/** The store is asked with the keys, whether or not they changed. */
	reAuthenticate: boolean
	/** Accepts a store.url that is another site: the old index is dropped without events. */
	rebaseline: boolean
}

/** Changes or replaces an instance. A new store, key or secret is checked first; failure changes nothing. */
export async function updateInstance(
	services: Services,
	storedInstance: Instance,
	user: User,
	requestId: string,
	input: InstanceInput,
	options: ChangeOptions,
): Promise<Instance> {
	const { env } = services
	const instance = applyKeyTakeover(storedInstance, services.now())
	const element = getElement(instance.elementKey)
	const { name, tags } = requireNaming(input)
	const before = await openConfiguration(env.MASTER_KEYS, instance.id, element, instance.configuration)
	const sent = input.configuration ?? {}
	const merged = options.replace ? sent : { ...before, ...sent }
	const normalized = requireConfiguration(merged, normalizeOptionsFor(services, element, before))
	const resources = normalized.eventsEnabled ? normalized.resources : {}

	const paths = requirePaths(element, resources)
	const knownPaths = instance.eventsEnabled ? requirePaths(element, getEffectivePoller(before, element)) : []
	// A collection that was not looked at yet is checked like those of a new instance: may the key read it, what does its
	// route know.
	const hasNewPath = paths.some(
		(path) => !knownPaths.includes(path) && instance.connection.collections[path] === undefined,
	)
	const reconnect =
		options.reAuthenticate || hasNewPath || CONNECTION_KEYS.some((key) => normalized.values[key] !== before[key])
	const checked = reconnect
		? await requireConnection(element, toCredentials(normalized.values), services.io, paths)
		: instance.connection
	const moved = toSiteKey(checked.home) !== toSiteKey(instance.connection.home)
	const connection = moved
		? checked
		: { ...checked, collections: { ...instance.connection.collections, ...checked.collections } }
	if (moved && !options.rebaseline) {
		throw new Conflict(
			`store.url: this instance watches ${instance.connection.home}, and the new address is another site, ${connection.home}; add ?rebaseline=true to drop what is known of the old one`,
		)
	}
	requireResources(element, resources, connection)

	const values = { ...normalized.values, 'store.url': toCanonicalStoreUrl(normalized.storeUrl, connection) }
	const changedKeys = [...new Set([...Object.keys(before), ...Object.keys(values)])].filter(
		(key) => (before[key] ?? null) !== ((values as Record<string, string | null>)[key] ?? null),
	)
	const displayName = name ?? (options.replace ? getHost(values['store.url']) : instance.name)
	const change: InstanceChange = {
		name: displayName,
		tags: tags ?? (options.replace ? [displayName] : instance.tags),
		configuration:
			changedKeys.length === 0
				? instance.configuration
				: {
						...(await sealConfiguration(env.MASTER_KEYS, instance.id, element, values)),
						...getUnchangedSecrets(element, instance, changedKeys, values),
					},
		connection,
		eventsEnabled: normalized.eventsEnabled,
	}
	// A key that is named, be it the present one, is the only one from now on.
	const namesKey = Object.hasOwn(sent, SIGNATURE_KEY) && sent[SIGNATURE_KEY] !== SECRET_MASK
	const endsRotation = instance.signatureNext !== null && (namesKey || changedKeys.includes(SIGNATURE_KEY))
	if (endsRotation) Object.assign(change, { signatureNext: null, signatureFromMs: null } satisfies InstanceChange)
	const callback = getCallbackUrl(values, env.PUBLIC_URL)
	const release = callback !== null && callback !== getCallbackUrl(before, env.PUBLIC_URL)
	if (release) await requireDistinctCallback(env.DB, instance.id, callback)
	const plan = planWebhooks(env, instance, { ...instance, ...change }, { moved, reconnect })
	if (plan.create) await createWebhooksOrRollback(services, instance, { ...instance, ...change }, plan)
	const changed = await commitChange(
		services,
		instance,
		{ ...change, ...plan.change },
		toActor(user, requestId),
		options.replace ? 'instance.replace' : 'instance.update',
		{
			keys: changedKeys,
			name: change.name !== instance.name,
			tags: JSON.stringify(change.tags) !== JSON.stringify(instance.tags),
			...(moved ? { rebaseline: true } : {}),
			...(endsRotation ? { rotation: 'ended' } : {}),
		},
	)
	await notifyWatcher(services, changed, release ? { release: true } : {})
	if (plan.leavesStore) await removeAbandonedWebhooks(services, instance)
	if (plan.change.webhookTask != null) await runWebhookTask(services, instance.id)
	return changed
}

/**
 * An address is told of a thing once: a callback that is a further subscription already would be sent everything twice.
 */
async function requireDistinctCallback(db: D1Database, instanceId: number, callback: string): Promise<void> {
	const duplicate = (await listFurtherSubscriptions(db, instanceId)).find(
		(subscription) => subscription.url === callback,
	)
	if (duplicate !== undefined)
		throw new Conflict(
			`event.notification.callback.url: subscription ${duplicate.number} sends this instance's events there already; delete it first (DELETE /notifications/subscriptions/${duplicate.number})`,
		)
}

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
		throw new Conflict('This instance keeps no webhooks at present; its secrets change nothing')
	if (instance.webhookTask === 'ensure')
		throw new Conflict('The store has not taken the last change of the webhooks yet; try again when it has')
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

/** Secrets that stay as they are keep their sealed form too: whoever compares rows sees no change. */
function getUnchangedSecrets(
	element: Element,
	instance: Instance,
	changedKeys: readonly string[],
	values: Readonly<Record<string, string | null>>,
): Record<string, string | null> {
	return Object.fromEntries(
		Object.entries(instance.configuration).filter(
			([key]) => key in values && isSecretKey(element, key) && !changedKeys.includes(key),
		),
	)
}

/** Tells the object of a committed change. Not reaching it is no failure: it reads its row again by itself. */
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

/**
 * Webhooks for a change that is not committed yet: when they cannot be made, the caller hears why and nothing has
 * changed.
 */
async function createWebhooksOrRollback(
	services: Services,
	instance: Instance,
	next: Instance,
	plan: WebhookPlan,
): Promise<void> {
	requireReachable(services.env)
	try {
		await createWebhooks(services, next)
	} catch (error) {
		if (!(error instanceof WebhooksError)) throw error
		if (error.mayHaveChanged && plan.isFirst) await removeAbandonedWebhooks(services, next)
		log('instance.hooks-refused', { instance: instance.id })
		throw error.httpError
	}
}

function requireNaming(input: InstanceInput): { name: string | null; tags: string[] | null } {
	const name = parseName(input.name)
	const tags = parseTags(input.tags)
	if (!name.ok || !tags.ok)
		throw toConfigurationError([name, tags].flatMap((parsed) => (parsed.ok ? [] : [parsed.problem])))
	return { name: name.name, tags: tags.tags }
}

function normalizeOptionsFor(
	services: Services,
	element: Element,
	previous: Record<string, string | null>,
): NormalizeOptions {
	const { env } = services
	return {
		element,
		previous,
		publicUrl: env.PUBLIC_URL,
		allowPrivateNetwork: allowsPrivateNetwork(env),
		floorSeconds: getFloorSeconds(env),
	}
}

/** Who does it. */
export function toActor(user: User, requestId: string): Actor {
	return { organizationId: user.organizationId, userId: user.id, requestId }
}
