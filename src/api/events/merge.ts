/**
 * The event log across instances: a merge of what each instance's object holds, ordered by (recorded time, instance, sequence),
 * newest first (design, Faces). Pure but for the reads it is given.
 */
import type { EventRow } from '../../watcher/rpc.ts'

/** An event and whose it is. */
export interface Owned {
	instanceId: number
	row: EventRow
}

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

/** Instances asked at a time. */
const AT_A_TIME = 20

/** The next page across instances. Each is read only until it can add nothing newer to the page. */
export async function mergeLogs(
	instanceIds: readonly number[],
	query: MergeQuery,
	read: ReadLog,
): Promise<{ events: Owned[]; more: boolean }> {
	const wanted = query.pageSize + 1
	let merged: Owned[] = []
	for (let start = 0; start < instanceIds.length; start += AT_A_TIME) {
		const parts = await Promise.all(instanceIds.slice(start, start + AT_A_TIME).map((id) => readPart(id, query, wanted, read)))
		// Only the newest can be on this page: the rest need not be held.
		merged = [...merged, ...parts.flat()].sort(newestFirst).slice(0, wanted)
	}
	return { events: merged.slice(0, query.pageSize), more: merged.length > query.pageSize }
}

/** The newest `wanted` events of one instance that lie behind the place and inside the range. */
async function readPart(instanceId: number, query: MergeQuery, wanted: number, read: ReadLog): Promise<Owned[]> {
	const part: Owned[] = []
	// The instance that the page before ended on goes on exactly there.
	let before = query.after?.instanceId === instanceId ? query.after.sequence : undefined
	for (;;) {
		const page = await read(instanceId, { pageSize: wanted, before })
		if (page === null) return part
		for (const row of page.events) {
			if (query.fromMs !== null && row.recordedMs < query.fromMs) return part
			if ((query.toMs === null || row.recordedMs <= query.toMs) && isBehind({ instanceId, row }, query.after))
				part.push({ instanceId, row })
			if (part.length === wanted) return part
		}
		if (page.next === null) return part
		before = page.next
	}
}

function isBehind({ instanceId, row }: Owned, place: Place | null): boolean {
	if (place === null) return true
	if (row.recordedMs !== place.recordedMs) return row.recordedMs < place.recordedMs
	return instanceId !== place.instanceId ? instanceId < place.instanceId : row.sequence < place.sequence
}

function newestFirst(a: Owned, b: Owned): number {
	return b.row.recordedMs - a.row.recordedMs || b.instanceId - a.instanceId || b.row.sequence - a.row.sequence
}
