/**
 * Reads a store's list by offset and limit, and holds each answer against what was asked: stores may give another
 * number of rows, ignore positions or orders, or add rows to every page (docs/hub.md, Stores that answer otherwise).
 */
import type { ListPlan } from '../../elements/records.ts'
import { StoreFailed } from '../../lib/errors.ts'
import { toHttpError } from './store-errors.ts'
import { compareToKey, type ListMark, type WalkPosition } from './list-cursor.ts'
import {
	countLeading,
	getId,
	hasKeys,
	isSameStart,
	isWholeList,
	toOrderedRows,
	toTotal,
	withoutCopies,
} from './page-rows.ts'
import type { CallAnswer, StoreClient, VendorRecord } from '../../elements/store.ts'

/** A list's answer. `whole`: the store gave all of it; `disordered`: rows are not in the order of the plan. */
type ListAnswer =
	| { kind: 'item'; item: unknown }
	| { kind: 'whole'; rows: unknown[] }
	| { kind: 'disordered' }
	| { kind: 'rows'; rows: VendorRecord[]; total: number | null; offset: number; limit: number; isEmpty: boolean }

/** A request: the rows from `start` on, as a page's number or as an offset. Its first `skip` rows are not wanted. */
interface PageRequest {
	start: number
	size: number
	isNumbered: boolean
	skip: number
	limit: number
}

/** How often the size of pages is learned in one call. */
const MAX_RESIZES = 2
/** Enough rows to see an order in. */
const MIN_ORDERED_ROWS = 10
/** So many rows a page show which of them was added. */
const MIN_CERTAIN_ROWS = 5
/** More rows than asked for, up to so many, are added ones; more are another size of pages. */
const MAX_ADDED_ROWS = 3
/** Rows of a list's end that are looked at. */
const MAX_END_ROWS = 5

export class StoreList {
	readonly #client: StoreClient
	readonly #plan: ListPlan
	readonly #isNumbered: boolean
	readonly #pageSize: number
	#order: ListPlan['order']
	/** Rows that the store gives at once whatever is asked; null: as many as asked for. */
	#size: number | null = null
	#resizes = 0
	/** By which of the two positions are asked for; `any`: by a page's number where one fits. */
	#paging: 'any' | 'offset' | 'page' = 'any'
	readonly #ignored = new Set<'offset' | 'page'>()
	#isPaged = false
	/** Pages are not as asked for, other than by rows that the store leaves out. */
	#isOdd = false
	/** Ids of the list's first rows; null: not read. */
	#head: unknown[] | null = null
	/** Ids of rows that stand in every page. */
	readonly #pinned = new Set<unknown>()
	/** The id of the list's first row; null: not known. */
	#firstId: unknown

	/** `page`: what the caller asks for, by its number or by a token. */
	constructor(
		client: StoreClient,
		plan: ListPlan,
		{ firstId, byOffset, isUnordered }: ListMark,
		page: { isNumbered: boolean; size: number },
	) {
		this.#client = client
		this.#isNumbered = page.isNumbered
		this.#pageSize = page.size
		this.#plan = plan
		this.#order = isUnordered ? null : plan.order
		this.#firstId = firstId
		if (byOffset) this.#paging = 'offset'
	}

	/** What the next call has to know. */
	get mark(): ListMark {
		return {
			firstId: typeof this.#firstId === 'string' ? this.#firstId : null,
			byOffset: this.#paging === 'offset',
			isUnordered: this.#plan.order !== null && this.#order === null,
		}
	}

	/** Reads at most `limit` rows from `offset` on. `last`: of the position that they follow. */
	async read(offset: number, limit: number, last: WalkPosition['last']): Promise<ListAnswer> {
		for (;;) {
			const request = this.#toRequest(offset, limit)
			const { start, size } = request
			const answer = await getFromStore(this.#client, this.#plan.path, this.#toQuery(request))
			const { body, total } = answer
			if (!Array.isArray(body)) return { kind: 'item', item: body }
			const distinct = withoutCopies(body as VendorRecord[])
			if (this.#plan.pageLimit === null || isWholeList(body, start, size, total))
				return { kind: 'whole', rows: distinct }
			this.#isPaged ||= total !== null || (await this.#hasPages(distinct, start, size))
			if (!this.#isPaged) return { kind: 'whole', rows: distinct }
			if (this.#isUncertain(request, answer, hasKeys(distinct, this.#order))) continue
			if (this.#resize(request, body.length, distinct, total, last)) {
				if (this.#size !== 1 || this.#order === null) continue
				// A page that begins at the last record would have no other.
				this.#order = null
				return { kind: 'disordered' }
			}
			if (await this.#isFirstPage(request, distinct, answer, last)) {
				this.#turn(request)
				continue
			}
			this.#refuseAddedRows(request, distinct, total)
			if (!hasKeys(distinct, this.#order)) return this.#toRows(request, this.#withoutPinned(request, distinct), total)
			if (this.#needsMore(request, distinct, total)) continue
			const ordered = toOrderedRows(distinct, this.#order, { start, size, total, last })
			if (ordered !== null) return this.#toRows(request, ordered, total, last === null ? body.length : null)
			if (start === 0 && distinct.length === total) return { kind: 'whole', rows: distinct }
			return this.#ignoreOrder()
		}
	}

	/** Whether to ask again, since so few rows do not show whether one was added or the order is another one. */
	#needsMore({ start, size }: PageRequest, rows: readonly VendorRecord[], total: number | null): boolean {
		const leading = countLeading(rows, this.#order!)
		const isRest = total !== null && start + rows.length >= total
		if (leading === 0 || leading === rows.length - size || rows.length >= MIN_ORDERED_ROWS || isRest) return false
		if (this.#size !== null || this.#paging === 'page') return false
		this.#size = MIN_ORDERED_ROWS
		this.#paging = 'offset'
		return true
	}

	/**
	 * Whether to ask by offset instead, since nothing shows that a page's number counted pages of the size asked for:
	 * the store names no total, or counts another number of pages.
	 */
	#isUncertain(
		{ start, size, isNumbered }: PageRequest,
		{ total, pages = null }: CallAnswer,
		isKeyed: boolean,
	): boolean {
		if (this.#paging !== 'any' || !isNumbered || start === 0) return false
		const isOther = total === null ? !isKeyed || this.#isNumbered : pages !== null && pages !== Math.ceil(total / size)
		if (isOther) this.#paging = 'offset'
		return isOther
	}

	/**
	 * Throws StoreFailed if the store adds rows to its pages and also gives other pages than asked for: which rows were
	 * added, and what stands behind them, cannot be told.
	 */
	#refuseAddedRows({ start, size }: PageRequest, rows: readonly VendorRecord[], total: number | null): void {
		const isKeyed = this.#plan.order !== null
		const isAdded =
			this.#pinned.size > 0 || rows.length > size || (hasKeys(rows, this.#order) && countLeading(rows, this.#order) > 0)
		const isOther = this.#isOdd || (total === null && this.#size !== null)
		const isRefused = isKeyed
			? isOther && (total === null || this.#pageSize < MIN_CERTAIN_ROWS)
			: isOther || (this.#isNumbered && start > 0)
		if (!isAdded || !isRefused) return
		throw new StoreFailed(
			`The store adds records to the pages of its list ${this.#plan.path}, and its pages are not as asked for, so that ` +
				'it is not certain which records they lack. Ask for larger pages without orderBy, by their tokens.',
		)
	}

	#toRequest(offset: number, limit: number): PageRequest {
		if (this.#paging !== 'page' || this.#plan.pageLimit === null) {
			const size = this.#size ?? limit
			const isNumbered = this.#paging === 'any' && offset % size === 0
			return { start: offset, size, isNumbered, skip: 0, limit: Math.min(limit, size) }
		}
		const size = this.#size ?? findPageSize(offset, Math.max(limit, MIN_ORDERED_ROWS), this.#plan.pageLimit)
		const skip = offset % size
		return { start: offset - skip, size, isNumbered: true, skip, limit: Math.min(limit, size - skip) }
	}

	#toQuery({ start, size, isNumbered }: PageRequest): Record<string, string> {
		return { ...this.#plan.query, ...this.#plan.pageQuery(start, size, isNumbered ? 'page' : 'offset') }
	}

	/** `count`: rows that came, if the next position is counted from them; null: it is not. */
	#toRows(
		{ start, size, skip, limit }: PageRequest,
		rows: VendorRecord[],
		total: number | null,
		count: number | null = null,
	): ListAnswer {
		const added = hasKeys(rows, this.#order) || start > 0 ? 0 : Math.max(0, rows.length - size)
		if (start === 0 || this.#firstId === null) this.#firstId = this.#head?.[0] ?? getId(rows[0]) ?? null
		return {
			kind: 'rows',
			rows: rows.slice(skip, skip + limit),
			total: toTotal(total, start, rows.length),
			// Rows that were added to the first page are at none of its places.
			offset: Math.max(0, start + skip - added),
			limit: Math.max(1, Math.min(limit, count === null || count === 0 ? limit : count - skip) - added),
			isEmpty: rows.length === 0,
		}
	}

	/**
	 * Whether a list without a total has pages. Some hosts remove WooCommerce's total, and some plugins' lists have
	 * neither total nor pages: they return everything whatever the limit is.
	 */
	async #hasPages(rows: readonly VendorRecord[], start: number, size: number): Promise<boolean> {
		const count = rows.length
		if (count === 0) return start > 0
		// A number of rows that a list without pages would not give.
		const probeSize = count === 1 ? 2 : 1
		const probe = start > 0 ? await this.#readIds(0, probeSize) : await this.#readIds(count, probeSize, 'offset')
		if (probe.length > 0 && (probe.length === probeSize || !isSameStart(rows, probe, size))) return true
		return !(await this.#isAll(rows))
	}

	/** Whether the opposite order has the same rows, so that these are all. */
	async #isAll(rows: readonly VendorRecord[]): Promise<boolean> {
		if (this.#toOppositeOrder() === null) return true
		const limit = rows.length + 1
		const others = await this.#readOpposite(Math.min(limit, this.#plan.pageLimit ?? limit))
		const ids = new Set(rows.map(getId))
		return others === null || (others.length === ids.size && others.every((id) => ids.has(id)))
	}

	async #readHead(): Promise<unknown[]> {
		return (this.#head ??= await this.#readIds(0, 2))
	}

	/** Ids of rows; none if the store refuses. */
	async #readIds(offset: number, limit: number, paging?: 'offset'): Promise<unknown[]> {
		const query = { ...this.#plan.query, ...this.#plan.pageQuery(offset, limit, paging) }
		const answer = await this.#client.call('GET', this.#plan.path, query)
		return answer.ok && Array.isArray(answer.body) ? withoutCopies(answer.body).map(getId) : []
	}

	/**
	 * Whether to ask again, since another number of rows came than asked for, and the place of the rows, or of those after
	 * them, depends on it. A store that gives at most so many gives them again; one that drops rows gives fewer.
	 */
	#resize(
		{ start, size, isNumbered }: PageRequest,
		count: number,
		distinct: readonly VendorRecord[],
		total: number | null,
		last: WalkPosition['last'],
	): boolean {
		const known = toTotal(total, start, distinct.length)
		const expected = known === null ? size : Math.min(size, known - start)
		const isShort = count < expected
		const isAnchored = hasKeys(distinct, this.#order)
		const added = isAnchored ? countLeading(distinct, this.#order!) : 0
		// At the place of the last row that was read, there are rows.
		const isLost = count === 0 && last !== null
		if (!isShort && !isLost && distinct.length - added <= size) return false
		// The number of a page counts pages of the size that the store gives.
		const isMisplaced = this.#paging === 'any' && isNumbered && start > 0
		if (this.#paging === 'any' && (isMisplaced || !isAnchored)) this.#paging = 'offset'
		if (count === 0 || (isAnchored && this.#paging !== 'page')) return isMisplaced
		const isDropped = isShort && this.#resizes > 0
		if (isDropped) this.#size = null
		if (isDropped || this.#resizes >= MAX_RESIZES || count > this.#plan.pageLimit!) return isMisplaced
		this.#setSize(count, size)
		return true
	}

	#setSize(count: number, asked: number): void {
		this.#resizes++
		this.#size = count
		if (isOtherSize(count, asked)) this.#isOdd = true
	}

	/** Whether the store gave its first rows for another position. Only a page that looks so costs a request. */
	async #isFirstPage(
		{ start, size, isNumbered }: PageRequest,
		rows: readonly VendorRecord[],
		{ total, isFirstPage }: CallAnswer,
		last: WalkPosition['last'],
	): Promise<boolean> {
		if (start === 0 || rows.length === 0) return false
		const isAnchored = hasKeys(rows, this.#order)
		const isSuspicious =
			this.#paging !== 'any' ||
			(isNumbered && isFirstPage === true) ||
			this.#firstId === getId(rows[0]) ||
			(total !== null && rows.length > total - start) ||
			(!isAnchored && rows.length > size) ||
			(isAnchored && last !== null && this.#isOldPage(rows, start, last))
		if (!isSuspicious) return false
		const head = await this.#readHead()
		const isSame = isSameStart(rows, head, size)
		if (!isSame && head[0] === getId(rows[0])) this.#pinned.add(head[0])
		return isSame
	}

	/** Whether rows begin before the last one that was read, as far as the list's first page does. */
	#isOldPage(rows: readonly VendorRecord[], start: number, last: NonNullable<WalkPosition['last']>): boolean {
		const comparisons = rows.map((row) => compareToKey(this.#order!, row, last))
		return comparisons[0]! < 0 && (comparisons.indexOf(0) === start || comparisons.every((place) => place <= 0))
	}

	/**
	 * Whether the list ends with a record, where its pages are not as asked for: the opposite order begins with its end.
	 * Throws StoreFailed if it does not. `last`: the id, as text.
	 */
	async checkEnd(last: string): Promise<void> {
		const isOrderIgnored = this.#plan.order !== null && this.#order === null && this.#size !== 1
		if (!this.#isOdd || isOrderIgnored || this.#toOppositeOrder() === null) return
		const end = await this.#readOpposite(MAX_END_ROWS)
		if (end === null || end.includes(last)) return
		const head = await this.#readIds(0, MAX_END_ROWS)
		// The store ignores the order.
		if (head.length === end.length && head.every((id) => end.includes(id))) return
		throw new StoreFailed(
			`The store does not give its list ${this.#plan.path} in pages as asked: other records than those read stand at ` +
				'its end. Records are missing, so nothing of this page is returned.',
		)
	}

	#toOppositeOrder(): Record<string, string> | null {
		const { order } = this.#plan.query
		return order === 'asc' || order === 'desc' ? { order: order === 'asc' ? 'desc' : 'asc' } : null
	}

	/** Ids of the first rows in the opposite order; null: the store refuses it. */
	async #readOpposite(limit: number): Promise<unknown[] | null> {
		const answer = await this.#client.call('GET', this.#plan.path, {
			...this.#plan.query,
			...this.#toOppositeOrder(),
			...this.#plan.pageQuery(0, limit),
		})
		return answer.ok && Array.isArray(answer.body) ? withoutCopies(answer.body).map(getId) : null
	}

	#turn({ isNumbered }: PageRequest): void {
		this.#isOdd = true
		this.#ignored.add(isNumbered ? 'page' : 'offset')
		if (this.#ignored.size === 2)
			throw new StoreFailed(
				`The store ignores the parameters offset and page in its list ${this.#plan.path}: it answers every page with ` +
					'the first one, so that the records after it cannot be read.',
			)
		this.#paging = isNumbered ? 'offset' : 'page'
		// In an order with keys, it was only a guess that shows the order.
		if (this.#order !== null) this.#size = null
	}

	/** Without rows that stand in other pages too: the first one had them. */
	#withoutPinned({ start }: PageRequest, rows: VendorRecord[]): VendorRecord[] {
		if (start === 0) return rows
		return rows.filter((row) => getId(row) !== this.#firstId && !this.#pinned.has(getId(row)))
	}

	/** From here on, positions count rows. Throws StoreFailed if the caller chose the order. */
	#ignoreOrder(): ListAnswer {
		const { query, path, order } = this.#plan
		if (order?.isChosen === true)
			throw new StoreFailed(
				`The store ignores the order that was asked for in its list ${path} (orderby=${query['orderby']}, ` +
					`order=${query['order']}). Without orderBy, the list can be read in the store's order.`,
			)
		this.#order = null
		return { kind: 'disordered' }
	}
}

/** Whether so many rows came that pages have another size, rather than rows that were added to them. */
function isOtherSize(count: number, size: number): boolean {
	return count < size || count > size + MAX_ADDED_ROWS
}

/** The size of pages of which one has most of the rows from `offset` on; the smallest such. */
function findPageSize(offset: number, limit: number, maxSize: number): number {
	let best = 1
	const getRoom = (size: number): number => Math.min(limit, size - (offset % size))
	for (let size = 2; size <= maxSize; size++) if (getRoom(size) > getRoom(best)) best = size
	return best
}

/** Throws HttpError if the store fails. */
export async function getFromStore(
	client: StoreClient,
	path: string,
	query: Record<string, string>,
): Promise<CallAnswer> {
	const answer = await client.call('GET', path, query)
	if (!answer.ok) throw toHttpError(answer, 'GET')
	if (answer.body === null) throw new StoreFailed('The store returned an empty response')
	return answer
}
