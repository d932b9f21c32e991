/**
 * Lists across instances: a merge of what each instance's object holds, ordered by (time, instance, number), newest first (design,
 * Faces). Pure but for the reads it is given.
 */
import type { Mark } from '../../rpc/log.ts'

/** A row and whose it is. */
export interface Owned<Row> {
	instanceId: number
	row: Row
}

/** A place in the merged order: what comes next is behind it. `number` counts an instance's rows. */
export interface MergePlace {
	atMs: number
	instanceId: number
	number: number
}

/** What part of the merge is wanted. Times epoch ms, inclusive; null: open. */
export interface MergeRange {
	after: MergePlace | null
	fromMs: number | null
	toMs: number | null
}

/** Reads a page of one instance, newest first, below `before` and between the times; null when the instance is gone. A page may be short and still have a next one. */
export type ReadPage<Row> = (
	instanceId: number,
	query: { pageSize: number; before?: number | undefined; fromMs?: number | undefined; toMs?: number | undefined },
) => Promise<{ rows: Row[]; next: Mark | null } | null>

/** Where a row stands in its instance. */
export type PlaceOf<Row> = (row: Row) => { atMs: number; number: number }

/** How much is read. */
export interface Effort {
	/** Rows of an instance's first page; each later one is twice as long, up to `MOST_ROWS`. */
	rows: number
	/** Pages beyond the first one of each instance; then the merge stops where it is. */
	pages: number
}

/** Instances asked at a time. */
export const AT_A_TIME = 20
/** Rows of a page of one instance. */
const MOST_ROWS = 200
const FEWEST_ROWS = 10
/** Pages beyond the first ones that a page across instances reads: where a filter finds little, pages are short instead. */
const MORE_PAGES = 40

/** What was read of one instance and is not merged yet. */
interface Part<Row> {
	instanceId: number
	rows: Row[]
	/** Index of the next row of `rows`. */
	at: number
	/** What follows them; null: nothing. */
	next: Mark | null
	pageSize: number
}

/**
 * All rows behind a place, newest first, each instance read only as far as is needed to know which row is the next. Ends with null, or, where
 * as many pages were read as were allowed, with the place behind which everything still lies.
 */
export async function* merge<Row>(
	instanceIds: readonly number[],
	range: MergeRange,
	placeOf: PlaceOf<Row>,
	read: ReadPage<Row>,
	effort: Effort,
): AsyncGenerator<Owned<Row>, MergePlace | null> {
	const parts: Part<Row>[] = []
	for (let start = 0; start < instanceIds.length; start += AT_A_TIME) {
		const group = instanceIds.slice(start, start + AT_A_TIME)
		parts.push(...(await Promise.all(group.map((id) => begin(id, range, placeOf, read, Math.min(MOST_ROWS, effort.rows))))))
	}
	for (let pages = effort.pages; ;) {
		let newest: { part: Part<Row>; place: MergePlace } | null = null
		let unread: { part: Part<Row>; place: MergePlace } | null = null
		for (const part of parts) {
			const row = part.rows[part.at]
			if (row !== undefined) {
				const place = { instanceId: part.instanceId, ...placeOf(row) }
				if (newest === null || isBehind(newest.place, place)) newest = { part, place }
			} else if (part.next !== null) {
				const place = { instanceId: part.instanceId, ...part.next }
				if (unread === null || isBehind(unread.place, place)) unread = { part, place }
			}
		}
		// What is not read yet may come before everything that is.
		if (unread !== null && (newest === null || isBehind(newest.place, unread.place))) {
			if (pages-- <= 0) return unread.place
			await goOn(unread.part, range, placeOf, read)
		} else if (newest === null) return null
		else {
			yield { instanceId: newest.part.instanceId, row: newest.part.rows[newest.part.at++]! }
		}
	}
}

/** The next page across instances. It may be short and still have a next one, behind `next`. `sizeOf`: a page holds so much together, unless it is a single row. */
export async function mergePages<Row>(
	instanceIds: readonly number[],
	{ pageSize, ...range }: MergeRange & { pageSize: number },
	placeOf: PlaceOf<Row>,
	read: ReadPage<Row>,
	{ sizeOf, limit }: { sizeOf: (row: Row) => number; limit: number } = { sizeOf: () => 0, limit: 0 },
): Promise<{ entries: Owned<Row>[]; next: MergePlace | null }> {
	const rows = Math.max(FEWEST_ROWS, Math.ceil((2 * pageSize) / Math.max(1, instanceIds.length)))
	const source = merge(instanceIds, range, placeOf, read, { rows: Math.min(rows, pageSize + 1), pages: MORE_PAGES })
	const entries: Owned<Row>[] = []
	let size = 0
	for (;;) {
		const step = await source.next()
		if (step.done === true) return { entries, next: step.value }
		size += sizeOf(step.value.row)
		const last = entries.at(-1)
		if (last !== undefined && (entries.length === pageSize || size > limit))
			return { entries, next: { instanceId: last.instanceId, ...placeOf(last.row) } }
		entries.push(step.value)
	}
}

async function begin<Row>(
	instanceId: number,
	range: MergeRange,
	placeOf: PlaceOf<Row>,
	read: ReadPage<Row>,
	pageSize: number,
): Promise<Part<Row>> {
	const part: Part<Row> = { instanceId, rows: [], at: 0, next: null, pageSize }
	// The instance that the page before ended on goes on exactly there.
	await fill(part, range.after?.instanceId === instanceId ? range.after.number : undefined, range, placeOf, read)
	return part
}

async function goOn<Row>(part: Part<Row>, range: MergeRange, placeOf: PlaceOf<Row>, read: ReadPage<Row>): Promise<void> {
	part.pageSize = Math.min(MOST_ROWS, part.pageSize * 2)
	await fill(part, part.next!.number, range, placeOf, read)
}

async function fill<Row>(
	part: Part<Row>,
	before: number | undefined,
	{ after, fromMs, toMs }: MergeRange,
	placeOf: PlaceOf<Row>,
	read: ReadPage<Row>,
): Promise<void> {
	// Sought in the log instead of read down to.
	const latest = before === undefined ? earliest(toMs, after?.atMs ?? null) : null
	const page = await read(part.instanceId, {
		pageSize: part.pageSize,
		before,
		...(fromMs === null ? {} : { fromMs }),
		...(latest === null ? {} : { toMs: latest }),
	})
	part.rows = (page?.rows ?? []).filter((row) => {
		const { atMs, number } = placeOf(row)
		return (
			(fromMs === null || atMs >= fromMs) &&
			(toMs === null || atMs <= toMs) &&
			isBehind({ atMs, number, instanceId: part.instanceId }, after)
		)
	})
	part.at = 0
	part.next = page === null || (fromMs !== null && page.next !== null && page.next.atMs < fromMs) ? null : page.next
}

function earliest(one: number | null, other: number | null): number | null {
	if (one === null || other === null) return one ?? other
	return Math.min(one, other)
}

function isBehind(one: MergePlace, place: MergePlace | null): boolean {
	if (place === null) return true
	if (one.atMs !== place.atMs) return one.atMs < place.atMs
	return one.instanceId !== place.instanceId ? one.instanceId < place.instanceId : one.number < place.number
}
