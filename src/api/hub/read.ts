/** Reading a store for the hub: pages of up to 200 over a vendor's 100, and filters that the store lacks (contract, section 8). */
import { HttpError, NotFound, StoreFailed, TooManyRequests } from '../../errors.ts'
import type { Failure, StoreClient } from '../../elements/element.ts'

/** Rows that a vendor gives at once. */
const VENDOR_PAGE = 100
/** Requests that one call may cost: below the platform's limit of a small plan, with room for what stands around it. */
const MOST_REQUESTS = 40

/** A page that was asked for. */
export interface Wanted {
	/** Vendor path. */
	path: string
	/** Vendor query of the filter. */
	query: Record<string, string>
	/** What the store cannot filter; null when it can. */
	matches: ((record: Record<string, unknown>) => boolean) | null
	/** From 1. */
	page: number
	pageSize: number
}

/** What was read: a list, or the one thing that is at this path. `total`: how many match, null when nobody said. */
export type Reading = { list: unknown[]; total: number | null; more: boolean } | { item: unknown }

/** Reads a page. */
export async function readPage(client: StoreClient, wanted: Wanted): Promise<Reading> {
	return wanted.matches === null ? await readPlain(client, wanted) : await readFiltered(client, wanted, wanted.matches)
}

/** Reads one thing by its path. */
export async function readItem(client: StoreClient, path: string, query: Record<string, string>): Promise<unknown> {
	return (await get(client, path, query)).body
}

async function readPlain(client: StoreClient, { path, query, page, pageSize }: Wanted): Promise<Reading> {
	const list: unknown[] = []
	const first = (page - 1) * pageSize
	let total: number | null = null
	while (list.length < pageSize) {
		const limit = Math.min(VENDOR_PAGE, pageSize - list.length)
		// A page where one suffices, since every list knows it; an offset only where a page spans two of the store's.
		const position: Record<string, string> =
			pageSize <= VENDOR_PAGE
				? { page: String(page), per_page: String(limit) }
				: { offset: String(first + list.length), per_page: String(limit) }
		const answer = await get(client, path, { ...query, ...position })
		if (!Array.isArray(answer.body)) return { item: answer.body }
		total = answer.total ?? total
		if (answer.total === null && answer.body.length > limit) return cut(answer.body, first, pageSize)
		list.push(...(answer.body as unknown[]))
		if (answer.body.length < limit) break
		if (total !== null && first + list.length >= total) break
		// A store that gives no total has lists that are not paged: what came is all there is.
		if (total === null && pageSize > VENDOR_PAGE) break
	}
	if (total === null && page > 1) return { list: [], total: null, more: false }
	// A short page need not be the last one; without a total a full one may be followed by another.
	return { list, total, more: total !== null ? first + pageSize < total : false }
}

/** A list that the store gave whole. */
function cut(whole: unknown[], first: number, pageSize: number): Reading {
	return { list: whole.slice(first, first + pageSize), total: whole.length, more: first + pageSize < whole.length }
}

/** Reads on from the start, since only we know which rows match, until the page is full and one more is known. */
async function readFiltered(
	client: StoreClient,
	{ path, query, page, pageSize }: Wanted,
	matches: (record: Record<string, unknown>) => boolean,
): Promise<Reading> {
	const first = (page - 1) * pageSize
	const found: unknown[] = []
	let complete = false
	let read = 0
	for (let request = 0; found.length <= first + pageSize; request++) {
		if (request === MOST_REQUESTS)
			throw new HttpError(
				400,
				`where: the store cannot filter this, and it did not fit into ${MOST_REQUESTS * VENDOR_PAGE} records; narrow it by a date`,
			)
		const answer = await get(client, path, { ...query, page: String(request + 1), per_page: String(VENDOR_PAGE) })
		if (!Array.isArray(answer.body)) return { item: answer.body }
		read += answer.body.length
		for (const record of answer.body as unknown[])
			if (typeof record === 'object' && record !== null && matches(record as Record<string, unknown>)) found.push(record)
		if (answer.body.length === 0 || answer.total === null || read >= answer.total) {
			complete = true
			break
		}
	}
	return { list: found.slice(first, first + pageSize), total: complete ? found.length : null, more: found.length > first + pageSize }
}

async function get(client: StoreClient, path: string, query: Record<string, string>): Promise<{ body: unknown; total: number | null }> {
	const answer = await client.call('GET', path, query)
	if (!answer.ok) throw storeError(answer)
	if (answer.status >= 400)
		throw answer.status === 404 ? new NotFound('The store has no such object') : new StoreFailed(`The store answered ${answer.status}`)
	return answer
}

/** A store's failure as the caller sees it: what they asked wrongly comes back as that, the rest is the store's (502). */
export function storeError(failure: Failure): HttpError {
	const detail = { providerMessage: failure.providerMessage }
	if (failure.kind === 'throttled')
		return new TooManyRequests(failure.message, Math.max(1, Math.ceil((failure.retryAfterMs ?? 1000) / 1000)), detail)
	if (failure.kind === 'no-route' || (failure.kind === 'rejected' && (failure.status === 404 || failure.status === 410)))
		return new HttpError(404, failure.message, detail)
	if (failure.kind === 'rejected' && failure.status === 400) return new HttpError(400, failure.message, detail)
	if (failure.kind === 'forbidden') return new HttpError(403, failure.message, detail)
	return new StoreFailed(failure.message, detail)
}
