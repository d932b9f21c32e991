/** The lists of a shop's variations, which its list of products does not show (docs/woocommerce.md 3.10). */
import { coversPath } from '../paths.ts'
import { toObjectId } from '../values.ts'
import { parseResource } from './resources.ts'
import type { Connection, ObjectId, Resource, VariationLists, VendorRecord } from '../store.ts'
import type { PollerResource } from '../form.ts'

/** Variations as a resource of their own. */
export const VARIATIONS_POLLER: { label: string; settings: PollerResource } = {
	label: 'variations',
	settings: { url: '/hubs/ecommerce/variations', idField: 'id', datesConfiguration: {} },
}

/** How paths of a product name parts of its variations. */
const VARIATION_PATH = /^variations\.[^.]*\*[^.]*\.(.+)$/

/** The last answer for a resource: every alarm asks. */
const knownLists = new WeakMap<Resource, { connection: Connection; lists: VariationLists | null }>()

/** The lists of the variations of a resource's objects; null: these have none. */
export function getVariationLists(resource: Resource, connection: Connection): VariationLists | null {
	const known = knownLists.get(resource)
	if (known?.connection === connection) return known.lists
	const lists = createVariationLists(resource, connection)
	knownLists.set(resource, { connection, lists })
	return lists
}

function createVariationLists(resource: Resource, connection: Connection): VariationLists | null {
	const { path, idField, indexed, placeholders, ignore } = resource
	if (path !== 'products' || idField !== 'id' || !indexed || placeholders) return null
	// Whoever ignores the list of a product's variations does not want to know of them.
	if (ignore.some((ignored) => !ignored.startsWith('!') && coversPath(ignored, 'variations'))) return null
	const toList = (list: string): Resource => {
		const parsed = parseResource(resource.objectType, { url: `/hubs/ecommerce/${list}` }, connection)
		if (!parsed.ok) throw new Error(parsed.message)
		return parsed.resource
	}
	return {
		of: (id) => toList(`products/${id}/variations`),
		all: toList('variations'),
		owners: toList('products?type=variable'),
		getOwner: (record) => toOwner(record['parent_id']),
		has: hasVariations,
		toPaths: toVariationPaths,
	}
}

function toOwner(parent: unknown): ObjectId | null {
	const id = toObjectId(parent)
	return id === 0 ? null : id
}

function hasVariations({ type, variations }: VendorRecord): boolean {
	return (
		(Array.isArray(variations) && variations.length > 0) || (typeof type === 'string' && type.startsWith('variable'))
	)
}

/** Of the paths that do not count in a product, those of its variations: `variations.*.…`, and all of `meta_data`. */
function toVariationPaths(paths: readonly string[]): string[] {
	const own = paths.flatMap((path) => {
		const inner = VARIATION_PATH.exec(path)?.[1]
		if (inner !== undefined) return [inner]
		return /^!?meta_data\./.test(path) ? [path] : []
	})
	return [...new Set(own)].sort()
}
