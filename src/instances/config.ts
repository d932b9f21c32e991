/**
 * An instance's configuration: the flat map of dotted keys, brought from what clients send into what is kept (contract, sections
 * 2 and 3), and from what is kept into what the watcher runs by. Pure but for `loadWatcherConfig`, which reads the row.
 */
import type { Env } from '../context.ts'
import type { Element } from '../elements/element.ts'
import { findElement } from '../elements/registry.ts'
import { readIso } from '../elements/values.ts'
import { atMost, LIMITS, type LimitName } from '../lib/limits.ts'
import { readAccountSettings, type AccountSettings } from '../accounts/settings.ts'
import { FILTER_KEYS, NO_FILTER, parseFilter } from '../events/filter.ts'
import { DEFAULT_BATCH } from '../events/form.ts'
import { receiverUrl } from './addresses.ts'
import { HEADERS_KEY, readHeaders } from './headers.ts'
import { effectivePoller, POLLER_KEY, readPoller, readPollerUrls } from './poller.ts'
import { loadOrganizationConfig } from './organizations.ts'
import { findInstanceById, type Instance } from './records.ts'
import { SIGNATURE_KEY } from './signature.ts'
import { readFurther, tellsOperator } from './subscriptions.ts'
import { guardUrl, meansLogOnly, storeBase } from '../lib/urls.ts'
import { isPlaceholder, MASK, readBoolean, readNumber, stripBrackets, toText, type FieldProblem } from '../lib/values.ts'
import type { WatcherConfig } from '../rpc/config.ts'
import type { PollerResource } from '../elements/form.ts'

/** Defaults that answers show and the watcher goes by (contract, section 3). */
export const DEFAULTS: Readonly<Record<string, string>> = {
	'event.notification.enabled': 'false',
	'event.vendor.type': 'polling',
	'event.poller.refresh_interval': '15',
	'event.reconcile.interval': '60',
	'filter.response.nulls': 'true',
}

/** Longest interval, ms: ten years. Larger numbers (999999999 minutes) say "never on its own" (contract, section 2) and must stay inside what a date can hold. */
const LONGEST_INTERVAL_MS = 10 * 365 * 86_400_000

/** Keys that are secret whatever the element says of them (contract, section 2). */
const ALWAYS_SECRET = new Set(['password', 'oauth.api.key', 'oauth.api.secret', SIGNATURE_KEY, 'event.notification.basic.password'])

/** Whether a key's value is sealed at rest and masked in answers. */
export function isSecretKey(element: Element, key: string): boolean {
	return ALWAYS_SECRET.has(key) || element.configuration.some((item) => item.key === key && item.secret)
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
export interface NormalConfiguration {
	values: Record<string, string | null>
	eventsEnabled: boolean
	/** The site's address as given, cut to its base. */
	storeUrl: string
	/** The resources that the configuration comes to, defaults included. */
	resources: Record<string, PollerResource>
}

/** The outcome: a configuration, or everything that is wrong with it. */
export type NormalizeResult = { ok: true; value: NormalConfiguration } | { ok: false; problems: FieldProblem[] }

/** Understands a configuration as sent (for a PATCH: as merged). Applies the whole table of contract section 2. */
export function normalizeConfiguration(given: Readonly<Record<string, unknown>>, options: NormalizeOptions): NormalizeResult {
	const { element, previous } = options
	const problems: FieldProblem[] = []
	if (new TextEncoder().encode(JSON.stringify(given)).length > LIMITS.configuration.value) {
		return { ok: false, problems: [{ field: 'configuration', message: atMost('configuration') }] }
	}
	const raw = new Map<string, unknown>()
	for (const [key, value] of Object.entries(given)) {
		if (key === '__proto__') continue
		if (key.length > LIMITS.configurationKey.value)
			problems.push({ field: `configuration.${key.slice(0, 64)}…`, message: `${atMost('configurationKey')} in a key` })
		raw.set(key, value === MASK ? (previous[key] ?? null) : value)
	}

	// An alias of the documents: it stands in for the store's address when that is absent (contract, section 2).
	const alias = raw.get('oauth.callback.url')
	if (isBlank(raw.get('store.url')) && !isBlank(alias)) raw.set('store.url', alias)

	const values: Record<string, string | null> = {}
	const required = new Set(element.configuration.filter((item) => item.required).map((item) => item.key))
	const known = new Set([
		...element.configuration.map((item) => item.key),
		...ALWAYS_SECRET,
		...Object.keys(CHECKS),
		...Object.keys(DEFAULTS),
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

	for (const [key, check] of Object.entries(CHECKS)) {
		const value = values[key]
		if (value === undefined || value === null) continue
		const result = check(value, options)
		if (result.ok) values[key] = result.text
		else problems.push({ field: key, message: result.message })
	}
	const headers = readHeaders(isBlank(values[HEADERS_KEY]) ? null : raw.get(HEADERS_KEY))
	if (!headers.ok) problems.push(headers.problem)
	else if (raw.has(HEADERS_KEY)) values[HEADERS_KEY] = headers.text

	const poller = readPoller(values[POLLER_KEY] === null ? null : raw.get(POLLER_KEY))
	if (!poller.ok) problems.push(...poller.problems)
	else if (raw.has(POLLER_KEY)) values[POLLER_KEY] = poller.resources === null ? null : JSON.stringify(poller.resources)
	const urls = readPollerUrls(values['event.poller.urls'], element)
	if (!urls.ok) problems.push(urls.problem)
	// Which labels there are is known only where the poller configuration could be read.
	const filter = parseFilter(values, poller.ok && urls.ok ? Object.keys(effectivePoller(values, element)) : null)
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
			resources: effectivePoller(values, element),
		},
	}
}

/** The callback of a stored configuration; null: the events are kept in the log and delivered nowhere. */
export function callbackOf(configuration: Readonly<Record<string, string | null>>, publicUrl: string): string | null {
	const text = configuration['event.notification.callback.url'] ?? ''
	if (text === '' || !URL.canParse(text) || meansLogOnly(new URL(text), publicUrl)) return null
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
	const number = (key: string): number | null => readNumber(configuration[key] ?? '')
	const floorMs = floorSecondsOf(env) * 1000
	const minutes = number('event.poller.refresh_interval') ?? Number(DEFAULTS['event.poller.refresh_interval'])
	const pollIntervalMs = Math.round(Math.min(Math.max(minutes * 60_000, floorMs), LONGEST_INTERVAL_MS))
	const type = configuration['event.vendor.type']
	const vendorType = type === 'webhook' || type === 'hybrid' ? type : 'polling'
	// A store that is never to be asked by itself is not read again either, unless somebody says how often.
	const never = vendorType !== 'webhook' && pollIntervalMs === LONGEST_INTERVAL_MS
	const rereadHours = number('event.poller.reread') ?? (never ? 0 : null)
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
			element === undefined ? configuration : { ...configuration, [POLLER_KEY]: JSON.stringify(effectivePoller(configuration, element)) },
		signature: { next: instance.signatureNext, fromMs: instance.signatureFromMs },
		callbackUrl: callbackOf(configuration, env.PUBLIC_URL),
		pollIntervalMs,
		rereadHours: rereadHours === null || rereadHours === 0 ? rereadHours : Math.max(rereadHours, floorMs / 3_600_000),
		backfill: backfillOf(configuration['event.poller.backfill']),
		scanBudget: number('event.poller.scanBudget') ?? 10,
		retentionDays: account.retentionDays,
		hooks: hooksOf(instance, env, floorMs),
		baselineVersion: instance.baselineVersion,
		subscriptionId: instance.subscriptionId,
		others: [],
		announces: account.operator.url !== null,
		storeless: false,
		delivery: deliveryOf(configuration, vendorType, account),
	}
}

/** How notifications are made and sent: the instance's keys and the account's settings. */
function deliveryOf(
	configuration: Readonly<Record<string, string | null>>,
	vendorType: WatcherConfig['vendorType'],
	account: AccountSettings,
): WatcherConfig['delivery'] {
	const number = (key: string): number | null => readNumber(configuration[key] ?? '')
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
function hooksOf(instance: Instance, env: Pick<Env, 'PUBLIC_URL'>, floorMs: number): WatcherConfig['hooks'] {
	const type = instance.configuration['event.vendor.type']
	if (!instance.eventsEnabled || (type !== 'webhook' && type !== 'hybrid')) return null
	const minutes = readNumber(instance.configuration['event.reconcile.interval'] ?? '') ?? Number(DEFAULTS['event.reconcile.interval'])
	const made = instance.state === 'ready'
	return {
		version: instance.hookVersion,
		previousUntilMs: instance.hookPreviousUntilMs,
		reconcileMs: minutes === 0 ? 0 : Math.round(Math.min(Math.max(minutes * 60_000, floorMs), LONGEST_INTERVAL_MS)),
		deliveryUrl: made ? receiverUrl(env, instance.elementKey, instance.id, instance.hookVersion) : '',
		...(made && instance.hookWork === null && instance.hookKey !== null ? { writtenWith: instance.hookKey } : {}),
	}
}

/**
 * Reads an instance's row (being created or ready) joined with its account and its further subscriptions, or what an organization's own
 * object runs by; null when it does not exist or is deleted. Throws when D1 cannot be reached.
 */
export async function loadWatcherConfig(env: Env, instanceId: number): Promise<WatcherConfig | null> {
	const instance = await findInstanceById(env.DB, instanceId)
	if (instance === null) return await loadOrganizationConfig(env, instanceId)
	const { organizationId } = instance
	const [account, others, told] = await Promise.all([
		readAccountSettings(env.DB, organizationId),
		readFurther(env.DB, instanceId),
		tellsOperator(env.DB, organizationId),
	])
	const config = toWatcherConfig(instance, account, env)
	return { ...config, others, announces: config.announces || told }
}

/** POLL_FLOOR_SECONDS as a number; the documented default when it is not set. */
export function floorSecondsOf(env: Pick<Env, 'POLL_FLOOR_SECONDS'>): number {
	const seconds = readNumber(env.POLL_FLOOR_SECONDS ?? '')
	return seconds === null || seconds <= 0 ? 60 : seconds
}

type Check = (text: string, options: NormalizeOptions) => { ok: true; text: string } | { ok: false; message: string }

const fine = (text: string) => ({ ok: true as const, text })
const expected = (message: string) => ({ ok: false as const, message: `expected ${message}` })

const boolean: Check = (text) => {
	const read = readBoolean(text)
	return read === null ? expected('true or false') : fine(String(read))
}

/** Text up to a length. */
function textOf(limit: LimitName): Check {
	return (text) => (text.trim().length > LIMITS[limit].value ? { ok: false, message: atMost(limit) } : fine(text.trim()))
}

/** One of a few words, in any case. */
function oneOf(...words: readonly string[]): Check {
	return (text) => {
		const word = text.trim().toLowerCase()
		return words.includes(word) ? fine(word) : expected(words.join(' or '))
	}
}

/** A time in minutes or hours, decimals allowed, not below the operator's floor; 0 switches off where `zero`. */
function interval(unit: 'minutes' | 'hours', zero: boolean): Check {
	const seconds = unit === 'minutes' ? 60 : 3600
	return (text, { floorSeconds }) => {
		const read = readNumber(text)
		if (zero && read === 0) return fine('0')
		if (read === null || read * seconds < floorSeconds)
			return expected(`a number of ${unit}, at least ${Number((floorSeconds / seconds).toPrecision(4))}${zero ? ', or 0 for off' : ''}`)
		return fine(text.trim())
	}
}

/** A number between bounds, whole where `whole`. */
function numberOf(least: number, most: number, whole: boolean): Check {
	return (text) => {
		const read = readNumber(text)
		const good = read !== null && read >= least && read <= most && (!whole || Number.isInteger(read))
		return good ? fine(text.trim()) : expected(`a ${whole ? 'whole ' : ''}number from ${least} to ${most}`)
	}
}

/** The keys that have a form, in the order in which problems are named. */
const CHECKS: Readonly<Record<string, Check>> = {
	'store.url': (text, { allowPrivateNetwork }) => {
		const base = storeBase(text)
		const verdict = guardUrl(base, allowPrivateNetwork)
		// Whether a scheme was given is told to the check of the store: without one it may find http or www by itself.
		const given = /^<?\s*[a-z][a-z0-9+.-]*:\/\//i.test(text.trim()) ? base : base.replace(/^https:\/\//, '')
		return verdict.ok ? fine(given) : { ok: false, message: verdict.message }
	},
	'oauth.api.key': textOf('storeKey'),
	'oauth.api.secret': textOf('storeKey'),
	'event.notification.enabled': boolean,
	'event.vendor.type': (text) => {
		const type = text.trim().toLowerCase()
		if (type === 'webhooks') return fine('webhook')
		return ['polling', 'webhook', 'hybrid'].includes(type) ? fine(type) : expected('polling, webhook or hybrid')
	},
	'event.notification.callback.url': (text, { publicUrl, allowPrivateNetwork }) => {
		const address = stripBrackets(text)
		if (URL.canParse(address) && meansLogOnly(new URL(address), publicUrl)) return fine(address)
		const verdict = guardUrl(address, allowPrivateNetwork)
		return verdict.ok ? fine(address) : { ok: false, message: verdict.message }
	},
	// Not trimmed: a key's blanks are part of it.
	[SIGNATURE_KEY]: (text) =>
		text.length > LIMITS.signatureKey.value
			? { ok: false, message: atMost('signatureKey') }
			: text.isWellFormed()
				? fine(text)
				: expected('text'),
	'event.notification.basic.username': (text) =>
		text.includes(':') || text.length > LIMITS.basicAuth.value
			? { ok: false, message: `${atMost('basicAuth')} without a colon` }
			: fine(text),
	'event.notification.basic.password': (text) =>
		text.length > LIMITS.basicAuth.value ? { ok: false, message: atMost('basicAuth') } : fine(text),
	'event.poller.refresh_interval': interval('minutes', false),
	'event.poller.reread': interval('hours', true),
	'event.reconcile.interval': interval('minutes', true),
	'event.poller.scanBudget': numberOf(1, LIMITS.scanBudget.value, true),
	'event.poller.backfill': (text) => {
		const value = text.trim()
		return backfillIsKnown(value) ? fine(value) : expected('none, all or a date such as 2026-01-31')
	},
	'filter.response.nulls': boolean,
	'event.notification.mode': oneOf('full', 'thin'),
	'event.notification.coalesce': boolean,
	'event.notification.batch': numberOf(1, LIMITS.batch.value, true),
	'event.notification.rate': numberOf(0.01, LIMITS.rate.value, false),
	// Their form is the filter's to say, once the resources are known.
	[FILTER_KEYS.types]: textOf('filterTypes'),
	[FILTER_KEYS.resources]: textOf('filterResources'),
	[FILTER_KEYS.where]: textOf('filterWhere'),
}

function backfillIsKnown(text: string): boolean {
	return text === 'none' || text === 'all' || readIso(text, 'UTC') !== null
}

function backfillOf(text: string | null | undefined): 'none' | 'all' | number {
	if (text === null || text === undefined || text === 'none') return 'none'
	if (text === 'all') return 'all'
	return readIso(text, 'UTC') ?? 'none'
}

function isBlank(value: unknown): boolean {
	return value === null || value === undefined || (typeof value === 'string' && value.trim() === '')
}
