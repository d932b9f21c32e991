/** Lines of docs/contract.md §2, §3 that are about whole answers: every field, every key, every form with a token. */
import { beforeEach, describe, expect, test } from 'vitest'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { resetDatabase, instanceBodyForStore, startApiWorld, type ApiClient } from './harness.ts'

let store: SimulatedStore
let client: ApiClient

beforeEach(async () => {
	await resetDatabase()
	store = createStore({ objects: 2, url: 'https://shop.example.com', now: () => Date.parse('2026-06-01T12:00:00Z') })
	client = await startApiWorld((request) => store.fetch(request))
})

async function make(rest: Record<string, unknown> = {}, configuration: Record<string, unknown> = {}): Promise<any> {
	const { status, body } = await client.call('POST', '/instances', instanceBodyForStore(store, configuration, rest))
	return { status, ...body }
}

test('an instance and its element have every field of the platform §2.23', async () => {
	const made = await make({}, { 'event.notification.callback.url': 'https://mycoolapp.com/events' })
	// docs/contract.md §2, in its order.
	const fields =
		'id name createdDate token element elementId tags provisionInteractions valid disabled maxCacheSize cacheTimeToLive configuration eventsEnabled traceLoggingEnabled cachingEnabled externalAuthentication user eventsNotificationCallbackUrl subscriptionId'
	const ofElement =
		'id name hookName key description image active deleted typeOauth trialAccount resources transformationsEnabled bulkDownloadEnabled bulkUploadEnabled cloneable extendable beta authentication extended hub protocolType parameters private'
	expect(Object.keys(made)).toEqual(expect.arrayContaining(fields.split(' ')))
	expect(Object.keys(made.element)).toEqual(expect.arrayContaining(ofElement.split(' ')))
	expect(made.element).toMatchObject({
		active: true,
		deleted: false,
		authentication: { type: 'custom' },
		hub: 'ecommerce',
		protocolType: 'http',
	})
	expect(Object.keys(made.user).sort()).toEqual(['emailAddress', 'firstName', 'id', 'lastName'])
	expect(made).toMatchObject({
		valid: true,
		disabled: false,
		provisionInteractions: [],
		maxCacheSize: 0,
		cacheTimeToLive: 0,
		externalAuthentication: 'none',
	})
})

describe('tags §2.17', () => {
	test('one text is a list of one; twenty of 64 characters are taken', async () => {
		expect((await make({ tags: 'one' })).tags).toEqual(['one'])
		const tags = Array.from({ length: 20 }, (_, n) => `${n}`.padEnd(64, 'x'))
		expect((await make({ tags })).tags).toEqual(tags)
	})

	test.each([
		['21 tags', Array.from({ length: 21 }, (_, n) => `t${n}`), '20'],
		['65 characters', ['x'.repeat(65)], '64'],
	])('%s are a 400 that names the limit', async (_name, tags, limit) => {
		const { status, message } = await make({ tags })
		expect(status).toBe(400)
		expect(message).toContain('tags')
		expect(message).toContain(limit)
	})
})

test('with an Element token /instances is that instance: shown, changed, replaced, switched, its items, deleted §2.32 §2.33 §2.34', async () => {
	const { id, token } = await make()
	const other = await make()
	const as = { authorization: `User ${client.userSecret}, Element ${token}` }
	const call = (method: string, path: string, body?: unknown) => client.call(method, `/instances${path}`, body, as)
	expect((await call('GET', '')).body.id).toBe(id)
	expect((await call('PATCH', '', { name: 'By token' })).body).toMatchObject({ id, name: 'By token' })
	const whole = (await call('GET', '')).body
	expect((await call('PUT', '', { ...whole, name: 'Replaced' })).body).toMatchObject({ id, name: 'Replaced' })
	expect((await call('DELETE', '/enabled')).body).toMatchObject({ id, disabled: true })
	expect((await call('PUT', '/enabled')).body).toMatchObject({ id, disabled: false })
	const items = (await call('GET', '/configuration')).body
	for (const item of items)
		expect(Object.keys(item)).toEqual(
			expect.arrayContaining([
				'id',
				'key',
				'name',
				'description',
				'propertyValue',
				'type',
				'active',
				'hideFromConsole',
				'required',
			]),
		)
	const interval = items.find((item: any) => item.key === 'event.poller.refresh_interval')
	expect((await call('PATCH', `/configuration/${interval.id}`, { propertyValue: '45' })).body).toMatchObject({
		propertyValue: '45',
	})
	expect((await call('GET', `/configuration/${interval.id}`)).body).toMatchObject({
		id: interval.id,
		propertyValue: '45',
	})
	const gone = await call('DELETE', '')
	expect(gone).toMatchObject({ status: 200, body: null })
	expect((await client.call('GET', `/instances/${id}`)).status).toBe(404)
	expect((await client.call('GET', `/instances/${other.id}`)).status).toBe(200)
})

/** docs/contract.md §3, §11: key → default; required, or null where there is none. */
const KEYS: Record<string, string | null> = {
	'store.url': 'required',
	'oauth.api.key': 'required',
	'oauth.api.secret': 'required',
	'event.notification.enabled': 'false',
	'event.vendor.type': 'polling',
	'event.notification.callback.url': null,
	'event.notification.signature.key': null,
	'event.notification.basic.username': null,
	'event.notification.basic.password': null,
	'event.notification.callback.headers': null,
	'event.notification.instance.finder': null,
	'event.poller.refresh_interval': '15',
	'event.poller.urls': null,
	'filter.response.nulls': 'true',
	'event.reconcile.interval': '60',
	'event.notification.rate': null,
}

test('every key of the contract is in the catalogue, with its default and whether it is required §3.1', async () => {
	const { body: element } = await client.call('GET', '/elements/woocommercerest')
	const items = new Map<string, any>(element.configuration.map((item: any) => [item.key, item]))
	for (const [key, preset] of Object.entries(KEYS)) {
		const item = items.get(key)
		expect(item, key).toBeDefined()
		expect(item.required, key).toBe(preset === 'required')
		if (preset !== 'required') expect(item.defaultValue, key).toBe(preset ?? undefined)
	}
	const all = [
		'event.poller.configuration',
		'event.poller.reread',
		'event.poller.backfill',
		'event.poller.scanBudget',
		'event.poller.massChanges',
		'event.notification.mode',
	]
	for (const key of all) expect(items.has(key), key).toBe(true)
})
