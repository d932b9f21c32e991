/**
 * Reads pages of up to 200 records from a store's smaller ones, with filters that the store lacks (docs/contract.md
 * §8).
 */
import type { ListPlan } from '../../elements/records.ts'
import { StoreFailed } from '../../lib/errors.ts'
import { toHttpError } from './store-errors.ts'
import {
	indexAfter,
	nextOffset,
	positionAfter,
	positionAt,
	sortNewestFirst,
	advance,
	type WalkPosition,
} from './list-cursor.ts'
import { isRecord, toObjectId } from '../../elements/values.ts'
import type { Failure, StoreClient, VendorRecord } from '../../elements/store.ts'

/** Store pages per call; then the page is short and its token continues. */
export const MAX_STORE_PAGES = 20

/** A page of a list, or the object at the path. `total` null: unknown. `next` null: no further page. */
type ReadResult = { list: unknown[]; total: number | null; next: WalkPosition | null } | { item: unknown }

/**
 * Reads the page that begins at a position. `numbered`: the page has a number, so its position is a row, not a record.
 */
export async function readPage(
	client: StoreClient,
	plan: ListPlan,
	start: WalkPosition,
	pageSize: number,
	numbered: boolean,
): Promise<ReadResult> {
	const reader = new PageReader(plan, start, pageSize, numbered)
	let isPaged = false
	for (let request = 0; request < MAX_STORE_PAGES; request++) {
		const { offset, limit } = reader.nextRequest()
		const answer = await getFromStore(client, plan.path, { ...plan.query, ...plan.pageQuery(offset, limit) })
		const { body, total } = answer
		if (!Array.isArray(body)) return { item: body }
		if (plan.pageLimit === null || isWholeList(body, limit, total))
			return sliceWholeList(plan, withoutCopies(body), start, pageSize)
		isPaged ||= total !== null || (await hasPages(client, plan, offset, limit, body.length))
		if (!isPaged) return sliceWholeList(plan, body, start, pageSize)
		if (reader.addRows(toAskedRows(plan, body as VendorRecord[], limit), total, offset, limit)) break
	}
	return reader.result()
}

/** Whether a store that was asked for a page gave the whole list. */
function isWholeList(rows: readonly unknown[], limit: number, total: number | null): boolean {
	return rows.length > limit && (total === null || new Set(rows.map(getId)).size === total)
}

function getId(row: unknown): unknown {
	return (isRecord(row) ? toObjectId(row['id']) : null) ?? row
}

/** The rows of a page that has more than were asked for: each once, and none that stands first out of the order. */
function toAskedRows({ order }: ListPlan, rows: readonly VendorRecord[], limit: number): VendorRecord[] {
	if (rows.length <= limit) return [...rows]
	const [first, second] = rows
	const isPinned =
		order !== null &&
		first !== undefined &&
		second !== undefined &&
		sortNewestFirst([first, second], order)[0] !== first
	return withoutCopies(isPinned ? rows.slice(1) : rows).slice(0, limit)
}

function withoutCopies<Row>(rows: readonly Row[]): Row[] {
	const seen = new Set<unknown>()
	return rows.filter((row) => {
		const id = getId(row)
		return !seen.has(id) && seen.add(id)
	})
}

/**
 * Whether a list without a total has pages. Some hosts remove WooCommerce's total, and some plugins' lists have neither
 * total nor pages: they return everything whatever the limit is. `count`: rows for this offset and limit.
 */
async function hasPages(
	client: StoreClient,
	plan: ListPlan,
	offset: number,
	limit: number,
	count: number,
): Promise<boolean> {
	if (offset === 0 && count < limit) return false
	if (count === 0) return true
	const { body } = await getFromStore(client, plan.path, { ...plan.query, ...plan.pageQuery(0, count === 1 ? 2 : 1) })
	return !Array.isArray(body) || body.length !== count
}

/** Reads one object by its path. */
export async function readItem(client: StoreClient, path: string): Promise<unknown> {
	return (await getFromStore(client, path, {})).body
}

/** Builds one page. */
class PageReader {
	readonly #plan: ListPlan
	readonly #pageSize: number
	/** Row at which a numbered page ends in the store's list; null: it ends when it is full. */
	readonly #end: number | null
	/** The list is read from its start, so that matches can be counted. */
	readonly #whole: boolean
	#position: WalkPosition
	#list: VendorRecord[] = []
	#matching = 0
	#total: number | null = null
	#ended = false
	#full = false
	/** Ids of the page's rows: one that stands in the store's list twice is given once. */
	readonly #given = new Set<unknown>()

	constructor(plan: ListPlan, start: WalkPosition, pageSize: number, numbered: boolean) {
		this.#plan = plan
		this.#pageSize = pageSize
		this.#position = start
		this.#end = numbered && plan.matches === null ? start.n + pageSize : null
		this.#whole = numbered && start.n === 0
	}

	nextRequest(): { offset: number; limit: number } {
		const { pageLimit } = this.#plan
		const offset = nextOffset(this.#position, this.#plan.order)
		const maxRows =
			this.#end === null ? this.#pageSize - this.#list.length + this.#position.n - offset : this.#end - offset
		const limit = this.#plan.matches === null ? Math.min(pageLimit!, Math.max(1, maxRows)) : pageLimit!
		return { offset, limit }
	}

	/** Adds the rows of a response; true: the page is complete. */
	addRows(rows: VendorRecord[], total: number | null, offset: number, limit: number): boolean {
		const { order, matches } = this.#plan
		// Past their end, some lists report a total of 0 (HPOS orders).
		this.#total = total === 0 && offset > 0 && rows.length === 0 ? this.#total : total
		const { firstNew, position, ended } = advance(this.#position, order, rows, total, limit)
		const before = this.#position
		let { skip } = before
		for (let index = firstNew; index < rows.length; index++) {
			const row = rows[index]!
			if (matches !== null && !(isRecord(row) && matches(row))) continue
			this.#matching++
			if (this.#given.has(getId(row))) continue
			if (skip > 0) skip--
			else if (this.#list.length < this.#pageSize) {
				this.#list.push(row)
				this.#given.add(getId(row))
			} else {
				// The next page begins with this row.
				this.#position = {
					...positionAfter({ ...before, total: position.total }, order, rows, index - 1, offset),
					skip,
				}
				this.#full = true
				return true
			}
		}
		this.#position = { ...position, skip }
		this.#ended = ended
		this.#full = this.#end === null ? this.#list.length === this.#pageSize : position.n >= this.#end
		return ended || this.#full
	}

	result(): ReadResult {
		// Matches are only known once the whole list was read.
		const matchCount = this.#ended && this.#whole ? this.#matching : null
		return {
			list: this.#list,
			total: this.#plan.matches === null ? (this.#total ?? matchCount) : matchCount,
			next: this.#ended ? null : this.#position,
		}
	}
}

/** A page of a list that the store returned whole. */
function sliceWholeList(plan: ListPlan, body: unknown[], start: WalkPosition, pageSize: number): ReadResult {
	const { matches, order } = plan
	const records = body.filter(isRecord)
	// Lists of strings have neither fields nor order.
	const ordered = records.length === body.length ? sortNewestFirst(records, order) : body
	const matching =
		matches === null ? ordered : records.length === body.length ? sortNewestFirst(records, order).filter(matches) : []
	const first = start.last === null ? start.n + start.skip : indexAfter(matching as VendorRecord[], order, start)
	const list = matching.slice(first, first + pageSize)
	const end = first + list.length
	const last = matching[end - 1]
	const next =
		end < matching.length
			? { ...positionAt(end), last: isRecord(last) && order !== null ? order.key(last) : null }
			: null
	return { list, total: matching.length, next }
}

async function getFromStore(
	client: StoreClient,
	path: string,
	query: Record<string, string>,
): Promise<{ body: unknown; total: number | null }> {
	const answer = await client.call('GET', path, query)
	if (!answer.ok) throw toHttpError(answer satisfies Failure, 'GET')
	if (answer.body === null) throw new StoreFailed('The store returned an empty response')
	return answer
}
