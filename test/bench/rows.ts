/** Rows of an idle poll and rows of an event's whole way, counted by the real runtime; index rows, alarms and later pruning included. */
import { atMost, atSmallest, reported, type Bench, type BenchContext, type BenchRow } from './bench.ts'
import type { BenchCounts, RowCount } from './commands.ts'
import { USUAL_INTERVAL, type Shopbell } from './shopbell.ts'

/** Minutes between polls whose means are measured, and for how many hours. */
export const IDLE_INTERVALS = [5, 15, 60] as const
const IDLE_HOURS = 4
/** … at which the pass rests most of the time, and how many are measured. */
const RESTING_INTERVAL = 1
const RESTING_POLLS = 40
/** Resources of the bench's instance: requests of an idle poll. */
const RESOURCES = 4
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

/** What a number of polls took. */
interface IdleCounts {
	polls: { object: RowCount; d1: RowCount; requests: number }[]
	everything: BenchCounts
	/** Requests to the store, also of alarms between polls. */
	requests: number
}

/** Polls so many minutes apart while nothing happens; the object is evicted before each. */
async function countIdlePolls(
	context: BenchContext,
	shopbell: Shopbell,
	minutes: number,
	count: number,
): Promise<IdleCounts> {
	await shopbell.setInterval(minutes)
	// The interval counts from the next poll on.
	for (let poll = 0; poll < SETTLING_POLLS; poll++) await shopbell.poll()
	await shopbell.takeCounts()
	const polls: IdleCounts['polls'] = []
	const everything = emptyCounts()
	const requestsBefore = shopbell.store.requests
	for (let poll = 0; poll < count; poll++) {
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
		const made = shopbell.store.requests - requests
		polls.push({ object: sumRows(counts), d1: sumD1Rows(counts), requests: made })
		context.log(
			`every ${minutes} min, ${made} requests: ${JSON.stringify(counts.object)}, alarms ${counts.alarms}, alarm runs ${counts.alarmRuns}, D1 ${JSON.stringify(counts.d1)}`,
		)
	}
	return { polls, everything, requests: shopbell.store.requests - requestsBefore }
}

/** The name of a mean of polls. */
export const toMeanName = (what: string, minutes: number): string =>
	`idle/${what} a poll every ${minutes} min, mean with what is hourly`

/** Four resources, nothing happens; the object was out of memory before. */
export const idleBench: Bench = {
	name: 'idle',
	about: 'rows and store requests of idle polls of four resources, alarm included',
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
		const { n } = context
		const means: BenchRow[] = []
		const atRest = await countIdlePolls(context, shopbell, RESTING_INTERVAL, RESTING_POLLS)
		// Windows, the status row and pruning come on top once an hour, and the position of the pass while it runs: polls without
		// them are the idle ones.
		const fewestRequests = Math.min(...atRest.polls.map(({ requests }) => requests))
		const idlePolls = atRest.polls.filter(({ requests, d1 }) => requests === fewestRequests && d1.written === 0)
		for (const minutes of IDLE_INTERVALS) {
			const count = (IDLE_HOURS * 60) / minutes
			const { everything, requests } = await countIdlePolls(context, shopbell, minutes, count)
			const all = sumRows(everything)
			const d1 = sumD1Rows(everything)
			means.push(
				reported(toMeanName('store requests', minutes), n, requests / count, 'requests'),
				reported(toMeanName('alarms', minutes), n, everything.alarmRuns / count, 'object requests'),
				reported(toMeanName('rows written', minutes), n, all.written / count, 'rows'),
				reported(toMeanName('rows read', minutes), n, all.read / count, 'rows'),
				reported(toMeanName('rows of D1 written', minutes), n, d1.written / count, 'rows'),
				reported(toMeanName('rows of D1 read', minutes), n, d1.read / count, 'rows'),
			)
		}
		await shopbell.setInterval(USUAL_INTERVAL)
		// The row is written at least hourly: of these polls, most leave it as it is.
		const written = idlePolls.map(({ object }) => object.written).toSorted((a, b) => a - b)[
			Math.floor(idlePolls.length * 0.8)
		]!
		const read = Math.max(...idlePolls.map(({ object }) => object.read))
		const rows = [
			// Where the pass is never at rest, the position is a second row.
			atMost(
				'idle/rows written a poll, alarm included',
				n,
				written,
				'rows',
				idlePolls[0]!.requests === RESOURCES ? 1 : 2,
			),
			atMost('idle/rows read a poll', n, read, 'rows', 50),
			reported('idle/rows of D1 read a poll', n, Math.max(...idlePolls.map(({ d1 }) => d1.read)), 'rows'),
			...means,
			reported(
				'idle/storage an object of the store',
				n,
				(await shopbell.sendCommand('look')).storedBytes / (4 * n),
				'bytes',
			),
		]
		return [...rows, ...sameAsSmallest(context, rows[0]!, 1), ...sameAsSmallest(context, rows[1]!, READ_TOLERANCE)]
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
