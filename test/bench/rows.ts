/** Rows of an idle poll and rows of an event's whole way, counted by the real runtime; index rows, alarms and later pruning included. */
import { atMost, atSmallest, told, type Bench, type Context, type Row } from './bench.ts'
import type { Counts, RowCount } from './orders.ts'
import type { Shopbell } from './shopbell.ts'

const IDLE_POLLS = 9
/** Rows by which counts may differ between sizes. */
const READ_SLACK = 5
const WRITTEN_SLACK = 0.5
const ROUNDS = 10
const SETTLING = 2
/** Objects of these statuses are there to be edited. */
const WRITABLE = new Set(['publish', 'processing', 'completed', 'on-hold'])
/** A message is written, read and deleted. */
export const OPERATIONS = 3
const RETENTION_MS = 8 * 86_400_000

/** Rows of a count: the object's, an alarm being one that is written. */
function sum(counts: Counts): RowCount {
	const all = Object.values(counts.object)
	return { read: all.reduce((total, one) => total + one.read, 0), written: all.reduce((total, one) => total + one.written, counts.alarms) }
}

function sumD1(counts: Counts): RowCount {
	const all = Object.values(counts.d1)
	return { read: all.reduce((total, one) => total + one.read, 0), written: all.reduce((total, one) => total + one.written, 0) }
}

function merge(into: Counts, more: Counts): void {
	for (const where of ['object', 'd1'] as const) {
		for (const [table, { read, written }] of Object.entries(more[where])) {
			const to = (into[where][table] ??= { read: 0, written: 0 })
			to.read += read
			to.written += written
		}
	}
	into.alarms += more.alarms
	into.doorbells += more.doorbells
	into.rings += more.rings
	into.calls += more.calls
}

function nothing(): Counts {
	return { object: {}, d1: {}, alarms: 0, doorbells: 0, rings: 0, calls: 0 }
}

/** `objects 1, events 1, alarm 0.2`: rows written by table, an event. */
function split(counts: Counts, events: number): [string, number][] {
	const tables: [string, number][] = Object.entries(counts.object).map(([table, { written }]) => [table, written / events])
	return [...tables, ['alarm', counts.alarms / events] as [string, number]].filter(([, rows]) => rows > 0).toSorted((a, b) => b[1] - a[1])
}

/** Four resources, nothing happens; the object was out of memory before. */
export const idle: Bench = {
	name: 'idle',
	about: 'rows of an idle poll of four resources, alarm included',
	sizes: 'each',
	run: async (context) => {
		const bell = await context.shopbell()
		// The first pass of customers writes what later ones compare with.
		for (
			let reply = await bell.order('look'), steps = 0;
			reply.resources.some((one) => one.objectType === 'customers' && one.rereadDoneMs === null);
			steps++
		) {
			if (steps % 20 === 19) context.say(`${steps} polls of the first pass of customers`)
			reply = await bell.poll()
		}
		const polls: { object: RowCount; d1: RowCount; requests: number; counts: Counts }[] = []
		const everything = nothing()
		await bell.counts()
		for (let poll = 0; poll < IDLE_POLLS; poll++) {
			let requests = 0
			await bell.poll({
				before: async () => {
					merge(everything, await bell.counts())
					await bell.evict()
					requests = bell.store.requests
				},
			})
			const counts = await bell.counts()
			merge(everything, counts)
			polls.push({ object: sum(counts), d1: sumD1(counts), requests: bell.store.requests - requests, counts })
		}
		// Once an hour a window, the status row and pruning come on top: polls without them are the idle ones.
		const least = Math.min(...polls.map(({ object }) => object.written))
		const idlePolls = polls.filter(({ object, d1 }) => object.written === least && d1.written === 0)
		const written = Math.max(...idlePolls.map(({ object }) => object.written))
		const read = Math.max(...idlePolls.map(({ object }) => object.read))
		for (const { counts, requests } of polls)
			context.say(`${requests} requests: ${JSON.stringify(counts.object)}, alarms ${counts.alarms}, D1 ${JSON.stringify(counts.d1)}`)
		if (idlePolls.length < IDLE_POLLS / 2) context.say(`only ${idlePolls.length} of ${IDLE_POLLS} polls were idle`)
		const { n } = context
		const all = sum(everything)
		const asked = polls.reduce((total, { requests }) => total + requests, 0)
		const rows = [
			atMost('idle/rows written a poll, alarm included', n, written, 'rows', 2),
			atMost('idle/rows read a poll', n, read, 'rows', 50),
			told('idle/rows of D1 read a poll', n, Math.max(...idlePolls.map(({ d1 }) => d1.read)), 'rows'),
			told('idle/rows written a poll, mean with what is hourly', n, all.written / IDLE_POLLS, 'rows'),
			told('idle/rows read a poll, mean with what is hourly', n, all.read / IDLE_POLLS, 'rows'),
			told('idle/rows of D1 written a poll, mean with what is hourly', n, sumD1(everything).written / IDLE_POLLS, 'rows'),
			told('idle/rows of D1 read a poll, mean with what is hourly', n, sumD1(everything).read / IDLE_POLLS, 'rows'),
			told('idle/alarms a poll, mean with what is hourly', n, everything.rings / IDLE_POLLS, 'object requests'),
			told('idle/store requests a poll, mean with what is hourly', n, asked / IDLE_POLLS, 'requests'),
			told('idle/storage an object of the store', n, (await bell.order('look')).storedBytes / (4 * n), 'bytes'),
		]
		return [...rows, ...same(context, rows[0]!, 0), ...same(context, rows[1]!, READ_SLACK)]
	},
}

/** A count that must be what it was at the smallest size; `slack`: by how much what is hourly may shift it. */
function same(context: Context, row: Row, slack: number): Row[] {
	const small = atSmallest(context, row.bench)
	if (small === undefined) return []
	const more = row.value - small.value
	return [
		{
			...told(`${row.bench}, more than at ${context.smallest}`, context.n, more, row.unit),
			target: slack === 0 ? '= 0' : `± ${slack}`,
			ok: Math.abs(more) <= slack,
		},
	]
}

/** From a change at the store to its notification being settled and, days later, pruned. */
export const events: Bench = {
	name: 'events',
	about: 'rows written per event on its whole way, by table',
	sizes: 'each',
	run: async (context) => {
		const bell = await context.shopbell()
		const rows: Row[] = []
		for (const [changes, limit] of [
			[10, 6],
			[1, 12],
		] as const) {
			for (const resource of ['products', 'orders'] as const) {
				context.say(`${changes} ${resource} a poll`)
				const { counts, events: rung, notifications, stored } = await wholeWay(bell, resource, changes)
				const name = `events/${changes === 1 ? 'one change' : 'ten changes'} a notification, ${resource}`
				if (notifications !== rung / changes) context.say(`${rung} events in ${notifications} notifications`)
				const total = atMost(`${name}: rows written an event`, context.n, sum(counts).written / rung, 'rows', limit)
				rows.push(total)
				for (const [table, written] of split(counts, rung)) rows.push(told(`${name}: ${table}`, context.n, written, 'rows'))
				rows.push(
					told(`${name}: rows read an event`, context.n, sum(counts).read / rung, 'rows'),
					told(`${name}: rows of D1 written an event`, context.n, sumD1(counts).written / rung, 'rows'),
					told(`${name}: doorbells an event`, context.n, counts.doorbells / rung, 'messages'),
					told(`${name}: queue operations an event`, context.n, (OPERATIONS * counts.doorbells) / rung, 'operations'),
					told(`${name}: object calls an event, alarms included`, context.n, (counts.calls + counts.rings) / rung, 'calls'),
					told(`${name}: storage an event`, context.n, stored / rung, 'bytes'),
				)
				rows.push(...same(context, total, WRITTEN_SLACK))
			}
		}
		return rows
	},
}

/** Rounds of a few changes each, every round seen by one poll; then retention has passed. */
async function wholeWay(
	bell: Shopbell,
	resource: 'products' | 'orders',
	changes: number,
): Promise<{ counts: Counts; events: number; notifications: number; stored: number }> {
	const counts = nothing()
	// Re-reads that fell due meanwhile come first: they are no part of an event's way, nor are the digests of pages that the first one writes.
	for (let polls = 0, wrote = 0; polls < SETTLING || wrote > 0; polls++) {
		await bell.counts()
		await bell.poll()
		wrote = (await bell.counts()).object['pages']?.written ?? 0
	}
	const before = await bell.order('look')
	const ids = [...bell.store.state(resource)].filter(([, record]) => WRITABLE.has(String(record['status']))).map(([id]) => id)
	for (let round = 0; round < ROUNDS; round++) {
		await bell.poll({
			before: async () => {
				await bell.counts()
				for (const id of ids.slice(round * changes, (round + 1) * changes)) bell.store.act({ do: 'edit', resource, id, via: 'rest' })
				// Later than the newest stamp that the store may have given.
				bell.pass(1_500)
			},
		})
		merge(counts, await bell.counts())
	}
	const after = await bell.order('look')
	await bell.counts()
	await bell.order('prune', RETENTION_MS)
	merge(counts, await bell.counts())
	return {
		counts,
		events: after.events - before.events,
		notifications: after.notifications - before.notifications,
		stored: after.storedBytes - before.storedBytes,
	}
}
