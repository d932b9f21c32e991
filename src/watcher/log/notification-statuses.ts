/** Statuses of notifications by id, from their own rows. */
import type { Sql } from '../core/ports.ts'
import type { NotificationStatus } from '../core/rows.ts'

/** Notifications by id. One that has left the log is missing. Ids that follow one another are read by one statement. */
export function readNotificationStatuses(sql: Sql, ids: Iterable<number>): NotificationStatus[] {
	const wanted = new Set(ids)
	return toRuns(wanted)
		.flatMap(([first, length]) =>
			sql.all<NotificationStatus>(
				`SELECT id, status, created, updated, delivered FROM notifications WHERE id >= ? ORDER BY id LIMIT ?`,
				first,
				length,
			),
		)
		.filter(({ id }) => wanted.has(id))
}

/** Numbers as runs of consecutive ones: where each begins, and how long it is. */
function toRuns(numbers: Iterable<number>): [first: number, length: number][] {
	const runs: [number, number][] = []
	for (const number of [...numbers].sort((a, b) => a - b)) {
		const run = runs.at(-1)
		if (run !== undefined && run[0] + run[1] === number) run[1]++
		else runs.push([number, 1])
	}
	return runs
}
