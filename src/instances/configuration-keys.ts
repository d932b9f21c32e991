/**
 * The configuration keys of every instance (docs/contract.md §2, §3) in one table: allowed values, which are sealed,
 * defaults, and form fields. An element describes the keys of its store itself.
 */
import * as z from 'zod'
import type { Element } from '../elements/element.ts'
import { elements } from '../elements/registry.ts'
import type { ConfigurationForm, ConfigurationKey } from '../elements/form.ts'
import { parseIso } from '../elements/values.ts'
import { FILTER_KEYS } from '../events/filter.ts'
import { expectedAtMost, LIMITS, type LimitName } from '../lib/limits.ts'
import { signatureKeyText } from '../lib/signature-key.ts'
import { parsedBy, verbatimText } from '../lib/text-schemas.ts'
import { parseNumber } from '../lib/values.ts'
import { HEADERS_KEY, parseCallbackHeaders } from './headers.ts'
import { boolean, callbackUrl, choice, interval, number, storeUrl, text, trimmed, type KeyKind } from './key-kinds.ts'
import { findPollerUrlsProblem, POLLER_KEY, POLLER_URLS_KEY, pollerSchema, VARIATIONS_KEY } from './poller.ts'
import { SIGNATURE_KEY } from './signature.ts'

/** A row of the table. `name` and `description` are absent if the element has them, or if no form shows the key. */
interface KeyDefinition extends KeyKind {
	key: string
	name?: string
	description?: string
	/** Responses show the default if the key is not set. */
	showsDefault?: true
	/** What a new instance gets if it is not set; those of earlier versions have the default. */
	newValue?: string
}

const WHEN_EVENTS_ENABLED = { key: 'event.notification.enabled', values: ['true'] }
const WHEN_POLLED = { key: 'event.vendor.type', values: ['polling', 'hybrid'] }
const WHEN_WEBHOOK_ONLY = { key: 'event.vendor.type', values: ['webhook'] }

/** In the order of forms. Add new keys at the end, because their position determines their number. */
export const CONFIGURATION_KEYS: readonly KeyDefinition[] = [
	{ key: 'store.url', ...storeUrl() },
	{ key: 'oauth.api.key', ...trimmed('storeKey'), secret: true },
	{ key: 'oauth.api.secret', ...trimmed('storeKey'), secret: true },
	{ key: 'password', ...text(() => z.string()), secret: true },
	{
		key: 'event.notification.enabled',
		name: 'Events Enabled',
		description: 'Whether changes in the shop are detected and sent.',
		...boolean(),
		defaultValue: 'false',
		showsDefault: true,
	},
	{
		key: 'event.vendor.type',
		name: 'Event Type',
		description: 'How changes are detected: polling, webhook, or hybrid (both).',
		...choice({ polling: 'Polling', webhook: 'Webhooks', hybrid: 'Webhooks and polling' }, { webhooks: 'webhook' }),
		defaultValue: 'polling',
		showsDefault: true,
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.callback.url',
		name: 'Event Notification Callback URL',
		description: 'Where notifications are sent. Without it events are kept in the log only.',
		type: 'TEXTFIELD_1000',
		...callbackUrl(),
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: SIGNATURE_KEY,
		name: 'Callback Notification Signature Key',
		description:
			'Signs every notification (Elements-Webhook-Signature); at most 128 characters, without white space at its ends. ' +
			'Not the whsec_ form of a key.',
		type: 'TEXTFIELD_128',
		...text(() => signatureKeyText, 'signatureKey'),
		secret: true,
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.basic.username',
		name: 'Callback Basic Auth User Name',
		description: 'User name sent to the callback.',
		type: 'TEXTFIELD_128',
		...text(
			() => wellFormedText('basicAuth').regex(/^[^:]*$/, `${expectedAtMost('basicAuth')} without a colon`),
			'basicAuth',
		),
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.basic.password',
		name: 'Callback Basic Auth Password',
		description: 'Password sent to the callback.',
		type: 'PASSWORD',
		...text(() => wellFormedText('basicAuth'), 'basicAuth'),
		secret: true,
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: HEADERS_KEY,
		name: 'Callback Headers',
		description:
			'Additional headers sent to the callback: a JSON object, or one "Name: value" per line. ' +
			'Values are printable ASCII.',
		type: 'TEXTAREA',
		schema: () => parsedBy(parseCallbackHeaders),
		secret: true,
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.instance.finder',
		name: 'Instance Finder',
		description: 'For receivers whose address does not name the instance.',
		type: 'TEXTFIELD_128',
		...text(() => z.string()),
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.poller.refresh_interval',
		name: 'Event poller refresh interval (mins)',
		description: 'Minutes between polls of the shop.',
		...interval('minutes', 'required'),
		defaultValue: '15',
		showsDefault: true,
		dependsOn: [WHEN_EVENTS_ENABLED, WHEN_POLLED],
	},
	{
		key: POLLER_KEY,
		name: 'Configure Polling',
		description: 'The resources that are polled, as JSON: label → url, idField, datesConfiguration.',
		type: 'TEXTAREA',
		schema: () => pollerSchema.transform((resources) => (resources === null ? null : JSON.stringify(resources))),
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: POLLER_URLS_KEY,
		name: 'Resources to Poll',
		description: 'The older form: names of default resources joined with |.',
		type: 'TEXTFIELD_1000',
		...text(({ element }) =>
			parsedBy((names: string) => {
				const message = findPollerUrlsProblem(names, element)
				return message === null ? { ok: true, text: names } : { ok: false, message }
			}),
		),
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.poller.reread',
		name: 'Re-read (hours)',
		description: 'Hours between full re-reads, which find edits that leave no modified date; 0 turns them off.',
		...interval('hours', 'optional'),
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.poller.backfill',
		name: 'Backfill',
		description: 'Which existing objects are sent at the start: none, all, or those created since an ISO date.',
		type: 'TEXTFIELD_32',
		...text(() => z.string().trim().refine(isBackfill, 'expected none, all or a date such as 2026-01-31')),
		defaultValue: 'none',
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.poller.scanBudget',
		name: 'Scan Budget',
		description:
			'Requests that a poll may spend on reading collections that cannot be filtered by date, such as customers. ' +
			'Such a collection is read once an hour, or as fast as this allows.',
		...number({ minimum: 1, maximum: LIMITS.scanBudget.value, whole: true }),
		defaultValue: '10',
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.reconcile.interval',
		name: 'Reconcile Interval (mins)',
		description: 'Minutes between polls beside webhooks; 0 turns them off.',
		...interval('minutes', 'optional'),
		defaultValue: '60',
		showsDefault: true,
		dependsOn: [WHEN_EVENTS_ENABLED, WHEN_WEBHOOK_ONLY],
	},
	{
		key: 'filter.response.nulls',
		name: 'Filter null values',
		description: 'Leaves null values out of the hub’s answers.',
		...boolean(),
		defaultValue: 'true',
		showsDefault: true,
	},
	{
		key: 'event.notification.mode',
		name: 'Notification Mode',
		description: 'full sends the records. thin sends none: each event names the address of its record.',
		...choice({ full: 'With the records', thin: 'Without them' }),
		defaultValue: 'full',
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.coalesce',
		name: 'Coalesce Events',
		description:
			'Sends only the newest of an object’s waiting events; an object created and deleted meanwhile sends none.',
		...boolean(),
		defaultValue: 'false',
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.batch',
		name: 'Events per Notification',
		description: 'Maximum events per notification, 1 to 100. Default: 10 with polling and hybrid, 20 with webhooks.',
		...number({ minimum: 1, maximum: LIMITS.batch.value, whole: true }),
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.rate',
		name: 'Notifications per Second',
		description: 'Maximum notifications sent to the callback per second, 0.01 to 1000. Default: no limit.',
		...number({ minimum: 0.01, maximum: LIMITS.rate.value, whole: false }),
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: FILTER_KEYS.types,
		name: 'Filter by Event Type',
		description: 'Event types that are sent, joined with |: CREATED|DELETED.',
		type: 'TEXTFIELD_32',
		...trimmed('filterTypes'),
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: FILTER_KEYS.resources,
		name: 'Filter by Resource',
		description: 'Resources whose events are sent: labels of the poller configuration joined with |.',
		type: 'TEXTFIELD_1000',
		...trimmed('filterResources'),
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: FILTER_KEYS.where,
		name: 'Filter by Condition',
		description:
			"A condition on the record, written as a hub's where: " +
			"status = 'completed' AND total >= 100. Deletions are always sent.",
		type: 'TEXTFIELD_1000',
		...trimmed('filterWhere'),
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.poller.massChanges',
		name: 'Mass Changes',
		description:
			'What happens to mass changes: more than 50 objects and 5 % of a resource that a re-read finds changed in the ' +
			'same fields without a new date. emit sends them after other events. hold holds them until you decide.',
		...choice({ emit: 'Sent after other events', hold: 'Held until you decide' }),
		defaultValue: 'emit',
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: VARIATIONS_KEY,
		name: 'Variations of Products',
		description:
			'How a change of a variation, such as its price or stock, is sent. parent: as an update of its product, with the ' +
			'variation’s record. own: as an event of its own, which WooCommerce supports from 10.3. off: not at all. ' +
			'New instances have parent, those of earlier versions off.',
		...choice({
			parent: 'As updates of their product',
			own: 'As events of their own (WooCommerce 10.3 and later)',
			off: 'Not sent',
		}),
		defaultValue: 'off',
		showsDefault: true,
		newValue: 'parent',
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
]

const DEFINITIONS: ReadonlyMap<string, KeyDefinition> = new Map(CONFIGURATION_KEYS.map((row) => [row.key, row]))

/** Defaults of the keys that have one (docs/contract.md §3). */
const DEFAULT_VALUES = toDefaultValues(CONFIGURATION_KEYS)

/** Defaults that responses show for keys that are not set. */
export const SHOWN_DEFAULT_VALUES = toDefaultValues(CONFIGURATION_KEYS.filter((row) => row.showsDefault === true))

/** A new instance's configuration: keys that are not set have their values for new instances. */
export function toNewConfiguration(values: Readonly<Record<string, string | null>>): Record<string, string | null> {
	const added = CONFIGURATION_KEYS.filter(({ key, newValue }) => newValue !== undefined && values[key] == null)
	return { ...values, ...Object.fromEntries(added.map(({ key, newValue }) => [key, newValue!])) }
}

/**
 * A configuration that replaces another one: keys with another value for new instances stay as they are if they are not
 * sent, since their absence would mean an earlier version's default.
 */
export function keepNewValues(
	values: Readonly<Record<string, string | null>>,
	sent: Readonly<Record<string, unknown>>,
	before: Readonly<Record<string, string | null>>,
): Record<string, string | null> {
	const kept = CONFIGURATION_KEYS.filter(
		({ key, newValue }) => newValue !== undefined && !(key in sent) && before[key] != null,
	)
	return { ...values, ...Object.fromEntries(kept.map(({ key }) => [key, before[key]!])) }
}

/** The value of a key, or its default; null if it has neither. */
export function getValue(configuration: Readonly<Record<string, string | null>>, key: string): string | null {
	return configuration[key] ?? DEFAULT_VALUES[key] ?? null
}

/** The value of a key as a number. A stored value that is not a number counts as not set. */
export function getNumber(configuration: Readonly<Record<string, string | null>>, key: string): number | null {
	return parseNumber(configuration[key] ?? '') ?? parseNumber(DEFAULT_VALUES[key] ?? '')
}

/** As `getNumber`, for a key with a default. */
export function getNumberWithDefault(configuration: Readonly<Record<string, string | null>>, key: string): number {
	const value = getNumber(configuration, key)
	if (value === null) throw new Error(`${key} has no default`)
	return value
}

const EMPTY_FORM = {
	required: false,
	defaultValue: null,
	secret: false,
	options: null,
	minimum: null,
	maximum: null,
	maximumLength: null,
	interval: null,
	dependsOn: [],
}

/** The keys of an element's instances for forms, the element's own first, numbered after the element. */
export function listConfigurationKeys(element: Element): ConfigurationKey[] {
	const own = element.configuration.map((form) => ({ ...DEFINITIONS.get(form.key), ...form }))
	const shared = CONFIGURATION_KEYS.filter((row) => row.name !== undefined) as (KeyDefinition & ConfigurationForm)[]
	return [...own, ...shared].map(({ schema: _s, showsDefault: _d, newValue, ...form }, index) => ({
		...EMPTY_FORM,
		...form,
		...(newValue !== undefined && { defaultValue: newValue }),
		...(form.key === POLLER_KEY ? { defaultValue: JSON.stringify(element.defaultPoller) } : {}),
		id: element.id * 100 + index + 1,
	}))
}

/** Whether a key's value is sealed at rest and masked in responses. */
export function isSecretKey(element: Element, key: string): boolean {
	return (
		DEFINITIONS.get(key)?.secret === true ||
		element.configuration.some((form) => form.key === key && form.secret === true)
	)
}

/** Every key whose value is sealed, of any element. */
export function listSecretKeys(): string[] {
	const isSecret = ({ secret }: { secret?: boolean | undefined }): boolean => secret === true
	const forms = [...CONFIGURATION_KEYS, ...elements.flatMap((element) => element.configuration)]
	return [...new Set(forms.filter(isSecret).map(({ key }) => key))]
}

/** Whether this is a defined key, so that blank values and placeholders count as absent. */
export function isKnownKey(element: Element, key: string): boolean {
	return DEFINITIONS.has(key) || element.configuration.some((form) => form.key === key)
}

/** Parses `event.poller.backfill`; a date as epoch ms. */
export function parseBackfill(value: string | null | undefined): 'none' | 'all' | number {
	if (value === null || value === undefined || value === 'none') return 'none'
	if (value === 'all') return 'all'
	return parseIso(value, 'UTC') ?? 'none'
}

function toDefaultValues(rows: readonly KeyDefinition[]): Readonly<Record<string, string>> {
	return Object.fromEntries(
		rows.flatMap(({ key, defaultValue }) => (defaultValue == null ? [] : [[key, defaultValue]])),
	)
}

/** Text that UTF-8 can represent: half of a surrogate pair would be sent as another character. */
function wellFormedText(limit: LimitName): z.ZodString {
	return verbatimText(limit).refine((sent) => sent.isWellFormed(), 'expected text')
}

function isBackfill(value: string): boolean {
	return value === 'none' || value === 'all' || parseIso(value, 'UTC') !== null
}
