/** Faults of a store that end: how soon Shopbell notices, what people can do to hurry it, and what health says meanwhile. */
import { describe, expect, test } from 'vitest'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import { requestPoll } from '../../../../src/watcher/polling/commands.ts'
import { getHurriedRetryMs, getRetryDelayMs } from '../../../../src/watcher/source/backoff.ts'
import type { Fault } from '../../../store/store.ts'
import { getWebhooksReport, worldWithWebhooks } from '../../../support/webhook-stories.ts'
import type { World } from '../../../support/world.ts'
import {
	arrivalsSince,
	expectCleanJudgement,
	HOUR_MS,
	liveIds,
	MINUTE_MS,
	pollerResources,
	worldAfterBaseline,
} from '../../../support/stories.ts'

const health = (world: World): ReturnType<typeof buildHealth> => buildHealth(world.engine.getCore()!)

/** Polls now, as a person does. */
function pollNow(world: World): ReturnType<typeof requestPoll> {
	const core = world.engine.getCore()!
	const request = requestPoll(core, 'window')
	world.engine.updateAlarm(core)
	return request
}

/** A key that was refused for an hour and is valid again. */
async function worldWithRestoredKey(): Promise<World> {
	const world = await worldAfterBaseline({ pollIntervalMs: 15 * MINUTE_MS })
	world.store.setFaults({ key: 'revoked' })
	await world.advance(HOUR_MS)
	expect(health(world).state).toBe('needs-reauth')
	world.store.setFaults({})
	return world
}

describe('a back-off', () => {
	test('ends when a poll is requested §11.12', async () => {
		const world = await worldWithRestoredKey()
		expect(pollNow(world)).toMatchObject({ state: expect.stringMatching(/started|queued/) as string, notBefore: null })
		await world.advance(5_000)
		expect(health(world).state).toBe('healthy')
	})

	test('ends once a minute: the response says when the next request may end it §11.12', async () => {
		const world = await worldAfterBaseline({ pollIntervalMs: 15 * MINUTE_MS })
		world.store.setFaults({ key: 'revoked' })
		await world.advance(HOUR_MS)
		// A key that is refused costs a second request: has the site moved?
		const countTries = (): number => world.store.log.filter(({ path }) => path.includes('/wc/v3/')).length
		const tries = countTries()
		const askedMs = world.nowMs
		expect(pollNow(world).notBefore).toBeNull()
		await world.advance(10_000)
		expect(countTries()).toBe(tries + 1)
		expect(pollNow(world)).toMatchObject({
			state: 'waiting',
			notBefore: new Date(askedMs + MINUTE_MS).toISOString(),
		})
		pollNow(world)
		await world.advance(45_000)
		expect(countTries()).toBe(tries + 1)
		await world.advance(10_000)
		expect(countTries()).toBe(tries + 2)
	})

	test('ends when the same credentials are sent again §11.12', async () => {
		const world = await worldWithRestoredKey()
		await world.configure({}, { retry: true })
		await world.advance(5_000)
		expect(health(world).state).toBe('healthy')
	})

	test('or none: a requested poll checks the webhooks too, a minute after the last check at the earliest §11.14', async () => {
		const world = await worldAfterBaseline({ webhooks: { reconcileMs: HOUR_MS }, config: { vendorType: 'hybrid' } })
		await world.advance(2 * MINUTE_MS)
		pollNow(world)
		await world.advance(10_000)
		const checkedMs = Date.parse(health(world).webhooks?.checkedAt ?? '')
		await world.setWebhookStatus('disabled')
		pollNow(world)
		await world.advance(20_000)
		expect(Date.parse(health(world).webhooks?.checkedAt ?? '')).toBe(checkedMs)
		await world.advance(45_000)
		expect(Date.parse(health(world).webhooks?.checkedAt ?? '')).toBeGreaterThan(checkedMs)
		expect(world.store.webhooks().every(({ status }) => status === 'active')).toBe(true)
	})

	test('that ends by itself sooner than a request may end it is left alone', () => {
		const now = 1_000_000
		const hurried = (backoffUntilMs: number | null, hurriedMs: number | null): number | null =>
			getHurriedRetryMs({ backoffUntilMs, hurriedMs }, now)
		expect([
			hurried(null, null),
			hurried(now, null),
			hurried(now + 5, null),
			hurried(now + 5, now),
			hurried(now + 90_000, now - 20_000),
			hurried(now + 90_000, now - 60_000),
		]).toEqual([null, null, now, now + 5, now + 40_000, now])
	})
})

/** Webhooks that a person changed at the store: health says so once they are checked, and they are repaired. */
const WEBHOOK_FAULTS: Record<string, { change: (world: World) => Promise<void>; repaired: RegExp }> = {
	'6.4 webhooks that the merchant disabled': {
		change: (world) => world.setWebhookStatus('disabled'),
		repaired: /re-enabled/,
	},
	'6.4 webhooks that the merchant paused': {
		change: (world) => world.setWebhookStatus('paused'),
		repaired: /re-enabled|was paused/,
	},
	'6.4 webhooks that the merchant deleted': {
		change: (world) => world.setWebhookStatus('deleted'),
		repaired: /created/,
	},
}

/** What a person who looks at `/health` meets: the state, the cause, and words of the reason and of the action. */
interface FaultRow {
	fault: Fault
	state: 'store-unreachable' | 'needs-reauth' | 'healthy'
	cause: string | null
	reason: RegExp
	action: RegExp
}

const FAULTS: Record<string, FaultRow> = {
	'2.1 maintenance': {
		fault: { outage: 'maintenance' },
		state: 'store-unreachable',
		cause: 'maintenance',
		reason: /503.*maintenance/,
		action: /end of the maintenance.*Next try: 2026/,
	},
	'2.1 output with JSON of its own before the JSON': {
		fault: { notice: 'debug: {"id":1}\n' },
		state: 'store-unreachable',
		cause: 'output-before-json',
		reason: /"debug: \{"id":1\}" before the JSON/,
		action: /WP_DEBUG_DISPLAY/,
	},
	'2.1 a fatal error': {
		fault: { outage: 'fatal' },
		state: 'store-unreachable',
		cause: 'failing',
		reason: /500: the store failed/,
		action: /error log/,
	},
	'2.1 a database that is down': {
		fault: { outage: 'database' },
		state: 'store-unreachable',
		cause: 'database',
		reason: /does not reach its database/,
		action: /host/,
	},
	'2.1 WooCommerce switched off': {
		fault: { outage: 'woocommerce-off' },
		state: 'store-unreachable',
		cause: 'no-woocommerce',
		reason: /404.*WooCommerce seems to be inactive/,
		action: /Activate the WooCommerce plugin/,
	},
	'1.1 WooCommerce gone, the index still there': {
		fault: { site: 'no-woocommerce' },
		state: 'store-unreachable',
		cause: 'no-woocommerce',
		reason: /404.*WooCommerce seems to be inactive/,
		action: /Activate the WooCommerce plugin/,
	},
	'1.2 plain permalinks': {
		fault: { site: 'plain-permalinks' },
		state: 'store-unreachable',
		cause: 'plain-permalinks',
		reason: /301.*permalinks are set to Plain/,
		action: /Settings → Permalinks/,
	},
	'1.3 the REST API closed by a plugin': {
		fault: { site: 'rest-closed-401' },
		state: 'store-unreachable',
		cause: 'rest-closed',
		reason: /401.*blocks the REST API/,
		action: /Allow \/wp-json\/wc\//,
	},
	'1.3 the REST API closed by a firewall': {
		fault: { site: 'rest-closed-403' },
		state: 'store-unreachable',
		cause: 'rest-closed',
		reason: /403.*blocks the REST API/,
		action: /Allow \/wp-json\/wc\//,
	},
	'1.5 a revoked key': {
		fault: { key: 'revoked' },
		state: 'needs-reauth',
		cause: 'key',
		reason: /401: the API key or secret is wrong/,
		action: /new API key.*PATCH oauth\.api\.key.*\/poll.*Next try/,
	},
	'1.5 another secret': {
		fault: { key: 'wrong-secret' },
		state: 'needs-reauth',
		cause: 'key',
		reason: /401: the API key or secret is wrong/,
		action: /new API key/,
	},
	'1.6 a key lowered to read': {
		fault: { key: 'read-only' },
		state: 'healthy',
		cause: null,
		reason: /./,
		action: /No action needed/,
	},
	'1.6 a user who lost the role': {
		fault: { key: 'demoted' },
		state: 'store-unreachable',
		cause: 'role',
		reason: /403: the API key may not do this/,
		action: /role Shop manager or Administrator/,
	},
	'1.7 a site that moved': {
		fault: { movedTo: 'http://new.example.com' },
		state: 'store-unreachable',
		cause: 'moved',
		reason: /changed from http:\/\/shop\.example\.com to http:\/\/new\.example\.com/,
		action: /PATCH store\.url to http:\/\/new\.example\.com/,
	},
	'1.8 a redirect to https': {
		fault: { redirect: 'https' },
		state: 'store-unreachable',
		cause: 'redirect',
		reason: /301: it redirects to https:/,
		action: /PATCH store\.url.*https:\/\/shop\.example\.com/,
	},
	'2.2 too many requests': {
		fault: { status: 429, retryAfter: '30' },
		state: 'store-unreachable',
		cause: 'throttled',
		reason: /429.*limits the rate/,
		action: /refresh_interval/,
	},
	'2.2 a page instead of JSON': {
		fault: { html: true },
		state: 'store-unreachable',
		cause: 'page',
		reason: /200 with a coming-soon or maintenance page/,
		action: /Exempt \/wp-json\/wc\//,
	},
	'2.2 a firewall': {
		fault: { status: 403, form: 'html' },
		state: 'store-unreachable',
		cause: 'bot-protection',
		reason: /403: a page instead of JSON/,
		action: /Allow \/wp-json\//,
	},
	'2.2 SiteGround’s captcha': {
		fault: { challenge: 'siteground' },
		state: 'store-unreachable',
		cause: 'bot-protection',
		reason: /answered 202: SiteGround’s bot protection answers instead of the shop\./,
		action: /^Ask the host to allow the path \/wp-json\/wc\/ for the user agent Shopbell\//,
	},
	'2.2 Cloudflare’s challenge': {
		fault: { challenge: 'cloudflare' },
		state: 'store-unreachable',
		cause: 'bot-protection',
		reason: /answered 403: Cloudflare’s bot protection answers instead of the shop\./,
		action: /in its console/,
	},
	'2.2 no answer': {
		fault: { stall: true },
		state: 'store-unreachable',
		cause: 'network',
		reason: /no answer came in time/,
		action: /resumes automatically/,
	},
}

describe('a fault of the store', () => {
	test.each(Object.entries(FAULTS))('%s: health names it and its cure, and it heals §11.13', async (_name, row) => {
		const world = await worldAfterBaseline({ pollIntervalMs: MINUTE_MS })
		world.store.setFaults(row.fault)
		world.store.act({ do: 'place-order' })
		world.store.act({ do: 'edit', resource: 'products', id: liveIds(world, 'products')[0]! })
		world.store.act({ do: 'delete', resource: 'coupons', id: liveIds(world, 'discounts')[0]! })
		await world.advance(100_000)
		const report = health(world)
		expect(report).toMatchObject({
			state: row.state,
			reason: expect.stringMatching(row.reason) as string,
			action: expect.stringMatching(row.action) as string,
		})
		expect(report.store?.cause ?? null).toBe(row.cause)
		if (row.state !== 'healthy') {
			expect(arrivalsSince(world)).toEqual([])
			expect(report.store!.tries).toBeGreaterThan(0)
			expect(Date.parse(report.store!.lastTry!)).toBeLessThanOrEqual(world.nowMs)
			expect(Date.parse(report.store!.nextTry!)).toBeGreaterThanOrEqual(world.nowMs)
		}
		world.store.setFaults({})
		await world.advance(2.5 * MINUTE_MS)
		expect(health(world)).toMatchObject({ state: 'healthy', store: null })
		await expectCleanJudgement(world)
	})

	test('2.1 a PHP notice before the JSON: everything is read, health names it while it is there §11.13', async () => {
		const world = await worldAfterBaseline({ pollIntervalMs: MINUTE_MS })
		world.store.setFaults({ notice: true })
		const [edited] = liveIds(world, 'products')
		world.store.act({ do: 'edit', resource: 'products', id: edited! })
		await world.advance(100_000)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${edited}`])
		expect(health(world).state).toBe('healthy')
		for (const { limits } of health(world).resources)
			expect(limits).toEqual([
				{
					code: 'output-around-json',
					message: expect.stringMatching(
						/"Warning : Undefined variable.*foo\.php.*" stands around.*WP_DEBUG_DISPLAY/,
					) as string,
					since: expect.any(String) as string,
				},
			])
		world.store.setFaults({})
		await world.advance(2.5 * MINUTE_MS)
		expect(health(world).resources.flatMap(({ limits }) => limits)).toEqual([])
		await expectCleanJudgement(world)
	})

	test.each(Object.entries(WEBHOOK_FAULTS))(
		'%s: health says when they were checked, degraded while they cannot be repaired, and what was missed is sent §11.14',
		async (_name, { change, repaired }) => {
			const world = await worldWithWebhooks({ vendorType: 'hybrid', pollIntervalMs: HOUR_MS })
			const checkedAt = health(world).webhooks!.checkedAt
			await change(world)
			const [missed] = liveIds(world, 'products')
			world.store.act({ do: 'edit', resource: 'products', id: missed!, set: { name: 'Missed' } })
			// Nobody has noticed yet: health says of when its answer is.
			await world.advance(MINUTE_MS)
			expect(health(world)).toMatchObject({ state: 'healthy', webhooks: { state: 'active', checkedAt } })
			// The key cannot repair them: reason and action.
			world.store.setFaults({ key: 'read-only' })
			pollNow(world)
			await world.advance(MINUTE_MS)
			expect(health(world)).toMatchObject({
				state: 'webhooks-degraded',
				reason: expect.stringMatching(/webhook/) as string,
				action: expect.stringMatching(/permission to manage webhooks/) as string,
				webhooks: { state: 'degraded' },
			})
			expect(arrivalsSince(world)).toEqual([`UPDATED products ${missed}`])
			world.store.setFaults({})
			await world.advance(HOUR_MS)
			expect(health(world)).toMatchObject({ state: 'healthy', webhooks: { state: 'active' } })
			expect(Date.parse(health(world).webhooks!.checkedAt!)).toBeGreaterThan(Date.parse(checkedAt ?? '2000-01-01'))
			expect(
				getWebhooksReport(world)
					.repairs.map(({ what }) => what)
					.join('; '),
			).toMatch(repaired)
			await expectCleanJudgement(world)
		},
	)

	test('3.4 another time zone of the store, twice: healthy, and no event, also after a whole re-read', async () => {
		const world = await worldAfterBaseline({ pollIntervalMs: MINUTE_MS, store: { zone: 'America/Denver' } })
		for (const zone of ['Asia/Kolkata', 'Australia/Lord_Howe']) {
			world.store.act({ do: 'zone', zone })
			await world.advance(3 * MINUTE_MS)
			const core = world.engine.getCore()!
			requestPoll(core, 'reread')
			world.engine.updateAlarm(core)
			await world.advance(10 * MINUTE_MS)
			expect(health(world)).toMatchObject({ state: 'healthy', action: 'No action needed.', store: null })
			expect(arrivalsSince(world)).toEqual([])
		}
		// What is edited afterwards is sent once.
		const [id] = liveIds(world, 'orders')
		world.store.act({ do: 'edit', resource: 'orders', id: id! })
		await world.advance(3 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
		await expectCleanJudgement(world)
	})

	test('2.1 8.5 maintenance of 45 s with Retry-After: 600 stops polls and reads for a minute, not for ten §11.13', async () => {
		const world = await worldAfterBaseline({ pollIntervalMs: 30_000 })
		world.store.setFaults({ outage: 'maintenance', forSeconds: 45 })
		const [deleted] = world.store.act({ do: 'delete', resource: 'products', id: liveIds(world, 'products')[0]! })
		const [edited] = world.store.act({ do: 'edit', resource: 'coupons', id: liveIds(world, 'discounts')[0]! })
		await world.advance(150_000)
		expect(arrivalsSince(world).sort()).toEqual([`DELETED products ${deleted!.id}`, `UPDATED discounts ${edited!.id}`])
	})

	test('that refuses everything is tried sooner than the interval says, and reads that waited go on §11.13', async () => {
		const world = await worldAfterBaseline({ pollIntervalMs: HOUR_MS })
		const [id] = liveIds(world, 'products')
		world.store.setFaults({ site: 'rest-closed-401', skip: 1 })
		// The list shows that it is missing; the read that would confirm it is refused.
		world.store.act({ do: 'delete', resource: 'products', id: id! })
		pollNow(world)
		await world.advance(40_000)
		const errors = world.engine.getCore()!.state.resources.map(({ error }) => error?.cure?.cause)
		expect(errors).toContain('rest-closed')
		world.store.setFaults({})
		await world.advance(3 * MINUTE_MS)
		expect(health(world).state).toBe('healthy')
		expect(arrivalsSince(world)).toEqual([`DELETED products ${id}`])
	})

	test('that refused a read and then everything: the read goes on as soon as lists answer §11.13', async () => {
		const world = await worldAfterBaseline({ pollIntervalMs: 30_000, resources: pollerResources('products') })
		const [id] = liveIds(world, 'products')
		const startedMs = world.nowMs
		// Only the object's own address is refused at first: its read waits, and nothing else does.
		world.store.setFaults({ site: 'rest-closed-401', pattern: '/products/\\d+' })
		world.store.act({ do: 'delete', resource: 'products', id: id! })
		await world.advance(45_000)
		const waiting = () => world.sql.all(`SELECT due FROM lookups WHERE id = ?`, id!).length
		expect(waiting()).toBe(1)
		expect(health(world)).toMatchObject({ state: 'healthy' })
		world.store.setFaults({ site: 'rest-closed-401' })
		await world.advance(MINUTE_MS)
		expect(health(world)).toMatchObject({ state: 'store-unreachable' })
		world.store.setFaults({})
		await world.advance(90_000)
		expect(waiting()).toBe(0)
		expect(arrivalsSince(world)).toEqual([`DELETED products ${id}`])
		expect(world.nowMs - startedMs).toBeLessThan(5 * MINUTE_MS)
	})

	test('delays: every minute at first after 503 and for a key, as Retry-After says after 429 §11.13', () => {
		const delays = (kind: 'auth' | 'throttled' | 'server', status: number, retryAfterMs: number | null): number[] =>
			[1, 2, 5, 6, 10, 11, 12, 30].map((failures) =>
				getRetryDelayMs({ kind, status, retryAfterMs }, failures, 900_000, 0.5),
			)
		const minutes = (...all: number[]): number[] => all.map((count) => count * MINUTE_MS)
		expect(delays('throttled', 503, 600_000)).toEqual(minutes(0.5, 1, 1, 1, 1, 2, 4, 60))
		expect(delays('server', 503, null)).toEqual(minutes(0.5, 1, 1, 1, 1, 2, 4, 60))
		expect(delays('auth', 401, null)).toEqual(minutes(0.5, 1, 1, 2, 15, 15, 15, 15))
		expect(delays('throttled', 429, 600_000)).toEqual(minutes(10, 10, 10, 16, 60, 60, 60, 60))
		expect(delays('server', 500, null)).toEqual(minutes(0.5, 1, 8, 16, 60, 60, 60, 60))
	})
})
