/** The form of an instance and the body that it means; errors of the API at its fields. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { POLLABLE_COLLECTIONS } from '../../../src/elements/woocommerce/configuration.ts'
import { findElement } from '../../../src/elements/registry.ts'
import { normalizeConfiguration } from '../../../src/instances/normalize.ts'
import { readInstanceForm, toFields, toRowName } from '../../../src/ui/pages/connect/model/fields.ts'
import {
	DATE_FIELDS,
	ROW_FIELDS,
	toBlankForm,
	toFormBody,
	toInstanceForm,
	toPollerJson,
	type InstanceForm,
	type ResourceRow,
} from '../../../src/ui/pages/connect/model/form.ts'
import { findFormProblems, toFormProblems } from '../../../src/ui/pages/connect/model/problems.ts'

const resources = POLLABLE_COLLECTIONS.map(({ name, preset, settings }) => ({
	name,
	preset,
	settings: { ...settings },
}))

/** What is stored of a configuration. */
function normalize(configuration: Record<string, unknown>) {
	const result = normalizeConfiguration(configuration, {
		element: findElement('woocommercerest')!,
		previous: {},
		publicUrl: 'https://bell.example.com',
		allowPrivateNetwork: false,
		floorSeconds: 60,
	})
	if (!result.ok) throw new Error(JSON.stringify(result.problems))
	const { values, eventsEnabled, resources: polled } = result.value
	return { values, eventsEnabled, polled: JSON.stringify(polled) }
}

/** The two bodies of the documentation that the product began from, with values in place of their placeholders. */
function seedBodies(): { name: string; tags: string[]; configuration: Record<string, unknown> }[] {
	const configuration = {
		'store.url': 'https://shop.example.com',
		'oauth.api.key': 'ck_1',
		'oauth.api.secret': 'cs_1',
		'event.notification.enabled': true,
		'event.notification.callback.url': 'http://mycoolapp.com',
		'event.notification.signature.key': 'a-signature-key',
	}
	const polled = (name: string, datesConfiguration: object) => ({
		url: `/hubs/ecommerce/${name}`,
		idField: 'id',
		datesConfiguration,
	})
	const dates = {
		updatedDateField: 'date_modified',
		updatedDateFormat: "yyyy-MM-dd'T'HH:mm:ss'",
		createdDateField: 'date_created',
		createdDateFormat: "yyyy-MM-dd'T'HH:mm:ss'",
	}
	const shared = { tags: ['Docs'], name: 'My shop' }
	return [
		{
			...shared,
			configuration: {
				...configuration,
				'event.vendor.type': 'polling',
				'event.poller.refresh_interval': '15',
				'event.poller.configuration': {
					contacts: polled('customers', dates),
					discounts: polled('discounts', {}),
					orders: polled('orders', {}),
					products: polled('products', {}),
				},
			},
		},
		{ ...shared, configuration: { ...configuration, 'event.vendor.type': 'webhook' } },
	]
}

/** What a person does with the form. */
function fillIn(body: ReturnType<typeof seedBodies>[number]): InstanceForm {
	const { configuration } = body
	const posted = new Map(toFields(toBlankForm(resources)))
	for (const key of [
		'store.url',
		'oauth.api.key',
		'oauth.api.secret',
		'event.vendor.type',
		'event.notification.callback.url',
		'event.notification.signature.key',
		'event.poller.refresh_interval',
	])
		if (configuration[key] !== undefined) posted.set(key, String(configuration[key]))
	posted.set('name', body.name)
	posted.set('tags', body.tags.join('\r\n'))
	if (configuration['event.vendor.type'] === 'polling') {
		posted.set(toRowName(0, 'label'), 'contacts')
		posted.set(toRowName(0, 'updatedDateField'), 'date_modified')
		posted.set(toRowName(0, 'updatedDateFormat'), "yyyy-MM-dd'T'HH:mm:ss'")
		posted.set(toRowName(0, 'createdDateField'), 'date_created')
		posted.set(toRowName(0, 'createdDateFormat'), "yyyy-MM-dd'T'HH:mm:ss'")
	}
	return readInstanceForm(posted)
}

describe('the form filled in as the documentation says', () => {
	test.each([0, 1])('makes the instance of body %i', (index) => {
		const body = seedBodies()[index]!
		const made = toFormBody(fillIn(body), resources)
		expect(findFormProblems(fillIn(body))).toEqual([])
		expect([made.name, made.tags]).toEqual([body.name, body.tags])
		expect(normalize(made.configuration)).toEqual(normalize(body.configuration))
	})

	test.each([0, 1])('shows body %i, and sends it again as it was', (index) => {
		const body = seedBodies()[index]!
		const form = toInstanceForm(body, resources)
		expect(normalize(toFormBody(form, resources).configuration)).toEqual(normalize(body.configuration))
		if (index === 0)
			expect(form.rows.map(({ label, on }) => [label, on])).toEqual([
				['contacts', true],
				['discounts', true],
				['orders', true],
				['products', true],
			])
	})
})

const text = fc.string({ maxLength: 20 }).map((value) => value.replace(/\s/g, ' ').trim())
const filled = text.filter((value) => value !== '')
const json = fc.dictionary(fc.constantFrom('pageSize', 'pollDelay', 'ignore', 'note'), fc.jsonValue({ maxDepth: 1 }), {
	minKeys: 1,
})

const rowArbitrary: fc.Arbitrary<ResourceRow> = fc
	.record({
		label: filled,
		url: filled.map((value) => `/hubs/ecommerce/${value}`),
		idField: text,
		dates: fc.tuple(...DATE_FIELDS.map(() => text)),
		more: fc.oneof(
			fc.constant(''),
			json.map((value) => JSON.stringify(JSON.parse(JSON.stringify(value)))),
		),
	})
	.map(({ dates, ...row }) => ({
		...row,
		on: true,
		...(Object.fromEntries(DATE_FIELDS.map((name, index) => [name, dates[index]!])) as Pick<
			ResourceRow,
			(typeof DATE_FIELDS)[number]
		>),
	}))

/** Forms whose rows say something: labels are different, and none is a number, which JavaScript would move. */
const formArbitrary: fc.Arbitrary<InstanceForm> = fc
	.record({
		name: text,
		tags: fc.array(filled, { maxLength: 3 }),
		type: fc.constantFrom('polling', 'webhook', 'hybrid'),
		keys: fc.dictionary(
			fc.constantFrom('store.url', 'oauth.api.key', 'event.notification.signature.key', 'event.notification.batch'),
			filled,
		),
		minutes: filled,
		callback: fc.oneof(fc.constant(null), filled),
		eventsEnabled: fc.boolean(),
		existing: fc.constantFrom('none' as const, 'all' as const, 'since' as const),
		rows: fc.uniqueArray(rowArbitrary, { minLength: 1, maxLength: 4, selector: ({ label }) => label }),
	})
	.filter(({ rows }) => rows.every(({ label }) => !/^\d+$/.test(label) && label !== '__proto__'))
	.map(({ type, minutes, callback, keys, ...form }) => ({
		...form,
		keys: {
			...keys,
			'event.vendor.type': type,
			[type === 'webhook' ? 'event.reconcile.interval' : 'event.poller.refresh_interval']: minutes,
			...(callback === null ? {} : { 'event.notification.callback.url': callback }),
		},
		delivery: callback === null ? ('log' as const) : ('callback' as const),
		existingSince: form.existing === 'since' ? '2026-01-31' : '',
		rows: [...form.rows, ...offRows(form.rows)],
		json: null,
	}))

function offRows(rows: readonly ResourceRow[]): ResourceRow[] {
	const blank = toBlankForm(resources).rows
	return blank.filter(({ url }) => !rows.some((row) => row.url === url)).map((row) => ({ ...row, on: false }))
}

describe('the form', () => {
	test('becomes a body and the same form again', () => {
		fc.assert(
			fc.property(formArbitrary, (form) => {
				expect(toInstanceForm(toFormBody(form, resources), resources)).toEqual(form)
			}),
			{ numRuns: 500 },
		)
	})

	test('is posted by HTML and read again', () => {
		fc.assert(
			fc.property(formArbitrary, (form) => {
				expect(readInstanceForm(toFields(form))).toEqual(form)
			}),
			{ numRuns: 300 },
		)
	})

	test('as JSON is the same configuration', () => {
		fc.assert(
			fc.property(formArbitrary, (form) => {
				const edited = { ...form, json: toPollerJson(form.rows) }
				const [typed, asJson] = [toFormBody(form, resources), toFormBody(edited, resources)]
				expect(asJson.configuration['event.poller.configuration']).toEqual(
					typed.configuration['event.poller.configuration'] ?? toBlankPoller(),
				)
			}),
			{ numRuns: 200 },
		)
	})

	test('with the default resources names none, and off ones are left out', () => {
		const form = toBlankForm(resources)
		expect(toFormBody(form, resources).configuration['event.poller.configuration']).toBe(undefined)
		form.rows[0]!.on = false
		expect(Object.keys(toFormBody(form, resources).configuration['event.poller.configuration'] as object)).toEqual([
			'discounts',
			'orders',
			'products',
		])
	})

	test('keeps settings that have no field', () => {
		const settings = {
			url: '/orders',
			pageSize: 50,
			ignore: ['total'],
			datesConfiguration: { updatedDateField: 'x', own: 1 },
		}
		const form = toInstanceForm(
			{ configuration: { 'event.poller.configuration': JSON.stringify({ a: settings }) } },
			resources,
		)
		expect(toFormBody(form, resources).configuration['event.poller.configuration']).toEqual({ a: settings })
	})
})

function toBlankPoller(): unknown {
	return JSON.parse(toPollerJson(toBlankForm(resources).rows))
}

describe('errors stand at their fields', () => {
	const form: InstanceForm = {
		...toBlankForm(resources),
		rows: toBlankForm(resources).rows.map((row, index) => (index === 2 ? { ...row, label: 'orders.new' } : row)),
	}

	test.each([
		['store.url', 'store.url'],
		['tags[3]', 'tags'],
		['event.poller.backfill', 'event.poller.backfill'],
		['configuration', ''],
		['event.poller.configuration', 'event.poller.configuration'],
		['event.poller.configuration.customers.url', 'resource.0.url'],
		['event.poller.configuration.customers', 'resource.0.label'],
		['event.poller.configuration.orders.new.idField', 'resource.2.idField'],
		['event.poller.configuration.orders.new.datesConfiguration.createdDateFormat', 'resource.2.createdDateFormat'],
		['event.poller.configuration.products.pageSize', 'resource.3.more'],
		['event.poller.configuration.unknown.url', 'event.poller.configuration'],
	])('%s', (field, expected) => {
		expect(toFormProblems([{ field, message: 'expected x' }], form)[0]!.field).toBe(expected)
	})

	test('an error of the date stands at the date while it is shown', () => {
		const problem = { field: 'event.poller.backfill', message: 'expected x' }
		expect(toFormProblems([problem], { ...form, existing: 'since' })[0]!.field).toBe('existing.since')
	})

	test.each([
		['{\n  "orders": {\n    "url": "/orders",\n  }\n}', 4],
		['{\n  "orders": {\n    "url": /orders\n  }\n}', 3],
		['{\n  "a": 1\n  "b": 2\n}', 3],
		['[]', 1],
		['', 1],
	])('JSON that is none names the line: %j', (text, line) => {
		const [problem] = findFormProblems({ ...toFilled(), json: text })
		expect(problem).toEqual({
			field: 'event.poller.configuration',
			message: expect.stringMatching(new RegExp(`^Line ${line}: expected `)),
		})
	})

	test('each line of JSON with an error is named', () => {
		const json = '{\n  "a": /a,\n  "b": 1\n  "c": nul\n}'
		const lines = findFormProblems({ ...toFilled(), json }).map(({ message }) => message.slice(0, 7))
		expect(lines).toEqual(['Line 2:', 'Line 4:'])
	})

	test('an error of the API names the line of its setting', () => {
		const edited = { ...form, json: '{\n  "a.b": {\n    "url": "/orders",\n    "pageSize": 0\n  }\n}' }
		const lineOf = (field: string): string =>
			toFormProblems([{ field: `event.poller.configuration.${field}`, message: 'no' }], edited)[0]!.message
		expect(['a.b.pageSize', 'a.b.url', 'a.b', 'c.url'].map(lineOf)).toEqual([
			'Line 4: no',
			'Line 3: no',
			'Line 2: no',
			'no',
		])
	})

	test('what is missing is named before the API is asked', () => {
		const blank = toBlankForm(resources)
		const fields = (change: Partial<InstanceForm>) =>
			findFormProblems({ ...blank, ...change }).map(({ field }) => field)
		const store = ['store.url', 'oauth.api.key', 'oauth.api.secret']
		expect(fields({})).toEqual([...store, 'event.notification.callback.url'])
		expect(fields({ delivery: 'log' })).toEqual(store)
		expect(fields({ eventsEnabled: false })).toEqual(store)
		expect(fields({ delivery: 'log', existing: 'since' })).toEqual([...store, 'existing.since'])
		const off = blank.rows.map((row) => ({ ...row, on: false }))
		expect(fields({ delivery: 'log', rows: off })).toEqual([...store, 'event.poller.configuration'])
		const same = blank.rows.map((row) => ({ ...row, label: 'orders' }))
		expect(fields({ delivery: 'log', rows: same }).slice(3)).toEqual(
			[1, 2, 3].map((index) => `resource.${index}.label`),
		)
	})

	function toFilled(): InstanceForm {
		const keys = { ...form.keys, 'store.url': 'x', 'oauth.api.key': 'x', 'oauth.api.secret': 'x' }
		return { ...form, delivery: 'log', keys }
	}
})

test('every field of a row is posted', () => {
	expect(ROW_FIELDS).toEqual(expect.arrayContaining([...DATE_FIELDS, 'label', 'url', 'idField', 'more']))
})
