/**
 * Updates or replaces an instance. Pure functions decide the change before and after the store is checked;
 * `updateInstance` does the rest in this order: check, webhooks at the store, commit, object.
 */
import type { User } from '../accounts/setup.ts'
import type { Element } from '../elements/element.ts'
import type { Connection } from '../elements/store.ts'
import { Conflict } from '../lib/errors.ts'
import { log } from '../lib/log.ts'
import { toSiteKey } from '../lib/urls.ts'
import { isPlaceholder, SECRET_MASK, toText } from '../lib/values.ts'
import { commitChange, notifyWatcher, toActor } from './changes.ts'
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
import { getCallbackUrl } from './config.ts'
import { isSecretKey, keepNewValues } from './configuration-keys.ts'
import { getHost } from './naming.ts'
import type { NormalizedConfiguration, NormalizeOptions } from './normalize.ts'
import { getPolledResources, POLLER_KEY } from './poller.ts'
import type { Instance, InstanceChange } from './rows.ts'
import type { Services } from './services.ts'
import { SIGNATURE_KEY, applyKeyTakeover } from './signature.ts'
import { getElement, openConfiguration, sealConfiguration, toCredentials } from './stores.ts'
import { findSubscriptionTo } from './subscriptions.ts'
import {
	createWebhooks,
	planWebhooks,
	removeAbandonedWebhooks,
	requireReachable,
	runWebhookTask,
	WebhooksError,
	type WebhookPlan,
} from './webhooks.ts'

/** Keys whose change requires a check of the store. */
const CONNECTION_KEYS = ['store.url', 'oauth.api.key', 'oauth.api.secret'] as const

/** How a change treats absent fields. */
export interface ChangeOptions {
	/** Absent fields are removed. */
	replace: boolean
	/** The keys are checked at the store even if they did not change. */
	reAuthenticate: boolean
	/** Accepts a store.url that is another site: the old index is dropped without events. */
	rebaseline: boolean
}

/** A stored configuration with its secrets in the clear. */
type ClearConfiguration = Readonly<Record<string, string | null>>

/** The requested change, before the store is checked. */
interface UpdateRequest {
	name: string | null
	tags: string[] | null
	normalized: NormalizedConfiguration
	/** The resources to watch; none without events. */
	resources: NormalizedConfiguration['resources']
	/** The store must be checked again. */
	reconnect: boolean
}

/** A decided change. */
interface UpdatePlan {
	/** The configuration in the clear. */
	values: Record<string, string | null>
	changedKeys: string[]
	/** All changed fields except the configuration, which must be sealed. */
	change: InstanceChange & Required<Pick<InstanceChange, 'name' | 'tags' | 'connection' | 'eventsEnabled'>>
	/** The store is another site. */
	moved: boolean
	/** For the audit log. */
	detail: Record<string, unknown>
}

/** Updates or replaces an instance. A new store, key or secret is checked first; a failure changes nothing. */
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
	const before = await openConfiguration(
		env.MASTER_KEYS,
		instance,
		element,
		instance.configuration,
		getReplacedKeys(input),
	)
	const normalizeOptions = { ...normalizeOptionsFor(services, element, before), merge: !options.replace }
	const request = planRequest(instance, before, input, options, normalizeOptions)
	const checked = request.reconnect
		? await requireConnection(element, toCredentials(request.normalized.values), services.io, request.resources)
		: instance.connection
	const plan = planUpdate(instance, before, input, options, request, checked)
	// Urls of earlier versions stay as they are; the watcher leaves out what is refused here.
	if (options.replace || !instance.eventsEnabled || plan.changedKeys.includes(POLLER_KEY))
		requireArguments(
			element,
			request.normalized.resources,
			request.normalized.eventsEnabled ? plan.change.connection : null,
		)
	requireResources(element, request.resources, plan.change.connection)

	const callback = getCallbackUrl(plan.values, env.PUBLIC_URL)
	const release = callback !== null && callback !== getCallbackUrl(before, env.PUBLIC_URL)
	if (release) await requireDistinctCallback(env.DB, instance.id, callback)
	const configuration = await sealChanged(env.MASTER_KEYS, element, instance, plan)
	const change: InstanceChange = { ...plan.change, configuration }
	const next = { ...instance, ...change }
	const webhooks = planWebhooks(env, instance, next, { moved: plan.moved, reconnect: request.reconnect })
	if (webhooks.create) await createWebhooksOrRollback(services, instance, next, webhooks)
	const changed = await commitChange(
		services,
		instance,
		{ ...change, ...webhooks.change },
		toActor(user, requestId),
		options.replace ? 'instance.replace' : 'instance.update',
		plan.detail,
	)
	// Valid again at the store, the same key changes nothing here, but it is sent because the store refused it.
	const sentKeys = getReplacedKeys(input)
	const retry = options.reAuthenticate || CONNECTION_KEYS.some((key) => sentKeys.has(key))
	await notifyWatcher(services, changed, { ...(release ? { release } : {}), ...(retry ? { retry } : {}) })
	if (webhooks.leavesStore) await removeAbandonedWebhooks(services, instance)
	if (webhooks.change.webhookTask != null) await runWebhookTask(services, instance.id)
	return changed
}

/** The keys to which a request gives a value of their own. */
function getReplacedKeys(input: InstanceInput): ReadonlySet<string> {
	const given = Object.entries(input.configuration ?? {}).filter(([, value]) => {
		const text = toText(value)
		return text !== null && text !== SECRET_MASK && !isPlaceholder(text)
	})
	return new Set(given.map(([key]) => key))
}

/** Parses a change; 400 if it is invalid. Pure. */
function planRequest(
	instance: Instance,
	before: ClearConfiguration,
	input: InstanceInput,
	options: ChangeOptions,
	normalizeOptions: NormalizeOptions,
): UpdateRequest {
	const { element } = normalizeOptions
	const { name, tags } = requireNaming(input)
	const sent = input.configuration ?? {}
	const normalized = requireConfiguration(sent, normalizeOptions)
	const resources = normalized.eventsEnabled ? normalized.resources : {}
	const paths = requirePaths(element, resources)
	const knownPaths = instance.eventsEnabled ? requirePaths(element, getPolledResources(before, element)) : []
	// A new collection is checked as for a new instance: whether the key may read it, and what its route supports.
	const hasNewPath = paths.some(
		(path) => !knownPaths.includes(path) && instance.connection.collections[path] === undefined,
	)
	const reconnect =
		options.reAuthenticate || hasNewPath || CONNECTION_KEYS.some((key) => normalized.values[key] !== before[key])
	return { name, tags, normalized, resources, reconnect }
}

/** Decides a change from the checked store; 409 for another site without `rebaseline`. Pure. */
function planUpdate(
	instance: Instance,
	before: ClearConfiguration,
	input: InstanceInput,
	options: ChangeOptions,
	request: UpdateRequest,
	checked: Connection,
): UpdatePlan {
	const moved = toSiteKey(checked.home) !== toSiteKey(instance.connection.home)
	if (moved && !options.rebaseline) {
		const message =
			`this instance watches ${instance.connection.home}, and the new address is another site, ` +
			`${checked.home}; add ?rebaseline=true to discard the index of the old one`
		throw new Conflict(`store.url: ${message}`, { problems: [{ field: 'store.url', message }] })
	}
	const connection = moved
		? checked
		: { ...checked, collections: { ...instance.connection.collections, ...checked.collections } }
	const { normalized } = request
	const kept = options.replace ? keepNewValues(normalized.values, input.configuration ?? {}, before) : normalized.values
	const values = { ...kept, 'store.url': toCanonicalStoreUrl(normalized.storeUrl, connection) }
	const changedKeys = findChangedKeys(before, values)
	const name = request.name ?? (options.replace ? getHost(values['store.url']) : instance.name)
	const tags = request.tags ?? (options.replace ? [] : instance.tags)
	// A given key, even the current one, becomes the only key.
	const endsRotation =
		instance.signatureNext !== null &&
		(getReplacedKeys(input).has(SIGNATURE_KEY) || changedKeys.includes(SIGNATURE_KEY))
	return {
		values,
		changedKeys,
		change: {
			name,
			tags,
			connection,
			eventsEnabled: normalized.eventsEnabled,
			...(endsRotation ? { signatureNext: null, signatureFromMs: null } : {}),
		},
		moved,
		detail: {
			keys: changedKeys,
			name: name !== instance.name,
			tags: JSON.stringify(tags) !== JSON.stringify(instance.tags),
			...(moved ? { rebaseline: true } : {}),
			...(endsRotation ? { rotation: 'ended' } : {}),
		},
	}
}

function findChangedKeys(before: ClearConfiguration, after: ClearConfiguration): string[] {
	const keys = new Set([...Object.keys(before), ...Object.keys(after)])
	return [...keys].filter((key) => (before[key] ?? null) !== (after[key] ?? null))
}

/**
 * The configuration to store. Unchanged secrets keep their sealed form, so that a comparison of rows shows no change.
 */
async function sealChanged(
	keyRing: string,
	element: Element,
	instance: Instance,
	{ values, changedKeys }: UpdatePlan,
): Promise<Instance['configuration']> {
	if (changedKeys.length === 0) return instance.configuration
	const unchangedSecrets = Object.entries(instance.configuration).filter(
		([key]) => key in values && isSecretKey(element, key) && !changedKeys.includes(key),
	)
	return {
		...(await sealConfiguration(keyRing, instance, element, values)),
		...Object.fromEntries(unchangedSecrets),
	}
}

/** 409 if the callback is already a further subscription, which would receive every event twice. */
async function requireDistinctCallback(db: D1Database, instanceId: number, callback: string): Promise<void> {
	const duplicateId = await findSubscriptionTo(db, instanceId, callback)
	if (duplicateId === null) return
	const message =
		`subscription ${duplicateId} already sends this instance's events to this ` +
		`address; delete it first (DELETE /notifications/subscriptions/${duplicateId})`
	const field = 'event.notification.callback.url'
	throw new Conflict(`${field}: ${message}`, { problems: [{ field, message }] })
}

/**
 * Creates or repairs webhooks for a change that is not committed yet: if that fails, the request fails and nothing has
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
