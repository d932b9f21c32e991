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

const compiled = new WeakMap<readonly string[], PathRules>()

/** A record without the parts that the paths name. The record itself is not changed. */
export function omitPaths(record: VendorRecord, paths: readonly string[]): VendorRecord {
	if (paths.length === 0) return record
	const rules = getRules(paths)
	return omitFromObject(record, rules.paths, rules.keptKeys)
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

function omitFromObject(object: VendorRecord, paths: readonly RegExp[][], keptKeys: readonly RegExp[]): VendorRecord {
	const result: VendorRecord = {}
	for (const [name, value] of Object.entries(object)) {
		const matching = paths.filter(([head]) => head?.test(name)).map((path) => path.slice(1))
		if (matching.some((rest) => rest.length === 0)) continue
		if (matching.length === 0) result[name] = value
		else if (name === KEYED_LIST && Array.isArray(value)) result[name] = omitKeys(value, matching, keptKeys)
		else result[name] = omitFromValue(value, matching, keptKeys)
	}
	return result
}

function omitKeys(entries: readonly unknown[], paths: readonly RegExp[][], keptKeys: readonly RegExp[]): unknown[] {
	return entries.filter((entry) => {
		const key = isRecord(entry) ? entry['key'] : null
		if (typeof key !== 'string') return true
		return !paths.some(([pattern]) => pattern?.test(key)) || keptKeys.some((pattern) => pattern.test(key))
	})
}

function omitFromValue(value: unknown, paths: readonly RegExp[][], keptKeys: readonly RegExp[]): unknown {
	if (isRecord(value)) return omitFromObject(value, paths, keptKeys)
	if (!Array.isArray(value)) return value
	const kept: unknown[] = []
	value.forEach((entry: unknown, index) => {
		const matching = paths.filter(([head]) => head?.test(String(index))).map((path) => path.slice(1))
		if (matching.some((rest) => rest.length === 0)) return
		kept.push(matching.length === 0 ? entry : omitFromValue(entry, matching, keptKeys))
	})
	return kept
}
