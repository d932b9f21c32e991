/** Reading a store for the hub: pages of up to 200 over a vendor's smaller ones, and filters that the store lacks (contract, section 8). */
import type { ListPlan } from '../../elements/records.ts'
import { StoreFailed } from '../../lib/errors.ts'
import { storeError } from './refusals.ts'
import { indexBehind, nextOffset, placeAfter, placeAt, sorted, step, type Place } from './walk.ts'
import { isRecord } from '../../elements/values.ts'
import type { Failure, StoreClient, VendorRecord } from '../../elements/store.ts'

/** Pages of the store that one call may cost; then the page is short, and its token goes on. */
export const MOST_PAGES = 20

/** What was read: a page of a list, or the one thing that is at this path. `total`: how many match, null when nobody said. `next`: where the next page begins, null after the last. */
export type Reading = { list: unknown[]; total: number | null; next: Place | null } | { item: unknown }

/** Reads the page that begins at a place. `counted`: it is a page by its number, whose place is a row and not a record. */
export async function readPage(client: StoreClient, plan: ListPlan, from: Place, pageSize: number, counted: boolean): Promise<Reading> {
	const page = new Page(plan, from, pageSize, counted)
	let paged = false
	for (let request = 0; request < MOST_PAGES; request++) {
		const { offset, limit } = page.ask()
		const answer = await get(client, plan.path, { ...plan.query, ...plan.position(offset, limit) })
		const { body, total } = answer
		if (!Array.isArray(body)) return { item: body }
		if (plan.pageLimit === null || body.length > limit) return readWhole(plan, body, from, pageSize)
		paged ||= total !== null || (await hasPages(client, plan, offset, limit, body.length))
		if (!paged) return readWhole(plan, body, from, pageSize)
		if (page.take(body as VendorRecord[], total, offset, limit)) break
	}
	return page.reading()
}

/**
 * Whether a list that names no total has pages. Some hosts take the total out of WooCommerce's answers, some plugins' lists never had one, and others
 * have no pages: they give everything whatever is asked, also a limit that is less, or one more, than what came. `count`: how many came for this offset and limit.
 */
async function hasPages(client: StoreClient, plan: ListPlan, offset: number, limit: number, count: number): Promise<boolean> {
	if (offset === 0 && count < limit) return false
	if (count === 0) return true
	const { body } = await get(client, plan.path, { ...plan.query, ...plan.position(0, count === 1 ? 2 : 1) })
	return !Array.isArray(body) || body.length !== count
}

/** Reads one thing by its path. */
export async function readItem(client: StoreClient, path: string): Promise<unknown> {
	return (await get(client, path, {})).body
}

/** One page in the making. */
class Page {
	readonly #plan: ListPlan
	readonly #pageSize: number
	/** Row at which a page by its number ends in the store's list; null where it ends when it is full. */
	readonly #end: number | null
	/** The whole list is being read from its beginning. */
	readonly #whole: boolean
	#place: Place
	#list: VendorRecord[] = []
	#matching = 0
	#total: number | null = null
	#ended = false
	#full = false

	constructor(plan: ListPlan, from: Place, pageSize: number, counted: boolean) {
		this.#plan = plan
		this.#pageSize = pageSize
		this.#place = from
		this.#end = counted && plan.matches === null ? from.n + pageSize : null
		this.#whole = counted && from.n === 0
	}

	/** The next request. */
	ask(): { offset: number; limit: number } {
		const { pageLimit } = this.#plan
		const offset = nextOffset(this.#place, this.#plan.order)
		const room = this.#end === null ? this.#pageSize - this.#list.length + this.#place.n - offset : this.#end - offset
		const limit = this.#plan.matches === null ? Math.min(pageLimit!, Math.max(1, room)) : pageLimit!
		return { offset, limit }
	}

	/** Takes an answer. Whether the page is done. */
	take(rows: VendorRecord[], total: number | null, offset: number, limit: number): boolean {
		const { order, matches } = this.#plan
		// Past the end some lists count nothing (HPOS orders): then nothing is known.
		this.#total = total === 0 && offset > 0 && rows.length === 0 ? this.#total : total
		const { fresh, place, ended } = step(this.#place, order, rows, total, limit)
		const before = this.#place
		let { skip } = before
		for (let index = fresh; index < rows.length; index++) {
			const row = rows[index]!
			if (matches !== null && !(isRecord(row) && matches(row))) continue
			this.#matching++
			if (skip > 0) skip--
			else if (this.#list.length < this.#pageSize) this.#list.push(row)
			else {
				// One more than fits: the next page begins with it.
				this.#place = { ...placeAfter({ ...before, total: place.total }, order, rows, index - 1, offset), skip }
				this.#full = true
				return true
			}
		}
		this.#place = { ...place, skip }
		this.#ended = ended
		this.#full = this.#end === null ? this.#list.length === this.#pageSize : place.n >= this.#end
		return ended || this.#full
	}

	/** What has come together. */
	reading(): Reading {
		// How many match what is filtered here, or what the store does not count, is known when everything was looked at.
		const counted = this.#ended && this.#whole ? this.#matching : null
		return {
			list: this.#list,
			total: this.#plan.matches === null ? (this.#total ?? counted) : counted,
			next: this.#ended ? null : this.#place,
		}
	}
}

/** A page of a list that the store gave whole. */
function readWhole(plan: ListPlan, body: unknown[], from: Place, pageSize: number): Reading {
	const { matches, order } = plan
	const records = body.filter(isRecord)
	// Lists of words have neither fields nor order.
	const all = records.length === body.length ? sorted(records, order) : body
	const matching = matches === null ? all : records.length === body.length ? sorted(records, order).filter(matches) : []
	const first = from.last === null ? from.n + from.skip : indexBehind(matching as VendorRecord[], order, from)
	const list = matching.slice(first, first + pageSize)
	const end = first + list.length
	const last = matching[end - 1]
	const next = end < matching.length ? { ...placeAt(end), last: isRecord(last) && order !== null ? order.key(last) : null } : null
	return { list, total: matching.length, next }
}

async function get(client: StoreClient, path: string, query: Record<string, string>): Promise<{ body: unknown; total: number | null }> {
	const answer = await client.call('GET', path, query)
	if (!answer.ok) throw storeError(answer satisfies Failure, 'GET')
	if (answer.body === null) throw new StoreFailed('The store answered with nothing')
	return answer
}
