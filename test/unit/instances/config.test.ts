/** The tolerance of docs/contract.md §2, row by row, and what the watcher runs by. */
import { describe, expect, test } from 'vitest'
import { type AccountSettings, DEFAULT_SETTINGS } from '../../../src/accounts/settings.ts'
import { woocommerce } from '../../../src/elements/woocommerce/woocommerce.ts'
import {
	normalizeConfiguration,
	type NormalizedConfiguration,
	type NormalizeOptions,
} from '../../../src/instances/normalize.ts'
import { listConfigurationKeys } from '../../../src/instances/configuration-keys.ts'
import { toWatcherConfig } from '../../../src/instances/config.ts'
import type { Instance } from '../../../src/instances/rows.ts'
import { DEFAULT_DELIVERY } from '../../../src/rpc/config.ts'

const REQUIRED = { 'store.url': 'https://shop.example', 'oauth.api.key': 'ck', 'oauth.api.secret': 'cs' }
const OPTIONS: NormalizeOptions = {
	element: woocommerce,
	previous: {},
	publicUrl: 'https://bell.example.com',
	allowPrivateNetwork: false,
	floorSeconds: 60,
}

function good(
	configuration: Record<string, unknown>,
	options: Partial<NormalizeOptions> = {},
): NormalizedConfiguration {
	const result = normalizeConfiguration({ ...REQUIRED, ...configuration }, { ...OPTIONS, ...options })
	if (!result.ok) throw new Error(JSON.stringify(result.problems))
	return result.value
}

function bad(configuration: Record<string, unknown>, options: Partial<NormalizeOptions> = {}): string[] {
	const result = normalizeConfiguration({ ...REQUIRED, ...configuration }, { ...OPTIONS, ...options })
	return result.ok ? [] : result.problems.map((problem) => `${problem.field}: ${problem.message}`)
}

test('the keys of an element are numbered after it, its own first, each once', () => {
	const keys = listConfigurationKeys(woocommerce)
	expect(keys.map(({ id }) => id)).toEqual(keys.map((_, index) => 288_101 + index))
	expect(new Set(keys.map(({ key }) => key)).size).toBe(keys.length)
	expect(keys.filter(({ required }) => required).map(({ key }) => key)).toEqual(Object.keys(REQUIRED))
	expect(JSON.parse(keys.find(({ key }) => key === 'event.poller.configuration')?.defaultValue ?? '')).toEqual(
		woocommerce.defaultPoller,
	)
})

describe('what is sent, and what it is accepted as', () => {
	test.each<[string, Record<string, unknown>, Record<string, string | null>]>([
		['events on as boolean §2.2', { 'event.notification.enabled': true }, { 'event.notification.enabled': 'true' }],
		['events on as text §2.2', { 'event.notification.enabled': 'True' }, { 'event.notification.enabled': 'true' }],
		['an interval as number §2.3', { 'event.poller.refresh_interval': 5 }, { 'event.poller.refresh_interval': '5' }],
		[
			'an interval as text §2.3',
			{ 'event.poller.refresh_interval': ' 15 ' },
			{ 'event.poller.refresh_interval': '15' },
		],
		[
			'never on its own §2.3',
			{ 'event.poller.refresh_interval': 999999999 },
			{ 'event.poller.refresh_interval': '999999999' },
		],
		[
			'decimals §11.11',
			{ 'event.poller.refresh_interval': '1.5', 'event.poller.reread': 0.5, 'event.reconcile.interval': 0 },
			{ 'event.poller.refresh_interval': '1.5', 'event.poller.reread': '0.5', 'event.reconcile.interval': '0' },
		],
		['webhooks §2.4', { 'event.vendor.type': 'webhooks' }, { 'event.vendor.type': 'webhook' }],
		['hybrid §2.4 §11.9', { 'event.vendor.type': 'Hybrid' }, { 'event.vendor.type': 'hybrid' }],
		[
			'the alias in place of store.url §2.9',
			{ 'store.url': undefined, 'oauth.callback.url': 'alias.example/wp-admin/' },
			{ 'store.url': 'alias.example', 'oauth.callback.url': 'alias.example/wp-admin/' },
		],
		[
			'both: store.url wins §2.9',
			{ 'oauth.callback.url': 'https://other.example' },
			{ 'store.url': 'https://shop.example', 'oauth.callback.url': 'https://other.example' },
		],
		[
			'no scheme, which the check of the store finds §2.10',
			{ 'store.url': 'shop.example' },
			{ 'store.url': 'shop.example' },
		],
		[
			'a path into WordPress §2.10',
			{ 'store.url': 'https://shop.example/sub/wp-admin/index.php?x=1#y' },
			{ 'store.url': 'https://shop.example/sub' },
		],
		['the login page', { 'store.url': 'http://shop.example/wp-login.php' }, { 'store.url': 'http://shop.example' }],
		['the API', { 'store.url': 'https://shop.example/wp-json/wc/v3/' }, { 'store.url': 'https://shop.example' }],
		['a trailing slash §2.10', { 'store.url': 'https://shop.example/' }, { 'store.url': 'https://shop.example' }],
		['a port', { 'store.url': 'shop.example:8443/' }, { 'store.url': 'shop.example:8443' }],
		[
			'brackets §2.15',
			{ 'store.url': '<http://mycoolstore.com>', 'event.notification.callback.url': '<https://my.app/hook>' },
			{ 'store.url': 'http://mycoolstore.com', 'event.notification.callback.url': 'https://my.app/hook' },
		],
		['brackets without scheme', { 'store.url': '<mycoolstore.com>' }, { 'store.url': 'mycoolstore.com' }],
		[
			'placeholders in optional keys §2.16',
			{
				'event.notification.signature.key': 'xxxxxxxxxxxxxxxxxxxxxxxxx',
				'event.poller.refresh_interval': '<minutes>',
				'event.notification.callback.url': '<CALLBACK_URL>',
			},
			{
				'event.notification.signature.key': null,
				'event.poller.refresh_interval': null,
				'event.notification.callback.url': null,
			},
		],
		[
			'unknown keys §2.12',
			{ 'my.own': 'x', 'my.number': 5, 'my.object': { a: [1] }, 'my.null': null, 'my.text': '<kept>' },
			{ 'my.own': 'x', 'my.number': '5', 'my.object': '{"a":[1]}', 'my.null': null, 'my.text': '<kept>' },
		],
		[
			'headers as an object',
			{ 'event.notification.callback.headers': { 'X-A': 'b' } },
			{ 'event.notification.callback.headers': '{"X-A":"b"}' },
		],
		[
			'headers as lines',
			{ 'event.notification.callback.headers': 'X-A: b\r\nX-C: d:e' },
			{ 'event.notification.callback.headers': '{"X-A":"b","X-C":"d:e"}' },
		],
		['nulls off as boolean', { 'filter.response.nulls': false }, { 'filter.response.nulls': 'false' }],
		['variations of their own §11.9', { 'event.poller.variations': 'OWN' }, { 'event.poller.variations': 'own' }],
		['mass changes held §11.9', { 'event.poller.massChanges': 'HOLD' }, { 'event.poller.massChanges': 'hold' }],
		['a backfill by date §11.9', { 'event.poller.backfill': '2026-01-31' }, { 'event.poller.backfill': '2026-01-31' }],
		[
			'blanks as absent',
			{ 'event.notification.callback.url': ' ', 'event.poller.configuration': '' },
			{ 'event.notification.callback.url': null, 'event.poller.configuration': null },
		],
	])('%s', (_name, sent, kept) => {
		expect(good(sent).values).toMatchObject(kept)
	})

	test('a poller configuration is an object or its JSON; types inside are put right, unknown settings kept §2.5', () => {
		const sent = {
			contacts: {
				url: '/hubs/ecommerce/customers',
				filterByUpdatedDate: 'false',
				pageSize: '50',
				pollDelay: '1.5',
				createdCheckTolerance: 2,
				other: { x: 1 },
				datesConfiguration: { updatedDateField: 'date_modified', updatedDateFormat: "yyyy-MM-dd'T'HH:mm:ss'" },
			},
		}
		const kept = {
			contacts: {
				url: '/hubs/ecommerce/customers',
				filterByUpdatedDate: false,
				pageSize: 50,
				pollDelay: 1.5,
				createdCheckTolerance: 2,
				other: { x: 1 },
				datesConfiguration: sent.contacts.datesConfiguration,
			},
		}
		for (const value of [sent, JSON.stringify(sent)]) {
			const normal = good({ 'event.poller.configuration': value })
			expect(JSON.parse(normal.values['event.poller.configuration']!)).toEqual(kept)
			expect(normal.resources).toEqual(kept)
		}
	})

	test('how notifications are made', () => {
		expect(
			good({
				'event.notification.mode': ' Thin ',
				'event.notification.coalesce': true,
				'event.notification.batch': 50,
				'event.notification.rate': 0.5,
				'event.notification.filter.types': 'created| updated',
				'event.notification.filter.resources': ' orders |products|orders',
				'event.notification.filter.where': "status = 'completed'",
			}).values,
		).toMatchObject({
			'event.notification.mode': 'thin',
			'event.notification.coalesce': 'true',
			'event.notification.batch': '50',
			'event.notification.rate': '0.5',
			'event.notification.filter.types': 'CREATED|UPDATED',
			'event.notification.filter.resources': 'orders|products',
			'event.notification.filter.where': "status = 'completed'",
		})
		expect(
			good({
				'event.notification.filter.resources': 'sales',
				'event.poller.configuration': { sales: { url: '/orders' } },
			}).values,
		).toMatchObject({ 'event.notification.filter.resources': 'sales' })
		expect(good({ 'event.notification.filter.types': ' ', 'event.notification.batch': '' }).values).toMatchObject({
			'event.notification.filter.types': null,
			'event.notification.batch': null,
		})
	})

	test('without one the default four hold, or those of event.poller.urls §2.13 §2.21', () => {
		expect(Object.keys(good({}).resources)).toEqual(['customers', 'discounts', 'orders', 'products'])
		expect(Object.keys(good({ 'event.poller.configuration': {} }).resources)).toHaveLength(4)
		expect(Object.keys(good({ 'event.poller.urls': 'customers|orders' }).resources)).toEqual(['customers', 'orders'])
		expect(
			Object.keys(
				good({ 'event.poller.urls': 'customers', 'event.poller.configuration': { o: { url: '/orders' } } }).resources,
			),
		).toEqual(['o'])
	})

	test('******** is what was there before §2.20', () => {
		const previous = { ...REQUIRED, 'oauth.api.secret': 'kept', 'event.notification.signature.key': 'sig' }
		expect(
			good(
				{
					'oauth.api.secret': '********',
					'event.notification.signature.key': '********',
					'event.notification.basic.password': '********',
				},
				{ previous },
			).values,
		).toMatchObject({
			'oauth.api.secret': 'kept',
			'event.notification.signature.key': 'sig',
			'event.notification.basic.password': null,
		})
		expect(bad({ 'oauth.api.secret': '********' })).toEqual(['configuration: missing oauth.api.secret'])
	})

	test('events are off unless switched on §2.2', () => {
		expect(good({}).eventsEnabled).toBe(false)
		expect(good({ 'event.notification.enabled': 'true' }).eventsEnabled).toBe(true)
	})
})

describe('what is refused, by its field', () => {
	test('every missing key is named §2.22', () => {
		const result = normalizeConfiguration({}, OPTIONS)
		expect(result).toEqual({
			ok: false,
			problems: [{ field: 'configuration', message: 'missing store.url, oauth.api.key, oauth.api.secret' }],
		})
	})

	test.each<[string, Record<string, unknown>, string]>([
		[
			'a placeholder in a required key §2.16',
			{ 'store.url': '<WEB_STORE_URL>' },
			"store.url: expected a value, got the documentation's placeholder",
		],
		[
			'exes in a required key',
			{ 'oauth.api.key': 'xxxxxxxxxxxxxxxxxx' },
			"oauth.api.key: expected a value, got the documentation's placeholder",
		],
		[
			'an interval of nothing',
			{ 'event.poller.refresh_interval': 0 },
			'event.poller.refresh_interval: expected a number of minutes, at least 1',
		],
		['an interval below the floor', { 'event.poller.refresh_interval': 0.5 }, 'event.poller.refresh_interval: '],
		['an interval in words', { 'event.poller.refresh_interval': 'often' }, 'event.poller.refresh_interval: '],
		['an interval that is an object', { 'event.poller.refresh_interval': {} }, 'event.poller.refresh_interval: '],
		['infinity', { 'event.poller.refresh_interval': '1e999' }, 'event.poller.refresh_interval: '],
		[
			'events neither on nor off',
			{ 'event.notification.enabled': 'yes' },
			'event.notification.enabled: expected true or false',
		],
		['an unknown type', { 'event.vendor.type': 'magic' }, 'event.vendor.type: expected polling, webhook or hybrid'],
		[
			'a callback that is private',
			{ 'event.notification.callback.url': 'http://127.0.0.1/x' },
			'event.notification.callback.url: expected a public address',
		],
		[
			'a callback that is none',
			{ 'event.notification.callback.url': 'mail me' },
			'event.notification.callback.url: expected a URL',
		],
		[
			'a script at a host that means the log',
			{ 'event.notification.callback.url': 'javascript://api.cloud-elements.com/%0aalert(1)' },
			'event.notification.callback.url: expected a URL that begins with',
		],
		[
			'another scheme at a host that means the log',
			{ 'event.notification.callback.url': 'ftp://api.cloud-elements.com/x' },
			'event.notification.callback.url: expected a URL that begins with',
		],
		[
			'credentials at a host that means the log',
			{ 'event.notification.callback.url': 'https://me:pw@api.cloud-elements.com/x' },
			'event.notification.callback.url: expected a URL without user name',
		],
		[
			'credentials at our own address',
			{ 'event.notification.callback.url': 'https://me@bell.example.com/elements/api-v2/events/woocommercerest/' },
			'event.notification.callback.url: expected a URL without user name',
		],
		['a store that is private', { 'store.url': 'http://192.168.1.5' }, 'store.url: expected a public address'],
		[
			'credentials in the store URL',
			{ 'store.url': 'https://me:secret@shop.example' },
			'store.url: expected a URL without user name and password',
		],
		[
			'a long signature key',
			{ 'event.notification.signature.key': 'k'.repeat(129) },
			'event.notification.signature.key: expected at most 128 characters',
		],
		['a colon in the user name', { 'event.notification.basic.username': 'a:b' }, 'event.notification.basic.username: '],
		[
			'six headers §3.3',
			{ 'event.notification.callback.headers': Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [`X-${n}`, 'v'])) },
			'event.notification.callback.headers: expected at most 5 headers',
		],
		[
			'a header of ours',
			{ 'event.notification.callback.headers': { 'Elements-Webhook-Id': 'x' } },
			'event.notification.callback.headers: ',
		],
		[
			'a header with a line break',
			{ 'event.notification.callback.headers': { 'X-A': 'a\nb' } },
			'event.notification.callback.headers: ',
		],
		...Object.entries({
			'Latin-1': { 'X-A': 'Grüße' },
			'a no-break space at its end': 'X-A: b\u00a0',
			'a character above U+00FF': { 'X-A': '☃' },
			NUL: { 'X-A': 'a\0b' },
			DEL: { 'X-A': 'a\x7f' },
			'white space at its start': { 'X-A': ' b' },
			'white space at its end': '{"X-A":"b\\t"}',
			'white space in its name': { ' X-A': 'b' },
			'a name twice': 'X-A: b\nx-a: c',
			'a name twice in an object': { 'X-A': 'b', 'x-A': 'c' },
			'a number that JSON has rounded': '{"X-A":12345678901234567890}',
		}).map(([name, value]): [string, Record<string, unknown>, string] => [
			`a header with ${name} §3.13`,
			{ 'event.notification.callback.headers': value },
			'event.notification.callback.headers: expected ',
		]),
		...['event.notification.basic.username', 'event.notification.basic.password'].map(
			(key): [string, Record<string, unknown>, string] => [
				`half of a surrogate pair in ${key}`,
				{ [key]: 'a\ud800' },
				`${key}: expected text`,
			],
		),
		[
			'a header without a colon',
			{ 'event.notification.callback.headers': 'nothing' },
			'event.notification.callback.headers: ',
		],
		['a mode that is none', { 'event.notification.mode': 'slim' }, 'event.notification.mode: expected full or thin'],
		[
			'coalescing neither on nor off',
			{ 'event.notification.coalesce': 'maybe' },
			'event.notification.coalesce: expected true or false',
		],
		...[0, 101, 2.5, -1, 'many'].map((value): [string, Record<string, unknown>, string] => [
			`a batch of ${value}`,
			{ 'event.notification.batch': value },
			'event.notification.batch: expected a whole number from 1 to 100',
		]),
		...[0, -1, 1001, 'fast'].map((value): [string, Record<string, unknown>, string] => [
			`a rate of ${value}`,
			{ 'event.notification.rate': value },
			'event.notification.rate: expected a number from 0.01 to 1000',
		]),
		[
			'an unknown event type',
			{ 'event.notification.filter.types': 'CREATED|RENAMED' },
			'event.notification.filter.types: expected names out of',
		],
		[
			'a resource that is not watched',
			{ 'event.notification.filter.resources': 'orders', 'event.poller.configuration': { sales: { url: '/orders' } } },
			'event.notification.filter.resources: expected labels of watched resources, joined with |: out of sales',
		],
		[
			'a condition that cannot be read',
			{ 'event.notification.filter.where': "status 'completed'" },
			'event.notification.filter.where: expected one of =, !=, <, >, <=, >=, LIKE, IN at',
		],
		['a backfill that is no date', { 'event.poller.backfill': 'some' }, 'event.poller.backfill: '],
		['a backfill by a day that is none', { 'event.poller.backfill': '2026-02-30' }, 'event.poller.backfill: '],
		[
			'mass changes that are neither sent nor held',
			{ 'event.poller.massChanges': 'drop' },
			'event.poller.massChanges: expected emit or hold',
		],
		['a scan budget of nothing', { 'event.poller.scanBudget': 0 }, 'event.poller.scanBudget: '],
		['unknown names in urls', { 'event.poller.urls': 'customers|things' }, 'event.poller.urls: '],
		[
			'a poller configuration that is no JSON',
			{ 'event.poller.configuration': '{' },
			'event.poller.configuration: expected an object',
		],
		[
			'a list for a poller configuration',
			{ 'event.poller.configuration': [] },
			'event.poller.configuration: expected an object',
		],
		[
			'a resource that is text',
			{ 'event.poller.configuration': { orders: '/orders' } },
			'event.poller.configuration.orders: expected an object',
		],
		[
			'no url',
			{ 'event.poller.configuration': { orders: { idField: 'id' } } },
			'event.poller.configuration.orders.url: ',
		],
		[
			'an empty url',
			{ 'event.poller.configuration': { orders: { url: '/hubs/ecommerce/' } } },
			'event.poller.configuration.orders.url: ',
		],
		[
			'a filter that is neither',
			{ 'event.poller.configuration': { orders: { url: '/orders', filterByUpdatedDate: 'perhaps' } } },
			'event.poller.configuration.orders.filterByUpdatedDate: expected true or false',
		],
		[
			'a negative delay',
			{ 'event.poller.configuration': { orders: { url: '/orders', pollDelay: -1 } } },
			'event.poller.configuration.orders.pollDelay: ',
		],
		[
			'a delay that no date can hold',
			{ 'event.poller.configuration': { orders: { url: '/orders', pollDelay: '1e15' } } },
			'event.poller.configuration.orders.pollDelay: expected a number of seconds, 0 to',
		],
		[
			'dates that are text',
			{ 'event.poller.configuration': { orders: { url: '/orders', datesConfiguration: 'utc' } } },
			'event.poller.configuration.orders.datesConfiguration: ',
		],
		[
			'a date field that is a number',
			{ 'event.poller.configuration': { orders: { url: '/orders', datesConfiguration: { updatedDateField: 5 } } } },
			'event.poller.configuration.orders.datesConfiguration.updatedDateField: expected text',
		],
		[
			'a label that the notification needs',
			{ 'event.poller.configuration': { pollDate: { url: '/orders' } } },
			'event.poller.configuration.pollDate: ',
		],
		[
			'51 resources',
			{
				'event.poller.configuration': Object.fromEntries(
					Array.from({ length: 51 }, (_, n) => [`r${n}`, { url: '/orders' }]),
				),
			},
			'event.poller.configuration: expected at most 50',
		],
		['too much of everything', { filler: 'x'.repeat(65_536) }, 'configuration: expected at most 64 kB'],
	])('%s', (_name, sent, problem) => {
		expect(
			bad(sent).some((text) => text.startsWith(problem)),
			JSON.stringify(bad(sent)),
		).toBe(true)
	})

	test('several problems are named at once', () => {
		expect(
			bad({ 'oauth.api.key': undefined, 'event.vendor.type': 'x', 'event.notification.enabled': 'y' }),
		).toHaveLength(3)
	})
})

describe('what the watcher runs by', () => {
	const instance = (configuration: Record<string, string | null>): Instance => ({
		id: 7,
		incarnation: '7',
		organizationId: 2,
		userId: 3,
		state: 'ready',
		version: 4,
		enabled: true,
		eventsEnabled: true,
		elementKey: 'woocommercerest',
		name: 'n',
		tags: ['t'],
		configuration,
		connection: {} as Instance['connection'],
		tokenSealed: '',
		subscriptionId: 1,
		createdMs: 0,
		updatedMs: 0,
		webhookVersion: 1,
		webhookPreviousUntilMs: null,
		webhookKeyId: null,
		webhookTask: null,
		signatureNext: null,
		signatureFromMs: null,
		creator: null,
		baselineVersion: 0,
	})
	const run = (
		configuration: Record<string, string | null>,
		floor = '60',
		account: Partial<AccountSettings> = {},
		row: Partial<Instance> = {},
	) =>
		toWatcherConfig(
			{ ...instance(configuration), ...row },
			{ ...DEFAULT_SETTINGS, ...account },
			{ PUBLIC_URL: 'https://bell.example.com', POLL_FLOOR_SECONDS: floor },
			'2',
		)

	test('defaults §11.9', () => {
		expect(run({})).toMatchObject({
			instanceId: 7,
			incarnation: '7',
			vendorType: 'polling',
			callbackUrl: null,
			pollIntervalMs: 15 * 60_000,
			rereadHours: null,
			backfill: 'none',
			scanBudget: 10,
			massChanges: 'emit',
			retentionDays: 7,
			version: 4,
		})
		expect(Object.keys(JSON.parse(run({}).configuration['event.poller.configuration']!))).toHaveLength(4)
	})

	test('how notifications are made and sent: the instance’s keys, the account’s settings, defaults by the way of seeing §4.4', () => {
		expect(run({}).delivery).toEqual(DEFAULT_DELIVERY)
		expect(run({ 'event.vendor.type': 'webhook' }).delivery).toEqual({ ...DEFAULT_DELIVERY, batch: 20 })
		expect(run({ 'event.vendor.type': 'hybrid' }).delivery).toEqual(DEFAULT_DELIVERY)
		expect(run({ 'event.vendor.type': 'webhook', 'event.notification.batch': '3' }).delivery.batch).toBe(3)
		expect(
			run(
				{
					'event.notification.mode': 'thin',
					'event.notification.coalesce': 'true',
					'event.notification.rate': '0.5',
					'event.notification.filter.types': 'CREATED',
					'event.notification.filter.where': 'total > 5',
				},
				'60',
				{ schedule: [5, 10], failurePolicy: 'queue' },
			).delivery,
		).toEqual({
			schedule: [5, 10],
			failurePolicy: 'queue',
			mode: 'thin',
			coalesce: true,
			batch: 10,
			rate: 0.5,
			filter: { types: ['CREATED'], resources: null, where: [{ field: 'total', operator: '>', values: ['5'] }] },
		})
	})

	test('webhooks: version, grace, reconciling and the address; none where none are kept', () => {
		expect(run({}).hooks).toBeNull()
		expect(run({ 'event.vendor.type': 'webhook' }).hooks).toEqual({
			version: 1,
			previousUntilMs: null,
			reconcileMs: 3_600_000,
			deliveryUrl: 'https://bell.example.com/elements/api-v2/events/woocommercerest/Nw==?v=1',
		})
		const reconcile = (minutes: string, floor = '60') =>
			run({ 'event.vendor.type': 'hybrid', 'event.reconcile.interval': minutes }, floor).hooks!.reconcileMs
		expect(reconcile('0')).toBe(0)
		expect(reconcile('0.5')).toBe(60_000)
		expect(reconcile('0.05', '1')).toBe(3000)
		expect(reconcile('999999999')).toBeLessThan(11 * 365 * 86_400_000)
	})

	test('webhooks that the API makes are left alone until they are made, and their secrets then taken as written', () => {
		const hooked = (row: Partial<Instance>) =>
			run({ 'event.vendor.type': 'webhook' }, '60', {}, { webhookKeyId: 'a', ...row }).hooks
		expect(hooked({ state: 'creating' })).toMatchObject({ version: 1, deliveryUrl: '' })
		expect(hooked({ state: 'creating' })).not.toHaveProperty('writtenWith')
		expect(hooked({})).toMatchObject({ deliveryUrl: expect.stringContaining('?v=1'), writtenWith: 'a' })
		for (const row of [{ webhookTask: 'ensure' }, { webhookKeyId: null }] as const)
			expect(hooked(row)).not.toHaveProperty('writtenWith')
	})

	test('the version at which a new baseline was asked for', () => {
		expect(run({}).baselineVersion).toBe(0)
		expect(run({}, '60', {}, { baselineVersion: 3 }).baselineVersion).toBe(3)
	})

	test('intervals keep their decimals, the floor and the ceiling §2.3 §11.11', () => {
		expect(run({ 'event.poller.refresh_interval': '1.5' }).pollIntervalMs).toBe(90_000)
		expect(run({ 'event.poller.refresh_interval': '0.05' }, '1').pollIntervalMs).toBe(3000)
		expect(run({ 'event.poller.refresh_interval': '1' }, '300').pollIntervalMs).toBe(300_000)
		// Ten years: as good as never, and a moment from now is still a date.
		expect(run({ 'event.poller.refresh_interval': '999999999' }).pollIntervalMs).toBe(3650 * 86_400_000)
		const never = { 'event.poller.refresh_interval': '999999999' }
		expect(run(never).rereadHours).toBe(0)
		expect(run({ ...never, 'event.poller.reread': '24' }).rereadHours).toBe(24)
		expect(run({ ...never, 'event.vendor.type': 'webhook' }).rereadHours).toBeNull()
		expect(run({ 'event.poller.refresh_interval': '1440' }).rereadHours).toBeNull()
		expect(run({ 'event.poller.reread': '0' }).rereadHours).toBe(0)
		expect(run({}).massChanges).toBe('emit')
		expect(run({ 'event.poller.massChanges': 'hold' }).massChanges).toBe('hold')
		expect(run({ 'event.poller.reread': '0.001' }).rereadHours).toBeCloseTo(1 / 60)
	})

	test.each([
		['https://bell.example.com/elements/api-v2/events/woocommercerest/', null],
		['https://api.cloud-elements.com/elements/api-v2/events/woocommercerest/', null],
		['https://api.openconnectors.us1.ext.hanacloud.ondemand.com/elements/api-v2/events/woocommercerest/', null],
		['https://mycoolapp.com/events', 'https://mycoolapp.com/events'],
		['https://cloud-elements.com.evil.example/x', 'https://cloud-elements.com.evil.example/x'],
	])('callback %s §2.11', (sent, callback) => {
		expect(run({ 'event.notification.callback.url': sent }).callbackUrl).toBe(callback)
	})

	test('a dated backfill is a moment', () => {
		expect(run({ 'event.poller.backfill': '2026-01-31' }).backfill).toBe(Date.UTC(2026, 0, 31))
		expect(run({ 'event.poller.backfill': '2026-01-31T10:00:00' }).backfill).toBe(Date.UTC(2026, 0, 31, 10))
		expect(run({ 'event.poller.backfill': 'all' }).backfill).toBe('all')
	})
})
