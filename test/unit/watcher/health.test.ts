/** Health: the worst finding counts, and each names its fact and the next step. */
import { describe, expect, test } from 'vitest'
import { estimateRemainingSeconds, evaluateHealth, type HealthFacts } from '../../../src/watcher/queries/health.ts'
import { INSTANCE_STATES } from '../../../src/rpc/watcher.ts'

const NOW = Date.UTC(2026, 5, 15, 12)
const resource: HealthFacts['resources'][number] = {
	objectType: 'orders',
	baseline: null,
	heldSinceMs: null,
	held: 0,
	window: false,
	error: null,
	noise: [],
	limits: [],
}
const facts: HealthFacts = {
	enabled: true,
	eventsEnabled: true,
	vendorType: 'polling',
	storageFull: false,
	nowMs: NOW,
	storeError: null,
	retry: null,
	resources: [resource],
	webhooks: null,
	callback: { url: 'https://c.example/', active: true, reason: null, failingSinceMs: null, lastStatus: null },
	waitingEvents: 0,
	lastReported: null,
}
const trouble = (kind: string): HealthFacts['storeError'] => ({ kind, message: 'The store said no.', sinceMs: NOW })

/** Facts that each bring one state, worst first. */
const ways: [state: string, change: Partial<HealthFacts>][] = [
	['disabled', { enabled: false }],
	[
		'deactivated',
		{
			callback: { url: 'https://c.example/', active: false, reason: null, failingSinceMs: NOW - 5, lastStatus: '500' },
			waitingEvents: 3,
		},
	],
	['full', { storageFull: true }],
	['needs-reauth', { storeError: trouble('auth') }],
	['store-unreachable', { storeError: trouble('server') }],
	['deletions-held', { resources: [{ ...resource, heldSinceMs: NOW - 5, held: 40 }] }],
	['changes-held', { resources: [{ ...resource, heldChanges: 60 }] }],
	[
		'foreign-source',
		{ webhooks: { degraded: null, foreign: 'https://staging.example/', home: 'https://shop.example' } },
	],
	[
		'callback-failing',
		{
			callback: {
				url: 'https://c.example/',
				active: true,
				reason: null,
				failingSinceMs: NOW - 5,
				lastStatus: 'timeout',
			},
			waitingEvents: 3,
		},
	],
	[
		'webhooks-degraded',
		{ webhooks: { degraded: 'The key may not manage webhooks.', foreign: null, home: 'https://shop.example' } },
	],
	['connecting', { resources: [{ ...resource, baseline: { done: 40, total: 100, startedMs: NOW - 4_000 } }] }],
	['catching-up', { resources: [{ ...resource, window: true }] }],
	['healthy', {}],
]

describe('health', () => {
	test.each(ways)('is %s, with a sentence of fact and one of what to do', (state, change) => {
		const health = evaluateHealth({ ...facts, ...change })
		expect(health.state).toBe(state)
		for (const sentence of [health.reason, health.action]) expect(sentence).toMatch(/^\S.*[.}]$/)
	})
	test('is the worst of all that is found', () => {
		for (const [index, [worse, one]] of ways.entries()) {
			for (const [, other] of ways.slice(index + 1)) {
				const resources = [...(one.resources ?? []), ...(other.resources ?? [])]
				expect(evaluateHealth({ ...facts, ...other, ...one, ...(resources.length > 0 && { resources }) }).state).toBe(
					worse,
				)
			}
		}
	})
	test('knows no state that the contract does not', () => {
		for (const [state] of ways) expect(INSTANCE_STATES).toContain(state)
	})
	test('since is kept while the state stands, and begins anew with another', () => {
		const before = { state: 'healthy', sinceMs: NOW - 9_000 }
		expect(evaluateHealth({ ...facts, lastReported: before }).since).toBe(new Date(NOW - 9_000).toISOString())
		expect(evaluateHealth({ ...facts, lastReported: before, storageFull: true }).since).toBe(
			new Date(NOW).toISOString(),
		)
	})
	test('says what the store said, and whose resource is refused', () => {
		expect(evaluateHealth({ ...facts, storeError: trouble('not-public') })).toMatchObject({
			state: 'store-unreachable',
			reason: 'The store said no.',
			action: expect.stringMatching(/PATCH store\.url.*ALLOW_PRIVATE_NETWORK/) as string,
		})
		expect(evaluateHealth({ ...facts, storeError: trouble('auth') })).toMatchObject({
			reason: 'The store said no.',
			action: expect.stringContaining('oauth.api.key'),
		})
		const refused = evaluateHealth({
			...facts,
			resources: [resource, { ...resource, objectType: 'customers', error: { atMs: NOW, message: 'Not allowed.' } }],
		})
		expect(refused).toMatchObject({
			state: 'unreadable',
			reason: 'customers: Not allowed.',
			resources: [
				{ resource: 'orders', state: 'healthy' },
				{ resource: 'customers', state: 'unreadable' },
			],
		})
	})
	test('says how long the baseline still takes', () => {
		expect(evaluateHealth({ ...facts, ...ways.find(([state]) => state === 'connecting')![1] }).reason).toBe(
			'orders: 40 of 100 objects indexed, about 6 s left. New changes are already being delivered.',
		)
		expect([
			estimateRemainingSeconds(0, 100, 5_000),
			estimateRemainingSeconds(50, 100, 0),
			estimateRemainingSeconds(120, 100, 5_000),
		]).toEqual([null, null, 0])
	})
	test('reports the callback’s state beside its own', () => {
		expect(evaluateHealth({ ...facts, webhooks: null, callback: null }).callback).toEqual({
			url: null,
			state: 'none',
			lastStatus: null,
			waiting: 0,
		})
		expect(evaluateHealth({ ...facts, ...ways[1]![1] }).callback).toMatchObject({
			state: 'deactivated',
			lastStatus: '500',
			waiting: 3,
		})
		expect(evaluateHealth({ ...facts, ...ways[8]![1] }).callback).toMatchObject({
			state: 'failing',
			lastStatus: 'timeout',
		})
	})
	test('says of webhooks that they are polled instead, where they are configured', () => {
		expect(evaluateHealth(facts).webhooks).toBeNull()
		expect(evaluateHealth({ ...facts, vendorType: 'hybrid' }).webhooks).toMatchObject({ state: 'polled' })
	})
})
