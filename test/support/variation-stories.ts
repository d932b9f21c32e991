/** What stories of variations share: worlds with variable products, and what a receiver makes of their notifications. */
import { contentHash } from '../store/content.ts'
import { worldAfterBaseline } from './stories.ts'
import type { World, WorldOptions } from './world.ts'
import type { Rec } from '../store/store.ts'

/** A shop of twenty-five products, of which every twelfth has variations. */
export const VARIABLE_SHOP = { objects: { orders: 0, products: 25, coupons: 0, customers: 0 } }

/** A world that watches products, and sends changes of variations with them. */
export async function variableWorld(options: WorldOptions = {}): Promise<World> {
	return worldAfterBaseline({
		resources: { products: { url: '/hubs/ecommerce/products', idField: 'id', datesConfiguration: {} } },
		...options,
		store: { ...VARIABLE_SHOP, ...options.store },
		config: { variations: 'parent', ...options.config },
	})
}

/** Ids of variable products that are not in the trash. */
export function variableIds(world: World): number[] {
	return [...world.store.state('products')].flatMap(([id, record]) =>
		record['type'] === 'variable' && record['status'] !== 'trash' ? [id] : [],
	)
}

/** Ids of a product's variations. */
export function variationIds(world: World, product: number): number[] {
	const all = [...world.store.state('variations')]
	return all.flatMap(([id, record]) => (getParent(id, record) === product ? [id] : []))
}

function getParent(id: number, record: Rec): number {
	const parent: unknown = record['parent_id']
	if (typeof parent === 'number') return parent
	// Records of old versions do not name it.
	const up = /products\/(\d+)/.exec(String(record['_links']?.up?.[0]?.href ?? ''))?.[1]
	return Number(up ?? id)
}

/** What a receiver knows of variations: of each product that it knows, their records by id. */
export type KnownVariations = Map<number, Map<number, Rec>>

/** Folds notifications as a receiver does; what it knew before them is `start`. */
export function foldVariations(world: World, start: KnownVariations): KnownVariations {
	const known: KnownVariations = new Map([...start].map(([id, records]) => [id, new Map(records)]))
	const seen = new Set<string>()
	for (const arrival of world.arrivals) {
		if (arrival.objectType !== 'products' || seen.has(arrival.eventId)) continue
		seen.add(arrival.eventId)
		const id = Number(arrival.objectId)
		const { changedFields = [], variationRecords = [] } = arrival as {
			changedFields?: string[]
			variationRecords?: Rec[]
		}
		if (arrival.eventType === 'DELETED') {
			known.delete(id)
			continue
		}
		if (arrival.eventType === 'CREATED') known.set(id, new Map())
		const records = known.get(id) ?? new Map<number, Rec>()
		known.set(id, records)
		// A variation that is named without its record is deleted.
		for (const name of changedFields) {
			const variation = /^variations\.(\d+)/.exec(name)?.[1]
			if (variation !== undefined) records.delete(Number(variation))
		}
		for (const record of variationRecords)
			if (record['status'] === 'trash') records.delete(record['id'])
			else records.set(record['id'], record)
	}
	return known
}

/** Fields that notifications name although their variation is as the receiver knows it. */
export function findRepeated(world: World, start: KnownVariations): string[] {
	const hashes = new Map<number, string | null>()
	for (const records of start.values()) for (const [id, record] of records) hashes.set(id, contentHash(record))
	const repeated: string[] = []
	const seen = new Set<string>()
	for (const arrival of world.arrivals) {
		if (seen.has(arrival.eventId)) continue
		seen.add(arrival.eventId)
		const { changedFields = [], variationRecords = [] } = arrival as {
			changedFields?: string[]
			variationRecords?: Rec[]
		}
		for (const record of variationRecords) {
			const hash = contentHash(record)
			const isWhole = changedFields.includes(`variations.${record['id']}`) || arrival.eventType === 'CREATED'
			if (!isWhole && hashes.get(record['id']) === hash)
				repeated.push(`${arrival.objectId}: ${changedFields.join(' ')}`)
			hashes.set(record['id'], hash)
		}
	}
	return repeated
}

/** What the store has now, as a receiver would know it. */
export function getStoreVariations(world: World): KnownVariations {
	const known: KnownVariations = new Map()
	const products = world.store.state('products')
	for (const [id, record] of products) if (record['status'] !== 'trash') known.set(id, new Map())
	for (const [id, record] of world.store.state('variations'))
		if (record['status'] !== 'trash') known.get(getParent(id, record))?.set(id, record)
	return known
}

/** A comparable form: each product's variations with a hash of their content. */
export function toHashes(known: KnownVariations): Record<string, Record<string, string | null>> {
	return Object.fromEntries(
		[...known].map(([id, records]) => [
			id,
			Object.fromEntries([...records].map(([variation, record]) => [variation, contentHash(record)])),
		]),
	)
}
