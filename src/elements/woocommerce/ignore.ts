/** What of a record never counts as a change: housekeeping meta, and the paths of a resource's `ignore`. */
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { coversPath, splitPath } from '../paths.ts'

/** Meta that WordPress and WooCommerce write by themselves (docs/woocommerce.md 4.15). */
export const HOUSEKEEPING_PATHS: readonly string[] = [
	'meta_data.wc_last_active',
	'meta_data.session_tokens',
	'meta_data._woocommerce_persistent_cart_*',
	'meta_data._woocommerce_load_saved_cart_after_login',
	'meta_data._edit_lock',
	'meta_data._edit_last',
]

/**
 * The paths that do not count for a resource with this `ignore`, sorted: housekeeping meta unless `!<path>` takes it
 * back, and the resource's own. What `findIgnoreProblem` refuses is left out.
 */
export function toIgnoredPaths(ignore: unknown): string[] {
	const entries = Array.isArray(ignore) ? (ignore as unknown[]).filter((entry) => findPathProblem(entry) === null) : []
	const own = entries as string[]
	const housekeeping = HOUSEKEEPING_PATHS.filter((path) => !own.includes(`!${path}`))
	// A key that only a wildcard names stays as an exception.
	const exceptions = own.filter((path) => path.startsWith('!') && !HOUSEKEEPING_PATHS.includes(path.slice(1)))
	return [...new Set([...housekeeping, ...own.filter((path) => !path.startsWith('!')), ...exceptions])].sort()
}

/** The first problem of a resource's `ignore`: the field's name after `ignore`, and a message; null: there is none. */
export function findIgnoreProblem(ignore: unknown): { field: string; message: string } | null {
	if (ignore === undefined || ignore === null || ignore === '') return null
	if (!Array.isArray(ignore)) return { field: '', message: 'expected a list of paths such as ["meta_data._views"]' }
	if (ignore.length > LIMITS.ignoredPaths.value)
		return { field: '', message: `${expectedAtMost('ignoredPaths')}, got ${ignore.length}` }
	for (const [index, entry] of (ignore as unknown[]).entries()) {
		const message = findPathProblem(entry)
		if (message !== null) return { field: `.${index}`, message }
	}
	return null
}

function findPathProblem(entry: unknown): string | null {
	const expected = 'expected a path such as total_sales, billing.* or meta_data._views'
	if (typeof entry !== 'string') return expected
	if (entry.length > LIMITS.ignoredPath.value) return expectedAtMost('ignoredPath')
	const found = `found ${JSON.stringify(entry.slice(0, 100))}`
	if (!entry.isWellFormed() || /\p{Cc}/u.test(entry) || entry.trim() !== entry) return `${expected}, ${found}`
	if (entry.startsWith('!'))
		return HOUSEKEEPING_PATHS.some((path) => coversPath(path, entry.slice(1)))
			? null
			: `expected ! before a path that is ignored by default (${HOUSEKEEPING_PATHS.join(', ')}), ${found}`
	const segments = splitPath(entry)
	if (segments.some((segment) => segment === '')) return `${expected}, ${found}`
	if (/^\*+$/.test(segments[0] ?? '')) return `expected the name of a field first, ${found}`
	return null
}
