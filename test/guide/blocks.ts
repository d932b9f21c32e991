/**
 * What the guide's pages show that follows from the source: tables of configuration keys, examples of notifications, verifiers. A page marks
 * the place with `<!-- generated: name -->` and `<!-- end -->`; `npx vitest run test/unit/guide.test.ts -u` brings it up to date.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { toSignatureHeaders } from '../../src/delivery/sign.ts'
import type { ConfigurationKey, PollerResource } from '../../src/elements/form.ts'
import { woocommerce } from '../../src/elements/woocommerce/woocommerce.ts'
import type { StoredEvent } from '../../src/events/event.ts'
import { computeEventTag, toNotificationId } from '../../src/events/ids.ts'
import { toNotificationBody, getSenderAddress, type NotificationInstance } from '../../src/events/notification.ts'
import { listConfigurationKeys } from '../../src/instances/configuration-keys.ts'
import { toLimitsMarkdown } from '../../src/lib/limits.ts'
import { userAgent } from '../../src/lib/version.ts'
import { VECTORS } from '../support/vectors.ts'

const PROJECT = join(import.meta.dirname, '..', '..')

/** A page's text with every generated part up to date. Throws for an unknown name. */
export function fillGenerated(text: string): string {
	return text.replaceAll(
		/(<!-- generated: ([\w-]+) -->\n)[\s\S]*?(<!-- end -->)/g,
		(_, begin: string, name: string, end: string) => {
			const block = BLOCKS[name]
			if (block === undefined) throw new Error(`Unknown generated part ${name}`)
			return `${begin}\n${block().trim()}\n\n${end}`
		},
	)
}

const BLOCKS: Readonly<Record<string, () => string>> = {
	'polling-parameters': () => parameters((key) => key !== 'event.reconcile.interval'),
	'webhook-parameters': () => parameters((key) => key !== 'event.poller.refresh_interval'),
	'resource-fields': () => table(['Field', 'What it does', 'Type'], RESOURCE_FIELDS_ROWS()),
	'notification-polling': () => example([EDITED]),
	'notification-webhook': () => example([CREATED_BY_WEBHOOK]),
	'notification-deleted': () => example([TRASHED, GONE]),
	'notification-thin': () => example([EDITED], { mode: 'thin' }),
	'notification-headers': headers,
	'signature-vector': vector,
	limits: toLimitsMarkdown,
	'verify-ts': () => fence('ts', file('docs/verify/verify.ts')),
	'verify-py': () => fence('python', file('docs/verify/verify.py')),
	'verify-php': () => fence('php', file('docs/verify/verify.php')),
}

// Parameters

/** Parameters of an instance beside its configuration. */
const OUTSIDE = [
	['**Element**<br>`element.key`', 'The element: `woocommercerest`. Required.', 'text'],
	['**Name**<br>`name`', "The instance's name. Default: the store's host name.", 'text, at most 255 characters'],
	['**Tags**<br>`tags`', 'Your labels to find instances. Default: the name.', 'list of texts'],
]

/** The element's keys, in the order in which people are asked for them. */
function parameters(wanted: (key: string) => boolean): string {
	const rows = listConfigurationKeys(woocommerce)
		.filter(({ key }) => wanted(key))
		.map((item) => [
			`**${item.name}**<br>\`${item.key}\``,
			`${quoted(item.description)}${item.required ? ' Required.' : ''}${item.secret ? ' Shown as `********`.' : ''}${defaultOf(item)}`,
			typeOf(item),
		])
	return table(['Parameter', 'What it is', 'Type'], [...OUTSIDE, ...rows])
}

/** Addresses and keys in a description are examples, not links. */
function quoted(description: string): string {
	return description.replaceAll(/https?:\/\/[^\s,]*[^\s,.]/g, '`$&`')
}

function defaultOf({ key, defaultValue }: ConfigurationKey): string {
	if (defaultValue === null) return ''
	return key === 'event.poller.configuration'
		? ' Default: customers, discounts, orders and products.'
		: ` Default: \`${defaultValue}\`.`
}

function typeOf({ type, key }: ConfigurationKey): string {
	if (key === 'event.poller.configuration') return 'object, or that object as JSON text'
	const limit = /^TEXTFIELD_(\d+)$/.exec(type)?.[1]
	if (limit !== undefined) return key.endsWith('.url') ? 'URL' : 'text'
	return {
		PASSWORD: 'text',
		TEXTAREA: 'text or object',
		BOOLEAN: '`true` or `false`',
		SELECT: 'one of these values',
		NUMBER: 'number',
	}[type as 'SELECT']
}

type ResourceField =
	| Exclude<keyof PollerResource, 'datesConfiguration'>
	| keyof NonNullable<PollerResource['datesConfiguration']>

/** Every field that a resource can have: the compiler requires each of them. */
const RESOURCE_FIELDS: Readonly<Record<ResourceField, [what: string, type: string]>> = {
	url: ['The collection, such as `/hubs/ecommerce/orders`. It can contain a `where`. Required.', 'text'],
	idField: ['The field of the id, with dots if it is nested. Default: `id`.', 'text'],
	filterByUpdatedDate: [
		'`false`: polled by dates alone. Everything updated since the last poll is sent; deletions are not detected. For collections that only grow. Default: `true`.',
		'`true` or `false`',
	],
	filterByCurrentDate: ['Accepted and returned; it has no effect.', '`true` or `false`'],
	createdCheckTolerance: [
		'Maximum difference of created and updated date, in seconds, for an object to be `CREATED`, if dates decide.',
		'number',
	],
	pageSize: ['Records per page, 1 to 100.', 'number'],
	pollDelay: ['Seconds by which polls look further back, for stores where records appear late. Default: 0.', 'number'],
	ignore: [
		'Paths that do not count as a change, such as `total_sales`, `billing.*` or `meta_data._views`. `!` before a path takes back one that is ignored by default. At most 100.',
		'list of texts',
	],
	updatedDateField: ['In `datesConfiguration`: the field with the modified date.', 'text'],
	updatedDateFormat: ['Its format: a Java pattern, or `milliseconds`.', 'text'],
	updatedDateTimezone: [
		'Its time zone, if the text names none. Default: UTC, read from the field with the suffix `_gmt` if there is one.',
		'text',
	],
	createdDateField: ['In `datesConfiguration`: the field with the created date.', 'text'],
	createdDateFormat: ['Its format.', 'text'],
	createdDateTimezone: ['Its time zone.', 'text'],
}

function RESOURCE_FIELDS_ROWS(): string[][] {
	return Object.entries(RESOURCE_FIELDS).map(([name, [what, type]]) => [`\`${name}\``, what, type])
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
	const line = (cells: readonly string[]): string =>
		`| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
	return [line(heads), `|${heads.map(() => '---|').join('')}`, ...rows.map(line)].join('\n')
}

// Notifications

const MASTER_KEY = new Uint8Array(32).fill(7)
const INSTANCE_ID = 12
const AT_MS = Date.UTC(2026, 10, 23, 21, 4, 5)
const PUBLIC_URL = 'https://bell.example.com'

const INSTANCE: NotificationInstance = {
	instanceId: INSTANCE_ID,
	elementKey: 'woocommercerest',
	hubKey: 'ecommerce',
	organizationId: 3,
	userId: 5,
	name: 'Riverside Outfitters',
	tags: ['outdoor', 'Denver'],
	sender: getSenderAddress(PUBLIC_URL),
	publicUrl: PUBLIC_URL,
}

/** An event of the examples: an order that a poll detected, with the given changes. */
function event(sequence: number, changes: Partial<StoredEvent>): StoredEvent {
	return {
		sequence,
		tag: computeEventTag(MASTER_KEY, String(INSTANCE_ID), sequence),
		resource: 'orders',
		objectId: 1871,
		objectSequence: 1,
		previousSequence: null,
		eventType: 'UPDATED',
		dateMs: AT_MS - 41_000,
		pollDateMs: AT_MS - 1_000,
		source: 'poll',
		changedFields: null,
		flags: {},
		record: null,
		...changes,
	}
}

const EDITED = event(5021, {
	objectSequence: 2,
	previousSequence: 1,
	changedFields: ['billing.email', 'status'],
	record: JSON.stringify({
		id: 1871,
		status: 'completed',
		currency: 'USD',
		total: '84.50',
		date_created: '2026-11-22T09:12:44',
		date_created_gmt: '2026-11-22T16:12:44',
		date_modified: '2026-11-23T14:03:24',
		date_modified_gmt: '2026-11-23T21:03:24',
		billing: { first_name: 'Ada', last_name: 'Miller', email: 'ada@example.com', country: 'US' },
		line_items: [{ id: 3310, name: 'Trail lantern', product_id: 412, quantity: 2, total: '84.50' }],
	}),
})

const CREATED_BY_WEBHOOK = event(5022, {
	resource: 'customers',
	objectId: 733,
	eventType: 'CREATED',
	source: 'webhook',
	pollDateMs: null,
	record: JSON.stringify({
		id: 733,
		email: 'grace@example.com',
		first_name: 'Grace',
		role: 'customer',
		date_created: '2026-11-23T14:03:24',
		date_created_gmt: '2026-11-23T21:03:24',
		date_modified_gmt: '2026-11-23T21:03:24',
	}),
})

const TRASHED = event(5023, {
	resource: 'products',
	objectId: 412,
	eventType: 'DELETED',
	objectSequence: 4,
	previousSequence: 3,
	flags: { trashed: true },
	record: JSON.stringify({
		id: 412,
		name: 'Trail lantern',
		status: 'trash',
		price: '42.25',
		date_modified_gmt: '2026-11-23T21:03:24',
	}),
})

const GONE = event(5024, {
	resource: 'products',
	objectId: 398,
	eventType: 'DELETED',
	dateMs: AT_MS - 1_000,
	objectSequence: 2,
	previousSequence: 1,
	record: JSON.stringify({ id: 398 }),
})

/** The body of a notification with these events, as it is sent. */
function bytes(events: readonly StoredEvent[], changes: Partial<NotificationInstance> = {}): string {
	const { resource, sequence } = events[0]!
	return toNotificationBody(
		{ id: toNotificationId(INSTANCE_ID, sequence - 4000), createdMs: AT_MS, resource },
		events,
		{
			...INSTANCE,
			...changes,
		},
	)
}

function example(events: readonly StoredEvent[], changes: Partial<NotificationInstance> = {}): string {
	return fence('json', JSON.stringify(JSON.parse(bytes(events, changes)), null, 2))
}

/** The headers of the first example. */
function headers(): string {
	const signed = toSignatureHeaders(
		{
			notificationId: toNotificationId(INSTANCE_ID, 1021),
			body: new TextEncoder().encode(bytes([EDITED])),
			startedMs: AT_MS,
		},
		{ current: 'MySecretEventSignatureKey', next: null },
	)
	const all = { 'Content-Type': 'application/json; charset=utf-8', 'User-Agent': userAgent(PUBLIC_URL), ...signed }
	return fence(
		'',
		Object.entries(all)
			.map(([name, value]) => `${name}: ${value}`)
			.join('\n'),
	)
}

// Signatures

function vector(): string {
	const { key, body: text, headers: sent } = VECTORS[0]!
	return table(
		['', ''],
		[
			['key', `\`${key}\``],
			['body', `\`${text}\``],
			['`Elements-Webhook-Signature`', `\`${sent['Elements-Webhook-Signature']}\``],
			['`webhook-id`', `\`${sent['webhook-id']}\``],
			['`webhook-timestamp`', `\`${sent['webhook-timestamp']}\``],
			['`webhook-signature`', `\`${sent['webhook-signature']}\``],
		],
	)
}

function file(path: string): string {
	return readFileSync(join(PROJECT, path), 'utf8')
}

function fence(language: string, text: string): string {
	return `\`\`\`${language}\n${text.trim()}\n\`\`\``
}
