/** The variations' rows as they are compared, and the profile that they are read under. */
import { findProfile, getCurrentProfile, type NumberedProfile } from '../core/content-profiles.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import { knowsAllOwners } from '../core/variation-state.ts'
import type { Tx } from '../core/tx.ts'
import type { VariationOwner, VariationRow } from '../core/variation-table.ts'
import { findOrCreateShape, getShapeNames } from './object-index.ts'
import type { KnownVariation, VariationContext } from './variation-changes.ts'
import { isPathIn } from '../../elements/paths.ts'
import type { ContentProfile, ObjectId, VariationLists } from '../../elements/store.ts'

/** The lists of the variations of a resource whose changes are sent with it; null: they are not. */
export function getParentedLists(
	core: Core,
	{ resource, state: rs, configured }: WatchedResource,
): VariationLists | null {
	if (core.config.variations !== 'parent' || rs.variations === undefined) return null
	return core.element.getVariationLists(configured ?? resource, core.config.connection)
}

/** The profile under which variations are read: what does not count in them, by the resource's own profile. */
export function toVariationProfile(lists: VariationLists, profile: NumberedProfile): NumberedProfile {
	return { number: profile.number, version: profile.version, paths: getPaths(lists, profile), sinceMs: profile.sinceMs }
}

const pathsByProfile = new WeakMap<readonly string[], string[]>()

function getPaths(lists: VariationLists, { paths }: ContentProfile): string[] {
	let own = pathsByProfile.get(paths)
	if (own === undefined) pathsByProfile.set(paths, (own = lists.toPaths(paths)))
	return own
}

/** The known variations of an object. */
export function readKnownVariations(core: Core, resource: number, owner: ObjectId): Map<ObjectId, KnownVariation> {
	const rows = core.variations.readOwn(resource, owner)
	return new Map(rows.map((row) => [row.id, toKnownVariation(core, row)]))
}

/** A row as it is compared. */
export function toKnownVariation(core: Core, row: VariationRow): KnownVariation {
	return {
		id: row.id,
		stampSec: row.stamp,
		content: { hash: row.hash, fieldNames: getShapeNames(core, row.shape), fieldHashes: row.fields },
		profile: row.hash_version,
		state: row.state,
		asOfMs: row.as_of,
	}
}

/** Writes and removes rows. */
export function writeVariations(
	tx: Tx,
	core: Core,
	resource: number,
	owner: ObjectId,
	{ rows, removed }: { rows: readonly KnownVariation[]; removed: readonly ObjectId[] },
): void {
	for (const row of rows)
		core.variations.write(tx, resource, {
			owner,
			id: row.id,
			stamp: row.stampSec,
			hash: row.content.hash,
			shape: findOrCreateShape(tx, core, row.content.fieldNames),
			fields: row.content.fieldHashes,
			hash_version: row.profile,
			state: row.state,
			as_of: row.asOfMs,
		})
	for (const id of removed) core.variations.remove(tx, resource, owner, id)
}

/** What a read of an object's variations is compared with. `objectFields`: in which the object itself differs. */
export function toVariationContext(
	core: Core,
	{ state: rs }: WatchedResource,
	lists: VariationLists,
	owner: Pick<VariationOwner, 'readMs' | 'doubt'>,
	objectFields: readonly string[],
): VariationContext {
	const current = getCurrentProfile(rs)
	return {
		isFirst: owner.readMs === null,
		profile: current.number,
		getIgnoredNames: (known, content) => {
			const profile = findProfile(rs, known.profile)
			const names = [...new Set([...known.content.fieldNames, ...content.fieldNames])]
			// Nothing can be compared with what was read under rules that are no longer known.
			if (profile === null) return names
			const [before, after] = [getPaths(lists, profile), getPaths(lists, current)]
			const differing = [
				...before.filter((path) => !after.includes(path)),
				...after.filter((path) => !before.includes(path)),
			]
			return names.filter((name) => differing.some((path) => isPathIn(path, name)))
		},
		objectFields,
		doubt: owner.doubt,
		nowMs: core.ports.now(),
	}
}

/** Queues a read of the variations of an object, which gets a row if it has none and the resource's index knows it. */
export function queueVariations(
	tx: Tx,
	core: Core,
	{ state: rs }: WatchedResource,
	id: ObjectId,
	read: { dueMs: number; sinceMs: number; source: VariationOwner['source'] },
): void {
	const owner = core.variations.getOwners(rs.number, [id]).get(id)
	if (owner !== undefined) return core.variations.queue(tx, rs.number, id, read)
	// It had none, unless it was not looked at for some yet.
	const readMs = knowsAllOwners(rs) ? 0 : null
	core.variations.writeOwner(tx, rs.number, { id, readMs, doubt: {}, ...read })
}
