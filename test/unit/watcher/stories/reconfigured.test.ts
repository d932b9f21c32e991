/** Calls and settings that arrive at awkward moments: during a run, late, twice, after years without events, or not at all. */
import { expect, test } from 'vitest'
import { claimDue } from '../../../../src/watcher/outbox/claim.ts'
import { getEventPage } from '../../../../src/watcher/queries/log-pages.ts'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import { decideDeletions, requestPoll } from '../../../../src/watcher/polling/commands.ts'
import { World } from '../../../support/world.ts'
import {
	DAY_MS,
	pollerResources,
	HOUR_MS,
	liveIds,
	worldAfterBaseline,
	MINUTE_MS,
	getResourceState,
	arrivalsSince,
} from '../../../support/stories.ts'
import type { LoadedConfig } from '../../../../src/rpc/config.ts'
import { refused } from '../../../../src/lib/result.ts'

test('a poll that is asked for while one runs follows it, however long the interval', async () => {
	const world = await worldAfterBaseline({ pollIntervalMs: 999_999 * MINUTE_MS })
	const core = world.engine.getCore()!
	const before = core.state.lastRunId
	const fetch = world.store.fetch.bind(world.store)
	let asked = false
	world.store.fetch = (request) => {
		if (!asked) expect(requestPoll(core, 'window')).toMatchObject({ state: 'queued', run: String(before + 2) })
		asked = true
		return fetch(request)
	}
	requestPoll(core, 'window')
	world.engine.updateAlarm(core)
	await world.advance(10 * MINUTE_MS)
	expect(core.state.lastRunId).toBe(before + 2)
})

// What becomes of 999999999 minutes is in test/unit/instances/config.test.ts.
test('a very large interval: the store is never asked by itself, and at once when somebody asks for a poll §2.3', async () => {
	const world = await worldAfterBaseline({ pollIntervalMs: 3650 * DAY_MS, config: { rereadHours: 0 } })
	const before = world.store.requests
	const [made] = world.store.act({ do: 'create', resource: 'coupons' })
	for (let month = 0; month < 13; month++) {
		await world.advance(30 * DAY_MS)
		// As the cron wakes it.
		await world.engine.refreshConfig(world.engine.getCore()!)
		world.engine.updateAlarm(world.engine.getCore()!)
	}
	expect(world.store.requests).toBe(before)
	expect(arrivalsSince(world)).toEqual([])
	const core = world.engine.getCore()!
	requestPoll(core, 'window')
	world.engine.updateAlarm(core)
	await world.advance(MINUTE_MS)
	expect(arrivalsSince(world)).toEqual([`CREATED discounts ${made!.id}`])
})

test('a collection that was polled by dates alone is learned in silence when it gets an index; what changed on the way is emitted once', async () => {
	const indexed = (filterByUpdatedDate: boolean): object => ({
		configuration: {
			'event.poller.configuration': JSON.stringify({ orders: { url: '/orders', filterByUpdatedDate } }),
		},
	})
	const world = await worldAfterBaseline({
		resources: { orders: { url: '/orders', filterByUpdatedDate: false } },
		pollIntervalMs: 10 * MINUTE_MS,
	})
	const edit = async (nth: number, ring: string[]): Promise<void> => {
		const from = world.arrivals.length
		world.store.act({
			do: 'edit',
			resource: 'orders',
			id: liveIds(world, 'orders')[nth]!,
			set: { status: 'completed' },
		})
		world.nowMs += 5_000
		await world.configure(indexed(nth % 2 === 0))
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world, from)).toEqual(ring)
	}
	await edit(2, [`UPDATED orders ${liveIds(world, 'orders')[2]}`])
	await edit(3, [`UPDATED orders ${liveIds(world, 'orders')[3]}`])
	await edit(4, [`UPDATED orders ${liveIds(world, 'orders')[4]}`])
})

test('a record too large to keep, of a collection that is polled by dates alone, says where it is', async () => {
	const world = await worldAfterBaseline({
		resources: { orders: { url: '/orders', filterByUpdatedDate: false } },
		pollIntervalMs: 10 * MINUTE_MS,
	})
	const id = liveIds(world, 'orders')[1]!
	world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note: 'x'.repeat(1_600_000) } })
	await world.advance(HOUR_MS)
	expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
	expect(JSON.parse(world.arrivals[0]!.body).message.raw.orders).toEqual([{ id, tooLarge: true }])
})

test('another id field is another index: learned in silence; what changed on the way is emitted once, under its new id', async () => {
	const by = (idField?: string) => ({ orders: { url: '/orders', ...(idField === undefined ? {} : { idField }) } })
	const world = await worldAfterBaseline({ resources: by(), pollIntervalMs: 10 * MINUTE_MS })
	const { identity, number } = getResourceState(world, 'orders')
	const keyOf = (id: number): string => String(world.store.state('orders').get(id)!['order_key'])
	const [first, second] = liveIds(world, 'orders')
	let notes = 0
	const change = async (id: number, idField: string | undefined): Promise<string[]> => {
		const from = world.arrivals.length
		world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note: `Note ${++notes}` } })
		world.nowMs += 5_000
		await world.configure({ configuration: { 'event.poller.configuration': JSON.stringify(by(idField)) } })
		await world.advance(HOUR_MS)
		return arrivalsSince(world, from)
	}
	// Said in other words it is the same.
	expect(await change(first!, 'id')).toEqual([`UPDATED orders ${first}`])
	expect(getResourceState(world, 'orders').number).toBe(number)
	expect(await change(second!, '$.order_key')).toEqual([`UPDATED orders ${keyOf(second!)}`])
	expect(getResourceState(world, 'orders')).toMatchObject({
		identity,
		listed: liveIds(world, 'orders').length,
		baseline: null,
	})
	const from = world.arrivals.length
	world.store.act({ do: 'edit', resource: 'orders', id: first!, set: { customer_note: 'The last' } })
	await world.advance(HOUR_MS)
	expect(arrivalsSince(world, from)).toEqual([`UPDATED orders ${keyOf(first!)}`])
	expect(world.sql.all(`SELECT DISTINCT typeof(id) AS type FROM objects`)).toEqual([{ type: 'text' }])
})

test('what happened before events were switched on is not emitted, what happens after is', async () => {
	const world = await World.create({ config: { eventsEnabled: false }, pollIntervalMs: 5 * MINUTE_MS })
	await world.advance(HOUR_MS)
	world.store.act({ do: 'create', resource: 'orders', set: {} })
	world.store.act({ do: 'edit', resource: 'products', id: liveIds(world, 'products')[0]!, set: { name: 'New' } })
	await world.advance(HOUR_MS)
	expect(world.store.log.length).toBeLessThan(15)
	await world.configure({ eventsEnabled: true })
	await world.advance(HOUR_MS)
	expect(arrivalsSince(world)).toEqual([])
	const [made] = world.store.act({ do: 'create', resource: 'coupons', set: {} })
	await world.advance(HOUR_MS)
	expect(arrivalsSince(world)).toEqual([`CREATED discounts ${made!.id}`])
})

test('two calls at once make one instance', async () => {
	const world = await World.create()
	world.sql.db.exec('DELETE FROM instance; DELETE FROM state')
	world.evict()
	expect((await Promise.all([world.engine.create(7), world.engine.create(7)])).sort()).toEqual(['created', 'exists'])
	expect(world.engine.getCore()!.state.resources.map((rs) => rs.objectType)).toHaveLength(4)
})

test('an old answer of D1 that comes late does not undo a newer one', async () => {
	const world = await worldAfterBaseline()
	const core = world.engine.getCore()!
	const old = world.config
	let answer: (loaded: LoadedConfig) => void = () => undefined
	core.ports.loadConfig = () => new Promise((resolve) => (answer = resolve))
	const late = world.engine.refreshConfig(core)
	core.ports.loadConfig = async () => ({ ok: true, config: world.config })
	await world.configure({ callbackUrl: 'https://new.example.com/' })
	answer({ ok: true, config: old })
	await late
	expect(core.config.callbackUrl).toBe('https://new.example.com/')
})

test('a row that was away for a moment brings its instance back', async () => {
	const world = await worldAfterBaseline()
	const core = world.engine.getCore()!
	core.ports.loadConfig = async () => refused('missing')
	await world.engine.refreshConfig(core)
	expect(core.state.paused).toBe(true)
	core.ports.loadConfig = async () => ({ ok: true, config: world.config })
	await world.engine.refreshConfig(core)
	expect(core.state.paused).toBe(false)
})

test('another site behind the same address is learned anew, though the call that would have said so was lost', async () => {
	const world = await worldAfterBaseline({ pollIntervalMs: 5 * MINUTE_MS })
	for (const id of liveIds(world, 'orders').slice(0, 3))
		world.store.act({ do: 'edit', resource: 'orders', id, set: { status: 'completed' } })
	world.nowMs += 5_000
	const connection = { ...world.config.connection, home: 'https://other.example.com' }
	world.config = { ...world.config, version: world.config.version + 1, connection }
	await world.advance(HOUR_MS)
	expect(arrivalsSince(world)).toEqual([])
	const [made] = world.store.act({ do: 'create', resource: 'coupons', set: {} })
	await world.advance(HOUR_MS)
	expect(arrivalsSince(world)).toEqual([`CREATED discounts ${made!.id}`])
})

test('a failure inside Shopbell shows in the health, keeps no other resource waiting and heals by itself', async () => {
	const world = await worldAfterBaseline({ pollIntervalMs: 5 * MINUTE_MS })
	const core = world.engine.getCore()!
	const { element } = core.ports
	core.ports.element = (config) => ({
		...element(config),
		parseRecord: (resource, record, profile) => {
			if (resource.objectType === 'customers' && world.nowMs < broken) throw new RangeError('a record that breaks it')
			return element(config).parseRecord(resource, record, profile)
		},
	})
	const broken = world.nowMs + HOUR_MS
	const [made] = world.store.act({ do: 'create', resource: 'coupons', set: {} })
	await world.advance(30 * MINUTE_MS)
	expect(buildHealth(core)).toMatchObject({
		state: 'store-unreachable',
		reason: expect.stringContaining('inside Shopbell'),
	})
	expect(getResourceState(world, 'customers').error).toMatchObject({ kind: 'internal' })
	expect(arrivalsSince(world)).toEqual([`CREATED discounts ${made!.id}`])
	await world.advance(2 * HOUR_MS)
	expect(buildHealth(core).state).toBe('healthy')
})

test('3.5 a store’s clock that is a day ahead and is set right again hides nothing', async () => {
	const world = await worldAfterBaseline({
		resources: pollerResources('orders'),
		store: { orders: 'hpos', objects: { orders: 60 } },
		pollIntervalMs: 15 * MINUTE_MS,
	})
	world.store.setFaults({ skewSeconds: 86_400 })
	await world.advance(2 * HOUR_MS)
	expect(getResourceState(world, 'orders').cursorMs).toBeGreaterThan(world.nowMs + 23 * HOUR_MS)
	world.store.setFaults({})
	await world.advance(2 * HOUR_MS)
	expect(getResourceState(world, 'orders').cursorMs).toBeLessThanOrEqual(world.nowMs)
	const edited = liveIds(world, 'orders').slice(0, 30)
	for (const id of edited)
		world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note: `Edited ${id}` } })
	await world.advance(HOUR_MS)
	expect(arrivalsSince(world).sort()).toEqual(edited.map((id) => `UPDATED orders ${id}`).sort())
})

test('a large collection that is polled by dates alone is read from its newest end, as far as it changed §10.7', async () => {
	const world = await worldAfterBaseline({
		resources: { orders: { url: '/orders', filterByUpdatedDate: false } },
		store: { objects: { orders: 3_000, products: 0, coupons: 0, customers: 0 } },
		pollIntervalMs: 10 * MINUTE_MS,
	})
	const edited = liveIds(world, 'orders')[2_500]!
	const made = world.store.act({ do: 'place-order' }).find((entry) => entry.resource === 'orders')!.id
	world.store.act({ do: 'edit', resource: 'orders', id: edited, set: { status: 'completed' } })
	const asked = world.store.log.length
	await world.advance(20 * MINUTE_MS)
	expect(arrivalsSince(world).sort()).toEqual([`CREATED orders ${made}`, `UPDATED orders ${edited}`])
	expect(world.store.log.length - asked).toBe(2)
})

test('a record that fits in characters but not in bytes is emitted without its content §10.9', async () => {
	const world = await worldAfterBaseline({ resources: pollerResources('products') })
	const { id } = world.store.act({ do: 'create', resource: 'products', set: { description: '語'.repeat(700_000) } })[0]!
	await world.advance(5 * MINUTE_MS)
	expect(world.arrivals).toMatchObject([
		{ eventType: 'CREATED', objectId: String(id), tooLarge: true, record: { id, tooLarge: true } },
	])
})

test('a page of the log with heavy records ends early and says where it goes on', async () => {
	const world = await worldAfterBaseline({ resources: pollerResources('products'), config: { callbackUrl: null } })
	for (let n = 0; n < 12; n++)
		world.store.act({ do: 'create', resource: 'products', set: { description: 'x'.repeat(1_000_000) } })
	await world.advance(5 * MINUTE_MS)
	const core = world.engine.getCore()!
	const first = getEventPage(core, { pageSize: 200 })
	const second = getEventPage(core, { pageSize: 200, before: first.next!.number })
	expect(first.events.length).toBeLessThan(10)
	expect([...first.events, ...second.events].map((one) => one.sequence)).toEqual(
		Array.from({ length: 12 }, (_, n) => 12 - n),
	)
	expect(second.next).toBeNull()
})

test.each([
	['the next re-read has not begun', 0],
	['the next re-read has found them missing again', 200],
])('deletions that are let go while %s are not held again', async (_when, found) => {
	const world = await worldAfterBaseline({
		resources: pollerResources('products'),
		store: { objects: { orders: 0, products: 800, coupons: 0, customers: 0 } },
	})
	const gone = liveIds(world, 'products').slice(5, 205)
	for (const id of gone) world.store.act({ do: 'delete', resource: 'products', id })
	let decided = 0
	world.meanwhile = () => {
		const rs = getResourceState(world, 'products')
		if (decided > 0 || rs.heldSinceMs === null) return
		rs.rereadAsked = true
		if ((rs.reread?.missing ?? 0) >= found) decided = decideDeletions(world.engine.getCore()!, 'emit')
	}
	await world.advance(30 * MINUTE_MS)
	expect(decided).toBe(gone.length)
	expect(arrivalsSince(world)).toHaveLength(gone.length)
	expect(getResourceState(world, 'products').heldSinceMs).toBeNull()
})

test('a claim of several notifications stays within what an RPC answer holds, also where a heavy one follows a light one', async () => {
	const world = await worldAfterBaseline({ resources: pollerResources('products'), pollIntervalMs: 30 * MINUTE_MS })
	world.losesDoorbell = () => true
	const make = async (count: number): Promise<void> => {
		for (let n = 0; n < count; n++)
			world.store.act({ do: 'create', resource: 'products', set: { description: `語${'x'.repeat(1_400_000)}` } })
		await world.advance(30 * MINUTE_MS)
	}
	await make(5)
	await make(10)
	const core = world.engine.getCore()!
	let events = 0
	for (let calls = 0; calls < 4; calls++) {
		const { claims } = claimDue(core, 6)
		expect(claims.length).toBeGreaterThan(0)
		expect(claims.reduce((bytes, one) => bytes + 2 * one.body.length, 0)).toBeLessThan(32 * 2 ** 20)
		for (const { body } of claims)
			events += (JSON.parse(body) as { message: { events: unknown[] } }).message.events.length
	}
	expect(events).toBe(15)
	expect(claimDue(core, 6)).toEqual({ claims: [], more: false, asks: [] })
})
