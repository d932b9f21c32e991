/**
 * Lists across instances: a merge of what each instance's object holds, ordered by (time, instance, number), newest first (design,
 * Faces). Pure but for the reads it is given.
 */

/** A row and whose it is. */
export interface Owned<Row> {
	instanceId: number
	row: Row
}

/** A place in the merged order: the last row of the page before. `number` counts an instance's rows. */
export interface MergePlace {
	atMs: number
	instanceId: number
	number: number
}

/** What part of the merge is wanted. Times epoch ms, inclusive; null: open. */
export interface MergeRange {
	pageSize: number
	after: MergePlace | null
	fromMs: number | null
	toMs: number | null
}

/** Reads a page of one instance, newest first, below `before`; null when the instance is gone. A page may be short and still have a next one. */
export type ReadPage<Row> = (
	instanceId: number,
	query: { pageSize: number; before?: number | undefined },
) => Promise<{ rows: Row[]; next: number | null } | null>

/** Where a row stands in its instance. */
export type PlaceOf<Row> = (row: Row) => { atMs: number; number: number }

/** Instances asked at a time. */
export const AT_A_TIME = 20

/** The next page across instances. Each is read only until it can add nothing newer to the page. */
export async function mergePages<Row>(
	instanceIds: readonly number[],
	range: MergeRange,
	placeOf: PlaceOf<Row>,
	read: ReadPage<Row>,
): Promise<{ entries: Owned<Row>[]; more: boolean }> {
	const wanted = range.pageSize + 1
	const newestFirst = (a: Owned<Row>, b: Owned<Row>): number => {
		const [atA, atB] = [placeOf(a.row), placeOf(b.row)]
		return atB.atMs - atA.atMs || b.instanceId - a.instanceId || atB.number - atA.number
	}
	let merged: Owned<Row>[] = []
	for (let start = 0; start < instanceIds.length; start += AT_A_TIME) {
		const parts = await Promise.all(instanceIds.slice(start, start + AT_A_TIME).map((id) => readPart(id, range, wanted, placeOf, read)))
		// Only the newest can be on this page: the rest need not be held.
		merged = [...merged, ...parts.flat()].sort(newestFirst).slice(0, wanted)
	}
	return { entries: merged.slice(0, range.pageSize), more: merged.length > range.pageSize }
}

/** The newest `wanted` rows of one instance that lie behind the place and inside the range. */
async function readPart<Row>(
	instanceId: number,
	range: MergeRange,
	wanted: number,
	placeOf: PlaceOf<Row>,
	read: ReadPage<Row>,
): Promise<Owned<Row>[]> {
	const part: Owned<Row>[] = []
	// The instance that the page before ended on goes on exactly there.
	let before = range.after?.instanceId === instanceId ? range.after.number : undefined
	for (;;) {
		const page = await read(instanceId, { pageSize: wanted, before })
		if (page === null) return part
		for (const row of page.rows) {
			const { atMs, number } = placeOf(row)
			if (range.fromMs !== null && atMs < range.fromMs) return part
			if ((range.toMs === null || atMs <= range.toMs) && isBehind({ atMs, instanceId, number }, range.after)) part.push({ instanceId, row })
			if (part.length === wanted) return part
		}
		if (page.next === null) return part
		before = page.next
	}
}

function isBehind(one: MergePlace, place: MergePlace | null): boolean {
	if (place === null) return true
	if (one.atMs !== place.atMs) return one.atMs < place.atMs
	return one.instanceId !== place.instanceId ? one.instanceId < place.instanceId : one.number < place.number
}
