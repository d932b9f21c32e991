/**
 * The configuration of a watcher, from an instance's row, its account and its further subscriptions. Pure except for
 * `loadOwnConfig`, which reads them.
 */
import { readAccountSettings, type AccountSettings } from '../accounts/settings.ts'
import type { Env } from '../context.ts'
import { findElement } from '../elements/registry.ts'
import { DEFAULT_BATCH } from '../events/batching.ts'
import { NO_FILTER, parseFilter } from '../events/filter.ts'
import { toIncarnation, type ObjectRef } from '../lib/incarnation.ts'
import { refused } from '../lib/result.ts'
import { HOUR_MS, MINUTE_MS, NEVER_MS } from '../lib/time.ts'
import { isLogOnlyUrl } from '../lib/urls.ts'
import { parseNumber } from '../lib/values.ts'
import type { LoadedConfig, VariationMode, WatcherConfig } from '../rpc/config.ts'
import { receiverUrlFor } from './addresses.ts'
import { getNumber, getNumberWithDefault, getValue, parseBackfill } from './configuration-keys.ts'
import { findOrganizationIncarnation, loadOrganizationConfig } from './organizations.ts'
import { getPolledResources, POLLER_KEY, VARIATIONS_KEY } from './poller.ts'
import { findInstanceById, raiseInstanceSequence, type Instance } from './rows.ts'
import { listFurtherSubscriptions, notifiesOperator } from './subscriptions.ts'

/** The callback of a stored configuration; null: events are only logged. */
export function getCallbackUrl(
	configuration: Readonly<Record<string, string | null>>,
	publicUrl: string,
): string | null {
	const text = configuration['event.notification.callback.url'] ?? ''
	if (text === '' || !URL.canParse(text) || isLogOnlyUrl(new URL(text), publicUrl)) return null
	return text
}

/** The watcher's configuration of an instance. */
export function toWatcherConfig(
	instance: Instance,
	account: AccountSettings,
	env: Pick<Env, 'PUBLIC_URL' | 'POLL_FLOOR_SECONDS'>,
	organizationIncarnation: string,
): WatcherConfig {
	const { configuration } = instance
	const element = findElement(instance.elementKey)
	const floorMs = getFloorSeconds(env) * 1000
	const pollIntervalMs = toIntervalMs(getNumberWithDefault(configuration, 'event.poller.refresh_interval'), floorMs)
	const vendorType = getVendorType(configuration)
	return {
		instanceId: instance.id,
		incarnation: instance.incarnation,
		organizationId: instance.organizationId,
		organizationIncarnation,
		userId: instance.userId,
		name: instance.name,
		tags: instance.tags,
		elementKey: instance.elementKey,
		version: instance.version,
		enabled: instance.enabled,
		eventsEnabled: instance.eventsEnabled,
		vendorType,
		connection: instance.connection,
		// Includes default resources and those of the older key, so that the watcher reads one key only.
		configuration:
			element === undefined
				? configuration
				: { ...configuration, [POLLER_KEY]: JSON.stringify(getPolledResources(configuration, element)) },
		signature: { next: instance.signatureNext, fromMs: instance.signatureFromMs },
		callbackUrl: getCallbackUrl(configuration, env.PUBLIC_URL),
		pollIntervalMs,
		rereadHours: getRereadHours(configuration, floorMs),
		backfill: parseBackfill(getValue(configuration, 'event.poller.backfill')),
		scanBudget: getNumberWithDefault(configuration, 'event.poller.scanBudget'),
		massChanges: getValue(configuration, 'event.poller.massChanges') === 'hold' ? 'hold' : 'emit',
		variations: getVariationMode(configuration),
		retentionDays: account.retentionDays,
		hooks: toWebhookConfig(instance, env, floorMs),
		baselineVersion: instance.baselineVersion,
		subscriptionId: instance.subscriptionId,
		others: [],
		announces: account.operator.url !== null,
		storeless: false,
		delivery: toDeliveryConfig(configuration, vendorType, account),
	}
}

/** How changes of variations are sent. */
export function getVariationMode(configuration: Readonly<Record<string, string | null>>): VariationMode {
	const mode = getValue(configuration, VARIATIONS_KEY)
	return mode === 'parent' || mode === 'own' ? mode : 'off'
}

function getVendorType(configuration: Readonly<Record<string, string | null>>): WatcherConfig['vendorType'] {
	const type = getValue(configuration, 'event.vendor.type')
	return type === 'webhook' || type === 'hybrid' ? type : 'polling'
}

/** Hours between re-reads; null: each resource's own. */
function getRereadHours(configuration: Readonly<Record<string, string | null>>, floorMs: number): number | null {
	const pollMs = toIntervalMs(getNumberWithDefault(configuration, 'event.poller.refresh_interval'), floorMs)
	// If polling is off, re-reads are off too, unless event.poller.reread is set.
	const isNeverPolled = getVendorType(configuration) !== 'webhook' && pollMs === NEVER_MS
	const hours = getNumber(configuration, 'event.poller.reread') ?? (isNeverPolled ? 0 : null)
	return hours === null || hours === 0 ? hours : Math.max(hours, floorMs / HOUR_MS)
}

/** How often a configuration polls and re-reads; `pollMs` 0: never. With webhooks alone it polls to reconcile. */
export function toPollSchedule(
	configuration: Readonly<Record<string, string | null>>,
	env: Pick<Env, 'POLL_FLOOR_SECONDS'>,
): { pollMs: number; rereadHours: number | null; scanBudget: number } {
	const floorMs = getFloorSeconds(env) * 1000
	const key = getVendorType(configuration) === 'webhook' ? 'event.reconcile.interval' : 'event.poller.refresh_interval'
	const minutes = getNumberWithDefault(configuration, key)
	return {
		pollMs: minutes === 0 ? 0 : toIntervalMs(minutes, floorMs),
		rereadHours: getRereadHours(configuration, floorMs),
		scanBudget: getNumberWithDefault(configuration, 'event.poller.scanBudget'),
	}
}

/** How notifications are formed and sent: the instance's keys and the account's settings. */
function toDeliveryConfig(
	configuration: Readonly<Record<string, string | null>>,
	vendorType: WatcherConfig['vendorType'],
	account: AccountSettings,
): WatcherConfig['delivery'] {
	const filter = parseFilter(configuration, null)
	return {
		schedule: account.schedule,
		failurePolicy: account.failurePolicy,
		mode: getValue(configuration, 'event.notification.mode') === 'thin' ? 'thin' : 'full',
		coalesce: getValue(configuration, 'event.notification.coalesce') === 'true',
		batch: getNumber(configuration, 'event.notification.batch') ?? DEFAULT_BATCH[vendorType],
		rate: getNumber(configuration, 'event.notification.rate'),
		filter: filter.ok ? filter.filter : NO_FILTER,
	}
}

/** The watcher's configuration of webhooks; null: it has none. */
function toWebhookConfig(instance: Instance, env: Pick<Env, 'PUBLIC_URL'>, floorMs: number): WatcherConfig['hooks'] {
	const type = getValue(instance.configuration, 'event.vendor.type')
	if (!instance.eventsEnabled || (type !== 'webhook' && type !== 'hybrid')) return null
	const minutes = getNumberWithDefault(instance.configuration, 'event.reconcile.interval')
	const isReady = instance.state === 'ready'
	return {
		version: instance.webhookVersion,
		previousUntilMs: instance.webhookPreviousUntilMs,
		reconcileMs: minutes === 0 ? 0 : toIntervalMs(minutes, floorMs),
		deliveryUrl: isReady ? receiverUrlFor(env, instance.elementKey, instance, instance.webhookVersion) : '',
		...(isReady && instance.webhookTask === null && instance.webhookKeyId !== null
			? { writtenWith: instance.webhookKeyId }
			: {}),
	}
}

/**
 * Reads an object's configuration. `missing`: no row has its id, or the row is deleted; `replaced`: the row of its id
 * is another object's, since D1 was restored. In both cases no new instance gets this id any more. Throws if D1 cannot
 * be reached.
 */
export async function loadOwnConfig(env: Env, { id, incarnation }: ObjectRef): Promise<LoadedConfig> {
	const config = await loadWatcherConfig(env, id)
	if (config?.incarnation === incarnation) return { ok: true, config }
	await raiseInstanceSequence(env.DB, id)
	return refused(config === null ? 'missing' : 'replaced')
}

/**
 * Reads an instance's row (being created or ready) with its account and further subscriptions, or the configuration of
 * an organization's own object; null if it does not exist or is deleted. Throws if D1 cannot be reached.
 */
export async function loadWatcherConfig(env: Env, instanceId: number): Promise<WatcherConfig | null> {
	const instance = await findInstanceById(env.DB, instanceId)
	if (instance === null) return await loadOrganizationConfig(env, instanceId)
	const { organizationId } = instance
	const [account, others, notifies, organizationIncarnation] = await Promise.all([
		readAccountSettings(env.DB, organizationId),
		listFurtherSubscriptions(env.DB, instanceId),
		notifiesOperator(env.DB, organizationId),
		findOrganizationIncarnation(env.DB, organizationId),
	])
	const config = toWatcherConfig(instance, account, env, toIncarnation(organizationIncarnation, organizationId))
	return { ...config, others, announces: config.announces || notifies }
}

/**
 * Minutes as ms, at least the operator's minimum. Very large numbers (999999999 minutes) mean "never"
 * (docs/contract.md §2) and must stay within the range of dates.
 */
function toIntervalMs(minutes: number, floorMs: number): number {
	return Math.round(Math.min(Math.max(minutes * MINUTE_MS, floorMs), NEVER_MS))
}

/** POLL_FLOOR_SECONDS as a number; its documented default if it is not set. */
export function getFloorSeconds(env: Pick<Env, 'POLL_FLOOR_SECONDS'>): number {
	const seconds = parseNumber(env.POLL_FLOOR_SECONDS ?? '')
	return seconds === null || seconds <= 0 ? 60 : seconds
}
