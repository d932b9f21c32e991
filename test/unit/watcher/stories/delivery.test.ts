/** From the log to the callback: doorbells, leases, schedules, deactivation, other callbacks, none. */
import { describe, expect, test } from 'vitest'
import { STANDARD_RETRY_SECONDS } from '../../../../src/delivery/schedule.ts'
import type { NotSentReason } from '../../../../src/rpc/delivery.ts'
import { getSubscriptionReports } from '../../../../src/watcher/queries/deliveries.ts'
import { getEventReport, getEventPage } from '../../../../src/watcher/queries/log-pages.ts'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import type { CallbackAnswer, World } from '../../../support/world.ts'
import {
	DAY_MS,
	expectCleanJudgement,
	pollerResources,
	HOUR_MS,
	liveIds,
	worldAfterBaseline,
	MINUTE_MS,
	arrivalsSince,
	poll,
} from '../../../support/stories.ts'

const quietly = { resources: pollerResources('products'), pollIntervalMs: 365 * DAY_MS }
const health = (world: World): ReturnType<typeof buildHealth> => buildHealth(world.engine.getCore()!)

/** The callback answers this, and every try's moment is noted. */
function answers(world: World, answer: (tryNumber: number) => CallbackAnswer): number[] {
	const tries: number[] = []
	world.answer = () => {
		tries.push(world.nowMs)
		return answer(tries.length)
	}
	return tries
}

describe('a doorbell', () => {
	test('follows a change at once', async () => {
		const world = await worldAfterBaseline(quietly)
		world.store.act({ do: 'edit', resource: 'products' })
		await poll(world)
		expect(arrivalsSince(world)).toHaveLength(1)
	})

	test('that is lost is sent again after ten seconds', async () => {
		const world = await worldAfterBaseline(quietly)
		let lost = 2
		world.losesDoorbell = () => lost-- > 0
		const [entry] = world.store.act({ do: 'edit', resource: 'products' })
		const begun = world.nowMs
		await poll(world)
		await world.advance(MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${entry!.id}`])
		expect(world.arrivals[0]!.timeMs - begun).toBeGreaterThanOrEqual(20_000)
		expect(world.arrivals[0]!.timeMs - begun).toBeLessThan(25_000)
		expect(world.arrivals[0]!.attempt).toBe(1)
	})
})

describe('a lease', () => {
	test('that ends unsettled makes the attempt unknown, and the notification due again, with the same bytes', async () => {
		const world = await worldAfterBaseline(quietly)
		world.store.act({ do: 'edit', resource: 'products' })
		world.crashAt = (point) => point === 'after-post' && world.crashes.length === 0
		const begun = world.nowMs
		await poll(world)
		expect(world.arrivals).toHaveLength(1)
		await world.advance(MINUTE_MS)
		expect(world.arrivals.map(({ attempt }) => attempt)).toEqual([1, 2])
		expect(world.arrivals[1]!.body).toBe(world.arrivals[0]!.body)
		expect(world.arrivals[1]!.timeMs - begun).toBeGreaterThanOrEqual(45_000)
	})

	test('holds the notification for its consumer alone', async () => {
		const world = await worldAfterBaseline(quietly)
		world.store.act({ do: 'edit', resource: 'products' })
		world.losesDoorbell = () => true
		await poll(world)
		const first = await world.engine.claim(6)
		expect(first).toMatchObject({ claims: [{ attempt: 1 }], more: false })
		expect(await world.engine.claim(6)).toEqual({ claims: [], more: false, asks: [] })
	})

	test('of another attempt: its failure counts for nothing, its success is final', async () => {
		const world = await worldAfterBaseline(quietly)
		world.store.act({ do: 'edit', resource: 'products' })
		world.losesDoorbell = () => true
		await poll(world)
		const outcome = {
			delivered: false,
			status: 500,
			error: null,
			retryAfterMs: null,
			durationMs: 1,
			startedMs: world.nowMs,
			body: '',
			directive: null,
		}
		await world.engine.claim(6)
		world.nowMs += 45_000
		expect(await world.engine.claim(6)).toMatchObject({ claims: [{ attempt: 2 }] })
		await world.engine.settle(1, 1, outcome, false)
		expect(health(world).callback.state).toBe('healthy')
		await world.engine.settle(1, 1, { ...outcome, delivered: true, status: 204 }, false)
		expect(health(world).callback.waiting).toBe(0)
		await world.engine.settle(1, 2, outcome, false)
		expect(health(world).callback).toMatchObject({ waiting: 0, state: 'healthy' })
		world.nowMs += HOUR_MS
		expect(await world.engine.claim(6)).toEqual({ claims: [], more: false, asks: [] })
	})
})

describe('a callback that fails', () => {
	test('with 500 and then answers is tried on the standard schedule, to the millisecond', async () => {
		const world = await worldAfterBaseline(quietly)
		const tries = answers(world, (number) => (number <= 6 ? 500 : 204))
		const [entry] = world.store.act({ do: 'edit', resource: 'products' })
		await poll(world)
		await world.advance(3 * HOUR_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${entry!.id}`])
		// The attempt takes 20 ms; the alarm that rings for it is never early.
		expect(tries.slice(1).map((at, index) => Math.round((at - tries[index]! - 20) / 1_000))).toEqual(
			STANDARD_RETRY_SECONDS.slice(0, 6),
		)
		expect(
			tries.slice(1).every((at, index) => at - tries[index]! - 20 - STANDARD_RETRY_SECONDS[index]! * 1_000 < 100),
		).toBe(true)
		expect(world.arrivals[0]!.attempt).toBe(7)
		expect(health(world).callback.state).toBe('healthy')
	})

	test('says so while it does', async () => {
		const world = await worldAfterBaseline(quietly)
		answers(world, () => 'timeout')
		world.store.act({ do: 'edit', resource: 'products' })
		await poll(world)
		expect(health(world)).toMatchObject({ state: 'callback-failing', callback: { lastStatus: 'timeout', waiting: 1 } })
	})

	test('until the last of twelve tries is deactivated, and what comes later is queued §5.2', async () => {
		const world = await worldAfterBaseline(quietly)
		const tries = answers(world, () => 500)
		world.store.act({ do: 'edit', resource: 'products' })
		await poll(world)
		await world.advance(8 * DAY_MS)
		expect(tries).toHaveLength(12)
		expect(health(world).state).toBe('deactivated')
		world.store.act({ do: 'create', resource: 'products' })
		await poll(world)
		await world.advance(DAY_MS)
		expect(tries).toHaveLength(12)
		// The one that was tried, and the one that came later.
		expect(health(world).callback.waiting).toBe(2)
	})

	test('and was deactivated: released, everything is sent, in order and with the ids it had §10.6', async () => {
		const world = await worldAfterBaseline(quietly)
		answers(world, () => 410)
		const [id] = liveIds(world, 'products')
		for (const name of ['One', 'Two']) {
			world.store.act({ do: 'edit', resource: 'products', id: id!, set: { name } })
			await poll(world)
		}
		expect(health(world).state).toBe('deactivated')
		const logged = getEventPage(world.engine.getCore()!, { pageSize: 10 })
			.events.map(({ eventId }) => eventId)
			.reverse()
		world.answer = () => 204
		await world.configure({}, { release: true })
		await world.advance(MINUTE_MS)
		expect(world.arrivals.map(({ eventId }) => eventId)).toEqual(logged)
		expect(world.arrivals.map(({ objectSequence }) => objectSequence)).toEqual([1, 2])
		expect(health(world).state).toBe('healthy')
	})

	test('with 410 is deactivated at once', async () => {
		const world = await worldAfterBaseline(quietly)
		const tries = answers(world, () => 410)
		world.store.act({ do: 'edit', resource: 'products' })
		await poll(world)
		await world.advance(DAY_MS)
		expect(tries).toHaveLength(1)
		expect(health(world).state).toBe('deactivated')
	})

	test('for one notification alone, while others succeed: that one is queued, and its object moves on', async () => {
		const world = await worldAfterBaseline(quietly)
		const [poison, other] = liveIds(world, 'products')
		const post = world.engine.claim.bind(world.engine)
		let current = ''
		world.engine.claim = async (limit, admission) => {
			const answer = await post(Math.min(limit, 1), admission)
			if (answer !== 'unknown') current = answer.claims[0]?.body ?? ''
			return answer
		}
		world.answer = () => (current.includes('Poison') ? 500 : 204)
		world.store.act({ do: 'edit', resource: 'products', id: poison!, set: { name: 'Poison' } })
		await poll(world)
		world.store.act({ do: 'edit', resource: 'products', id: other!, set: { name: 'Fine' } })
		await poll(world)
		await world.advance(8 * DAY_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${other}`])
		expect(health(world).callback.state).not.toBe('deactivated')
		world.store.act({ do: 'edit', resource: 'products', id: poison!, set: { name: 'Cured' } })
		await poll(world)
		await world.advance(MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${other}`, `UPDATED products ${poison}`])
	})
})

describe('another callback', () => {
	test('takes over everything that is unsettled, at once §2.30', async () => {
		const world = await worldAfterBaseline(quietly)
		const tries = answers(world, () => 500)
		world.store.act({ do: 'edit', resource: 'products' })
		await poll(world)
		await world.advance(3 * HOUR_MS)
		const failed = tries.length
		answers(world, () => 204)
		await world.configure({ callbackUrl: 'https://other.example.com/hook' })
		await world.advance(3_000)
		expect(arrivalsSince(world)).toHaveLength(1)
		expect(world.arrivals[0]!.attempt).toBe(failed + 1)
	})

	test('none at all keeps everything in the log', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: { callbackUrl: null } })
		const [entry] = world.store.act({ do: 'edit', resource: 'products' })
		await poll(world)
		await world.advance(HOUR_MS)
		expect(world.arrivals).toEqual([])
		expect(world.doorbells).toEqual([])
		const { events } = getEventPage(world.engine.getCore()!, { pageSize: 10 })
		expect(events).toMatchObject([
			{ eventType: 'UPDATED', objectId: String(entry!.id), status: 'NEW', notifications: [] },
		])
		expect(getEventReport(world.engine.getCore()!, events[0]!.sequence)).toEqual(events[0])
		expect(health(world)).toMatchObject({ state: 'healthy', callback: { state: 'none' } })
	})

	test('taken away drops what was waiting; set later it gets what comes later', async () => {
		const world = await worldAfterBaseline(quietly)
		answers(world, () => 500)
		world.store.act({ do: 'edit', resource: 'products' })
		await poll(world)
		await world.configure({ callbackUrl: null })
		answers(world, () => 204)
		await world.configure({ callbackUrl: 'https://other.example.com/hook' })
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world)).toEqual([])
		world.store.act({ do: 'create', resource: 'products' })
		await poll(world)
		expect(arrivalsSince(world)).toHaveLength(1)
	})
})

describe('order', () => {
	test('is kept per object: a second change waits for the first to be settled, others do not', async () => {
		const world = await worldAfterBaseline(quietly)
		const [slow, other] = liveIds(world, 'products')
		const tries = answers(world, (number) => (number === 1 ? 503 : 204))
		world.store.act({ do: 'edit', resource: 'products', id: slow!, set: { name: 'One' } })
		await poll(world)
		world.store.act({ do: 'edit', resource: 'products', id: slow!, set: { name: 'Two' } })
		world.store.act({ do: 'edit', resource: 'products', id: other!, set: { name: 'Other' } })
		world.nowMs -= 2_900
		await poll(world)
		await world.advance(MINUTE_MS)
		expect(tries.length).toBeGreaterThan(2)
		expect(
			world.arrivals.filter((one) => one.objectId === String(slow)).map((one) => (one.record as { name: string }).name),
		).toEqual(['One', 'Two'])
		expect((world.arrivals.at(-1) as unknown as { previousSequence: number }).previousSequence).toBe(1)
		await expectCleanJudgement(world, { products: 'products' })
	})

	test('a notification carries at most ten events, of one resource, each with its own record §4.2 §4.4', async () => {
		const world = await worldAfterBaseline({
			...quietly,
			resources: pollerResources('products', 'customers'),
			store: { objects: { orders: 0, products: 40, coupons: 0, customers: 3 } },
		})
		world.store.act({ do: 'burst', resource: 'products', count: 25 })
		world.store.act({ do: 'create', resource: 'customers' })
		await poll(world)
		await world.advance(10_000)
		const bodies = [...new Map(world.arrivals.map((one) => [one.notificationId, JSON.parse(one.body)])).values()]
		expect(
			bodies
				.map((body) => body.message.events.length)
				.sort((a, b) => a - b)
				.at(-1),
		).toBe(10)
		for (const { message } of bodies) {
			const { objectType } = message.raw
			expect(message.events.every((event: { objectType: string }) => event.objectType === objectType)).toBe(true)
			expect(message.raw[objectType].map((record: { id: number }) => String(record.id))).toEqual(
				message.events.map((event: { objectId: string }) => event.objectId),
			)
		}
		expect(world.arrivals).toHaveLength(26)
	})
})

/** What `/health`, the subscription and the deactivation say of a callback whose attempts send nothing. */
const NOT_SENT: Record<NotSentReason['cause'], { message: string; fact: RegExp; action: RegExp }> = {
	address: {
		message: 'expected a public address; hook.example.com resolves to a private address',
		fact: /because its address may not be reached: expected a public address; hook\.example\.com resolves/,
		action: /Change the URL.*public address.*ALLOW_PRIVATE_NETWORK/,
	},
	configuration: {
		message: '',
		fact: /because the request could not be made from the configuration/,
		action: /signature key.*MASTER_KEYS/,
	},
	resolver: {
		message: 'the DNS resolver did not answer',
		fact: /because its name could not be resolved: the DNS resolver did not answer/,
		action: /DNS_RESOLVER_URL/,
	},
}

describe('a callback to which nothing is sent', () => {
	test.each(Object.entries(NOT_SENT))(
		'because of its %s: health and the subscription say why §11.19',
		async (cause, row) => {
			const world = await worldAfterBaseline(quietly)
			world.answer = () => ({ cause: cause as NotSentReason['cause'], message: row.message })
			world.store.act({ do: 'edit', resource: 'products' })
			await poll(world)
			await world.advance(MINUTE_MS)
			const report = health(world)
			expect(report).toMatchObject({ state: 'callback-failing', callback: { state: 'failing' } })
			expect(report.reason).toMatch(row.fact)
			expect(report.action).toMatch(row.action)
			const core = world.engine.getCore()!
			expect(getSubscriptionReports(core)[0]!.notSent).toEqual({ cause, message: row.message })
			// After the last attempt too.
			await world.advance(4 * DAY_MS)
			expect(health(world)).toMatchObject({
				state: 'deactivated',
				reason: expect.stringMatching(/last: not sent, because/) as string,
				action: expect.stringMatching(row.action) as string,
			})
			expect(health(world).action).toMatch(/Then PUT .*enabled or PATCH event\.notification\.callback\.url\.$/)
			// An attempt that is sent ends it.
			world.answer = () => 204
			await world.configure({}, { release: true })
			await world.advance(MINUTE_MS)
			expect(health(world).state).toBe('healthy')
			expect(getSubscriptionReports(core)[0]!.notSent).toBeNull()
		},
	)

	test('and then answers 500: the reason is the answer', async () => {
		const world = await worldAfterBaseline(quietly)
		let answer: CallbackAnswer = { cause: 'address', message: 'expected a public address' }
		world.answer = () => answer
		world.store.act({ do: 'edit', resource: 'products' })
		await poll(world)
		answer = 500
		await world.advance(MINUTE_MS)
		expect(health(world).reason).toMatch(/has been failing since .* \(500\)/)
	})
})
