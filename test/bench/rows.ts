/** Rows of an idle poll and rows of an event's whole way, counted by the real runtime; index rows, alarms and later pruning included. */
import { atMost, atSmallest, reported, type Bench, type BenchContext, type BenchRow } from './bench.ts'
import type { BenchCounts, RowCount } from './commands.ts'
import type { Shopbell } from './shopbell.ts'

const IDLE_POLLS = 18
/** Rows by which counts may differ between sizes. */
const READ_TOLERANCE = 5
const WRITTEN_TOLERANCE = 0.5
const ROUNDS = 10
const SETTLING_POLLS = 2
/** Objects of these statuses are there to be edited. */
const EDITABLE_STATUSES = new Set(['publish', 'processing', 'completed', 'on-hold'])
/** A message is written, read and deleted. */
export const OPERATIONS_PER_MESSAGE = 3
const RETENTION_MS = 8 * 86_400_000

/** Rows of a count: the object's, an alarm being one that is written. */
function sumRows(counts: BenchCounts): RowCount {
	const all = Object.values(counts.object)
	return {
		read: all.reduce((total, table) => total + table.read, 0),
		written: all.reduce((total, table) => total + table.written, counts.alarms),
	}
}

function sumD1Rows(counts: BenchCounts): RowCount {
	const all = Object.values(counts.d1)
	return {
		read: all.reduce((total, table) => total + table.read, 0),
		written: all.reduce((total, table) => total + table.written, 0),
	}
}

function addCounts(into: BenchCounts, added: BenchCounts): void {
	for (const where of ['object', 'd1'] as const) {
		for (const [table, { read, written }] of Object.entries(added[where])) {
			const to = (into[where][table] ??= { read: 0, written: 0 })
			to.read += read
			to.written += written
		}
	}
	into.alarms += added.alarms
	into.doorbells += added.doorbells
	into.alarmRuns += added.alarmRuns
	into.calls += added.calls
}

function emptyCounts(): BenchCounts {
	return { object: {}, d1: {}, alarms: 0, doorbells: 0, alarmRuns: 0, calls: 0 }
}

/** `objects 1, events 1, alarm 0.2`: rows written by table, an event. */
function writtenByTable(counts: BenchCounts, events: number): [string, number][] {
	const tables: [string, number][] = Object.entries(counts.object).map(([table, { written }]) => [
		table,
		written / events,
	])
	return [...tables, ['alarm', counts.alarms / events] as [string, number]]
		.filter(([, rows]) => rows > 0)
		.toSorted((a, b) => b[1] - a[1])
}

/** Four resources, nothing happens; the object was out of memory before. */
export const idleBench: Bench = {
	name: 'idle',
	about: 'rows of an idle poll of four resources, alarm included',
	sizes: 'each',
	run: async (context) => {
		const shopbell = await context.shopbell()
		// The first pass of customers writes what later ones compare with.
		for (
			let reply = await shopbell.sendCommand('look'), steps = 0;
			reply.resources.some((resource) => resource.objectType === 'customers' && resource.rereadDoneMs === null);
			steps++
		) {
			if (steps % 20 === 19) context.log(`${steps} polls of the first pass of customers`)
			reply = await shopbell.poll()
		}
		const polls: { object: RowCount; d1: RowCount; requests: number; counts: BenchCounts }[] = []
		const everything = emptyCounts()
		await shopbell.takeCounts()
		for (let poll = 0; poll < IDLE_POLLS; poll++) {
			let requests = 0
			await shopbell.poll({
				before: async () => {
					const between = await shopbell.takeCounts()
					if (between.alarmRuns > 0)
						context.log(`${between.alarmRuns} alarms of their own before poll ${poll + 1}: ${JSON.stringify(between)}`)
					addCounts(everything, between)
					await shopbell.evict()
					requests = shopbell.store.requests
				},
			})
			const counts = await shopbell.takeCounts()
			addCounts(everything, counts)
			polls.push({
				object: sumRows(counts),
				d1: sumD1Rows(counts),
				requests: shopbell.store.requests - requests,
				counts,
			})
		}
		// Once an hour a window, the status row and pruning come on top: polls without them are the idle ones.
		const fewestWritten = Math.min(...polls.map(({ object }) => object.written))
		const idlePolls = polls.filter(({ object, d1 }) => object.written === fewestWritten && d1.written === 0)
		const written = Math.max(...idlePolls.map(({ object }) => object.written))
		const read = Math.max(...idlePolls.map(({ object }) => object.read))
		for (const { counts, requests } of polls)
			context.log(
				`${requests} requests: ${JSON.stringify(counts.object)}, alarms ${counts.alarms}, alarm runs ${counts.alarmRuns}, D1 ${JSON.stringify(counts.d1)}`,
			)
		if (idlePolls.length < IDLE_POLLS / 2) context.log(`only ${idlePolls.length} of ${IDLE_POLLS} polls were idle`)
		const { n } = context
		const all = sumRows(everything)
		const storeRequests = polls.reduce((total, { requests }) => total + requests, 0)
		const rows = [
			atMost('idle/rows written a poll, alarm included', n, written, 'rows', 2),
			atMost('idle/rows read a poll', n, read, 'rows', 50),
			reported('idle/rows of D1 read a poll', n, Math.max(...idlePolls.map(({ d1 }) => d1.read)), 'rows'),
			reported('idle/rows written a poll, mean with what is hourly', n, all.written / IDLE_POLLS, 'rows'),
			reported('idle/rows read a poll, mean with what is hourly', n, all.read / IDLE_POLLS, 'rows'),
			reported(
				'idle/rows of D1 written a poll, mean with what is hourly',
				n,
				sumD1Rows(everything).written / IDLE_POLLS,
				'rows',
			),
			reported(
				'idle/rows of D1 read a poll, mean with what is hourly',
				n,
				sumD1Rows(everything).read / IDLE_POLLS,
				'rows',
			),
			reported('idle/alarms a poll, mean with what is hourly', n, everything.alarmRuns / IDLE_POLLS, 'object requests'),
			reported('idle/store requests a poll, mean with what is hourly', n, storeRequests / IDLE_POLLS, 'requests'),
			reported(
				'idle/storage an object of the store',
				n,
				(await shopbell.sendCommand('look')).storedBytes / (4 * n),
				'bytes',
			),
		]
		return [...rows, ...sameAsSmallest(context, rows[0]!, 0), ...sameAsSmallest(context, rows[1]!, READ_TOLERANCE)]
	},
}

/** A count that must be what it was at the smallest size; `slack`: by how much what is hourly may shift it. */
function sameAsSmallest(context: BenchContext, row: BenchRow, slack: number): BenchRow[] {
	const smallestRow = atSmallest(context, row.bench)
	if (smallestRow === undefined) return []
	const growth = row.value - smallestRow.value
	return [
		{
			...reported(`${row.bench}, more than at ${context.smallest}`, context.n, growth, row.unit),
			target: slack === 0 ? '= 0' : `± ${slack}`,
			ok: Math.abs(growth) <= slack,
		},
	]
}

/** From a change at the store to its notification being settled and, days later, pruned. */
export const eventsBench: Bench = {
	name: 'events',
	about: 'rows written per event on its whole way, by table',
	sizes: 'each',
	run: async (context) => {
		const shopbell = await context.shopbell()
		const rows: BenchRow[] = []
		for (const [changes, limit] of [
			[10, 6],
			[1, 14],
		] as const) {
			for (const resource of ['products', 'orders'] as const) {
				context.log(`${changes} ${resource} a poll`)
				const {
					counts,
					events: emitted,
					notifications,
					stored,
				} = await measureEventLifecycle(shopbell, resource, changes)
				const name = `events/${changes === 1 ? 'one change' : 'ten changes'} a notification, ${resource}`
				if (notifications !== emitted / changes) context.log(`${emitted} events in ${notifications} notifications`)
				const total = atMost(
					`${name}: rows written an event`,
					context.n,
					sumRows(counts).written / emitted,
					'rows',
					limit,
				)
				rows.push(total)
				context.log(`object ${JSON.stringify(counts.object)}, D1 ${JSON.stringify(counts.d1)}`)
				for (const [table, written] of writtenByTable(counts, emitted))
					rows.push(reported(`${name}: ${table}`, context.n, written, 'rows'))
				rows.push(
					reported(`${name}: rows read an event`, context.n, sumRows(counts).read / emitted, 'rows'),
					reported(`${name}: rows of D1 written an event`, context.n, sumD1Rows(counts).written / emitted, 'rows'),
					reported(`${name}: doorbells an event`, context.n, counts.doorbells / emitted, 'messages'),
					reported(
						`${name}: queue operations an event`,
						context.n,
						(OPERATIONS_PER_MESSAGE * counts.doorbells) / emitted,
						'operations',
					),
					reported(
						`${name}: object calls an event, alarms included`,
						context.n,
						(counts.calls + counts.alarmRuns) / emitted,
						'calls',
					),
					reported(`${name}: storage an event`, context.n, stored / emitted, 'bytes'),
				)
				rows.push(...sameAsSmallest(context, total, WRITTEN_TOLERANCE))
			}
		}
		return rows
	},
}

/** Rounds of a few changes each, every round seen by one poll; then retention has passed. */
async function measureEventLifecycle(
	shopbell: Shopbell,
	resource: 'products' | 'orders',
	changes: number,
): Promise<{ counts: BenchCounts; events: number; notifications: number; stored: number }> {
	const counts = emptyCounts()
	// Re-reads that fell due meanwhile come first: they are no part of an event's way, nor are the digests of pages that the first one writes.
	for (let polls = 0, wrote = 0; polls < SETTLING_POLLS || wrote > 0; polls++) {
		await shopbell.takeCounts()
		await shopbell.poll()
		wrote = (await shopbell.takeCounts()).object['pages']?.written ?? 0
	}
	const before = await shopbell.sendCommand('look')
	const ids = [...shopbell.store.state(resource)]
		.filter(([, record]) => EDITABLE_STATUSES.has(String(record['status'])))
		.map(([id]) => id)
	for (let round = 0; round < ROUNDS; round++) {
		await shopbell.poll({
			before: async () => {
				await shopbell.takeCounts()
				for (const id of ids.slice(round * changes, (round + 1) * changes))
					shopbell.store.act({ do: 'edit', resource, id, via: 'rest' })
				// Later than the newest stamp that the store may have given.
				shopbell.advanceClock(1_500)
			},
		})
		// A delivery that ends after the poll is told of by an alarm of its own.
		const { armedMs, nextPollMs } = await shopbell.sendCommand('look')
		if (armedMs !== null && armedMs < (nextPollMs ?? Infinity)) await shopbell.runAlarm()
		addCounts(counts, await shopbell.takeCounts())
	}
	const after = await shopbell.sendCommand('look')
	await shopbell.takeCounts()
	await shopbell.sendCommand('prune', RETENTION_MS)
	addCounts(counts, await shopbell.takeCounts())
	return {
		counts,
		events: after.events - before.events,
		notifications: after.notifications - before.notifications,
		stored: after.storedBytes - before.storedBytes,
	}
}
