/** What stores do otherwise than asked, in answers that look well: rows, order, bounds, pages and totals of lists, and what their records hold. */
import { badParameter } from './arguments.ts'
import type { Argument } from './arguments.ts'
import type { Params } from './query.ts'
import { mix } from './random.ts'
import { RestError } from './reply.ts'
import type { Rec } from './types.ts'

/** How a store deviates; the fields combine. They are part of a `Fault`, which says for which requests and how long. */
export interface Deviation {
	/**
	 * Parameters that have no effect: any by its name, `bounds` (all dates), `paging` (every list is whole), `orderby=modified` (newest ids instead), `orderby=id`
	 * (by creation instead).
	 */
	ignores?: string[]
	/** Every list is the whole collection: neither pages nor bounds. */
	wholeList?: boolean
	/** The order of every list, whatever is asked; `shuffled` is one fixed order, `random` another one each time. */
	sorts?: 'id-desc' | 'id-asc' | 'created' | 'shuffled' | 'random'
	/** So many rows a page whatever is asked, at most so many, or 400 for more. */
	rowsAlways?: number
	rowsAtMost?: number
	rowsRefusedAbove?: number
	/** An object (the oldest) stands first on each page, or on the first only, in addition to its rows or in place of the last one. */
	pin?: { id?: number; inPlace?: boolean; firstPageOnly?: boolean }
	/** An object (the first of the page) stands twice: on its page, or before pages are made, as joined tables show it. */
	repeat?: { id?: number; beforePaging?: boolean }
	/** `X-WP-Total`: none, `1,040`, `1040.0`, `1040, 1040`, `1040, 1041`, less than the rows, wrong by so many, by another number each time; any other text as it stands. */
	total?:
		| 'absent'
		| 'thousands'
		| 'decimal'
		| 'doubled'
		| 'contradictory'
		| 'below-rows'
		| 'changing'
		| (string & {})
		| number
	/** The status of the answer to a parameter that WooCommerce does not know. */
	refusesUnknown?: number
	/** A replica answers that is so many seconds behind; with `every: 2` two alternate. */
	lagSeconds?: number
	/** Prices times so much; with `every: 2` two versions alternate. */
	priceFactor?: number
	/** Addresses of pictures have a signature that is another one in every answer; a product without pictures gets one. */
	signsImages?: boolean
	/** Each whole record is so many bytes larger. */
	padBytes?: number
	/** Ids are so much higher, beyond what a double holds: `9223372036854000000`. */
	idBase?: string
	/** Objects whose id is divisible by this stand in no list, and no total counts them; with `every: 2` two sets alternate. */
	hides?: number
	/** Rows of lists whose id is divisible by `every` are records of another kind, as a plugin or a cache mixes up collections. */
	otherKind?: { kind: 'order' | 'coupon' | 'term' | 'post'; every: number }
	/** These fields are null in every so-manieth record, another one each time. */
	nulls?: { fields: string[]; every: number }
	/** A list as PHP writes one with gaps: `{"1": {…}, "2": {…}}`. */
	listAsObject?: boolean
	/** The same of `namespaces` in the index. */
	namespacesAsObject?: boolean
}

const BOUNDS = ['after', 'before', 'modified_after', 'modified_before', 'dates_are_gmt']
/** What every WordPress route knows, and what authenticates. */
const GLOBAL = /^(_fields|_embed|_method|_locale|_envelope|_jsonp|context|rest_route|oauth_\w+|consumer_(key|secret))$/

function ignoring(faults: readonly Deviation[], name: string): boolean {
	return faults.some(({ ignores, wholeList }) => ignores?.includes(name) || (name === 'paging' && wholeList))
}

/** The query that such a store heeds of the one it got. */
export function heededQuery(query: Params, faults: readonly Deviation[]): Params {
	const heeded = new Map(query)
	for (const { ignores = [], wholeList } of faults)
		for (const name of wholeList ? [...ignores, 'bounds'] : ignores) {
			const [key, value] = name.split('=')
			if (name === 'bounds') for (const bound of BOUNDS) heeded.delete(bound)
			else if (value === undefined) heeded.delete(name)
			else if (heeded.get(key as string) === value) heeded.set(key as string, value === 'modified' ? 'id' : 'date')
		}
	return heeded
}

/** Refuses what such a store refuses of a list's query. */
export function refuseDeviant(query: Params, known: Record<string, Argument>, faults: readonly Deviation[]): void {
	for (const { rowsRefusedAbove, refusesUnknown } of faults) {
		if (rowsRefusedAbove !== undefined && Number(query.get('per_page') ?? 10) > rowsRefusedAbove)
			throw badParameter(
				'per_page',
				'rest_out_of_bounds',
				`per_page must be between 1 (inclusive) and ${rowsRefusedAbove} (inclusive)`,
			)
		const unknown = [...query.keys()].find((name) => !(name in known) && !GLOBAL.test(name))
		if (refusesUnknown !== undefined && unknown !== undefined)
			throw new RestError(refusesUnknown, 'rest_invalid_param', `Invalid parameter(s): ${unknown}`)
	}
}

/** Whether any of this changes which rows a page has. */
export function changesRows(faults: readonly Deviation[]): boolean {
	return faults.some(
		(fault) =>
			fault.sorts ??
			fault.hides ??
			fault.rowsAlways ??
			fault.rowsAtMost ??
			fault.pin ??
			fault.repeat ??
			ignoring([fault], 'paging'),
	)
}

interface Listed<Row> {
	rows: Row[]
	total: number
	pages: number
	page: number
	perPage: number
}

let shuffles = 0
let totals = 0

function sorted<Row extends { id: number }>(rows: Row[], by: NonNullable<Deviation['sorts']>): Row[] {
	const salt = by === 'random' ? ++shuffles : 7
	const created = (row: Row): number => {
		const { created: second, date_created_gmt: text } = row as Rec
		return typeof second === 'number' ? second : Date.parse(`${text}Z`)
	}
	const key = (row: Row): number =>
		by === 'created' ? -created(row) : by === 'id-desc' ? -row.id : by === 'id-asc' ? row.id : mix(salt, row.id)
	return rows.toSorted((a, b) => key(a) - key(b) || b.id - a.id)
}

/** The page that such a store gives; `read` gives all rows that a query finds, in the order asked for. */
export function deviantPage<Row extends { id: number }>(
	query: Params,
	faults: readonly Deviation[],
	read: (query: Params) => readonly Row[],
): Listed<Row> {
	const unpaged = new Map(query)
	unpaged.delete('page')
	unpaged.set('offset', 0).set('per_page', Number.MAX_SAFE_INTEGER)
	let all = [...read(unpaged)]
	for (const { sorts, hides } of faults) {
		if (sorts) all = sorted(all, sorts)
		if (hides !== undefined) all = all.filter(({ id }) => id % hides !== 0)
	}
	for (const { repeat } of faults)
		if (repeat?.beforePaging) {
			const id = repeat.id ?? all[0]?.id
			all = all.flatMap((row) => (row.id === id ? [row, row] : [row]))
		}
	const most = Math.min(...faults.map(({ rowsAtMost }) => rowsAtMost ?? Number.POSITIVE_INFINITY))
	const always = faults.find(({ rowsAlways }) => rowsAlways !== undefined)?.rowsAlways
	const perPage = ignoring(faults, 'paging')
		? Math.max(all.length, 1)
		: (always ?? Math.min(Number(query.get('per_page') ?? 10), most))
	const page = Number(query.get('page') ?? 1)
	const offset = ignoring(faults, 'paging')
		? 0
		: query.has('offset') && query.get('offset') !== ''
			? Number(query.get('offset'))
			: (page - 1) * perPage
	let rows = all.slice(offset, offset + perPage)
	for (const { pin } of faults) {
		if (!pin || (pin.firstPageOnly && offset > 0) || (pin.inPlace && query.has('include'))) continue
		const everything = read(new Map<string, unknown>([...unpaged].filter(([name]) => /^(offset|per_page)$/.test(name))))
		const pinned = everything.reduce<Row | undefined>(
			(found, row) =>
				pin.id === undefined ? (!found || row.id < found.id ? row : found) : row.id === pin.id ? row : found,
			undefined,
		)
		if (pinned === undefined) continue
		const others = rows.filter((row) => row.id !== pinned.id)
		rows = [pinned, ...(pin.inPlace ? others.slice(0, Math.max(0, perPage - 1)) : others)]
	}
	for (const { repeat } of faults)
		if (repeat && !repeat.beforePaging) {
			const id = repeat.id ?? rows[0]?.id
			rows = rows.flatMap((row) => (row.id === id ? [row, row] : [row]))
		}
	return { rows, total: all.length, pages: Math.ceil(all.length / perPage), page, perPage }
}

/** `X-WP-Total` as such a store sends it; null: it sends none. */
export function totalText(total: number, rows: number, faults: readonly Deviation[]): string | null {
	let text: string | null = String(total)
	for (const { total: how } of faults) {
		if (how === undefined) continue
		if (how === 'absent') text = null
		else if (how === 'thousands') text = total.toLocaleString('en-US')
		else if (how === 'decimal') text = `${total}.0`
		else if (how === 'doubled') text = `${total}, ${total}`
		else if (how === 'contradictory') text = `${total}, ${total + 1}`
		else if (how === 'changing') text = String(total + (mix(11, ++totals) % 400))
		else if (how === 'below-rows') text = String(Math.max(0, rows - 1))
		else text = typeof how === 'number' ? String(Math.max(0, total + how)) : how
	}
	return text
}

const isRec = (value: unknown): value is Rec => typeof value === 'object' && value !== null && !Array.isArray(value)

let signatures = 0
let seenRecords = 0

/** A record of another kind with a row's id and dates. */
function otherKind(row: Rec, kind: NonNullable<Deviation['otherKind']>['kind']): Rec {
	const { id, date_created: created, date_created_gmt, date_modified: modified, date_modified_gmt } = row
	const dates = { date_created: created, date_created_gmt, date_modified: modified, date_modified_gmt }
	if (kind === 'order')
		return { id, status: 'processing', order_key: `wc_order_${String(id)}`, total: '9.00', line_items: [], ...dates }
	if (kind === 'coupon') return { id, code: `c${String(id)}`, amount: '5.00', discount_type: 'percent', ...dates }
	if (kind === 'term') return { id, name: 'Term', slug: 'term', parent: 0, display: 'default', count: 3 }
	return { id, date: created, modified, title: { rendered: 'Page' }, content: { rendered: '' }, type: 'page' }
}

function altered(record: Rec, faults: readonly Deviation[]): Rec {
	const changed = { ...record }
	for (const { priceFactor, signsImages, padBytes, idBase, nulls } of faults) {
		if (nulls && (Number(record.id) + ++seenRecords) % nulls.every === 0)
			for (const field of nulls.fields) changed[field] = null
		if (priceFactor !== undefined)
			for (const field of ['price', 'regular_price', 'sale_price', 'total'])
				if (Number(changed[field]) > 0) changed[field] = (Number(changed[field]) * priceFactor).toFixed(2)
		if (signsImages && Array.isArray(changed.images)) {
			const images: Rec[] = changed.images.length > 0 ? changed.images : [{ id: 90_000, src: '/uploads/one.jpg' }]
			changed.images = images.map((image) => ({ ...image, src: `${image.src}?X-Signature=${++signatures}` }))
		}
		if (signsImages && isRec(changed.image))
			changed.image = { ...changed.image, src: `${changed.image.src}?X-Signature=${++signatures}` }
		if (padBytes !== undefined && Array.isArray(changed.meta_data))
			changed.meta_data = [...changed.meta_data, { id: 1, key: '_page_builder_data', value: 'x'.repeat(padBytes) }]
		if (idBase !== undefined && typeof changed.id === 'number')
			changed.id = `@number:${BigInt(idBase) + BigInt(changed.id)}`
	}
	return changed
}

const asObject = (list: unknown[]): Rec => Object.fromEntries(list.map((item, i) => [i + 1, item]))

/** A body of JSON as such a store gives it. */
export function deviantBody(body: unknown, faults: readonly Deviation[]): unknown {
	const alters = faults.some(
		({ priceFactor, signsImages, padBytes, idBase, nulls }) =>
			priceFactor ?? signsImages ?? padBytes ?? idBase ?? nulls,
	)
	if (Array.isArray(body)) {
		const own = alters ? body.map((row: unknown) => (isRec(row) ? altered(row, faults) : row)) : body
		const others = faults.flatMap((fault) => fault.otherKind ?? [])
		const rows = own.map((row: unknown) => {
			const other = isRec(row) ? others.find(({ every }) => Number(row.id) % every === 0) : undefined
			return other && isRec(row) ? otherKind(row, other.kind) : row
		})
		return faults.some(({ listAsObject }) => listAsObject) ? asObject(rows) : rows
	}
	if (!isRec(body)) return body
	if (Array.isArray(body.namespaces) && faults.some(({ namespacesAsObject }) => namespacesAsObject))
		return { ...body, namespaces: asObject(body.namespaces) }
	return alters && 'id' in body ? altered(body, faults) : body
}

/** A path or value with the ids that the store itself has. */
export function withOwnIds<T>(value: T, faults: readonly Deviation[]): T {
	const base = faults.find(({ idBase }) => idBase !== undefined)?.idBase
	if (base === undefined) return value
	if (Array.isArray(value)) return value.map((item) => withOwnIds<unknown>(item, faults)) as T
	if (typeof value !== 'string') return value
	return value.replace(/\d{16,}/g, (id) => String(BigInt(id) - BigInt(base))) as T
}
