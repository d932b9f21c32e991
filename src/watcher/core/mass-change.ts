/**
 * Mass changes: one look finds that the same fields of many objects differ without a new date, as bulk editors and ERP
 * syncs write them (docs/architecture.md, Mass changes). Pure.
 */

/** More objects than this… */
export const MIN_MASS_OBJECTS = 50
/** …and more than this share of the resource. */
const MIN_MASS_SHARE = 0.05
/** Sets of fields that a look counts; further ones take the place of those with the fewest objects. */
const MAX_FIELD_SETS = 100

/** How many objects differ in the same fields, and when a look counted them (epoch ms). */
export interface MassChange {
	/** Ascending. */
	fields: string[]
	objects: number
	atMs: number
}

/** What a running look has found: sets of changed fields (JSON, as events store them) → objects. */
export type Look = Readonly<Record<string, number>>

/** Whether a look can find a mass change in a resource at all. */
export function canChangeInMass(listed: number): boolean {
	return listed > MIN_MASS_OBJECTS
}

/** Whether so many objects with the same changed fields, of `listed` objects, are a mass change. */
export function isMassChange(objects: number, listed: number): boolean {
	return objects > MIN_MASS_OBJECTS && objects > listed * MIN_MASS_SHARE
}

/** The look with one more object. */
export function countEdit(look: Look | null | undefined, changedFields: readonly string[]): Look {
	const key = JSON.stringify(changedFields)
	const sets = Object.entries(look ?? {})
	const isFull = look?.[key] === undefined && sets.length >= MAX_FIELD_SETS
	const fewest = isFull ? Math.min(...sets.map(([, objects]) => objects)) : 0
	const dropped = sets.findIndex(([, objects]) => objects === fewest)
	const kept = isFull ? sets.filter((_, index) => index !== dropped) : sets
	return { ...Object.fromEntries(kept), [key]: (look?.[key] ?? 0) + 1 }
}

/**
 * The mass changes that a look has found in a resource of `listed` objects. Each has fields that changed in all of its
 * objects; some of these may have changed in further fields, as a price changes more in a product on sale. `sets`: the
 * sets of fields that belong to it, as in the look.
 */
export function findMassChanges(look: Look, listed: number, nowMs: number): (MassChange & { sets: string[] })[] {
	const found: (MassChange & { sets: string[] })[] = []
	let remaining = Object.entries(look).map(([key, objects]) => ({ key, objects, fields: JSON.parse(key) as string[] }))
	for (;;) {
		const counts = new Map<string, number>()
		for (const { fields, objects } of remaining)
			for (const field of fields) counts.set(field, (counts.get(field) ?? 0) + objects)
		const [field, objects] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? ['', 0]
		if (!isMassChange(objects, listed)) return found
		const sets = remaining.filter(({ fields }) => fields.includes(field))
		const fields = sets[0]!.fields.filter((name) => sets.every((set) => set.fields.includes(name)))
		found.push({ fields, objects, atMs: nowMs, sets: sets.map(({ key }) => key) })
		remaining = remaining.filter((set) => !sets.includes(set))
	}
}
