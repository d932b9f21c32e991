/** What an object's log answers: pages by filter and time that are whole and bounded, and what followed an event. */
import { expect, test } from 'vitest'
import { getEventReport, getEventTail, getEventPage } from '../../../../src/watcher/queries/log-pages.ts'
import type { EventQuery, EventReport, TallyBucket } from '../../../../src/rpc/log.ts'
import type { Sql } from '../../../../src/watcher/core/ports.ts'
import { getNotificationBodies } from '../../../../src/watcher/queries/deliveries.ts'
import { releaseSubscriptions } from '../../../../src/watcher/outbox/commands.ts'
import { runReplay } from '../../../../src/watcher/outbox/replays.ts'
import { getTally } from '../../../../src/watcher/queries/counts.ts'
import { getTimelineReport } from '../../../../src/watcher/queries/timeline.ts'
import { findLowerBound } from '../../../../src/watcher/log/lower-bound.ts'
import type { World } from '../../../support/world.ts'
import { DAY_MS, pollerResources, HOUR_MS, liveIds, worldAfterBaseline, MINUTE_MS } from '../../../support/stories.ts'
import { DEFAULT_DELIVERY } from '../../../../src/rpc/config.ts'

const coreOf = (world: World): NonNullable<ReturnType<World['engine']['getCore']>> => world.engine.getCore()!
const tallyOf = (core: Parameters<typeof getTally>[0], query: Parameters<typeof getTally>[1]): TallyBucket[] => {
	const result = getTally(core, query)
	if (!result.ok) throw new Error(result.reason)
	return result.buckets
}
const ROWS = 12_000

/** A log of many events, one a second from `since` on: ten a notification, types, resources and objects in turn. */
async function long(): Promise<{ world: World; since: number }> {
	const world = await worldAfterBaseline({
		resources: pollerResources('products', 'orders'),
		pollIntervalMs: 365 * DAY_MS,
	})
	const core = coreOf(world)
	const since = world.nowMs - 2 * ROWS * 1_000
	core.ports.sql.run(
		`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO events (sequence, tag, resource, object_type, object_id, object_sequence, previous, previous_event, type, date, recorded, source, changed, flags, record, notifications)
		SELECT i, i, 1 + i % 2, CASE i % 2 WHEN 0 THEN 'orders' ELSE 'products' END, i % 40, i, NULL, NULL, CASE i % 3 WHEN 0 THEN 'CREATED' WHEN 1 THEN 'UPDATED' ELSE 'DELETED' END,
			? + i * 1000, ? + i * 1000, 'poll', NULL, '{}', '{"id":' || i || ',"name":"Name ' || i || '"}', '[' || (1 + i / 10) || ']' FROM n`,
		ROWS,
		since,
		since,
	)
	core.ports.sql.run(
		`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO notifications (id, subscription, object_type, members, created, context, status, attempt, due, settled, updated, delivered)
		SELECT i, 1, 'orders', '[]', 5, '{}', CASE WHEN i % 4 = 0 THEN 'queued' ELSE 'delivered' END, 1, 0, 5, 5, CASE WHEN i % 4 = 0 THEN NULL ELSE 5 END FROM n`,
		1 + ROWS / 10,
	)
	core.state.sequence = ROWS
	return { world, since }
}

/** All events of a query, page by page; how many pages. */
function walk(world: World, query: Omit<EventQuery, 'before'>): { events: EventReport[]; pages: number } {
	const events: EventReport[] = []
	let before: number | undefined
	for (let pages = 1; ; pages++) {
		const page = getEventPage(coreOf(world), { ...query, before })
		expect(page.events.length).toBeLessThanOrEqual(query.pageSize)
		events.push(...page.events)
		if (page.next === null) return { events, pages }
		expect(page.next.number).toBeLessThanOrEqual(before ?? Infinity)
		before = page.next.number
	}
}

test('filters of every kind find all that they mean and nothing else, each call looking at a bounded part', async () => {
	const { world, since } = await long()
	const all = Array.from({ length: ROWS }, (_, n) => ROWS - n)
	const expected = (fits: (i: number) => boolean): number[] => all.filter(fits)
	const found = (query: Omit<EventQuery, 'before' | 'pageSize'>, pageSize = 200): number[] =>
		walk(world, { pageSize, ...query }).events.map((event) => event.sequence)
	expect(found({})).toEqual(all)
	expect(found({ types: ['CREATED', 'DELETED'], resources: ['orders'] })).toEqual(
		expected((i) => i % 3 !== 1 && i % 2 === 0),
	)
	expect(found({ objectId: '17' })).toEqual(expected((i) => i % 40 === 17))
	expect(found({ objectId: '17', resources: ['orders'] })).toEqual([])
	expect(found({ statuses: ['CONSUMED'] })).toEqual(expected((i) => (1 + Math.floor(i / 10)) % 4 === 0))
	expect(found({ statuses: ['CONSUMED', 'NOTIFIED'], types: ['UPDATED'] }, 7)).toEqual(expected((i) => i % 3 === 1))
	expect(found({ statuses: ['NEW'] })).toEqual([])
	expect(found({ text: 'nAmE 777' })).toEqual(expected((i) => String(i).startsWith('777')))
	expect(found({ fromMs: since + 3_000_000, toMs: since + 3_005_000 })).toEqual([3005, 3004, 3003, 3002, 3001, 3000])
	expect(found({ fromMs: since + 3_000_000, toMs: since + 3_005_500, types: ['CREATED'] })).toEqual([3003, 3000])
	expect(found({ toMs: since - 1 })).toEqual([])
	expect(found({ fromMs: world.nowMs })).toEqual([])
	const one = getEventReport(coreOf(world), 4_321)!
	expect(found({ text: one.eventId })).toEqual([4_321])
	// A look is 5000 events, or 1000 where their records are searched.
	expect(walk(world, { pageSize: 200, types: ['none'] }).pages).toBe(3)
	expect(walk(world, { pageSize: 200, text: 'nowhere' }).pages).toBe(12)
})

test('a page costs its rows: a moment is sought, gaps are passed over, a page of records has an end', async () => {
	const { world, since } = await long()
	const core = coreOf(world)
	const { sql } = core.ports
	let statements = 0
	const counted: Sql = {
		all: (query, ...values) => (statements++, sql.all(query, ...values)),
		each: (query, ...values) => (statements++, sql.each(query, ...values)),
		run: () => expect.unreachable('reading writes nothing'),
		transaction: (body) => body(),
	}
	core.ports.sql = counted
	expect(findLowerBound(counted, 'events', since + 5_000_000)).toBe(5_000)
	expect(statements).toBeLessThan(17)
	statements = 0
	expect(getEventPage(core, { pageSize: 100 })).toMatchObject({
		next: { number: ROWS - 99, atMs: since + (ROWS - 99) * 1000 },
	})
	// The events, and their notifications in one run.
	expect(statements).toBe(2)
	core.ports.sql = sql
	sql.run(`DELETE FROM events WHERE sequence BETWEEN 10 AND 11000`)
	expect(walk(world, { pageSize: 200, types: ['CREATED'] })).toMatchObject({ pages: 3 })
	expect(
		walk(world, { pageSize: 200, types: ['CREATED'] })
			.events.slice(-3)
			.map((event) => event.sequence),
	).toEqual([9, 6, 3])
	// Where it stood before it left.
	expect(findLowerBound(sql, 'events', since + 5_000_000)).toBe(10)
	const small = getEventPage(core, { pageSize: 200, characters: 100 })
	expect(small.events.length).toBeGreaterThan(1)
	expect(small.events.length).toBeLessThan(10)
	expect(small.next).not.toBeNull()
	// A record that alone has more than the page may hold is left out of it; one that is asked for by itself, or with no limit, has it.
	const record = JSON.stringify({ name: 'x'.repeat(200) })
	sql.run(`UPDATE events SET record = ? WHERE sequence = ?`, record, ROWS)
	expect(getEventPage(core, { pageSize: 2, characters: 100 }).events).toMatchObject([
		{ sequence: ROWS, record: null, withheld: record.length },
		{ sequence: ROWS - 1, record: expect.stringContaining('Name') },
	])
	expect([getEventPage(core, { pageSize: 1 }).events[0], getEventReport(core, ROWS)]).toMatchObject([
		{ record },
		{ record },
	])
})

test('what followed an event comes in order, as much as is asked for, and nothing is read while nothing follows', async () => {
	const { world } = await long()
	const core = coreOf(world)
	const tail = getEventTail(core, ROWS - 3, 2)
	expect(tail.events.map((event) => event.sequence)).toEqual([ROWS - 2, ROWS - 1])
	expect(tail).toMatchObject({ last: ROWS, running: true })
	expect(getEventTail(core, null, 5)).toEqual({ events: [], last: ROWS, running: true })
	const { sql } = core.ports
	core.ports.sql = { ...sql, each: () => expect.unreachable() }
	expect(getEventTail(core, ROWS, 5).events).toEqual([])
	core.ports.sql = sql
	await world.configure({ enabled: false })
	expect(getEventTail(coreOf(world), ROWS, 5).running).toBe(false)
})

test('events are counted by the hour as they come and are accepted, in a row a day once the day is over, and nothing is counted twice', async () => {
	const world = await worldAfterBaseline({
		resources: pollerResources('products'),
		pollIntervalMs: HOUR_MS,
		config: { delivery: { ...DEFAULT_DELIVERY, failurePolicy: 'queue', batch: 1 } },
	})
	const began = world.nowMs
	const products = liveIds(world, 'products')
	const sums = (): number[] => {
		const tally = tallyOf(coreOf(world), { fromMs: began, toMs: world.nowMs, unit: 'hour' })
		return ['count', 'success', 'failed'].map((what) => tally.reduce((sum, one) => sum + one[what as 'count'], 0))
	}
	await world.configure({ others: [{ number: 41, url: 'https://callback.example.com/second', topics: null }] })
	for (let round = 0; round < 30; round++) {
		world.answer = () => (round % 5 === 4 ? 404 : 204)
		world.store.act({
			do: 'edit',
			resource: 'products',
			id: products[round % products.length]!,
			set: { name: `Name ${round}` },
		})
		await world.advance(HOUR_MS)
		// The memory goes between settling and the next commit.
		world.evict()
	}
	// Two callbacks, and each event is counted once.
	expect(sums()).toEqual([30, 24, 6])
	expect(coreOf(world).state.counters.delivered).toBe(48)
	const days = world.sql.all<{ day: number }>(`SELECT day FROM days`).length
	expect([days, coreOf(world).state.tally.every(([hour]) => hour >= 24 * Math.floor(world.nowMs / DAY_MS))]).toEqual([
		1,
		true,
	])
	const byHour = tallyOf(coreOf(world), { fromMs: began, toMs: began + 5 * HOUR_MS, unit: 'hour' })
	expect(byHour.map((one) => [Math.ceil((one.atMs - began) / HOUR_MS), one.count])).toEqual(
		[1, 2, 3, 4, 5].map((hour) => [hour, 1]),
	)
	// All are updates, whether they are read from the day's row, from the state or from the log.
	for (const unit of ['hour', 'minute'] as const) {
		const types = tallyOf(coreOf(world), { fromMs: began, toMs: world.nowMs, unit }).map((one) => one.types!)
		expect(types.reduce((sum, one) => sum + one.updated, 0)).toBe(30)
		expect(types.every(({ created, deleted, unknown }) => created + deleted + unknown === 0)).toBe(true)
	}
	// Rows of earlier versions hold no types.
	const [row] = world.sql.all<{ day: number; hours: string }>(`SELECT day, hours FROM days`)
	const untyped = (JSON.parse(row!.hours) as number[][]).map((entry) => entry.slice(0, 3))
	world.sql.run(`UPDATE days SET hours = ?`, JSON.stringify(untyped))
	const earlier = tallyOf(coreOf(world), { fromMs: began, toMs: began + 5 * HOUR_MS, unit: 'hour' })
	expect(earlier.map(({ types }) => types)).toEqual(
		earlier.map(() => ({ created: 0, updated: 0, deleted: 0, unknown: 1 })),
	)
	world.sql.run(`UPDATE days SET hours = ?`, row!.hours)
	const byMinute = tallyOf(coreOf(world), { fromMs: began, toMs: world.nowMs, unit: 'minute' })
	expect(
		byMinute.reduce((sum, one) => [sum[0]! + one.count, sum[1]! + one.success, sum[2]! + one.failed], [0, 0, 0]),
	).toEqual([30, 24, 6])
	// What was given up and is released later counts for the hour in which it was recorded.
	world.answer = () => 204
	releaseSubscriptions(coreOf(world), {})
	await world.engine.sendDueDoorbell(coreOf(world))
	world.engine.updateAlarm(coreOf(world))
	await world.advance(2 * DAY_MS)
	expect(sums()).toEqual([30, 30, 0])
	expect(coreOf(world).state.counters.delivered).toBe(60)
})

test('a delivery of what was given up before is counted, also when the memory is lost right after it', async () => {
	const world = await worldAfterBaseline({
		resources: pollerResources('products'),
		pollIntervalMs: HOUR_MS,
		config: { delivery: { ...DEFAULT_DELIVERY, failurePolicy: 'queue', batch: 1 } },
	})
	world.answer = () => 404
	world.store.act({ do: 'edit', resource: 'products', id: liveIds(world, 'products')[0]!, set: { name: 'Name' } })
	await world.advance(HOUR_MS)
	const delivered = {
		delivered: true,
		status: 204,
		error: null,
		retryAfterMs: null,
		durationMs: 1,
		startedMs: world.nowMs,
		body: '',
		directive: null,
	}
	await world.engine.settle(coreOf(world).state.notification, 1, delivered, false)
	world.evict()
	expect(coreOf(world).state.counters.delivered).toBe(1)
	const tally = tallyOf(coreOf(world), { fromMs: 0, toMs: world.nowMs, unit: 'hour' })
	expect(tally).toMatchObject([{ count: 1, success: 1, failed: 0 }])
})

test('what was given up is found in the hour that recorded it: before thousands of later ones, formed long after, and unless another callback accepted it', async () => {
	const { world, since } = await long()
	const core = coreOf(world)
	const { sql } = core.ports
	sql.run(
		`INSERT INTO subscriptions (id, number, url, active, created) VALUES (2, 41, 'https://callback.example.com/second', 1, 0)`,
	)
	// Each event has two notifications: the first subscription gave all of them up, the second one accepted those of even numbers.
	sql.run(`DELETE FROM notifications`)
	sql.run(`UPDATE events SET notifications = json_array(2 * sequence, 2 * sequence + 1)`)
	sql.run(
		`INSERT INTO notifications (id, subscription, object_type, members, created, context, status, attempt, due, settled, updated, delivered)
		SELECT 2 * sequence + s.i, 1 + s.i, 'orders', '[[' || sequence || ',1,1]]', recorded, '{}', CASE WHEN s.i = 0 OR sequence % 2 = 1 THEN 'queued' ELSE 'delivered' END,
			1, 0, 5, 5, CASE WHEN s.i = 0 OR sequence % 2 = 1 THEN NULL ELSE 5 END FROM events, (SELECT 0 AS i UNION SELECT 1) AS s`,
	)
	// One that waited until all others were formed.
	sql.run(`UPDATE notifications SET members = '[]' WHERE id = 2 * 61`)
	sql.run(`UPDATE notifications SET members = '[[61,1,1]]' WHERE id = 2 * 9000`)
	sql.run(`UPDATE notifications SET members = '[]' WHERE id = 2 * 61 + 1`)
	let statements = 0
	core.ports.sql = {
		run: (query, ...values) => sql.run(query, ...values),
		transaction: (body) => body(),
		all: (query, ...values) => (statements++, sql.all(query, ...values)),
		each: (query, ...values) => (statements++, sql.each(query, ...values)),
	}
	const failed = (fromMs: number, toMs: number): number =>
		tallyOf(core, { fromMs, toMs, unit: 'second' }).reduce((sum, one) => sum + one.failed, 0)
	// The numbers 60 to 119.
	expect(failed(since + 60_000, since + 119_000)).toBe(30)
	// Not a statement a row: four moments are sought in some fifteen each, the rest are few.
	expect(statements).toBeLessThan(100)
})

test('counts finer than an hour read no more than they may', async () => {
	const { world, since } = await long()
	const counted = tallyOf(coreOf(world), {
		fromMs: since + 60_000,
		toMs: since + 119_999,
		unit: 'second',
	})
	expect(counted).toHaveLength(60)
	expect(counted[0]).toMatchObject({ count: 1 })
	coreOf(world).ports.sql.run(
		`INSERT INTO events SELECT sequence + 20000, tag, resource, object_type, object_id, object_sequence, previous, previous_event, type, date, ?, source, changed, flags, record, notifications, confirmed, lag, variations FROM events`,
		since + 3 * DAY_MS,
	)
	expect(getTally(coreOf(world), { fromMs: since, toMs: since + 4 * DAY_MS, unit: 'minute' })).toEqual({
		ok: false,
		reason: 'too-many',
	})
})

test('the timeline of an object has its events with what became of them, its state and its doubts, and reads nothing else of the log', async () => {
	const world = await worldAfterBaseline({
		resources: pollerResources('products', 'orders'),
		pollIntervalMs: MINUTE_MS,
		config: { delivery: { ...DEFAULT_DELIVERY, batch: 1 } },
	})
	const [id, other] = liveIds(world, 'products')
	for (let round = 0; round < 5; round++) {
		world.answer = () => (round === 2 ? 500 : 204)
		for (const one of [id!, other!])
			world.store.act({ do: 'edit', resource: 'products', id: one, set: { name: `Name ${round}` } })
		await world.advance(2 * MINUTE_MS)
	}
	await world.advance(HOUR_MS)
	const whole = getTimelineReport(coreOf(world), 'products', String(id), { pageSize: 50 })!
	expect(whole).toMatchObject({
		objectType: 'products',
		objectId: String(id),
		state: 'live',
		objectSequence: 5,
		firstSeenMs: null,
		heldSinceMs: null,
		lookup: null,
		next: null,
	})
	expect(whole.events.map((event) => [event.objectSequence, event.eventType, event.status])).toEqual(
		[1, 2, 3, 4, 5].map((n) => [n, 'UPDATED', 'NOTIFIED']),
	)
	// At once, after 5 s and after 15 s; a minute later the callback answers again.
	expect(whole.events.map((event) => event.deliveries.map((one) => one.tries.map(({ status }) => status)))).toEqual([
		[[204]],
		[[204]],
		[[500, 500, 500, 204]],
		[[204]],
		[[204]],
	])
	expect(whole.events.every((event) => event.deliveries.length === 1 && event.deliveries[0]!.body === null)).toBe(true)
	const pages: number[] = []
	for (let before: number | undefined; ;) {
		const page = getTimelineReport(coreOf(world), 'products', String(id), { pageSize: 2, before })!
		pages.unshift(...page.events.map((event) => event.objectSequence))
		if (page.next === null) break
		before = page.next.number
	}
	expect(pages).toEqual([1, 2, 3, 4, 5])
	// A place that is another object's is none of this one's.
	const foreign = getTimelineReport(coreOf(world), 'products', String(other), { pageSize: 50 })!.events[3]!.sequence
	expect(
		getTimelineReport(coreOf(world), 'products', String(id), { pageSize: 50, before: foreign })!.events.map((event) => [
			event.objectId,
			event.objectSequence,
		]),
	).toEqual([1, 2, 3].map((n) => [String(id), n]))
	// Records that an answer cannot hold together end a page early, and the next one goes on.
	world.sql.run(`UPDATE events SET record = ?`, JSON.stringify({ name: 'x'.repeat(3_000_000) }))
	const large = getTimelineReport(coreOf(world), 'products', String(id), { pageSize: 50 })!
	expect(large.events.map((event) => event.objectSequence)).toEqual([3, 4, 5])
	expect(
		getTimelineReport(coreOf(world), 'products', String(id), { pageSize: 50, before: large.next!.number })!.events.map(
			(event) => event.objectSequence,
		),
	).toEqual([1, 2])
	for (const [resource, object] of [
		['products', '999999'],
		['coupons', String(id)],
		['', ''],
	])
		expect(getTimelineReport(coreOf(world), resource!, object!, { pageSize: 5 })).toBeNull()
	world.store.act({ do: 'delete', resource: 'products', id: id! })
	await world.advance(5 * MINUTE_MS)
	const gone = getTimelineReport(coreOf(world), 'products', String(id), { pageSize: 50 })!
	expect([gone.state, gone.events.at(-1)!.eventType]).toEqual(['gone', 'DELETED'])
})

test('an event is NEW, RECEIVED, DISPATCHED, CONSUMED and NOTIFIED, one after the other §11.1', async () => {
	const world = await worldAfterBaseline({ resources: pollerResources('products'), pollIntervalMs: MINUTE_MS })
	const [id] = liveIds(world, 'products')
	const statuses = (): string[] => getEventPage(coreOf(world), { pageSize: 10 }).events.map((event) => event.status)
	const claimed = async () => {
		// As its breaker lets it through, which a callback that has failed is asked for first.
		const answer = await world.engine.claim(6, { subscription: 1, permits: 6, closed: true, only: null })
		if (answer === 'unknown') throw new Error(answer)
		return answer.claims
	}
	const settled = async (counter: number, attempt: number, status: number): Promise<void> => {
		const delivered = status < 300
		const outcome = {
			delivered,
			status,
			error: null,
			retryAfterMs: null,
			durationMs: 1,
			startedMs: world.nowMs,
			body: '',
			directive: null,
		}
		await world.engine.settle(counter, attempt, outcome, false)
	}
	// Nobody answers doorbells but this test.
	world.losesDoorbell = () => true
	for (const name of ['First', 'Second']) {
		world.store.act({ do: 'edit', resource: 'products', id: id!, set: { name } })
		await world.advance(2 * MINUTE_MS)
	}
	// The second one waits for the first one of its object: it is in no notification yet.
	expect(statuses()).toEqual(['NEW', 'RECEIVED'])
	const [first] = await claimed()
	expect(statuses()).toEqual(['NEW', 'DISPATCHED'])
	await settled(first!.notificationId % 1e9, first!.attempt, 500)
	expect(statuses()).toEqual(['NEW', 'CONSUMED'])
	await world.advance(MINUTE_MS)
	const [again] = await claimed()
	expect([again!.notificationId, again!.attempt, statuses()]).toEqual([first!.notificationId, 2, ['NEW', 'DISPATCHED']])
	await settled(again!.notificationId % 1e9, again!.attempt, 204)
	expect(statuses()).toEqual(['RECEIVED', 'NOTIFIED'])
})

test('bodies of notifications come as many as hold together, one at least, and none of what has left the log', async () => {
	const world = await worldAfterBaseline({
		resources: pollerResources('products'),
		pollIntervalMs: MINUTE_MS,
		config: { delivery: { ...DEFAULT_DELIVERY, batch: 1 } },
	})
	for (const id of liveIds(world, 'products').slice(0, 3))
		world.store.act({ do: 'edit', resource: 'products', id, set: { name: 'Changed' } })
	await world.advance(2 * MINUTE_MS)
	const bodies = world.arrivals.map(({ body }) => body)
	const counters = world.arrivals.map(({ notificationId }) => notificationId % 1e9)
	expect(bodies).toHaveLength(3)
	expect(getNotificationBodies(coreOf(world), [...counters, 999], 1e9)).toEqual([...bodies, null])
	expect(getNotificationBodies(coreOf(world), [999, ...counters], bodies[0]!.length + bodies[1]!.length)).toEqual([
		null,
		bodies[0],
		bodies[1],
	])
	expect(getNotificationBodies(coreOf(world), counters, 0)).toEqual([bodies[0]])
	expect(getNotificationBodies(coreOf(world), [], 0)).toEqual([])
})

test('a replay across instances is begun once by an object, however often it asks, and not at all where there is nothing to send', async () => {
	const world = await worldAfterBaseline({ resources: pollerResources('products'), pollIntervalMs: MINUTE_MS })
	const [id] = liveIds(world, 'products')
	world.store.act({ do: 'edit', resource: 'products', id: id!, set: { name: 'Once' } })
	await world.advance(5 * MINUTE_MS)
	const core = coreOf(world)
	expect(runReplay(core, { events: { resources: ['orders'] } }, false, 5)).toMatchObject({
		report: {
			id: null,
			total: 0,
			status: 'dry-run',
		},
	})
	expect(runReplay(core, { events: { fromMs: world.nowMs } }, false, 5)).toMatchObject({ report: { id: null } })
	const begun = runReplay(
		core,
		{ events: { resources: ['products'], fromMs: world.nowMs - HOUR_MS, toMs: world.nowMs } },
		false,
		5,
	)
	expect(begun).toMatchObject({ report: { id: 1, total: 1, status: 'running', job: 5 } })
	world.evict()
	expect(runReplay(coreOf(world), { events: { resources: ['products'] } }, false, 5)).toMatchObject({
		report: { id: 1, job: 5 },
	})
	expect(runReplay(coreOf(world), { events: { resources: ['products'] } }, false)).not.toHaveProperty('report.job')
	await world.engine.sendDueDoorbell(coreOf(world))
	world.engine.updateAlarm(coreOf(world))
	await world.advance(MINUTE_MS)
	expect(runReplay(coreOf(world), { events: { resources: ['products'] } }, false, 5)).toMatchObject({
		report: {
			id: 1,
			status: 'done',
			left: 0,
		},
	})
})
