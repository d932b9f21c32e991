/**
 * An instance's life: made, changed, replaced, enabled, disabled, deleted. D1 is the truth and is committed first; then the
 * instance's object is told, and a call that is lost heals by itself (design, State: Configuration).
 */
import type { User } from '../accounts/accounts.ts'
import type { Actor } from '../accounts/audit.ts'
import { hashSecret, newSecret } from '../accounts/secrets.ts'
import { Conflict } from '../lib/errors.ts'
import type { Element } from '../elements/element.ts'
import { log, logError } from '../lib/log.ts'
import { canonicalStoreUrl, refusal, requireConfiguration, requireConnection, requirePaths, requireResources } from './checks.ts'
import { callbackOf, floorSecondsOf, isSecretKey, type NormalizeOptions } from './config.ts'
import {
	firstKeyId,
	HooksFailed,
	leaveStore,
	makeHooks,
	planHooks,
	PREVIOUS_MS,
	requireReachable,
	wantsHooks,
	workHooks,
	type HookPlan,
} from './webhooks.ts'
import { hostOf, readName, readTags } from './naming.ts'
import { effectivePoller } from './poller.ts'
import {
	abandonCreating,
	changeInstance,
	insertInstance,
	markDeleted,
	markReady,
	nextNumber,
	removeRow,
	type Instance,
	type InstanceChange,
} from './records.ts'
import { instanceContext, sealSecret } from '../lib/sealing.ts'
import type { Services } from './services.ts'
import { SIGNATURE_KEY, takenOver } from './signature.ts'
import { allowsPrivateNetwork, credentialsOf, elementOf, openConfiguration, sealConfiguration } from './stores.ts'
import { readFurther } from './subscriptions.ts'
import { siteKey } from '../lib/urls.ts'
import { MASK } from '../lib/values.ts'

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
	const hooked = wantsHooks({ eventsEnabled: normal.eventsEnabled, configuration: normal.values })
	if (hooked) requireReachable(env)
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
		maker: { email: user.email, firstName: user.firstName, lastName: user.lastName },
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
		hookVersion: 1,
		hookPreviousUntilMs: null,
		// Written before they are made: whatever ends this creation, the cron knows that there may be some.
		hookKey: hooked ? firstKeyId(env) : null,
		hookWork: null,
		signatureNext: null,
		signatureFromMs: null,
		baselineVersion: 0,
	}
	await insertInstance(env.DB, instance, hashSecret(token))
	try {
		await services.watcher(id).create(id)
		if (hooked) await makeHooks(services, instance)
		if (!(await markReady(env.DB, instance, actorOf(user, requestId), nowMs)))
			throw new Error('the row was cleared away while its instance was made')
	} catch (error) {
		await undo(services, id, error)
		throw error instanceof HooksFailed ? error.answer : error
	}
	// Until it hears that its webhooks are made, the object leaves them alone.
	if (hooked) await tell(services, instance, {})
	return { ...instance, state: 'ready' }
}

/** Checks what an instance will be made of once its keys arrive, without the store; answers with the store's address. */
export function checkDraft(services: Services, element: Element, input: InstanceInput): string {
	requireNaming(input)
	const pending = { 'oauth.api.key': 'to come', 'oauth.api.secret': 'to come' }
	const normal = requireConfiguration({ ...input.configuration, ...pending }, optionsOf(services, element, {}))
	requirePaths(element, normal.eventsEnabled ? normal.resources : {})
	if (wantsHooks({ eventsEnabled: normal.eventsEnabled, configuration: normal.values })) requireReachable(services.env)
	return normal.storeUrl
}

/** How a change treats what is not sent. */
export interface ChangeOptions {
	/** PUT: what is not sent is gone. */
	replace: boolean
	/** The store is asked with the keys, whether or not they changed. */
	reAuthenticate: boolean
	/** Accepts a store.url that is another site: the old index is dropped without events (design, Health). */
	rebaseline: boolean
}

/** Changes or replaces an instance. A new store, key or secret is checked first; failure changes nothing. */
export async function updateInstance(
	services: Services,
	given: Instance,
	user: User,
	requestId: string,
	input: InstanceInput,
	options: ChangeOptions,
): Promise<Instance> {
	const { env } = services
	const instance = takenOver(given, services.now())
	const element = elementOf(instance.elementKey)
	const { name, tags } = requireNaming(input)
	const before = await openConfiguration(env.MASTER_KEYS, instance.id, element, instance.configuration)
	const sent = input.configuration ?? {}
	const merged = options.replace ? sent : { ...before, ...sent }
	const normal = requireConfiguration(merged, optionsOf(services, element, before))
	const resources = normal.eventsEnabled ? normal.resources : {}

	const paths = requirePaths(element, resources)
	const known = instance.eventsEnabled ? requirePaths(element, effectivePoller(before, element)) : []
	// A collection that was not looked at yet is checked like those of a new instance: may the key read it, what does its route know.
	const added = paths.some((path) => !known.includes(path) && instance.connection.collections[path] === undefined)
	const reconnect = options.reAuthenticate || added || CONNECTING.some((key) => normal.values[key] !== before[key])
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
	// A key that is named, be it the present one, is the only one from now on.
	const named = Object.hasOwn(sent, SIGNATURE_KEY) && sent[SIGNATURE_KEY] !== MASK
	const endsRotation = instance.signatureNext !== null && (named || changedKeys.includes(SIGNATURE_KEY))
	if (endsRotation) Object.assign(change, { signatureNext: null, signatureFromMs: null } satisfies InstanceChange)
	const callback = callbackOf(values, env.PUBLIC_URL)
	const release = callback !== null && callback !== callbackOf(before, env.PUBLIC_URL)
	if (release) await refuseSecond(env.DB, instance.id, callback)
	const plan = planHooks(env, instance, { ...instance, ...change }, { moved, reconnect })
	if (plan.make) await makeOrUndo(services, instance, { ...instance, ...change }, plan)
	const changed = await commit(
		services,
		instance,
		{ ...change, ...plan.change },
		actorOf(user, requestId),
		options.replace ? 'instance.replace' : 'instance.update',
		{
			keys: changedKeys,
			name: change.name !== instance.name,
			tags: JSON.stringify(change.tags) !== JSON.stringify(instance.tags),
			...(moved ? { rebaseline: true } : {}),
			...(endsRotation ? { rotation: 'ended' } : {}),
		},
	)
	await tell(services, changed, release ? { release: true } : {})
	if (plan.leave) await leaveStore(services, instance)
	if (plan.change.hookWork != null) await workHooks(services, instance.id)
	return changed
}

/** An address is told of a thing once: a callback that is a further subscription already would be sent everything twice. */
async function refuseSecond(db: D1Database, instanceId: number, callback: string): Promise<void> {
	const same = (await readFurther(db, instanceId)).find((one) => one.url === callback)
	if (same !== undefined)
		throw new Conflict(
			`event.notification.callback.url: subscription ${same.number} sends this instance's events there already; delete it first (DELETE /notifications/subscriptions/${same.number})`,
		)
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
	// Webhooks sleep with their instance. Either way the store may be told later: what it sends meanwhile is answered.
	const work = enabled ? (wantsHooks(instance) ? 'ensure' : null) : instance.hookKey === null ? null : 'pause'
	const changed = await commit(
		services,
		instance,
		{ enabled, ...(work === null ? {} : { hookWork: work }), ...(enabled && skip ? { baselineVersion: instance.version + 1 } : {}) },
		actorOf(user, requestId),
		enabled ? 'instance.enable' : 'instance.disable',
		enabled && skip ? { skip: true } : {},
	)
	await tell(services, changed, enabled ? { release: true } : {})
	if (work !== null) await workHooks(services, instance.id)
	return changed
}

/** Gives the webhooks of an instance new secrets; those before them are accepted for another day. False when the store is still to be told. */
export async function rotateHooks(
	services: Services,
	instance: Instance,
	user: User,
	requestId: string,
): Promise<{ instance: Instance; done: boolean }> {
	if (!wantsHooks(instance) || !instance.enabled)
		throw new Conflict('This instance keeps no webhooks at present; its secrets change nothing')
	if (instance.hookWork === 'ensure')
		throw new Conflict('The store has not taken the last change of the webhooks yet; try again when it has')
	requireReachable(services.env)
	const change: InstanceChange = {
		hookVersion: instance.hookVersion + 1,
		hookPreviousUntilMs: services.now() + PREVIOUS_MS,
		hookWork: 'ensure',
	}
	const changed = await commit(services, instance, change, actorOf(user, requestId), 'instance.webhooks.rotate', {
		version: instance.hookVersion + 1,
	})
	// The object first: from the moment when the store has the new secrets, deliveries come with them.
	await tell(services, changed, {})
	return { instance: changed, done: await workHooks(services, instance.id) }
}

/** Deletes: token and hub are dead at once; the object is cleared away now, or by the cron when that fails. */
export async function deleteInstance(services: Services, instance: Instance, user: User, requestId: string): Promise<void> {
	if (await markDeleted(services.env.DB, instance, actorOf(user, requestId), services.now())) await clearAway(services, instance.id)
}

/**
 * Empties the object of a row that is not `ready` and removes its webhooks, then the row. False when the object or the store could
 * not be reached: the cron tries again. `unsure`: the store may still be making webhooks, so the cron is to look again.
 */
export async function clearAway(services: Services, instanceId: number, unsure = false): Promise<boolean> {
	try {
		await services.watcher(instanceId).destroy()
		if (!(await workHooks(services, instanceId, unsure))) return false
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
export async function tell(services: Services, instance: Pick<Instance, 'id' | 'version'>, options: { release?: boolean }): Promise<void> {
	try {
		const watcher = services.watcher(instance.id)
		// An object that lost its storage is brought back as it was made.
		if ((await watcher.configure(instance.version, options)) === 'unknown') await watcher.create(instance.id)
	} catch (error) {
		logError('instance.configure-failed', error, { instance: instance.id })
	}
}

/** Commits a change with its audit row; 409 when somebody else was first. A takeover of the signature key whose moment has passed is written down with it. */
export async function commit(
	services: Services,
	instance: Instance,
	change: InstanceChange,
	actor: Actor,
	action: string,
	detail: Record<string, unknown>,
): Promise<Instance> {
	const nowMs = services.now()
	const { configuration, signatureNext, signatureFromMs } = takenOver({ ...instance, ...change }, nowMs)
	const whole = { ...change, configuration, signatureNext, signatureFromMs }
	const changed = await changeInstance(services.env.DB, instance, whole, actor, { action, detail }, nowMs)
	if (changed === null) throw new Conflict('This instance was changed by another request at the same time; read it again and repeat')
	return changed
}

/** Takes back what a failed creation wrote. */
async function undo(services: Services, instanceId: number, cause: unknown): Promise<void> {
	const { DB } = services.env
	try {
		// The store refused before it made anything: there is nothing to remove, and it would refuse that too.
		if (cause instanceof HooksFailed && !cause.touched)
			await DB.prepare('UPDATE instances SET hook_key = NULL WHERE id = ?').bind(instanceId).run()
		// `deleted` first, so that a cron finishes what this cannot.
		await abandonCreating(DB, { id: instanceId }, services.now())
	} catch (error) {
		logError('instance.undo-failed', error, { instance: instanceId })
	}
	await clearAway(services, instanceId, cause instanceof HooksFailed && cause.unsure)
}

/** Webhooks for a change that is not committed yet: when they cannot be made, the caller hears why and nothing has changed. */
async function makeOrUndo(services: Services, instance: Instance, next: Instance, plan: HookPlan): Promise<void> {
	requireReachable(services.env)
	try {
		await makeHooks(services, next)
	} catch (error) {
		if (!(error instanceof HooksFailed)) throw error
		if (error.touched && plan.fresh) await leaveStore(services, next)
		log('instance.hooks-refused', { instance: instance.id })
		throw error.answer
	}
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

/** Who does it. */
export function actorOf(user: User, requestId: string): Actor {
	return { organizationId: user.organizationId, userId: user.id, requestId }
}
