/**
 * Reads pages of up to 200 records from a store's smaller ones, with filters that the store lacks (docs/contract.md
 * §8).
 */
import type { ListPlan } from '../../elements/records.ts'
import {
	addMark,
	indexAfter,
	nextOffset,
	positionAfter,
	positionAt,
	readMark,
	sortNewestFirst,
	advance,
	type WalkPosition,
} from './list-cursor.ts'
import { getId } from './page-rows.ts'
import { getFromStore, StoreList } from './store-list.ts'
import { isRecord } from '../../elements/values.ts'
import type { StoreClient, VendorRecord } from '../../elements/store.ts'

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
	const { position, mark } = readMark(start)
	const reader = new PageReader(plan, position, pageSize, numbered)
	if (mark.isUnordered) reader.ignoreOrder()
	const storeList = new StoreList(client, plan, mark, { isNumbered: numbered && position.n > 0, size: pageSize })
	let emptyPages = 0
	for (let request = 0; request < MAX_STORE_PAGES; request++) {
		const { offset, limit } = reader.nextRequest(emptyPages > 0)
		const answer = await storeList.read(offset, limit, reader.position.last)
		if (answer.kind === 'item') return { item: answer.item }
		if (answer.kind === 'whole') return sliceWholeList(plan, answer.rows, position, pageSize)
		if (answer.kind === 'disordered') {
			reader.ignoreOrder()
			continue
		}
		if (answer.isEmpty) emptyPages++
		if (reader.addRows(answer.rows, answer.total, answer.offset, answer.limit)) break
	}
	const { next, ...page } = reader.result()
	// So many empty pages are no gap: the total is wrong.
	const isEnd = next === null || emptyPages === MAX_STORE_PAGES
	if (isEnd && reader.lastId !== null) await storeList.checkEnd(reader.lastId)
	return { ...page, next: isEnd ? null : addMark(next, storeList.mark) }
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
	#order: ListPlan['order']
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
		this.#order = plan.order
		this.#pageSize = pageSize
		this.#position = start
		this.#end = numbered && plan.matches === null ? start.n + pageSize : null
		this.#whole = numbered && start.n === 0
	}

	get position(): WalkPosition {
		return this.#position
	}

	/** The id of the last record that was read, as text; null: not known. */
	get lastId(): string | null {
		const id = this.#position.last?.at(-1) ?? (this.#plan.matches === null ? getId(this.#list.at(-1)) : null)
		return typeof id === 'string' || typeof id === 'number' ? String(id) : null
	}

	/** From here on, positions count rows. */
	ignoreOrder(): void {
		this.#order = null
		this.#position = { ...this.#position, last: null, back: 0, bare: null }
	}

	/** `wide`: as many rows as the store gives at once, since there may be none for a while. */
	nextRequest(wide: boolean): { offset: number; limit: number } {
		const { pageLimit } = this.#plan
		const offset = nextOffset(this.#position, this.#order)
		const maxRows =
			this.#end === null ? this.#pageSize - this.#list.length + this.#position.n - offset : this.#end - offset
		const limit =
			this.#plan.matches === null && !(wide && this.#end === null)
				? Math.min(pageLimit!, Math.max(1, maxRows))
				: pageLimit!
		return { offset, limit }
	}

	/** Adds the rows of a response; true: the page is complete. */
	addRows(rows: VendorRecord[], total: number | null, offset: number, limit: number): boolean {
		const { matches } = this.#plan
		const order = this.#order
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

	result(): { list: unknown[]; total: number | null; next: WalkPosition | null } {
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
