/**
 * Rows that were written under another content profile than the current one: each is compared under its own, or
 * exactly, if the log still holds the record that it was made of (docs/architecture.md, Polling).
 */
import { hashContent, type ObjectContent } from './content.ts'
import {
	EXACT_RECORDS_VERSION,
	findProfile,
	getCurrentProfile,
	type NumberedProfile,
} from '../core/content-profiles.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { Comparison, ObservedObject } from './decisions.ts'
import type { IndexRow } from './object-index.ts'
import { readEventRecords } from '../log/event-log.ts'
import { isPathIn } from '../../elements/paths.ts'
import type { ObjectId, Snapshot, VendorRecord } from '../../elements/store.ts'

/** The comparisons of the observed objects whose rows have another profile. */
export function getComparisons(
	core: Core,
	watched: WatchedResource,
	observedObjects: readonly ObservedObject[],
	knownRows: ReadonlyMap<ObjectId, IndexRow>,
): Map<ObjectId, Comparison> {
	const comparisons = new Map<ObjectId, Comparison>()
	const current = getCurrentProfile(watched.state)
	const outdated = observedObjects.flatMap((observed) => {
		const known = knownRows.get(observed.id)
		return 'gone' in observed || known === undefined || known.profile === current.number
			? []
			: [{ snapshot: observed.snapshot, known }]
	})
	if (outdated.length === 0) return comparisons
	const records = readEventRecords(
		core,
		outdated.flatMap(({ known }) => known.lastEventSequence ?? []),
	)
	for (const { snapshot, known } of outdated) {
		const record = known.lastEventSequence === null ? undefined : records.get(known.lastEventSequence)
		comparisons.set(snapshot.id, compareUnderProfile(core, watched, snapshot, known, record ?? null, current))
	}
	return comparisons
}

function compareUnderProfile(
	core: Core,
	watched: WatchedResource,
	snapshot: Snapshot,
	known: IndexRow,
	record: VendorRecord | null,
	current: NumberedProfile,
): Comparison {
	const profile = findProfile(watched.state, known.profile)
	const hashUnder = (one: VendorRecord, chosen: NumberedProfile): ObjectContent =>
		hashContent(core.element.parseRecord(watched.resource, one, chosen)?.fields ?? [])
	const currentContent = hashContent(snapshot.fields)
	if (profile === null) {
		// Nothing can be compared: an edit shows only by its stamp.
		const isStamped = known.modifiedSec !== snapshot.modifiedSec
		const names = isStamped ? [] : [...new Set([...known.content.fieldNames, ...currentContent.fieldNames])]
		return { known, content: currentContent, ignoredNames: names, uncheckedFields: [] }
	}
	if (record !== null && hashUnder(record, profile).hash === known.content.hash) {
		// A record of an earlier version lacks digits that numbers have now.
		const shared =
			profile.version < EXACT_RECORDS_VERSION ? { ...current, version: EXACT_RECORDS_VERSION - 1 } : current
		return {
			known: { ...known, content: hashUnder(record, shared) },
			content: shared === current ? currentContent : hashUnder(snapshot.record, shared),
			ignoredNames: [],
			uncheckedFields: [],
		}
	}
	// A field with noise in it differs by itself; rows of earlier versions may still have the fields they took for it.
	const newNoise = watched.state.noise.filter(
		(path) => !profile.paths.includes(path) && !(isUrlPath(profile, path) && isUrlPath(current, path)),
	)
	const ignoredNames = known.content.fieldNames.filter(
		(name) => newNoise.some((path) => isPathIn(path, name)) || (profile.version === 1 && profile.paths.includes(name)),
	)
	const uncheckedFields =
		profile.version === 1 ? currentContent.fieldNames.filter((name) => profile.paths.includes(name)) : []
	return { known, content: hashUnder(snapshot.record, profile), ignoredNames, uncheckedFields }
}

/** Whether only the URLs of a path count, without query. */
function isUrlPath({ urlPaths = [] }: NumberedProfile, path: string): boolean {
	return urlPaths.includes(path)
}
