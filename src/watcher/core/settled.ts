/**
 * What notifications that have settled came to, 64 a row, so that a page of the event log reads their row and not one each. A copy: the
 * newest stand in the state row, which is written anyway, until there are enough for a row of `settled`. What is unsettled is told by the
 * list of that, whatever stands here; what stands nowhere is read from its own row.
 */
import type { Sql } from './ports.ts'
import type { Settled, WatcherState } from './state.ts'

/** Notifications of a row; storage step 4 says the same number. */
const BLOCK = 64

/** A notification, as far as an event's status comes of it. Times epoch ms. */
export interface Carrier {
	id: number
	status: string
	created: number
	updated: number
	/** When it was first accepted. */
	delivered: number | null
}

/** The columns of `Carrier`: for a statement that returns the row that it writes. */
export const CARRIER_COLUMNS = 'id, status, created, updated, delivered'

/** Notes what notifications came to that have just settled, or changed afterwards: as their rows say, which are read unless they are given. */
export function noteSettled(
	sql: Sql,
	state: WatcherState,
	ids: readonly number[],
	rows: readonly Carrier[] = storedCarriers(sql, ids),
): void {
	if (ids.length === 0) return
	const noted = new Set(ids)
	state.settled = [...state.settled.filter(([id]) => !noted.has(id)), ...rows.map(pack)]
}

/** A subscription's notifications change all at once: what is kept of them is read anew. Call it before, and `noteSettled` for the rest after. */
export function forgetQueued(sql: Sql, subscription: number): void {
	sql.run(
		`DELETE FROM settled WHERE block IN (SELECT id / ${BLOCK} FROM notifications WHERE subscription = ? AND status = 'queued')`,
		subscription,
	)
}

/** Moves what the state row has to rows of its own once it is `enough` for one. Call it where the state is written. */
export function keepSettled(sql: Sql, state: WatcherState, enough = BLOCK): void {
	if (state.settled.length < enough) return
	for (const block of new Set(state.settled.map(([id]) => blockOf(id)))) {
		const kept = new Map(readBlocks(sql, [block]).map((one) => [one[0], one]))
		for (const one of state.settled) if (blockOf(one[0]) === block) kept.set(one[0], one)
		sql.run(
			`INSERT INTO settled (block, body) VALUES (?, ?) ON CONFLICT (block) DO UPDATE SET body = excluded.body`,
			block,
			JSON.stringify([...kept.values()]),
		)
	}
	state.settled = []
}

/** Drops what is kept of notifications that have left the log. */
export function pruneSettled(sql: Sql, state: WatcherState): void {
	const oldest = sql.all<{ id: number | null }>(`SELECT min(id) AS id FROM notifications`)[0]?.id ?? state.notification + 1
	sql.run(`DELETE FROM settled WHERE block < ?`, blockOf(oldest))
	state.settled = state.settled.filter(([id]) => id >= oldest)
}

/** Notifications that are not on the list of what is unsettled, by id. One that has left the log may be missing. */
export function settledCarriers(sql: Sql, state: WatcherState, ids: Iterable<number>): Map<number, Carrier> {
	const missing = new Set(ids)
	const found = new Map<number, Carrier>()
	const take = (carrier: Carrier): void => {
		if (missing.delete(carrier.id)) found.set(carrier.id, carrier)
	}
	state.settled.map(unpack).forEach(take)
	readBlocks(sql, new Set([...missing].map(blockOf)))
		.map(unpack)
		.forEach(take)
	storedCarriers(sql, missing).forEach(take)
	return found
}

/** Notifications by id, from their own rows. */
export function storedCarriers(sql: Sql, ids: Iterable<number>): Carrier[] {
	const wanted = new Set(ids)
	return runsOf(wanted)
		.flatMap(([first, length]) =>
			sql.all<Carrier>(`SELECT ${CARRIER_COLUMNS} FROM notifications WHERE id >= ? ORDER BY id LIMIT ?`, first, length),
		)
		.filter(({ id }) => wanted.has(id))
}

function readBlocks(sql: Sql, blocks: Iterable<number>): Settled[] {
	const wanted = new Set(blocks)
	return runsOf(wanted)
		.flatMap(([first, length]) =>
			sql.all<{ block: number; body: string }>(`SELECT block, body FROM settled WHERE block >= ? ORDER BY block LIMIT ?`, first, length),
		)
		.filter(({ block }) => wanted.has(block))
		.flatMap(({ body }) => JSON.parse(body) as Settled[])
}

/** Numbers as runs of consecutive ones: where each begins, and how long it is. Each run is read as one. */
function runsOf(numbers: Iterable<number>): [first: number, length: number][] {
	const runs: [number, number][] = []
	for (const number of [...numbers].sort((a, b) => a - b)) {
		const run = runs.at(-1)
		if (run !== undefined && run[0] + run[1] === number) run[1]++
		else runs.push([number, 1])
	}
	return runs
}

function blockOf(id: number): number {
	return Math.floor(id / BLOCK)
}

function pack({ id, status, created, updated, delivered }: Carrier): Settled {
	return [id, status, created, updated - created, delivered === null ? null : delivered - created]
}

function unpack([id, status, created, updated, delivered]: Settled): Carrier {
	return { id, status, created, updated: created + updated, delivered: delivered === null ? null : created + delivered }
}
