/** Account settings: what is understood, and what is refused by its name. */
import { describe, expect, test } from 'vitest'
import { parseSettings } from '../../../src/accounts/settings.ts'

const OPTIONS = { allowPrivateNetwork: false }

function good(given: Record<string, unknown>, options = OPTIONS): Record<string, string | null> {
	const result = parseSettings(given, options)
	if (!result.ok) throw new Error(JSON.stringify(result.problems))
	return result.change
}

function bad(given: Record<string, unknown>): string[] {
	const result = parseSettings(given, OPTIONS)
	return result.ok ? [] : result.problems.map(({ field, message }) => `${field}: ${message}`)
}

describe('settings as sent', () => {
	test.each<[string, unknown, string | null]>([
		['notification.webhook.retry.schedule', '8^n', '8^n'],
		['notification.webhook.retry.schedule', ' standard ', 'standard'],
		['notification.webhook.retry.schedule', '5, 60,3600', '5, 60,3600'],
		['notification.webhook.retry.schedule', [5, 60], '[5,60]'],
		['notification.webhook.retry.schedule', 30, '30'],
		['notification.webhook.retry.schedule', [], '[]'],
		['notification.webhook.retry.schedule', null, null],
		['notification.webhook.failure.policy', 'Queue', 'queue'],
		['notification.webhook.failure.policy', '', null],
		['events.retention.days', 14, '14'],
		['events.retention.days', '0.5', '0.5'],
		['operator.webhook.url', 'https://ops.example.com/hook', 'https://ops.example.com/hook'],
		['operator.webhook.key', 'my key', 'my key'],
	])('%s %j is kept as %j', (name, sent, kept) => {
		expect(good({ [name]: sent })).toEqual({ [name]: kept })
	})

	test('nothing named is nothing changed, and a masked secret stays as it is', () => {
		expect(good({})).toEqual({})
		expect(good({ 'operator.webhook.key': '********', 'events.retention.days': 3 })).toEqual({
			'events.retention.days': '3',
		})
	})

	test('a private address is the operator’s to allow', () => {
		expect(good({ 'operator.webhook.url': 'http://127.0.0.1:4020/ops' }, { allowPrivateNetwork: true })).toEqual({
			'operator.webhook.url': 'http://127.0.0.1:4020/ops',
		})
	})
})

describe('what is refused', () => {
	test.each<[string, unknown, string]>([
		['notification.webhook.retry.schedule', '9^n', 'expected standard, 8^n, 4^n, or'],
		['notification.webhook.retry.schedule', '-5,10', 'expected standard'],
		['notification.webhook.retry.schedule', [5, -1], 'expected standard'],
		['notification.webhook.retry.schedule', [0], 'expected standard'],
		['notification.webhook.retry.schedule', { every: 5 }, 'expected standard'],
		['notification.webhook.retry.schedule', Array.from({ length: 51 }, () => 1), 'expected standard'],
		['notification.webhook.retry.schedule', '2592001', 'expected standard'],
		['notification.webhook.failure.policy', 'drop', 'expected retry or queue'],
		['notification.webhook.failure.policy', true, 'expected retry or queue'],
		['events.retention.days', 0, 'expected a number of days above 0, at most 365'],
		['events.retention.days', -7, 'expected a number of days'],
		['events.retention.days', 'a week', 'expected a number of days'],
		['events.retention.days', 366, 'expected a number of days'],
		['operator.webhook.url', 'http://10.0.0.7/x', 'expected a public address'],
		['operator.webhook.url', 'https://me:secret@ops.example.com', 'expected a URL without user name and password'],
		['operator.webhook.url', 'ops', 'expected a URL'],
		['operator.webhook.key', ' my key', 'expected a key without white space'],
		['operator.webhook.key', 'my key\n', 'expected a key without white space'],
		['operator.webhook.key', 'whsec_TXlTZWNyZXQ=', 'expected the key itself, got the whsec_ form'],
		['operator.webhook.key', 'a\ud800', 'expected text'],
		['operator.webhook.key', 'k'.repeat(129), 'expected at most 128 characters'],
		['notification.webhook.retries', 3, 'expected one of notification.webhook.retry.schedule, '],
		['constructor', 'x', 'expected one of '],
	])('%s %j', (name, sent, message) => {
		expect(bad({ [name]: sent })).toEqual([expect.stringContaining(`${name}: ${message}`)])
	})

	test('everything that is wrong is named at once', () => {
		expect(
			bad({ 'events.retention.days': -1, 'notification.webhook.failure.policy': 'x', 'operator.webhook.key': 'fine' }),
		).toHaveLength(2)
	})
})

test('a setting without a name is named in the error', () => {
	const result = parseSettings({ '': 'x' }, OPTIONS)
	expect(result).toMatchObject({ ok: false, problems: [{ field: '""' }] })
})
