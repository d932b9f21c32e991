/** The store's state and every way it changes; each change of each object is journaled here, once. */
import { contentHash } from './content.ts'
import { Random } from './random.ts'
import { Shop } from './shop.ts'
import { Past } from './past.ts'
import { Table } from './table.ts'
import type { Entity } from './table.ts'
import type { Change, JournalEntry, JournalResource, OrderStorage, Origin, Rec, Resource, Version } from './types.ts'
import { view } from './views.ts'
import { Webhooks } from './webhooks.ts'
import { iso, Zone } from './zone.ts'

/** Seconds after which the trash empties itself, and after which an abandoned checkout goes (docs/woocommerce.md 5.4, 5.7). */
const TRASH_DAYS = 30 * 86_400
const CHECKOUT_DAYS = 86_400

/** How many generated records are kept before all are made anew. */
const BUILT = 5_000

/** What an engine must be told. */
export interface EngineSettings {
	seed: number
	orders: OrderStorage
	version: Version
	zone: string
	url: string
	/** The REST root's path: `wp-json` unless the site has moved it. */
	prefix: string
	now: () => number
	repeatedHour: 'first' | 'second'
}

/** How an object begins. */
export interface Birth {
	id?: number
	status?: string
	/** UTC seconds. */
	created?: number
	modified?: number | null
	parent?: number
}

/** How a change is written. */
export interface Writing {
	/** Whether the save moves `date_modified`. */
	moves: boolean
	status?: string
	/** Stamps set by hand, UTC seconds: imports, plugins, restores. */
	created?: number
	modified?: number
}

/** An action found no object that it could be done to; nothing was changed. */
export class NothingFits extends Error {}

/** Runs this; an action that finds nothing to do it to is left out. */
export function ifItFits(run: () => void): void {
	try {
		run()
	} catch (error) {
		if (!(error instanceof NothingFits)) throw error
	}
}

/** Tables, terms, clock and journal of one store. */
export class Engine {
	readonly settings: EngineSettings
	readonly shop: Shop
	readonly random: Random
	/** What is there now; while `asOf` runs, what was there then. */
	tables: Record<Resource, Table>
	readonly terms: Record<'categories' | 'tags' | 'attributes' | 'taxes', Map<number, Rec>>
	/** Terms by attribute id. */
	readonly attributeTerms = new Map<number, Map<number, Rec>>()
	/** Notes by order id, newest first. */
	readonly notes = new Map<number, Rec[]>()
	readonly reviews = new Map<number, Rec>()
	readonly journal: JournalEntry[] = []
	readonly next = { posts: 11, users: 3, comments: 1, terms: 40, meta: 1_000_000 }
	/** Zones are looked up by name once. */
	zone: Zone
	/** Order statuses that a plugin has registered; without it their orders are listed nowhere. */
	readonly registered = new Set<string>()
	readonly webhooks = new Webhooks(this)
	/** Who writes at the moment; decides which webhooks fire. */
	origin: Origin = 'rest'
	/** Counts the responses whose related products were shuffled. */
	reshuffles = 0
	/** The generated records looked at last. */
	readonly #built = new Map<Entity, Rec>()
	#at: number | null = null
	/** While rows with commit lag are written: the second of their stamps. */
	#lagging: number | null = null
	#due: { at: number; run: () => void }[] = []
	/** By how many seconds stamps are behind the clock: a database server of its own may be slow. */
	stampsBehind: (resource: Resource) => number = () => 0
	#past: Past | null = null

	constructor(settings: EngineSettings) {
		this.settings = settings
		this.zone = Zone.of(settings.zone)
		this.shop = new Shop(settings.seed, settings.url)
		this.random = new Random(settings.seed, 99)
		this.tables = {
			orders: new Table(),
			products: new Table(),
			variations: new Table(),
			coupons: new Table(),
			customers: new Table(),
			refunds: new Table(),
		}
		this.terms = { categories: new Map(), tags: new Map(), attributes: new Map(), taxes: new Map() }
	}

	/** The address of `wc/v3` as the site names it. */
	get api(): string {
		return `${this.settings.url}/${this.settings.prefix}/wc/v3`
	}

	/** Epoch milliseconds on the store's clock; while something due runs, the moment it was due. */
	now(): number {
		return this.#at ?? this.settings.now()
	}

	/** Whole UTC seconds of now. */
	second(): number {
		return Math.floor(this.now() / 1000)
	}

	/** Runs this when the store's clock reaches `at` (epoch milliseconds). */
	schedule(at: number, run: () => void): void {
		const place = this.#due.findIndex((other) => other.at > at)
		this.#due.splice(place < 0 ? this.#due.length : place, 0, { at, run })
	}

	/** Runs this after so many seconds, with the stamps of now: commit lag (docs/woocommerce.md 3.5). */
	later(lagSeconds: number, run: () => void): void {
		const second = this.second()
		this.schedule(this.now() + lagSeconds * 1000, () => {
			this.#lagging = second
			try {
				ifItFits(run)
			} finally {
				this.#lagging = null
			}
		})
	}

	/** Runs what has fallen due; called before anything looks at the store. */
	tick(): void {
		while (this.#due[0] && this.#due[0].at <= this.settings.now()) {
			const due = this.#due.shift()
			if (!due) break
			this.#at = due.at
			try {
				due.run()
			} finally {
				this.#at = null
			}
		}
	}

	/** Something happened that webhooks of this topic tell of. */
	fire(topic: string, id: number): void {
		this.webhooks.fire(topic, id)
	}

	/** Runs this as written by somebody else. */
	as<T>(origin: Origin, run: () => T): T {
		const before = this.origin
		this.origin = origin
		try {
			return run()
		} finally {
			this.origin = before
		}
	}

	/** The stamp that a save writes now: HPOS goes through local time and errs in the repeated hour (docs/woocommerce.md 3.5). */
	stamp(resource: Resource): number {
		const now = (this.#lagging ?? this.second()) - this.stampsBehind(resource)
		if (resource !== 'orders' || this.settings.orders !== 'hpos') return now
		return this.zone.fromLocal(this.zone.toLocal(now), this.settings.repeatedHour)
	}

	get(resource: Resource, id: number): Entity | undefined {
		return this.tables[resource].get(id)
	}

	/** The stored record, made anew while nothing has changed it; not to be written to. */
	record(resource: Resource, entity: Entity): Rec {
		if (entity.record) return entity.record
		let built = this.#built.get(entity)
		if (!built) {
			if (this.#built.size >= BUILT) this.#built.clear()
			built = this.#build(resource, entity)
			this.#built.set(entity, built)
		}
		return built
	}

	#build(resource: Resource, entity: Entity): Rec {
		const { ordinal, id } = entity
		switch (resource) {
			case 'orders':
				return this.shop.order(ordinal, id, entity.created)
			case 'products':
				return this.shop.product(ordinal, id)
			case 'variations':
				return this.shop.variation(ordinal >> 4, ordinal & 15, id, entity.parent)
			case 'coupons':
				return this.shop.coupon(ordinal, id)
			case 'customers':
				return this.shop.customer(ordinal, id)
			default:
				throw new Error(`${resource} ${id} has no record`)
		}
	}

	/** The content hash of the object as REST shows it; of a refund as `/refunds` shows it. */
	hash(resource: Resource, entity: Entity): string {
		entity.hash ??= contentHash(view(this, resource, entity, resource === 'refunds' ? 'all' : 'own'))
		return entity.hash
	}

	/** Adds an object without journaling it: how a store begins. */
	seed(resource: Resource, entity: Entity): void {
		this.tables[resource].add(entity)
	}

	/** Creates an object; `record` needs no dates. */
	insert(resource: Resource, record: Rec, birth: Birth = {}): Entity {
		const users = resource === 'customers'
		const id = birth.id ?? (users ? this.next.users++ : this.next.posts++)
		if (users) this.next.users = Math.max(this.next.users, id + 1)
		else this.next.posts = Math.max(this.next.posts, id + 1)
		const created = birth.created ?? (this.#lagging ?? this.second()) - this.stampsBehind(resource)
		const modified = birth.modified === undefined ? this.stamp(resource) : birth.modified
		const status = birth.status ?? (typeof record.status === 'string' ? record.status : 'publish')
		const entity: Entity = {
			id,
			created,
			modified,
			createdLocal: this.zone.toLocal(created),
			modifiedLocal: modified === null ? 0 : this.zone.toLocal(modified),
			status,
			before: status,
			parent: birth.parent ?? 0,
			name: users ? String(record.username ?? '').toLowerCase() : '',
			ordinal: -1,
			record,
			hash: null,
		}
		record.id = id
		if (resource === 'orders' && !record.number) record.number = String(id)
		this.tables[resource].add(entity)
		this.#note(resource, entity, 'created', true)
		if (status === 'checkout-draft') {
			this.schedule(this.now() + CHECKOUT_DAYS * 1000, () => {
				if (this.get(resource, id) === entity && entity.status === 'checkout-draft') this.remove(resource, entity)
			})
		}
		return entity
	}

	/** Writes to an object and journals what that amounted to. */
	change(resource: Resource, entity: Entity, writing: Writing, patch: (record: Rec) => void = () => {}): void {
		const before = this.hash(resource, entity)
		const stamp = entity.modified
		entity.record ??= this.#build(resource, entity)
		patch(entity.record)
		this.#stamp(resource, entity, writing)
		if (writing.status !== undefined) this.tables[resource].setStatus(entity, writing.status)
		entity.hash = null
		const moved = entity.modified !== stamp
		const changed = this.hash(resource, entity) !== before
		this.#note(
			resource,
			entity,
			changed ? (moved || writing.moves ? 'updated' : 'edited-silently') : 'saved-unchanged',
			moved,
		)
	}

	/** Journals what another object's change did to this one's record, known by the hash from before. */
	derived(resource: Resource, entity: Entity, before: string, writing: Writing = { moves: false }): void {
		const stamp = entity.modified
		this.#stamp(resource, entity, writing)
		if (writing.status !== undefined) this.tables[resource].setStatus(entity, writing.status)
		entity.hash = null
		const moved = entity.modified !== stamp
		if (this.hash(resource, entity) === before && !moved) return
		this.#note(resource, entity, moved || writing.moves ? 'updated' : 'edited-silently', moved)
	}

	#stamp(resource: Resource, entity: Entity, writing: Writing): void {
		const modified = writing.modified ?? (writing.moves ? this.stamp(resource) : entity.modified)
		const created = writing.created ?? entity.created
		const name =
			resource === 'customers' && entity.record ? String(entity.record.username ?? '').toLowerCase() : entity.name
		if (modified === entity.modified && created === entity.created && name === entity.name) return
		this.tables[resource].rekey(entity, () => {
			entity.modified = modified
			entity.modifiedLocal = modified === null ? 0 : this.zone.toLocal(modified)
			entity.created = created
			entity.createdLocal = this.zone.toLocal(created)
			entity.name = name
		})
	}

	/** Changes only what is volatile (sales figures): neither a change nor a save. */
	adjust(resource: Resource, entity: Entity, patch: (record: Rec) => void): void {
		entity.record ??= this.#build(resource, entity)
		patch(entity.record)
	}

	/** Puts an object into the trash; a variable product takes its variations along. */
	trash(resource: Resource, entity: Entity): void {
		const stamp = entity.modified
		entity.before = entity.status
		this.tables[resource].setStatus(entity, 'trash')
		this.#stamp(resource, entity, { moves: true })
		if (resource === 'products') {
			entity.record ??= this.#build(resource, entity)
			entity.record.slug = `${entity.record.slug}__trashed`
			for (const child of this.tables.variations.children(entity.id))
				if (child.status !== 'trash') this.trash('variations', child)
		}
		entity.hash = null
		this.#note(resource, entity, 'trashed', entity.modified !== stamp)
		const { id, modified } = entity
		this.schedule(this.now() + TRASH_DAYS * 1000, () => {
			if (this.get(resource, id) === entity && entity.status === 'trash' && entity.modified === modified)
				this.remove(resource, entity)
		})
	}

	/** Takes an object out of the trash. */
	restore(resource: Resource, entity: Entity, status = entity.before): void {
		const stamp = entity.modified
		this.tables[resource].setStatus(entity, status)
		this.#stamp(resource, entity, { moves: true })
		if (resource === 'products') {
			entity.record ??= this.#build(resource, entity)
			entity.record.slug = String(entity.record.slug).replace(/__trashed$/, '')
			// REST sets the status alone (docs/woocommerce.md 8.4).
			if (this.origin !== 'rest')
				for (const child of this.tables.variations.children(entity.id))
					if (child.status === 'trash') this.restore('variations', child)
		}
		entity.hash = null
		this.#note(resource, entity, 'restored', entity.modified !== stamp)
	}

	/** Deletes for good, with what hangs on it. */
	remove(resource: Resource, entity: Entity): void {
		if (resource === 'products')
			for (const child of this.tables.variations.children(entity.id)) this.remove('variations', child)
		if (resource === 'orders') {
			for (const child of this.tables.refunds.children(entity.id)) this.remove('refunds', child)
			this.notes.delete(entity.id)
		}
		this.tables[resource].remove(entity)
		this.#note(resource, entity, 'deleted', false, null)
		if (resource === 'variations')
			this.#familyChanged(entity, (record) => {
				record.variations = (record.variations as number[]).filter((id) => id !== entity.id)
			})
	}

	/** A variation came, went or changed: its parent is saved too (docs/woocommerce.md 4.14). */
	#familyChanged(variation: Entity, patch: (record: Rec) => void = () => {}): void {
		const parent = this.get('products', variation.parent)
		if (parent && parent.status !== 'trash' && this.tables.products.get(parent.id) === parent)
			this.change('products', parent, { moves: true }, patch)
	}

	/** Saves the parent after a variation was written; a new one is entered in its list. */
	touchParent(variation: Entity): void {
		this.#familyChanged(variation, (record) => {
			if (!(record.variations as number[]).includes(variation.id))
				record.variations = [...record.variations, variation.id]
		})
	}

	/** Journals a change of something that is no table's object: notes, reviews, terms. */
	noteOther(resource: JournalResource, id: number, change: Change, record: Rec | null): void {
		this.journal.push({
			number: this.journal.length + 1,
			time: this.now(),
			resource,
			id,
			change,
			stampMoved: false,
			hash: record === null ? null : contentHash(record),
			date_created_gmt: record?.date_created_gmt ?? null,
			date_modified_gmt: null,
			status: typeof record?.status === 'string' ? record.status : null,
		})
	}

	/** From now on the past is kept, for `asOf`. */
	remember(): void {
		this.#past ??= new Past(this.tables)
	}

	/** Runs this on the store as it was at that time (epoch milliseconds), as a replica that is behind shows it. */
	asOf<T>(time: number, run: () => T): T {
		const { tables } = this
		if (this.#past !== null) this.tables = this.#past.tablesAt(time)
		try {
			return run()
		} finally {
			this.tables = tables
		}
	}

	#note(resource: Resource, entity: Entity, change: Change, stampMoved: boolean, hash?: null): void {
		this.#past?.note(resource, entity, this.now(), change === 'deleted')
		this.journal.push({
			number: this.journal.length + 1,
			time: this.now(),
			resource,
			id: entity.id,
			change,
			stampMoved,
			hash: hash === null ? null : this.hash(resource, entity),
			date_created_gmt: iso(entity.created),
			date_modified_gmt: entity.modified === null || resource === 'refunds' ? null : iso(entity.modified),
			status: resource === 'customers' || resource === 'refunds' ? null : entity.status,
		})
	}
}
