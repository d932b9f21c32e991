/** The event log across instances: the merge of their logs, by recorded time, instance and sequence. */
import type { EventRow } from '../../watcher/rpc.ts'
import { mergePages, type Owned } from '../merge.ts'

/** A place in the merged order: the last event of the page before. */
export interface Place {
	recordedMs: number
	instanceId: number
	sequence: number
}

/** What part of the merge is wanted. Times epoch ms, inclusive; null: open. */
export interface MergeQuery {
	pageSize: number
	after: Place | null
	fromMs: number | null
	toMs: number | null
}

/** Reads a page of one instance's log, newest first, below `before`; null when the instance is gone. */
export type ReadLog = (
	instanceId: number,
	query: { pageSize: number; before?: number | undefined },
) => Promise<{ events: EventRow[]; next: number | null } | null>

/** The next page across instances. */
export async function mergeLogs(
	instanceIds: readonly number[],
	{ after, ...query }: MergeQuery,
	read: ReadLog,
): Promise<{ events: Owned<EventRow>[]; more: boolean }> {
	const place = after === null ? null : { atMs: after.recordedMs, instanceId: after.instanceId, number: after.sequence }
	const { entries, more } = await mergePages<EventRow>(
		instanceIds,
		{ ...query, after: place },
		(row) => ({ atMs: row.recordedMs, number: row.sequence }),
		async (id, part) => {
			const page = await read(id, part)
			return page === null ? null : { rows: page.events, next: page.next }
		},
	)
	return { events: entries, more }
}
