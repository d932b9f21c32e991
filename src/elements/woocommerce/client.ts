/** Calls to one connected store: lists in the element's terms, single objects, and unchanged hub calls. */
import { parseWebUrl } from '../../lib/urls.ts'
import { hasHiddenCharacters } from '../../lib/values.ts'
import { compareIds, isRecord, getValueAt, toObjectId } from '../values.ts'
import { parseAnswer, parseJson, toObject, toRows } from './answer-json.ts'
import { toRequestAuth, authorize, type RequestAuth } from './request-auth.ts'
import { type Collection, getCollection, isKnownCollection } from './collections.ts'
import { formatGmt } from './dates.ts'
import {
	toResponseFailure,
	withoutQuery,
	isGoneFailure,
	isMissingObject,
	toProtectionFailure,
	toShapeFailure,
} from './failures.ts'
import { toCure, toMovedCure } from './cures.ts'
import { type StoreResponse, DEFAULT_TIMEOUT_MS, sendRequest, withQuery } from './http.ts'
import { getListModifiedSec } from './parse-record.ts'
import { tightenBound } from './where.ts'
import { OTHER_OBJECT_CODE } from '../store.ts'
import type {
	AnswerFacts,
	CallAnswer,
	Connection,
	Credentials,
	Failure,
	Io,
	ListQuery,
	ObjectId,
	Page,
	ObjectReadResult,
	Resource,
	StoreClient,
	VendorRecord,
} from '../store.ts'

/** Its value changes with each request. Stores ignore parameters that they do not know (docs/woocommerce.md 2.4). */
const FRESH_PARAMETER = 'nocache'
/** Asks past WooCommerce's own cache of REST answers (docs/woocommerce.md 2.7). */
const SKIP_CACHE_PARAMETER = '_skip_cache'

/** The API's place under the REST root. */
export const API_PREFIX = 'wc/v3/'

/** Opens a client. It keeps the credentials in memory only. */
export function openClient(connection: Connection, credentials: Credentials, io: Io): StoreClient {
	return new WooCommerceClient(connection, toRequestAuth(connection, credentials), io)
}

class WooCommerceClient implements StoreClient {
	requests = 0
	/** The store answers a parameter that it does not know with a 4xx. */
	#refusesParameter = false
	readonly #connection: Connection
	readonly #access: RequestAuth
	readonly #io: Io

	constructor(connection: Connection, access: RequestAuth, io: Io) {
		this.#connection = connection
		this.#access = access
		this.#io = io
	}

	async list(resource: Resource, query: ListQuery): Promise<Page | Failure> {
		const collection = getCollection(resource.path, this.#connection)
		const parameters = toListParameters(collection, resource, query)
		const answer = await this.#get(resource.path, {
			...parameters,
			...(query.fresh === true && this.#freshParameter()),
			...(query.skipCache === true && { [SKIP_CACHE_PARAMETER]: 'true' }),
		})
		if (!answer.ok) return answer
		const listed = parseRecords(answer, parameters)
		if (listed === null) return toShapeFailure(answer, 'a list of objects')
		const { records: rows, around } = listed
		const total = parseTotal(answer)
		const facts = toAnswerFacts(answer, around)
		const page: Page = { ok: true, records: rows, total, storeNowMs: answer.storeNowMs, answer: facts }
		// A route that has pages returned one of them, even if a host removes the total from its responses: if that page
		// counted as everything, all other objects would be missing.
		const isKnownPaged =
			collection.known || this.#connection.collections[resource.path]?.args?.includes('per_page') === true
		if (!collection.paged || (total === null && !isKnownPaged && rows.length <= query.limit))
			return slicePage(page, resource, collection, query)
		if (!isWholeList(rows, resource, query.limit, total)) return page
		const whole = { ...page, answer: { ...facts, rows: rows.length, isWholeList: true as const } }
		return slicePage(whole, resource, collection, query)
	}

	#freshParameter(): Record<string, string> {
		return { [FRESH_PARAMETER]: `${this.#io.now()}-${this.requests}` }
	}

	async read(resource: Resource, id: ObjectId, fresh = false): Promise<ObjectReadResult | Failure> {
		const collection = getCollection(resource.path, this.#connection)
		if (resource.idField !== collection.idField) {
			// Another field's value in the URL would read, or miss, a different object.
			return {
				ok: false,
				kind: 'no-route',
				status: null,
				code: null,
				providerMessage: null,
				retryAfterMs: null,
				message: `${resource.path} cannot be read by ${resource.idField}; WooCommerce reads it by ${collection.idField}.`,
			}
		}
		if (collection.read === 'address') {
			const answer = await this.#readByPath(resource.path, collection.idField, id, fresh)
			// `/products/{id}` answers for variations too (docs/woocommerce.md 3.10); a webhook may name one under a product's
			// topic (docs/woocommerce.md 7.6).
			const isVariation = resource.path === 'products' && answer.ok && answer.found?.['type'] === 'variation'
			return isVariation ? { ok: true, found: null, storeNowMs: answer.storeNowMs } : answer
		}
		const listed = await this.#get(resource.path, { ...collection.baseQuery, include: String(id), per_page: '1' })
		if (!listed.ok) return listed
		const rows = parseRecords(listed)?.records
		if (rows === undefined || rows.length > 1) return toShapeFailure(listed, 'a list of at most one object')
		const row = rows[0]
		if (row !== undefined)
			return String(toObjectId(row[collection.idField])) === String(id)
				? { ok: true, found: row, storeNowMs: listed.storeNowMs }
				: { ...toShapeFailure(listed, `object ${id}`), code: OTHER_OBJECT_CODE }
		if (collection.read === 'variation') return this.#readVariation(id)
		// Refunds have no URL of their own, so an object is missing if a list restricted to this id counts none.
		return parseTotal(listed) === 0
			? { ok: true, found: null, storeNowMs: listed.storeNowMs }
			: toShapeFailure(listed, 'a total')
	}

	async call(
		method: string,
		path: string,
		query: Record<string, string>,
		body?: string,
	): ReturnType<StoreClient['call']> {
		const answer = await this.#send(method, path, query, body)
		// A failure of the store, not of the caller.
		if (!answer.ok && answer.cure?.cause === 'no-woocommerce' && method === 'GET') return { ...answer, kind: 'server' }
		// An object that does not exist is a 404, whatever the version and the method (docs/woocommerce.md 2.6).
		if (!answer.ok)
			return answer.status === 400 && isMissingObject(path, answer.code) ? { ...answer, status: 404 } : answer
		if (answer.text.trim() === '' && [200, 201, 204, 205].includes(answer.status))
			return { ok: true, status: answer.status, body: null, total: parseTotal(answer), storeNowMs: answer.storeNowMs }
		const parsed = parseAnswer(answer.text)
		if (parsed === null) return toShapeFailure(answer, 'JSON')
		const total = parseTotal(answer)
		const isList = method === 'GET' && (total !== null || isKnownCollection(path))
		const list = isList ? toRows(parsed, isPastEnd(answer, query)) : null
		const found = list?.rows.filter((row) => Object.keys(row).length > 0) ?? parsed.value
		const other = method === 'GET' ? getOtherId(path, found) : null
		if (other !== null) {
			const expected = `object ${path.split('/').at(-1)}`
			const message = `${answer.url} answered with object ${other} instead of ${expected}: a cache mixes them up.`
			return { ...toShapeFailure(answer, expected), code: OTHER_OBJECT_CODE, message }
		}
		const facts = list === null ? {} : toPageFacts(answer, total)
		return { ok: true, status: answer.status, body: found, total, storeNowMs: answer.storeNowMs, ...facts }
	}

	/**
	 * A variation that `/variations` does not list: trashed ones and those of a trashed parent still exist.
	 * `/products/{id}` answers for every variation, but with a product's fields; the record must be the list's, so it is
	 * read under its parent.
	 */
	async #readVariation(id: ObjectId): Promise<ObjectReadResult | Failure> {
		const asProduct = await this.#readByPath('products', 'id', id)
		if (!asProduct.ok || asProduct.found === null) return asProduct
		const parent = toObjectId(asProduct.found['parent_id'])
		if (asProduct.found['type'] !== 'variation' || parent === null || parent === 0)
			return { ok: true, found: null, storeNowMs: asProduct.storeNowMs }
		return this.#readByPath(`products/${parent}/variations`, 'id', id)
	}

	async #readByPath(path: string, idField: string, id: ObjectId, fresh = false): Promise<ObjectReadResult | Failure> {
		const address = `${path}/${encodeURIComponent(String(id))}`
		const parameter = fresh && !this.#refusesParameter ? this.#freshParameter() : {}
		let answer = await this.#get(address, parameter)
		if (FRESH_PARAMETER in parameter && mayRefuseParameter(path, answer)) {
			answer = await this.#get(address, {})
			this.#refusesParameter = answer.ok || isGoneFailure(path, answer)
		}
		if (!answer.ok)
			return isGoneFailure(path, answer) ? { ok: true, found: null, storeNowMs: answer.storeNowMs } : answer
		const record = toObject(parseJson(answer.text))
		if (record === null) return toShapeFailure(answer, `object ${id}`)
		// A cache or a plugin returned another object for this URL.
		if (String(toObjectId(record[idField])) !== String(id))
			return { ...toShapeFailure(answer, `object ${id}`), code: OTHER_OBJECT_CODE }
		return { ok: true, found: record, storeNowMs: answer.storeNowMs }
	}

	#get(path: string, query: Record<string, string>): Promise<StoreResponse | TimedFailure> {
		return this.#send('GET', path, query)
	}

	/** One request; a second one only if a signature's time was refused, with the store's own clock. */
	async #send(
		method: string,
		path: string,
		query: Record<string, string>,
		body?: string,
	): Promise<StoreResponse | TimedFailure> {
		for (let attempt = 1; ; attempt++) {
			const target = authorize(this.#access, this.#io, method, `${this.#connection.root}${API_PREFIX}${path}`, query)
			if (!target.ok) return { ...target, storeNowMs: this.#io.now() }
			this.requests++
			const answer = await sendRequest(this.#io, {
				method,
				url: target.url,
				headers: target.headers,
				body,
				timeoutMs: this.#io.timeoutMs ?? DEFAULT_TIMEOUT_MS,
			})
			if (!answer.ok) return { ...answer, storeNowMs: this.#io.now() }
			if (answer.status >= 200 && answer.status < 300) {
				const refused = toProtectionFailure(answer)
				return refused === null
					? { ...answer, url: withoutQuery(answer.url) }
					: { ...refused, storeNowMs: answer.storeNowMs }
			}
			const skewSec = Math.round((answer.storeNowMs - this.#io.now()) / 1000)
			if (
				attempt === 1 &&
				this.#access.auth === 'oauth1' &&
				answer.status === 401 &&
				Math.abs(skewSec - this.#access.skewSec) > 60
			) {
				this.#access.skewSec = skewSec
				continue
			}
			const failure = toResponseFailure(answer, this.#io.now())
			return { ...(await this.#explain(method, path, failure)), storeNowMs: answer.storeNowMs }
		}
	}

	/** Finds the cause of a failure that one answer does not show. */
	async #explain(method: string, path: string, failure: Failure): Promise<Failure> {
		// A route that every store has is missing only if WooCommerce is off (docs/woocommerce.md 2.1).
		if (failure.kind === 'no-route' && method === 'GET' && getCollection(path.replace(/\/\d+$/, ''), null).isBuiltIn)
			return {
				...failure,
				message: `${failure.message} WooCommerce seems to be inactive: activate the plugin.`,
				cure: toCure('no-woocommerce'),
			}
		if (failure.code !== 'woocommerce_rest_authentication_error' || this.#access.auth !== 'oauth1') return failure
		// Signatures name the site's address, so that a site with another one refuses every key (docs/woocommerce.md 1.7).
		const home = await this.#readHome()
		if (home === null || home === toHome(this.#connection.home)) return failure
		return {
			...failure,
			kind: 'redirect',
			message: `The shop's address has changed from ${this.#connection.home} to ${home}, so requests are refused.`,
			cure: toMovedCure(home),
		}
	}

	/** The address that the site itself names; null: it names none. */
	async #readHome(): Promise<string | null> {
		this.requests++
		const url = withQuery(this.#connection.root, { _fields: 'home' })
		const timeoutMs = this.#io.timeoutMs ?? DEFAULT_TIMEOUT_MS
		const answer = await sendRequest(this.#io, { method: 'GET', url, timeoutMs })
		const index = answer.ok && answer.status === 200 ? parseJson(answer.text) : undefined
		const home = isRecord(index) ? index['home'] : undefined
		if (typeof home !== 'string' || !parseWebUrl(home).ok || hasHiddenCharacters(home)) return null
		return toHome(home)
	}
}

/** What headers say about the place of a page in its list. */
function toPageFacts({ headers }: StoreResponse, total: number | null): Pick<CallAnswer, 'isFirstPage' | 'pages'> {
	const isFirstPage = total !== null && !/rel="?prev/.test(headers.get('link') ?? '')
	return { isFirstPage, pages: parseCount(headers.get('x-wp-totalpages') ?? '') }
}

/** Whether an answer may be to a parameter that the store does not know, rather than to the object. */
function mayRefuseParameter(path: string, answer: StoreResponse | TimedFailure): boolean {
	return !answer.ok && [400, 403, 404].includes(answer.status ?? 0) && !isGoneFailure(path, answer)
}

/** The id of another object's record that came for the address of an object; null: it is this object's. */
function getOtherId(path: string, body: unknown): ObjectId | null {
	const [, collection = '', id = ''] = /^(.+)\/0*(\d+)$/.exec(path) ?? []
	if (!isKnownCollection(collection) || !isRecord(body)) return null
	const found = toObjectId(body['id'])
	return found === null || String(found) === id ? null : found
}

/** A site's address in the form in which addresses are compared. */
function toHome(address: string): string {
	return withoutQuery(address).replace(/(?<!\/)\/+$/, '')
}

/** A Failure with the store's clock of its response. */
type TimedFailure = Failure & { storeNowMs: number }

/** The vendor's parameters for one page (docs/woocommerce.md §3). */
function toListParameters(
	collection: Collection,
	resource: Pick<Resource, 'query' | 'idField'>,
	query: ListQuery,
): Record<string, string> {
	const parameters: Record<string, string> = { ...collection.baseQuery, ...resource.query }
	if (!collection.paged) return parameters
	const byModified = collection.filtersByModified && query.order.startsWith('modified')
	parameters['orderby'] = byModified ? 'modified' : 'id'
	parameters['order'] = query.order.endsWith('asc') ? 'asc' : 'desc'
	parameters['per_page'] = String(Math.min(100, Math.max(1, Math.floor(query.limit))))
	Object.assign(parameters, toPosition(query))
	restrictIds(parameters, collection, query)
	if (query.idsOnly === true) parameters['_fields'] = resource.idField.split('.')[0] ?? collection.idField
	if (query.trashed === true && collection.hasTrash) parameters['status'] = 'trash'
	if (collection.filtersByModified) {
		if (query.modifiedAfterSec !== undefined)
			tightenBound(parameters, 'modified_after', formatGmt(query.modifiedAfterSec), true)
		if (query.modifiedBeforeSec !== undefined)
			tightenBound(parameters, 'modified_before', formatGmt(query.modifiedBeforeSec), false)
		if (parameters['modified_after'] !== undefined || parameters['modified_before'] !== undefined)
			parameters['dates_are_gmt'] = 'true'
	}
	return parameters
}

/** Which objects a list is restricted to, and which it leaves out. */
function restrictIds(parameters: Record<string, string>, collection: Collection, query: ListQuery): void {
	const { onlyId, onlyIds, exceptIds = [] } = query
	// With `include` the store would ignore `exclude`, so excluded ids are removed here.
	const isNamedIn = (parameter: 'include' | 'exclude'): boolean | undefined =>
		parameters[parameter]?.split(',').includes(String(onlyId))
	if (onlyId !== undefined && isNamedIn('include') !== false && isNamedIn('exclude') !== true)
		parameters['include'] = String(onlyId)
	if (onlyIds !== undefined && parameters['include'] === undefined && parameters['exclude'] === undefined)
		parameters['include'] = onlyIds.join(',')
	if (exceptIds.length > 0 && collection.args.includes('exclude')) excludeIds(parameters, exceptIds)
}

/** Leaves out these ids. Beside `include` the store ignores `exclude`, so they leave that list, unless none is left. */
function excludeIds(parameters: Record<string, string>, ids: readonly ObjectId[]): void {
	const excluded = ids.map(String)
	const included = parameters['include']?.split(',')
	if (included === undefined) {
		parameters['exclude'] = [...(parameters['exclude']?.split(',') ?? []), ...excluded].join(',')
		return
	}
	const left = included.filter((id) => !excluded.includes(id))
	if (left.length > 0) parameters['include'] = left.join(',')
}

/** Where a page begins. The first one needs no parameter. */
function toPosition({ offset = 0, limit, paging }: ListQuery): Record<string, string> {
	if (offset <= 0) return {}
	return paging === 'page' ? { page: String(Math.floor(offset / limit) + 1) } : { offset: String(Math.floor(offset)) }
}

/** Rows that WooCommerce gives at once (docs/woocommerce.md 2.4): more of them are a list without pages. */
const MAX_PAGE_ROWS = 100
/** Rows beyond the limit that may be pinned to each page. */
const MAX_EXTRA_ROWS = 3

/** Whether a store that was asked for a page gave the whole list: as many objects as its total says. */
function isWholeList(
	rows: readonly VendorRecord[],
	{ idField }: Pick<Resource, 'idField'>,
	limit: number,
	total: number | null,
): boolean {
	if (rows.length <= limit) return false
	// A row that stands twice is one object.
	const count = new Set(rows.map((record) => getValueAt(record, idField))).size
	if (count <= limit) return false
	if (total !== null) return count === total
	return count > MAX_PAGE_ROWS + MAX_EXTRA_ROWS || count - limit > MAX_EXTRA_ROWS
}

/** A page out of all rows of a list: those that the query asks for, in its order, so that all scans are alike. */
function slicePage(page: Page, { idField, dates }: Resource, collection: Collection, query: ListQuery): Page {
	const { order, offset = 0, limit } = query
	const byModified = collection.filtersByModified && order.startsWith('modified')
	const seen = new Set<ObjectId>()
	const rows = page.records
		.map((record) => ({
			record,
			id: toObjectId(getValueAt(record, idField)),
			sec: collection.filtersByModified ? getListModifiedSec(record, dates.updated) : null,
		}))
		.filter(({ record, id, sec }) => isAskedFor(query, collection, record, id, sec))
		.filter(({ id }) => id === null || (!seen.has(id) && seen.add(id)))
		.sort((a, b) => (byModified ? (a.sec ?? -Infinity) - (b.sec ?? -Infinity) : 0) || compareRowIds(a.id, b.id))
	if (order.endsWith('desc')) rows.reverse()
	const records = rows.slice(offset, offset + limit).map(({ record }) => record)
	return { ...page, records, total: rows.length }
}

/** Rows without an id stand last. */
function compareRowIds(a: ObjectId | null, b: ObjectId | null): number {
	return a === null || b === null ? Number(a === null) - Number(b === null) : compareIds(a, b)
}

/** Whether a row of a whole list belongs to the list that a query asks for. */
function isAskedFor(
	{ onlyId, onlyIds, exceptIds, trashed, modifiedAfterSec, modifiedBeforeSec }: ListQuery,
	{ filtersByModified, hasTrash }: Collection,
	record: VendorRecord,
	id: ObjectId | null,
	sec: number | null,
): boolean {
	if (onlyId !== undefined && id !== onlyId) return false
	if (onlyIds !== undefined && (id === null || !onlyIds.includes(id))) return false
	if (id !== null && exceptIds?.includes(id) === true) return false
	if (trashed === true && hasTrash && record['status'] !== 'trash') return false
	if (!filtersByModified) return true
	// As the database compares: a row without a date is in no interval.
	if (modifiedAfterSec !== undefined && !(sec !== null && sec > modifiedAfterSec)) return false
	return modifiedBeforeSec === undefined || (sec !== null && sec < modifiedBeforeSec)
}

/** Headers of caches, and what they say when the cache has answered. */
const CACHE_HEADERS = [
	'x-cache',
	'cf-cache-status',
	'x-wc-cache',
	'x-litespeed-cache',
	'x-proxy-cache',
	'x-varnish-cache',
]

function toAnswerFacts({ headers, text }: StoreResponse, around: string | null): AnswerFacts {
	const age = headers.get('age')
	const hit = CACHE_HEADERS.find((name) => /\b(hit|stale|updating)\b/i.test(headers.get(name) ?? ''))
	return {
		length: text.length,
		ageSec: age !== null && /^\d+$/.test(age) ? Number(age) : null,
		cachedBy: hit === undefined ? null : `${hit}: ${headers.get(hit)?.slice(0, 100)}`,
		// The values of a repeated header are joined by commas, and a date has one itself.
		dates: (headers.get('date')?.match(/GMT/g) ?? []).length,
		totalText: headers.get('x-wp-total')?.slice(0, 100) ?? null,
		...(around !== null && { around }),
	}
}

/** Whether the store counts no rows at the place that was asked for, so that the page is empty. */
function isPastEnd(answer: StoreResponse, query: Readonly<Record<string, string>>): boolean {
	const start = query['offset'] ?? (Number(query['page'] ?? 1) - 1) * Number(query['per_page'] ?? 10)
	return (parseTotal(answer) ?? Infinity) <= Number(start)
}

/** A list of objects, and what stands around its JSON, as a sentence. */
interface ParsedRecords {
	records: VendorRecord[]
	around: string | null
}

/** The objects of a list; null when the body is not a list of objects. A row that is `null` is one without fields. */
export function parseRecords(
	answer: StoreResponse,
	query: Readonly<Record<string, string>> = {},
): ParsedRecords | null {
	const parsed = parseAnswer(answer.text)
	const list = parsed === null ? null : toRows(parsed, isPastEnd(answer, query))
	if (parsed === null || list === null) return null
	return { records: list.rows, around: describeAround(parsed.around, list.wrapper) }
}

function describeAround(around: string | null, wrapper: string | null): string | null {
	if (around !== null)
		return (
			`"${around}" stands around the JSON of the store's answers, which are read all the same. ` +
			toCure('output-before-json').action
		)
	return wrapper === null
		? null
		: `The store's lists stand under "${wrapper}" in its answers, which are read all the same. ` +
				'A plugin or a proxy changes the answers of the REST API.'
}

/** The total that the store reports; null when it reports none, or none that is certain (docs/woocommerce.md 2.5). */
export function parseTotal({ headers }: Pick<StoreResponse, 'headers'>): number | null {
	const text = headers.get('x-wp-total')
	return text === null ? null : parseCount(text)
}

const GROUPED = /^\d{1,3}([,'\u00a0\u202f ]\d{3})+$/

/**
 * A number of rows as hosts and plugins rewrite it: `1,040`, `1040.0`, and a repeated header as `1040, 1040`. null: it
 * is none, or may be another one, such as `1.040`, or `100,100`.
 */
export function parseCount(text: string): number | null {
	const [first = '', ...copies] = text.split(/,\s+/).map((part) => part.trim())
	if (copies.some((copy) => copy !== first)) return null
	const [left = '', ...others] = first.split(',')
	const isDoubled = others.length > 0 && others.every((other) => other === left)
	if (isDoubled && GROUPED.test(first)) return null
	const number = isDoubled ? left : GROUPED.test(first) ? first.replace(/\D/g, '') : first
	const digits = /^(\d+)(\.0{1,2})?$/.exec(number)?.[1]
	const count = digits === undefined ? Number.NaN : Number(digits)
	return Number.isSafeInteger(count) ? count : null
}
