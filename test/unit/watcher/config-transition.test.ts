/** What a changed row in D1 changes in an instance's state. */
import { describe, expect, test } from 'vitest'
import { getDefaultDelivery, type WatcherConfig } from '../../../src/rpc/config.ts'
import { getConfigTransition, type ConfigTransition } from '../../../src/watcher/config-transition.ts'

const NOW = 1_000_000
const CONFIG = {
	enabled: true,
	eventsEnabled: true,
	vendorType: 'polling',
	connection: { home: 'https://shop.example' },
	configuration: { 'oauth.api.key': 'ck', 'oauth.api.secret': 'cs' },
	pollIntervalMs: 300_000,
	hooks: null,
	delivery: getDefaultDelivery('polling'),
	storeless: false,
} as unknown as WatcherConfig

const unchanged: ConfigTransition = {
	paused: false,
	rebaseline: false,
	reread: false,
	checkWebhooks: false,
	resetBackoff: false,
	nextPollMs: NOW + 200_000,
}

function transition(changes: object, state: Partial<Parameters<typeof getConfigTransition>[2]> = {}): ConfigTransition {
	const before = { paused: false, nextPollMs: NOW + 200_000, run: null, ...state }
	return getConfigTransition(CONFIG, { ...CONFIG, ...changes }, before, NOW)
}

describe('a changed row', () => {
	test('changes nothing by itself', () => {
		expect(transition({ name: 'Another name' })).toEqual(unchanged)
	})
	test('pauses an instance whose events are off, and keeps its next poll', () => {
		expect(transition({ eventsEnabled: false })).toEqual({ ...unchanged, paused: true })
	})
	test('ends a pause: polls, re-reads and checks the webhooks now', () => {
		const resumed = { ...unchanged, reread: true, checkWebhooks: true, nextPollMs: NOW }
		expect(transition({}, { paused: true, nextPollMs: NOW + 9_000 })).toEqual(resumed)
	})
	test('of another site, or with a newer baseline version, begins a silent baseline', () => {
		expect(transition({ baselineVersion: 2 })).toEqual({ ...unchanged, rebaseline: true, nextPollMs: NOW })
		expect(transition({ connection: { home: 'https://other.example' } })).toEqual({
			...unchanged,
			rebaseline: true,
			resetBackoff: true,
			nextPollMs: NOW,
		})
		expect(transition({ baselineVersion: 2, enabled: false })).toMatchObject({ paused: true, nextPollMs: null })
		expect(transition({ baselineVersion: 2 }, { paused: true })).toMatchObject({ rebaseline: true, reread: false })
	})
	test('with new credentials forgets failures and polls now', () => {
		const configuration = { 'oauth.api.key': 'new', 'oauth.api.secret': 'cs' }
		expect(transition({ configuration })).toEqual({ ...unchanged, resetBackoff: true, nextPollMs: NOW })
	})
	test('with a shorter interval brings the next poll forward; with a longer one leaves it', () => {
		expect(transition({ pollIntervalMs: 60_000 }).nextPollMs).toBe(NOW + 60_000)
		expect(transition({ pollIntervalMs: 900_000 }).nextPollMs).toBe(NOW + 200_000)
	})
	test('schedules a poll where neither a poll nor a run is scheduled', () => {
		expect(transition({}, { nextPollMs: null }).nextPollMs).toBe(NOW)
		const run = { id: 1, startedMs: 0, left: [], requests: 0, events: 0, notes: [], failed: [] }
		expect(transition({}, { nextPollMs: null, run }).nextPollMs).toBeNull()
	})
	test('never schedules a poll of an object without a store', () => {
		expect(transition({ storeless: true }, { paused: true, nextPollMs: null }).nextPollMs).toBeNull()
	})
})
