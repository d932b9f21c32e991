/**
 * An instance's life: made, changed, replaced, enabled, disabled, deleted. D1 is the truth and is committed first; then the
 * instance's object is told, and a call that is lost heals by itself (design, State: Configuration).
 */
import type { User } from '../accounts/accounts.ts'
import type { Actor } from '../accounts/audit.ts'
import { hashSecret, newSecret } from '../accounts/secrets.ts'
import { Conflict } from '../errors.ts'
import type { Element } from '../elements/element.ts'
import { logError } from '../log.ts'
import { canonicalStoreUrl, refusal, requireConfiguration, requireConnection, requirePaths, requireResources } from './checks.ts'
import { callbackOf, floorSecondsOf, isSecretKey, type NormalizeOptions } from './config.ts'
import { hostOf, readName, readTags } from './naming.ts'
import { effectivePoller } from './poller.ts'
import {
	changeInstance,
	insertInstance,
	markDeleted,
	markReady,
	nextNumber,
	removeRow,
	type Instance,
	type InstanceChange,
} from './records.ts'
import { instanceContext, sealSecret } from './sealing.ts'
import type { Services } from './services.ts'
import { allowsPrivateNetwork, credentialsOf, elementOf, openConfiguration, sealConfiguration } from './stores.ts'
import { siteKey } from './urls.ts'

/** What a caller says of an instance; what is absent keeps its value (PATCH) or has its default (POST, PUT). */
export interface InstanceInput {
	name?: string | null | undefined
	tags?: string[] | string | null | undefined
	configuration?: Record<string, unknown> | undefined
}

/** Keys whose change means that the store is checked again. */
const CONNECTING = ['store.url', 'oauth.api.key', 'oauth.api.secret'] as const

/** Checks the store and makes an instance of it. Whatever fails leaves nothing behind: what a crash leaves is a row `creating`, which the cron clears away. */
export async function createInstance(
	services: Services,
	user: User,
	requestId: string,
	element: Element,
	input: InstanceInput,
): Promise<Instance> {
	const { env } = services
	const { name, tags } = requireNaming(input)
	const normal = requireConfiguration(input.configuration ?? {}, optionsOf(services, element, {}))
	const resources = normal.eventsEnabled ? normal.resources : {}
	const connection = await requireConnection(element, credentialsOf(normal.values), services.io, requirePaths(element, resources))
	requireResources(element, resources, connection)

	const values = { ...normal.values, 'store.url': canonicalStoreUrl(normal.storeUrl, connection) }
	const [id, subscriptionId] = [await nextNumber(env.DB, 'instance'), await nextNumber(env.DB, 'subscription')]
	const token = newSecret()
	const nowMs = services.now()
	const shownName = name ?? hostOf(values['store.url'])
	const instance: Instance = {
		id,
		organizationId: user.organizationId,
		userId: user.id,
		state: 'creating',
		version: 1,
		enabled: true,
		eventsEnabled: normal.eventsEnabled,
		elementKey: element.key,
		name: shownName,
		tags: tags ?? [shownName],
		configuration: await sealConfiguration(env.MASTER_KEYS, id, element, values),
		connection,
		tokenSealed: await sealSecret(env.MASTER_KEYS, token, instanceContext(id)),
		subscriptionId,
		createdMs: nowMs,
		updatedMs: nowMs,
	}
	await insertInstance(env.DB, instance, hashSecret(token))
	try {
		await services.watcher(id).create(id)
		if (!(await markReady(env.DB, instance, actorOf(user, requestId), nowMs)))
			throw new Error('the row was cleared away while its instance was made')
	} catch (error) {
		await undo(services, id)
		throw error
	}
	return { ...instance, state: 'ready' }
}

/** How a change treats what is not sent. */
export interface ChangeOptions {
	/** PUT: what is not sent is gone. */
	replace: boolean
	/** Accepts a store.url that is another site: the old index is dropped without events (design, Health). */
	rebaseline: boolean
}

/** Changes or replaces an instance. A new store, key or secret is checked first; failure changes nothing. */
export async function updateInstance(
	services: Services,
	instance: Instance,
	user: User,
	requestId: string,
	input: InstanceInput,
	options: ChangeOptions,
): Promise<Instance> {
	const { env } = services
	const element = elementOf(instance.elementKey)
	const { name, tags } = requireNaming(input)
	const before = await openConfiguration(env.MASTER_KEYS, instance.id, element, instance.configuration)
	const given = input.configuration ?? {}
	const merged = options.replace ? given : { ...before, ...given }
	const normal = requireConfiguration(merged, optionsOf(services, element, before))
	const resources = normal.eventsEnabled ? normal.resources : {}

	const paths = requirePaths(element, resources)
	const known = instance.eventsEnabled ? requirePaths(element, effectivePoller(before, element)) : []
	// A collection that was not looked at yet is checked like those of a new instance: may the key read it, what does its route know.
	const added = paths.some((path) => !known.includes(path) && instance.connection.collections[path] === undefined)
	const reconnect = added || CONNECTING.some((key) => normal.values[key] !== before[key])
	const found = reconnect ? await requireConnection(element, credentialsOf(normal.values), services.io, paths) : instance.connection
	const moved = siteKey(found.home) !== siteKey(instance.connection.home)
	const connection = moved ? found : { ...found, collections: { ...instance.connection.collections, ...found.collections } }
	if (moved && !options.rebaseline) {
		throw new Conflict(
			`store.url: this instance watches ${instance.connection.home}, and the new address is another site, ${connection.home}; add ?rebaseline=true to drop what is known of the old one`,
		)
	}
	requireResources(element, resources, connection)

	const values = { ...normal.values, 'store.url': canonicalStoreUrl(normal.storeUrl, connection) }
	const changedKeys = [...new Set([...Object.keys(before), ...Object.keys(values)])].filter(
		(key) => (before[key] ?? null) !== ((values as Record<string, string | null>)[key] ?? null),
	)
	const shownName = name ?? (options.replace ? hostOf(values['store.url']) : instance.name)
	const change: InstanceChange = {
		name: shownName,
		tags: tags ?? (options.replace ? [shownName] : instance.tags),
		configuration:
			changedKeys.length === 0
				? instance.configuration
				: {
						...(await sealConfiguration(env.MASTER_KEYS, instance.id, element, values)),
						...unchangedSecrets(element, instance, changedKeys, values),
					},
		connection,
		eventsEnabled: normal.eventsEnabled,
	}
	const changed = await commit(
		services,
		instance,
		change,
		actorOf(user, requestId),
		options.replace ? 'instance.replace' : 'instance.update',
		{
			keys: changedKeys,
			name: change.name !== instance.name,
			tags: JSON.stringify(change.tags) !== JSON.stringify(instance.tags),
			...(moved ? { rebaseline: true } : {}),
		},
	)
	const callback = callbackOf(values, env.PUBLIC_URL)
	const release = callback !== null && callback !== callbackOf(before, env.PUBLIC_URL)
	await tell(services, changed, release ? { release: true } : {})
	return changed
}

/** Enables or disables. `skip`: instead of going on at the old cursor, take a new silent baseline (design, What rings). Enabling also releases what a dead callback holds. */
export async function setEnabled(
	services: Services,
	instance: Instance,
	user: User,
	requestId: string,
	enabled: boolean,
	skip: boolean,
): Promise<Instance> {
	const changed = await commit(
		services,
		instance,
		{ enabled },
		actorOf(user, requestId),
		enabled ? 'instance.enable' : 'instance.disable',
		enabled && skip ? { skip: true } : {},
	)
	await tell(services, changed, enabled ? { release: true, ...(skip ? { skip: true } : {}) } : {})
	return changed
}

/** Deletes: token and hub are dead at once; the object is cleared away now, or by the cron when that fails. */
export async function deleteInstance(services: Services, instance: Instance, user: User, requestId: string): Promise<void> {
	if (await markDeleted(services.env.DB, instance, actorOf(user, requestId), services.now())) await clearAway(services, instance.id)
}

/** Empties the object of a row that is not `ready`, then removes the row. False when the object could not be reached: the cron tries again. */
export async function clearAway(services: Services, instanceId: number): Promise<boolean> {
	try {
		await services.watcher(instanceId).destroy()
		await removeRow(services.env.DB, instanceId)
		return true
	} catch (error) {
		logError('instance.clear-away-failed', error, { instance: instanceId })
		return false
	}
}

/** Secrets that stay as they are keep their sealed form too: whoever compares rows sees no change. */
function unchangedSecrets(
	element: Element,
	instance: Instance,
	changedKeys: readonly string[],
	values: Readonly<Record<string, string | null>>,
): Record<string, string | null> {
	return Object.fromEntries(
		Object.entries(instance.configuration).filter(([key]) => key in values && isSecretKey(element, key) && !changedKeys.includes(key)),
	)
}

/** Tells the object of a committed change. Not reaching it is no failure: it reads its row again by itself. */
async function tell(services: Services, instance: Instance, options: { skip?: boolean; release?: boolean }): Promise<void> {
	try {
		const watcher = services.watcher(instance.id)
		// An object that lost its storage is brought back as it was made.
		if ((await watcher.configure(instance.version, options)) === 'unknown') await watcher.create(instance.id)
	} catch (error) {
		logError('instance.configure-failed', error, { instance: instance.id })
	}
}

async function commit(
	services: Services,
	instance: Instance,
	change: InstanceChange,
	actor: Actor,
	action: string,
	detail: Record<string, unknown>,
): Promise<Instance> {
	const changed = await changeInstance(services.env.DB, instance, change, actor, { action, detail }, services.now())
	if (changed === null) throw new Conflict('This instance was changed by another request at the same time; read it again and repeat')
	return changed
}

/** Takes back what a failed creation wrote. */
async function undo(services: Services, instanceId: number): Promise<void> {
	try {
		// `deleted` first, so that a cron finishes what this cannot.
		await services.env.DB.prepare("UPDATE instances SET state = 'deleted' WHERE id = ? AND state = 'creating'").bind(instanceId).run()
	} catch (error) {
		logError('instance.undo-failed', error, { instance: instanceId })
	}
	await clearAway(services, instanceId)
}

function requireNaming(input: InstanceInput): { name: string | null; tags: string[] | null } {
	const name = readName(input.name)
	const tags = readTags(input.tags)
	if (!name.ok || !tags.ok) throw refusal([name, tags].flatMap((read) => (read.ok ? [] : [read.problem])))
	return { name: name.name, tags: tags.tags }
}

function optionsOf(services: Services, element: Element, previous: Record<string, string | null>): NormalizeOptions {
	const { env } = services
	return { element, previous, publicUrl: env.PUBLIC_URL, allowPrivateNetwork: allowsPrivateNetwork(env), floorSeconds: floorSecondsOf(env) }
}

function actorOf(user: User, requestId: string): Actor {
	return { organizationId: user.organizationId, userId: user.id, requestId }
}
