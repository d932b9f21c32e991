/**
 * An instance's configuration: the flat map of dotted keys, brought from what clients send into what is kept
 * (docs/contract.md §2, §3), and from what is kept into what the watcher runs by. Pure but for `loadWatcherConfig`,
 * which reads the row.
 */
import { DAY_MS, HOUR_MS } from '../lib/time.ts'
import type { Env } from '../context.ts'
import type { Element } from '../elements/element.ts'
import { findElement } from '../elements/registry.ts'
import { parseIso } from '../elements/values.ts'
import { expectedAtMost, LIMITS, type LimitName } from '../lib/limits.ts'
import { readAccountSettings, type AccountSettings } from '../accounts/settings.ts'
import { FILTER_KEYS, NO_FILTER, parseFilter } from '../events/filter.ts'
import { DEFAULT_BATCH } from '../events/batching.ts'
import { receiverUrlFor } from './addresses.ts'
import { HEADERS_KEY, parseCallbackHeaders } from './headers.ts'
import { getEffectivePoller, POLLER_KEY, parsePoller, parsePollerUrls } from './poller.ts'
import { loadOrganizationConfig } from './organizations.ts'
import { findInstanceById, type Instance } from './records.ts'
import { SIGNATURE_KEY } from './signature.ts'
import { listFurtherSubscriptions, notifiesOperator } from './subscriptions.ts'
import { checkUrl, isLogOnlyUrl, toStoreBase } from '../lib/urls.ts'
import {
	isPlaceholder,
	SECRET_MASK,
	parseBoolean,
	parseNumber,
	stripBrackets,
	toText,
	type FieldProblem,
} from '../lib/values.ts'
import type { WatcherConfig } from '../rpc/config.ts'
import type { PollerResource } from '../elements/form.ts'

/** Defaults that answers show and the watcher goes by (docs/contract.md §3). */
export const DEFAULT_VALUES: Readonly<Record<string, string>> = {
	'event.notification.enabled': 'false',
	'event.vendor.type': 'polling',
	'event.poller.refresh_interval': '15',
	'event.reconcile.interval': '60',
	'filter.response.nulls': 'true',
}

/**
 * Longest interval, ms: ten years. Larger numbers (999999999 minutes) say "never on its own" (docs/contract.md §2) and
 * must stay inside what a date can hold.
 */
const MAX_INTERVAL_MS = 10 * 365 * DAY_MS

/** Keys that are secret whatever the element says of them (docs/contract.md §2). */
const SECRET_KEYS = new Set([
	'password',
	'oauth.api.key',
	'oauth.api.secret',
	SIGNATURE_KEY,
	'event.notification.basic.password',
])

/** Whether a key's value is sealed at rest and masked in answers. */
export function isSecretKey(element: Element, key: string): boolean {
	return SECRET_KEYS.has(key) || element.configuration.some((item) => item.key === key && item.secret)
}

/** What normalising needs to know. */
export interface NormalizeOptions {
	element: Element
	/** What `********` stands for: the configuration so far, secrets in the clear; empty at creation. */
	previous: Readonly<Record<string, string | null>>
	publicUrl: string
	allowPrivateNetwork: boolean
	/** The operator's floor of every interval. */
	floorSeconds: number
}

/** A configuration as it will be kept, secrets still in the clear. */
export interface NormalizedConfiguration {
	values: Record<string, string | null>
	eventsEnabled: boolean
	/** The site's address as given, cut to its base. */
	storeUrl: string
	/** The resources that the configuration comes to, defaults included. */
	resources: Record<string, PollerResource>
}

/** The outcome: a configuration, or everything that is wrong with it. */
export type NormalizeResult = { ok: true; value: NormalizedConfiguration } | { ok: false; problems: FieldProblem[] }

/** Understands a configuration as sent (for a PATCH: as merged). Applies the whole table of docs/contract.md §2. */
export function normalizeConfiguration(
	given: Readonly<Record<string, unknown>>,
	options: NormalizeOptions,
): NormalizeResult {
	const { element, previous } = options
	const problems: FieldProblem[] = []
	if (new TextEncoder().encode(JSON.stringify(given)).length > LIMITS.configuration.value) {
		return { ok: false, problems: [{ field: 'configuration', message: expectedAtMost('configuration') }] }
	}
	const raw = new Map<string, unknown>()
	for (const [key, value] of Object.entries(given)) {
		if (key === '__proto__') continue
		if (key.length > LIMITS.configurationKey.value)
			problems.push({
				field: `configuration.${key.slice(0, 64)}…`,
				message: `${expectedAtMost('configurationKey')} in a key`,
			})
		raw.set(key, value === SECRET_MASK ? (previous[key] ?? null) : value)
	}

	// An alias of the documents: it stands in for the store's address when that is absent (docs/contract.md §2).
	const alias = raw.get('oauth.callback.url')
	if (isBlank(raw.get('store.url')) && !isBlank(alias)) raw.set('store.url', alias)

	const values: Record<string, string | null> = {}
	const required = new Set(element.configuration.filter((item) => item.required).map((item) => item.key))
	const known = new Set([
		...element.configuration.map((item) => item.key),
		...SECRET_KEYS,
		...Object.keys(KEY_CHECKS),
		...Object.keys(DEFAULT_VALUES),
	])
	for (const [key, value] of raw) {
		const text = toText(value)
		if (known.has(key) && text !== null && isPlaceholder(text)) {
			if (required.has(key)) problems.push({ field: key, message: "still holds the documentation's placeholder" })
			raw.set(key, null)
			values[key] = null
		} else {
			values[key] = known.has(key) && text !== null && text.trim() === '' ? null : text
		}
	}

	const missing = [...required]
		.filter((key) => values[key] === undefined || values[key] === null)
		.filter((key) => !problems.some((problem) => problem.field === key))
	if (missing.length > 0) problems.push({ field: 'configuration', message: `lacks ${missing.join(', ')}` })

	for (const [key, check] of Object.entries(KEY_CHECKS)) {
		const value = values[key]
		if (value === undefined || value === null) continue
		const result = check(value, options)
		if (result.ok) values[key] = result.text
		else problems.push({ field: key, message: result.message })
	}
	const headers = parseCallbackHeaders(isBlank(values[HEADERS_KEY]) ? null : raw.get(HEADERS_KEY))
	if (!headers.ok) problems.push(headers.problem)
	else if (raw.has(HEADERS_KEY)) values[HEADERS_KEY] = headers.text

	const poller = parsePoller(values[POLLER_KEY] === null ? null : raw.get(POLLER_KEY))
	if (!poller.ok) problems.push(...poller.problems)
	else if (raw.has(POLLER_KEY)) values[POLLER_KEY] = poller.resources === null ? null : JSON.stringify(poller.resources)
	const urls = parsePollerUrls(values['event.poller.urls'], element)
	if (!urls.ok) problems.push(urls.problem)
	// Which labels there are is known only where the poller configuration could be read.
	const filter = parseFilter(values, poller.ok && urls.ok ? Object.keys(getEffectivePoller(values, element)) : null)
	if (!filter.ok) problems.push(...filter.problems)
	else {
		const { types, resources } = filter.filter
		if (types !== null) values[FILTER_KEYS.types] = types.join('|')
		if (resources !== null) values[FILTER_KEYS.resources] = resources.join('|')
	}

	if (problems.length > 0) return { ok: false, problems }
	return {
		ok: true,
		value: {
			values,
			eventsEnabled: values['event.notification.enabled'] === 'true',
			storeUrl: values['store.url'] ?? '',
			resources: getEffectivePoller(values, element),
		},
	}
}

/** The callback of a stored configuration; null: the events are kept in the log and delivered nowhere. */
export function getCallbackUrl(
	configuration: Readonly<Record<string, string | null>>,
	publicUrl: string,
): string | null {
	const text = configuration['event.notification.callback.url'] ?? ''
	if (text === '' || !URL.canParse(text) || isLogOnlyUrl(new URL(text), publicUrl)) return null
	return text
}

/** What the watcher runs by, from an instance's row and its account. */
export function toWatcherConfig(
	instance: Instance,
	account: AccountSettings,
	env: Pick<Env, 'PUBLIC_URL' | 'POLL_FLOOR_SECONDS'>,
): WatcherConfig {
	const { configuration } = instance
	const element = findElement(instance.elementKey)
	const number = (key: string): number | null => parseNumber(configuration[key] ?? '')
	const floorMs = getFloorSeconds(env) * 1000
	const minutes = number('event.poller.refresh_interval') ?? Number(DEFAULT_VALUES['event.poller.refresh_interval'])
	const pollIntervalMs = Math.round(Math.min(Math.max(minutes * 60_000, floorMs), MAX_INTERVAL_MS))
	const type = configuration['event.vendor.type']
	const vendorType = type === 'webhook' || type === 'hybrid' ? type : 'polling'
	// A store that is never to be asked by itself is not read again either, unless somebody says how often.
	const isNeverPolled = vendorType !== 'webhook' && pollIntervalMs === MAX_INTERVAL_MS
	const rereadHours = number('event.poller.reread') ?? (isNeverPolled ? 0 : null)
	return {
		instanceId: instance.id,
		organizationId: instance.organizationId,
		userId: instance.userId,
		name: instance.name,
		tags: instance.tags,
		elementKey: instance.elementKey,
		version: instance.version,
		enabled: instance.enabled,
		eventsEnabled: instance.eventsEnabled,
		vendorType,
		connection: instance.connection,
		// The watcher finds its resources in one place, whichever key or default they came from.
		configuration:
			element === undefined
				? configuration
				: { ...configuration, [POLLER_KEY]: JSON.stringify(getEffectivePoller(configuration, element)) },
		signature: { next: instance.signatureNext, fromMs: instance.signatureFromMs },
		callbackUrl: getCallbackUrl(configuration, env.PUBLIC_URL),
		pollIntervalMs,
		rereadHours: rereadHours === null || rereadHours === 0 ? rereadHours : Math.max(rereadHours, floorMs / HOUR_MS),
		backfill: parseBackfill(configuration['event.poller.backfill']),
		scanBudget: number('event.poller.scanBudget') ?? 10,
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

/** How notifications are made and sent: the instance's keys and the account's settings. */
function toDeliveryConfig(
	configuration: Readonly<Record<string, string | null>>,
	vendorType: WatcherConfig['vendorType'],
	account: AccountSettings,
): WatcherConfig['delivery'] {
	const number = (key: string): number | null => parseNumber(configuration[key] ?? '')
	const filter = parseFilter(configuration, null)
	return {
		schedule: account.schedule,
		failurePolicy: account.failurePolicy,
		mode: configuration['event.notification.mode'] === 'thin' ? 'thin' : 'full',
		coalesce: configuration['event.notification.coalesce'] === 'true',
		batch: number('event.notification.batch') ?? DEFAULT_BATCH[vendorType],
		rate: number('event.notification.rate'),
		filter: filter.ok ? filter.filter : NO_FILTER,
	}
}

/** What the watcher must know of its webhooks; null where none are kept. */
function toWebhookConfig(instance: Instance, env: Pick<Env, 'PUBLIC_URL'>, floorMs: number): WatcherConfig['hooks'] {
	const type = instance.configuration['event.vendor.type']
	if (!instance.eventsEnabled || (type !== 'webhook' && type !== 'hybrid')) return null
	const minutes =
		parseNumber(instance.configuration['event.reconcile.interval'] ?? '') ??
		Number(DEFAULT_VALUES['event.reconcile.interval'])
	const isReady = instance.state === 'ready'
	return {
		version: instance.webhookVersion,
		previousUntilMs: instance.webhookPreviousUntilMs,
		reconcileMs: minutes === 0 ? 0 : Math.round(Math.min(Math.max(minutes * 60_000, floorMs), MAX_INTERVAL_MS)),
		deliveryUrl: isReady ? receiverUrlFor(env, instance.elementKey, instance.id, instance.webhookVersion) : '',
		...(isReady && instance.webhookTask === null && instance.webhookKeyId !== null
			? { writtenWith: instance.webhookKeyId }
			: {}),
	}
}

/**
 * Reads an instance's row (being created or ready) joined with its account and its further subscriptions, or what an
 * organization's own object runs by; null when it does not exist or is deleted. Throws when D1 cannot be reached.
 */
export async function loadWatcherConfig(env: Env, instanceId: number): Promise<WatcherConfig | null> {
	const instance = await findInstanceById(env.DB, instanceId)
	if (instance === null) return await loadOrganizationConfig(env, instanceId)
	const { organizationId } = instance
	const [account, others, notifies] = await Promise.all([
		readAccountSettings(env.DB, organizationId),
		listFurtherSubscriptions(env.DB, instanceId),
		notifiesOperator(env.DB, organizationId),
	])
	const config = toWatcherConfig(instance, account, env)
	return { ...config, others, announces: config.announces || notifies }
}

/** POLL_FLOOR_SECONDS as a number; the documented default when it is not set. */
export function getFloorSeconds(env: Pick<Env, 'POLL_FLOOR_SECONDS'>): number {
	const seconds = parseNumber(env.POLL_FLOOR_SECONDS ?? '')
	return seconds === null || seconds <= 0 ? 60 : seconds
}

type KeyCheck = (text: string, options: NormalizeOptions) => { ok: true; text: string } | { ok: false; message: string }

const accept = (text: string) => ({ ok: true as const, text })
const reject = (message: string) => ({ ok: false as const, message: `expected ${message}` })

const checkBoolean: KeyCheck = (text) => {
	const parsed = parseBoolean(text)
	return parsed === null ? reject('true or false') : accept(String(parsed))
}

/** Text up to a length. */
function checkText(limit: LimitName): KeyCheck {
	return (text) =>
		text.trim().length > LIMITS[limit].value ? { ok: false, message: expectedAtMost(limit) } : accept(text.trim())
}

/** One of a few words, in any case. */
function checkWord(...words: readonly string[]): KeyCheck {
	return (text) => {
		const word = text.trim().toLowerCase()
		return words.includes(word) ? accept(word) : reject(words.join(' or '))
	}
}

/** A time in minutes or hours, decimals allowed, not below the operator's floor; 0 switches off where `zero`. */
function checkInterval(unit: 'minutes' | 'hours', allowZero: boolean): KeyCheck {
	const seconds = unit === 'minutes' ? 60 : 3600
	return (text, { floorSeconds }) => {
		const parsed = parseNumber(text)
		if (allowZero && parsed === 0) return accept('0')
		if (parsed === null || parsed * seconds < floorSeconds)
			return reject(
				`a number of ${unit}, at least ${Number((floorSeconds / seconds).toPrecision(4))}${allowZero ? ', or 0 for off' : ''}`,
			)
		return accept(text.trim())
	}
}

/** A number between bounds, whole where `whole`. */
function checkNumber(min: number, max: number, whole: boolean): KeyCheck {
	return (text) => {
		const parsed = parseNumber(text)
		const isValid = parsed !== null && parsed >= min && parsed <= max && (!whole || Number.isInteger(parsed))
		return isValid ? accept(text.trim()) : reject(`a ${whole ? 'whole ' : ''}number from ${min} to ${max}`)
	}
}

/** The keys that have a form, in the order in which problems are named. */
const KEY_CHECKS: Readonly<Record<string, KeyCheck>> = {
	'store.url': (text, { allowPrivateNetwork }) => {
		const base = toStoreBase(text)
		const verdict = checkUrl(base, allowPrivateNetwork)
		// Whether a scheme was given is told to the check of the store: without one it may find http or www by itself.
		const address = /^<?\s*[a-z][a-z0-9+.-]*:\/\//i.test(text.trim()) ? base : base.replace(/^https:\/\//, '')
		return verdict.ok ? accept(address) : { ok: false, message: verdict.message }
	},
	'oauth.api.key': checkText('storeKey'),
	'oauth.api.secret': checkText('storeKey'),
	'event.notification.enabled': checkBoolean,
	'event.vendor.type': (text) => {
		const type = text.trim().toLowerCase()
		if (type === 'webhooks') return accept('webhook')
		return ['polling', 'webhook', 'hybrid'].includes(type) ? accept(type) : reject('polling, webhook or hybrid')
	},
	'event.notification.callback.url': (text, { publicUrl, allowPrivateNetwork }) => {
		const address = stripBrackets(text)
		if (URL.canParse(address) && isLogOnlyUrl(new URL(address), publicUrl)) return accept(address)
		const verdict = checkUrl(address, allowPrivateNetwork)
		return verdict.ok ? accept(address) : { ok: false, message: verdict.message }
	},
	// Not trimmed: a key's blanks are part of it.
	[SIGNATURE_KEY]: (text) =>
		text.length > LIMITS.signatureKey.value
			? { ok: false, message: expectedAtMost('signatureKey') }
			: text.isWellFormed()
				? accept(text)
				: reject('text'),
	'event.notification.basic.username': (text) =>
		text.includes(':') || text.length > LIMITS.basicAuth.value
			? { ok: false, message: `${expectedAtMost('basicAuth')} without a colon` }
			: accept(text),
	'event.notification.basic.password': (text) =>
		text.length > LIMITS.basicAuth.value ? { ok: false, message: expectedAtMost('basicAuth') } : accept(text),
	'event.poller.refresh_interval': checkInterval('minutes', false),
	'event.poller.reread': checkInterval('hours', true),
	'event.reconcile.interval': checkInterval('minutes', true),
	'event.poller.scanBudget': checkNumber(1, LIMITS.scanBudget.value, true),
	'event.poller.backfill': (text) => {
		const value = text.trim()
		return isKnownBackfill(value) ? accept(value) : reject('none, all or a date such as 2026-01-31')
	},
	'filter.response.nulls': checkBoolean,
	'event.notification.mode': checkWord('full', 'thin'),
	'event.notification.coalesce': checkBoolean,
	'event.notification.batch': checkNumber(1, LIMITS.batch.value, true),
	'event.notification.rate': checkNumber(0.01, LIMITS.rate.value, false),
	// Their form is the filter's to say, once the resources are known.
	[FILTER_KEYS.types]: checkText('filterTypes'),
	[FILTER_KEYS.resources]: checkText('filterResources'),
	[FILTER_KEYS.where]: checkText('filterWhere'),
}

function isKnownBackfill(text: string): boolean {
	return text === 'none' || text === 'all' || parseIso(text, 'UTC') !== null
}

function parseBackfill(text: string | null | undefined): 'none' | 'all' | number {
	if (text === null || text === undefined || text === 'none') return 'none'
	if (text === 'all') return 'all'
	return parseIso(text, 'UTC') ?? 'none'
}

function isBlank(value: unknown): boolean {
	return value === null || value === undefined || (typeof value === 'string' && value.trim() === '')
}
