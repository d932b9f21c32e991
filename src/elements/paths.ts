/**
 * Paths of a record's parts, such as `billing.*`, `images.*.src`, `meta_data._views`. A `*` stands for any characters
 * of a name, and for every entry of a list. An entry of `meta_data` is named by its key, which may contain dots.
 */
import { isRecord } from './values.ts'
import type { VendorRecord } from './store.ts'

/** The list whose entries are named by their `key`. */
const KEYED_LIST = 'meta_data'

/** Compiled paths: those that leave out, and the entries of `meta_data` that stay all the same (`!meta_data.x`). */
interface PathRules {
	paths: RegExp[][]
	keptKeys: RegExp[]
}

/** The new value of a part; undefined: the part is left out. */
type Change = (value: unknown) => unknown

/** What a part becomes, and the keys that stay as they are. */
interface Mapping extends Pick<PathRules, 'keptKeys'> {
	change: Change
}

const compiled = new WeakMap<readonly string[], PathRules>()

/** A record without the parts that the paths name. The record itself is not changed. */
export function omitPaths(record: VendorRecord, paths: readonly string[]): VendorRecord {
	return mapPaths(record, paths, () => undefined)
}

/** A record with other values where the paths lead; undefined leaves a part out. The record itself is not changed. */
export function mapPaths(record: VendorRecord, paths: readonly string[], change: Change): VendorRecord {
	return paths.length === 0 ? record : mapObject(record, getRules(paths).paths, { ...getRules(paths), change })
}

/** The values that a path names, in the record's order; those of `meta_data` sorted. */
export function readPath(record: VendorRecord, path: string): unknown[] {
	return readValues(record, splitPath(path))
}

/** Whether a path lies in a field of a record: `images.*.src` in `images`, `billing.*` in `billing.city`. */
export function isPathIn(path: string, field: string): boolean {
	const segments = splitPath(path)
	return field.split('.').every((name, index) => {
		const segment = segments[index]
		return segment === undefined || toPattern(segment).test(name)
	})
}

/** Whether a path with wildcards names another path, such as `meta_data.a_*` the path `meta_data.a_1`. */
export function coversPath(general: string, path: string): boolean {
	return toPattern(general).test(path)
}

/** A path's segments: what follows `meta_data` is one key. */
export function splitPath(path: string): string[] {
	const segments = path.split('.')
	const at = segments.indexOf(KEYED_LIST)
	return at < 0 || at >= segments.length - 1
		? segments
		: [...segments.slice(0, at + 1), segments.slice(at + 1).join('.')]
}

function getRules(paths: readonly string[]): PathRules {
	let rules = compiled.get(paths)
	if (rules === undefined) {
		const kept = paths.filter((path) => path.startsWith('!')).map((path) => splitPath(path.slice(1)).slice(1).join('.'))
		rules = {
			paths: paths.filter((path) => !path.startsWith('!')).map((path) => splitPath(path).map(toPattern)),
			keptKeys: kept.map(toPattern),
		}
		compiled.set(paths, rules)
	}
	return rules
}

const patterns = new Map<string, RegExp>()

function toPattern(segment: string): RegExp {
	let pattern = patterns.get(segment)
	if (pattern === undefined) {
		if (patterns.size > 1_000) patterns.clear()
		pattern = new RegExp(
			`^${segment
				.split('*')
				.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
				.join('.*')}$`,
			's',
		)
		patterns.set(segment, pattern)
	}
	return pattern
}

/** What follows the head of each path that names a part, by its name. */
const restsByName = new WeakMap<readonly RegExp[][], Map<string, readonly RegExp[][]>>()
const MAX_CACHED_NAMES = 1_000

/** The rests of the paths whose head names a part. Records of a resource have the same names again and again. */
function getRests(paths: readonly RegExp[][], name: string): readonly RegExp[][] {
	let cached = restsByName.get(paths)
	if (cached === undefined) restsByName.set(paths, (cached = new Map()))
	let rests = cached.get(name)
	if (rests === undefined) {
		if (cached.size >= MAX_CACHED_NAMES) cached.clear()
		rests = paths.filter(([head]) => head?.test(name)).map((path) => path.slice(1))
		cached.set(name, rests)
	}
	return rests
}

/** The object itself where nothing changes: records are large, and most have nothing that a path names. */
function mapObject(object: VendorRecord, paths: readonly RegExp[][], mapping: Mapping): VendorRecord {
	let result = object
	for (const name of Object.keys(object)) {
		const matching = getRests(paths, name)
		if (matching.length === 0) continue
		const value = object[name]
		const next = matching.some((rest) => rest.length === 0)
			? mapping.change(value)
			: name === KEYED_LIST && Array.isArray(value)
				? mapKeys(value, matching, mapping)
				: mapValue(value, matching, mapping)
		if (next === value && next !== undefined) continue
		if (result === object) result = { ...object }
		if (next === undefined) delete result[name]
		else result[name] = next
	}
	return result
}

function mapKeys(entries: readonly unknown[], paths: readonly RegExp[][], { keptKeys, change }: Mapping): unknown {
	return mapEntries(entries, (entry) => {
		const key = isRecord(entry) ? entry['key'] : null
		if (!isRecord(entry) || typeof key !== 'string') return entry
		if (!paths.some(([pattern]) => pattern?.test(key)) || keptKeys.some((pattern) => pattern.test(key))) return entry
		const value = change(entry['value'])
		return value === undefined ? undefined : { key, value }
	})
}

function mapValue(value: unknown, paths: readonly RegExp[][], mapping: Mapping): unknown {
	if (isRecord(value)) return mapObject(value, paths, mapping)
	if (!Array.isArray(value)) return value
	return mapEntries(value, (entry, index) => {
		const matching = getRests(paths, String(index))
		if (matching.length === 0) return entry
		return matching.some((rest) => rest.length === 0) ? mapping.change(entry) : mapValue(entry, matching, mapping)
	})
}

/** The list itself where nothing changes. */
function mapEntries(
	entries: readonly unknown[],
	change: (entry: unknown, index: number) => unknown,
): readonly unknown[] {
	const changed = entries.map(change)
	return changed.every((entry, index) => entry === entries[index])
		? entries
		: changed.filter((entry) => entry !== undefined)
}

function readValues(value: unknown, segments: readonly string[]): unknown[] {
	const [head, ...rest] = segments
	if (head === undefined) return [value]
	const pattern = toPattern(head)
	if (Array.isArray(value))
		return value.flatMap((entry, index) => (pattern.test(String(index)) ? readValues(entry, rest) : []))
	if (!isRecord(value)) return []
	return Object.entries(value).flatMap(([name, part]) => {
		if (!pattern.test(name)) return []
		return name === KEYED_LIST && Array.isArray(part) && rest[0] !== undefined
			? readKeys(part, rest[0])
			: readValues(part, rest)
	})
}

function readKeys(entries: readonly unknown[], key: string): unknown[] {
	return entries
		.flatMap((entry) => (isRecord(entry) && toPattern(key).test(String(entry['key'])) ? [entry['value']] : []))
		.toSorted((a, b) => ((JSON.stringify(a) ?? '') < (JSON.stringify(b) ?? '') ? -1 : 1))
}
