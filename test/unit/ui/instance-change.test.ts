/** What the tab Configuration sends of a change: only what is different. */
import { describe, expect, test } from 'vitest'
import { POLLABLE_COLLECTIONS } from '../../../src/elements/woocommerce/configuration.ts'
import { readInstanceForm, toFields, toRowName } from '../../../src/ui/pages/connect/model/fields.ts'
import { isEmptyChange, toInstanceChange } from '../../../src/ui/pages/connect/model/changes.ts'
import { toInstanceForm, toPollerJson } from '../../../src/ui/pages/connect/model/form.ts'

const resources = POLLABLE_COLLECTIONS.map(({ name, preset, settings }) => ({
	name,
	preset,
	settings: { ...settings },
}))
const SECRETS = ['oauth.api.secret', 'event.notification.callback.headers']

const stored = toInstanceForm(
	{
		name: 'Shop',
		tags: ['a', 'b'],
		configuration: {
			'store.url': 'https://shop.example.com',
			'oauth.api.secret': '',
			'oauth.callback.url': 'https://shop.example.com',
			'event.notification.enabled': 'true',
			'event.vendor.type': 'hybrid',
			'event.notification.callback.url': 'https://app.example.com/hook?key=********',
			'event.poller.refresh_interval': '5',
			'event.reconcile.interval': '60',
			'event.notification.batch': '20',
			'event.poller.configuration': '{"contacts":{"url":"/hubs/ecommerce/customers","pageSize":50}}',
			'own.key': 'kept',
		},
	},
	resources,
)

/** The form as it is posted with these changes. */
function post(changes: Record<string, string>, removed: string[] = []) {
	const fields = new Map(toFields(stored))
	fields.delete('own.key')
	for (const [name, value] of Object.entries(changes)) fields.set(name, value)
	return toInstanceChange(stored, readInstanceForm(fields), { secretKeys: SECRETS, removed })
}

describe('a change', () => {
	test('of nothing is empty, also in webhook mode and as JSON', () => {
		expect(post({})).toEqual({ configuration: {} })
		expect(isEmptyChange(post({}))).toBe(true)
		expect(post({ 'event.poller.configuration': toPollerJson(stored.rows) })).toEqual({ configuration: {} })
		expect(post({ 'event.vendor.type': 'webhook' })).toEqual({ configuration: { 'event.vendor.type': 'webhook' } })
	})

	test('sends what is different, and null for what is emptied', () => {
		expect(
			post({ name: 'New', tags: 'a', 'event.poller.refresh_interval': '15', 'event.notification.batch': '' }),
		).toEqual({
			name: 'New',
			tags: ['a'],
			configuration: { 'event.poller.refresh_interval': '15', 'event.notification.batch': null },
		})
	})

	test('keeps a secret that is empty, sends one that is typed, and removes one on request', () => {
		const headers = 'event.notification.callback.headers'
		expect(post({ 'oauth.api.secret': '', [headers]: '' })).toEqual({ configuration: {} })
		expect(post({ 'oauth.api.secret': 'cs_new' })).toEqual({ configuration: { 'oauth.api.secret': 'cs_new' } })
		expect(post({ [headers]: '' }, [headers])).toEqual({ configuration: { [headers]: null } })
	})

	test('of the callback: another one, or the log only', () => {
		const key = 'event.notification.callback.url'
		expect(post({ delivery: 'log' })).toEqual({ configuration: { [key]: null } })
		expect(post({ [key]: 'https://other.example' })).toEqual({ configuration: { [key]: 'https://other.example' } })
	})

	test('of a resource sends all of them, with the settings that have no field', () => {
		expect(post({ [toRowName(0, 'label')]: 'people' })).toEqual({
			configuration: {
				'event.poller.configuration': {
					people: { url: '/hubs/ecommerce/customers', datesConfiguration: {}, pageSize: 50 },
				},
			},
		})
	})
})
