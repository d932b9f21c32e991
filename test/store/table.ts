/** One table of objects with sorted indexes that are kept up to date change by change. */
import type { Rec } from './types.ts'

/** A stored object: what lists need stands here, the REST record is made when somebody looks. */
export interface Entity {
	id: number
	/** UTC seconds. */
	created: number
	/** UTC seconds; null for customers that WooCommerce never saved. */
	modified: number | null
	/** The wall clock as written then, in seconds; posts storage sorts by these (docs/woocommerce.md 3.6). */
	createdLocal: number
	modifiedLocal: number
	status: string
	/** Status before the trash, to come back to. */
	before: string
	/** Parent product of a variation, order of a refund, otherwise 0. */
	parent: number
	/** What `orderby=name` sorts by: users only. */
	name: string
	/** Position in the generated store, or -1 for everything made later. */
	ordinal: number
	/** Null while the object is as generated. */
	record: Rec | null
	/** Cached content hash. */
	hash: string | null
}

/** The columns by which lists can be sorted. */
export type SortKey = 'id' | 'created' | 'modified' | 'createdLocal' | 'modifiedLocal' | 'name'

type Value = number | string

function value(entity: Entity, key: SortKey): Value {
	return entity[key] ?? 0
}

function compare(a: Entity, keyA: Value, b: Entity, keyB: Value): number {
	if (keyA < keyB) return -1
	if (keyA > keyB) return 1
	return a.id - b.id
}

/** The objects of one resource. */
export class Table {
	readonly #byId = new Map<number, Entity>()
	readonly #sorted = new Map<SortKey, Entity[]>()
	readonly #children = new Map<number, Set<Entity>>()
	/** How many objects have each status, so that totals need no scan. */
	readonly #statuses = new Map<string, number>()

	get size(): number {
		return this.#byId.size
	}

	get(id: number): Entity | undefined {
		return this.#byId.get(id)
	}

	values(): IterableIterator<Entity> {
		return this.#byId.values()
	}

	/** Objects with this parent, ascending by id. */
	children(parent: number): Entity[] {
		return [...(this.#children.get(parent) ?? [])].sort((a, b) => a.id - b.id)
	}

	/** The statuses that occur, with their numbers. */
	statuses(): ReadonlyMap<string, number> {
		return this.#statuses
	}

	/** Changes a status; any other way would leave the numbers wrong. */
	setStatus(entity: Entity, status: string): void {
		this.#count(entity.status, -1)
		entity.status = status
		this.#count(status, 1)
	}

	#count(status: string, by: number): void {
		const number = (this.#statuses.get(status) ?? 0) + by
		if (number > 0) this.#statuses.set(status, number)
		else this.#statuses.delete(status)
	}

	add(entity: Entity): void {
		this.#byId.set(entity.id, entity)
		this.#count(entity.status, 1)
		if (entity.parent) {
			const siblings = this.#children.get(entity.parent) ?? new Set()
			siblings.add(entity)
			this.#children.set(entity.parent, siblings)
		}
		for (const [key, list] of this.#sorted) {
			list.splice(this.#place(list, key, entity), 0, entity)
		}
	}

	remove(entity: Entity): void {
		for (const [key, list] of this.#sorted) list.splice(this.#place(list, key, entity), 1)
		this.#byId.delete(entity.id)
		this.#count(entity.status, -1)
		this.#children.get(entity.parent)?.delete(entity)
	}

	/** Changes what indexes sort by; any other way would leave them wrong. */
	rekey(entity: Entity, change: () => void): void {
		for (const [key, list] of this.#sorted) list.splice(this.#place(list, key, entity), 1)
		change()
		for (const [key, list] of this.#sorted) list.splice(this.#place(list, key, entity), 0, entity)
	}

	/** All objects ascending by this column, equal ones by id; the array belongs to the table. */
	sorted(key: SortKey): readonly Entity[] {
		let list = this.#sorted.get(key)
		if (!list) {
			list = [...this.#byId.values()].sort((a, b) => compare(a, value(a, key), b, value(b, key)))
			this.#sorted.set(key, list)
		}
		return list
	}

	/** The first position in `sorted(key)` whose value is above `limit`, or at least `limit` if `inclusive`. */
	bound(key: SortKey, limit: number, inclusive: boolean): number {
		const list = this.sorted(key)
		let low = 0
		let high = list.length
		while (low < high) {
			const middle = (low + high) >>> 1
			const at = Number(value(list[middle] as Entity, key))
			if (inclusive ? at < limit : at <= limit) low = middle + 1
			else high = middle
		}
		return low
	}

	#place(list: Entity[], key: SortKey, entity: Entity): number {
		const wanted = value(entity, key)
		let low = 0
		let high = list.length
		while (low < high) {
			const middle = (low + high) >>> 1
			const other = list[middle] as Entity
			if (compare(other, value(other, key), entity, wanted) < 0) low = middle + 1
			else high = middle
		}
		return low
	}
}
