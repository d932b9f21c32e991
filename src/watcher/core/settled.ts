/**
 * What notifications that have settled came to, 64 a row, so that a page of the event log reads their row and not one
 * each. A copy: the newest stand in the state row, which is written anyway, until there are enough for a row of
 * `settled`. What is unsettled is told by the list of that, whatever stands here; what stands nowhere is read from its
 * own row.
 */
import type { Sql } from './ports.ts'
import type { PackedStatus, WatcherState } from './state.ts'

/** Notifications of a row; storage step 4 says the same number. */
const BLOCK_SIZE = 64

/** A notification, as far as an event's status comes of it. Times epoch ms. */
export interface NotificationStatus {
	id: number
	status: string
	created: number
	updated: number
	/** When it was first accepted. */
	delivered: number | null
}

/** The columns of `Carrier`: for a statement that returns the row that it writes. */
export const NOTIFICATION_STATUS_COLUMNS = 'id, status, created, updated, delivered'

/**
 * Notes what notifications came to that have just settled, or changed afterwards: as their rows say, which are read
 * unless they are given.
 */
export function recordSettled(
	sql: Sql,
	state: WatcherState,
	ids: readonly number[],
	statuses: readonly NotificationStatus[] = readStoredStatuses(sql, ids),
): void {
	if (ids.length === 0) return
	const settledIds = new Set(ids)
	state.settledId = [...state.settledId.filter(([id]) => !settledIds.has(id)), ...statuses.map(pack)]
}

/**
 * A subscription's notifications change all at once: what is kept of them is read anew. Call it before, and
 * `noteSettled` for the rest after.
 */
export function invalidateQueued(sql: Sql, subscription: number): void {
	sql.run(
		`DELETE FROM settled WHERE block IN (SELECT id / ${BLOCK_SIZE} FROM notifications WHERE subscription = ? AND status = 'queued')`,
		subscription,
	)
}

/** Moves what the state row has to rows of its own once it is `enough` for one. Call it where the state is written. */
export function flushSettled(sql: Sql, state: WatcherState, threshold = BLOCK_SIZE): void {
	if (state.settledId.length < threshold) return
	for (const block of new Set(state.settledId.map(([id]) => toBlock(id)))) {
		const merged = new Map(readBlocks(sql, [block]).map((entry) => [entry[0], entry]))
		for (const entry of state.settledId) if (toBlock(entry[0]) === block) merged.set(entry[0], entry)
		sql.run(
			`INSERT INTO settled (block, body) VALUES (?, ?) ON CONFLICT (block) DO UPDATE SET body = excluded.body`,
			block,
			JSON.stringify([...merged.values()]),
		)
	}
	state.settledId = []
}

/** Drops what is kept of notifications that have left the log. */
export function pruneSettled(sql: Sql, state: WatcherState): void {
	const oldest =
		sql.all<{ id: number | null }>(`SELECT min(id) AS id FROM notifications`)[0]?.id ?? state.notification + 1
	sql.run(`DELETE FROM settled WHERE block < ?`, toBlock(oldest))
	state.settledId = state.settledId.filter(([id]) => id >= oldest)
}

/** Notifications that are not on the list of what is unsettled, by id. One that has left the log may be missing. */
export function getSettledStatuses(
	sql: Sql,
	state: WatcherState,
	ids: Iterable<number>,
): Map<number, NotificationStatus> {
	const missing = new Set(ids)
	const found = new Map<number, NotificationStatus>()
	const collect = (notification: NotificationStatus): void => {
		if (missing.delete(notification.id)) found.set(notification.id, notification)
	}
	state.settledId.map(unpack).forEach(collect)
	readBlocks(sql, new Set([...missing].map(toBlock)))
		.map(unpack)
		.forEach(collect)
	readStoredStatuses(sql, missing).forEach(collect)
	return found
}

/** Notifications by id, from their own rows. */
export function readStoredStatuses(sql: Sql, ids: Iterable<number>): NotificationStatus[] {
	const wanted = new Set(ids)
	return toRuns(wanted)
		.flatMap(([first, length]) =>
			sql.all<NotificationStatus>(
				`SELECT ${NOTIFICATION_STATUS_COLUMNS} FROM notifications WHERE id >= ? ORDER BY id LIMIT ?`,
				first,
				length,
			),
		)
		.filter(({ id }) => wanted.has(id))
}

function readBlocks(sql: Sql, blocks: Iterable<number>): PackedStatus[] {
	const wanted = new Set(blocks)
	return toRuns(wanted)
		.flatMap(([first, length]) =>
			sql.all<{ block: number; body: string }>(
				`SELECT block, body FROM settled WHERE block >= ? ORDER BY block LIMIT ?`,
				first,
				length,
			),
		)
		.filter(({ block }) => wanted.has(block))
		.flatMap(({ body }) => JSON.parse(body) as PackedStatus[])
}

/** Numbers as runs of consecutive ones: where each begins, and how long it is. Each run is read as one. */
function toRuns(numbers: Iterable<number>): [first: number, length: number][] {
	const runs: [number, number][] = []
	for (const number of [...numbers].sort((a, b) => a - b)) {
		const run = runs.at(-1)
		if (run !== undefined && run[0] + run[1] === number) run[1]++
		else runs.push([number, 1])
	}
	return runs
}

function toBlock(id: number): number {
	return Math.floor(id / BLOCK_SIZE)
}

function pack({ id, status, created, updated, delivered }: NotificationStatus): PackedStatus {
	return [id, status, created, updated - created, delivered === null ? null : delivered - created]
}

function unpack([id, status, created, updated, delivered]: PackedStatus): NotificationStatus {
	return { id, status, created, updated: created + updated, delivered: delivered === null ? null : created + delivered }
}
