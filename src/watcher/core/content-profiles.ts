/**
 * Content profiles: under which rules the content of an index row was hashed. A row is compared under its own profile
 * and stored under the resource's current one, so that new rules hide no edit that happened before them.
 */
import type { ContentProfile } from '../../elements/store.ts'

/** Increase it when the form of content changes; `Element.parseRecord` still reads the forms before. */
export const CONTENT_VERSION = 3

/** The first version whose records have every digit of their numbers. */
export const EXACT_RECORDS_VERSION = 3

/** Profiles that a resource keeps; rows of older ones are stored again in silence. */
const MAX_PROFILES = 20

/** A profile as stored. Its number stands in the rows; it is never reused. */
export interface NumberedProfile extends ContentProfile {
	number: number
	/** Since when it is the current one, epoch ms. */
	sinceMs: number
}

/** The part of a resource's state with its profiles. */
interface HasProfiles {
	profiles: readonly NumberedProfile[]
}

/** The first profile of a new resource. 1 is that of rows of earlier versions. */
export function toFirstProfile(paths: readonly string[], nowMs: number): NumberedProfile {
	return { number: 2, version: CONTENT_VERSION, paths, sinceMs: nowMs }
}

/** The profile of all rows that earlier versions stored, which left out the fields that they took for noise. */
export function toLegacyProfile(volatile: readonly string[]): NumberedProfile {
	return { number: 1, version: 1, paths: volatile, sinceMs: 0 }
}

/** The profile that content is stored under. */
export function getCurrentProfile(rs: HasProfiles): NumberedProfile {
	return rs.profiles.at(-1)!
}

/** The profile of a row; null: it is no longer known. */
export function findProfile(rs: HasProfiles, number: number): NumberedProfile | null {
	return rs.profiles.find((profile) => profile.number === number) ?? null
}

/** The profiles with one of these paths as the current one; null: it is the current one already. Pure. */
export function withPaths(
	profiles: readonly NumberedProfile[],
	{ paths, urlPaths }: Required<Pick<ContentProfile, 'paths' | 'urlPaths'>>,
	nowMs: number,
): NumberedProfile[] | null {
	const isWanted = (profile: NumberedProfile): boolean =>
		profile.version === CONTENT_VERSION &&
		profile.paths.join('\n') === paths.join('\n') &&
		(profile.urlPaths ?? []).join('\n') === urlPaths.join('\n')
	const current = profiles.at(-1)
	if (current !== undefined && isWanted(current)) return null
	const highest = Math.max(1, ...profiles.map((profile) => profile.number))
	const next = profiles.find(isWanted) ?? {
		number: highest + 1,
		version: CONTENT_VERSION,
		paths: [...paths],
		...(urlPaths.length > 0 && { urlPaths: [...urlPaths] }),
	}
	const others = profiles.filter((profile) => profile !== next)
	return [...others, { ...next, sinceMs: nowMs }].slice(-MAX_PROFILES)
}
