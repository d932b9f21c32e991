/**
 * Lists across instances: a merge of what each instance's object holds, ordered by (time, instance, number), newest
 * first (docs/architecture.md, Event log). Pure but for the reads it is given.
 */
import { mapConcurrent } from '../../lib/concurrency.ts'
import type { PageCursor } from '../../rpc/log.ts'

/** A row and its instance. */
export interface InstanceRow<Row> {
	instanceId: number
	row: Row
}

/** A position in the merged order. `number` counts an instance's rows. */
export interface MergePosition {
	atMs: number
	instanceId: number
	number: number
}

/** The range of a merge. Times epoch ms, inclusive; null: open. */
interface MergeRange {
	after: MergePosition | null
	fromMs: number | null
	toMs: number | null
}

/**
 * Reads a page of one instance, newest first, below `before` and between the times; null when the instance is gone. A
 * page may be short and still have a next one.
 */
export type ReadPage<Row> = (
	instanceId: number,
	query: { pageSize: number; before?: number | undefined; fromMs?: number | undefined; toMs?: number | undefined },
) => Promise<{ rows: Row[]; next: PageCursor | null } | null>

/** The position of a row in its instance. */
export type GetPosition<Row> = (row: Row) => { atMs: number; number: number }

/** Limits of a merge. */
export interface ReadBudget {
	/** Rows of an instance's first page; each further page is twice as long, up to `MAX_ROWS_PER_PAGE`. */
	rows: number
	/** Further pages of all instances together; then the merge stops. */
	pages: number
}

/** Instances called at a time. */
export const MAX_CONCURRENT_INSTANCES = 20
/** Rows of a page of one instance. */
const MAX_ROWS_PER_PAGE = 200
const MIN_ROWS_PER_PAGE = 10
/** Further pages that a page across instances reads. Where a filter matches little, pages are short instead. */
const MAX_EXTRA_PAGES = 40

/** Rows of one instance that were read and are not merged yet. */
interface InstanceCursor<Row> {
	instanceId: number
	rows: Row[]
	/** Index of the next row of `rows`. */
	index: number
	/** The next page; null: none. */
	next: PageCursor | null
	pageSize: number
}

/**
 * All rows after a position, newest first. Each instance is only read as far as needed to know the next row. Returns
 * null at the end, or the position at which the budget ran out.
 */
export async function* mergeRows<Row>(
	instanceIds: readonly number[],
	range: MergeRange,
	getPosition: GetPosition<Row>,
	read: ReadPage<Row>,
	budget: ReadBudget,
): AsyncGenerator<InstanceRow<Row>, MergePosition | null> {
	const cursors = await mapConcurrent(instanceIds, MAX_CONCURRENT_INSTANCES, (id) =>
		openCursor(id, range, getPosition, read, Math.min(MAX_ROWS_PER_PAGE, budget.rows)),
	)
	for (let remainingPages = budget.pages; ;) {
		let newest: { part: InstanceCursor<Row>; place: MergePosition } | null = null
		let unread: { part: InstanceCursor<Row>; place: MergePosition } | null = null
		for (const cursor of cursors) {
			const row = cursor.rows[cursor.index]
			if (row !== undefined) {
				const position = { instanceId: cursor.instanceId, ...getPosition(row) }
				if (newest === null || isAfter(newest.place, position)) newest = { part: cursor, place: position }
			} else if (cursor.next !== null) {
				const position = { instanceId: cursor.instanceId, ...cursor.next }
				if (unread === null || isAfter(unread.place, position)) unread = { part: cursor, place: position }
			}
		}
		// Rows that are not read yet may come before all that are.
		if (unread !== null && (newest === null || isAfter(newest.place, unread.place))) {
			if (remainingPages-- <= 0) return unread.place
			await readNextPage(unread.part, range, getPosition, read)
		} else if (newest === null) return null
		else {
			yield { instanceId: newest.part.instanceId, row: newest.part.rows[newest.part.index++]! }
		}
	}
}

/**
 * The next page across instances. A short page may still have a `next` one. A page ends before its `sizeOf` exceeds
 * `limit`, but holds at least one row.
 */
export async function mergePages<Row>(
	instanceIds: readonly number[],
	{ pageSize, ...range }: MergeRange & { pageSize: number },
	getPosition: GetPosition<Row>,
	read: ReadPage<Row>,
	{ sizeOf, limit }: { sizeOf: (row: Row) => number; limit: number } = { sizeOf: () => 0, limit: 0 },
): Promise<{ entries: InstanceRow<Row>[]; next: MergePosition | null }> {
	const firstPageSize = Math.max(MIN_ROWS_PER_PAGE, Math.ceil((2 * pageSize) / Math.max(1, instanceIds.length)))
	const source = mergeRows(instanceIds, range, getPosition, read, {
		rows: Math.min(firstPageSize, pageSize + 1),
		pages: MAX_EXTRA_PAGES,
	})
	const entries: InstanceRow<Row>[] = []
	let size = 0
	for (;;) {
		const step = await source.next()
		if (step.done === true) return { entries, next: step.value }
		size += sizeOf(step.value.row)
		const last = entries.at(-1)
		if (last !== undefined && (entries.length === pageSize || size > limit))
			return { entries, next: { instanceId: last.instanceId, ...getPosition(last.row) } }
		entries.push(step.value)
	}
}

async function openCursor<Row>(
	instanceId: number,
	range: MergeRange,
	getPosition: GetPosition<Row>,
	read: ReadPage<Row>,
	pageSize: number,
): Promise<InstanceCursor<Row>> {
	const cursor: InstanceCursor<Row> = { instanceId, rows: [], index: 0, next: null, pageSize }
	// The instance of the previous page's last row continues right after it.
	await fillCursor(
		cursor,
		range.after?.instanceId === instanceId ? range.after.number : undefined,
		range,
		getPosition,
		read,
	)
	return cursor
}

async function readNextPage<Row>(
	cursor: InstanceCursor<Row>,
	range: MergeRange,
	getPosition: GetPosition<Row>,
	read: ReadPage<Row>,
): Promise<void> {
	cursor.pageSize = Math.min(MAX_ROWS_PER_PAGE, cursor.pageSize * 2)
	await fillCursor(cursor, cursor.next!.number, range, getPosition, read)
}

async function fillCursor<Row>(
	cursor: InstanceCursor<Row>,
	before: number | undefined,
	{ after, fromMs, toMs }: MergeRange,
	getPosition: GetPosition<Row>,
	read: ReadPage<Row>,
): Promise<void> {
	// The log seeks to this time instead of reading down to it.
	const latestMs = before === undefined ? minOrNull(toMs, after?.atMs ?? null) : null
	const page = await read(cursor.instanceId, {
		pageSize: cursor.pageSize,
		before,
		...(fromMs === null ? {} : { fromMs }),
		...(latestMs === null ? {} : { toMs: latestMs }),
	})
	cursor.rows = (page?.rows ?? []).filter((row) => {
		const { atMs, number } = getPosition(row)
		return (
			(fromMs === null || atMs >= fromMs) &&
			(toMs === null || atMs <= toMs) &&
			isAfter({ atMs, number, instanceId: cursor.instanceId }, after)
		)
	})
	cursor.index = 0
	cursor.next = page === null || (fromMs !== null && page.next !== null && page.next.atMs < fromMs) ? null : page.next
}

function minOrNull(a: number | null, b: number | null): number | null {
	if (a === null || b === null) return a ?? b
	return Math.min(a, b)
}

function isAfter(position: MergePosition, reference: MergePosition | null): boolean {
	if (reference === null) return true
	if (position.atMs !== reference.atMs) return position.atMs < reference.atMs
	return position.instanceId !== reference.instanceId
		? position.instanceId < reference.instanceId
		: position.number < reference.number
}
