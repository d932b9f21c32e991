/**
 * Names and tags of instances: stripped of HTML, within their limits, with their defaults (docs/contract.md §2). Pure.
 */
import { expectedAtMost, LIMITS } from '../lib/limits.ts'
import { stripHtml, type FieldProblem } from '../lib/values.ts'

/** A name as kept; null when nothing is left of it (absent, blank, a placeholder in angle brackets). */
export function parseName(
	value: string | null | undefined,
): { ok: true; name: string | null } | { ok: false; problem: FieldProblem } {
	const name = stripHtml(value ?? '')
	if ([...name].length > LIMITS.name.value)
		return { ok: false, problem: { field: 'name', message: expectedAtMost('name') } }
	return { ok: true, name: name === '' ? null : name }
}

/** Tags as kept, each once: a list, or one text; null when none was given. */
export function parseTags(
	value: readonly string[] | string | null | undefined,
): { ok: true; tags: string[] | null } | { ok: false; problem: FieldProblem } {
	if (value === null || value === undefined) return { ok: true, tags: null }
	const tags = [...new Set((typeof value === 'string' ? [value] : value).map(stripHtml).filter((tag) => tag !== ''))]
	if (tags.length > LIMITS.tags.value)
		return { ok: false, problem: { field: 'tags', message: `${expectedAtMost('tags')}, got ${tags.length}` } }
	const tooLongIndex = tags.findIndex((tag) => [...tag].length > LIMITS.tag.value)
	if (tooLongIndex >= 0)
		return { ok: false, problem: { field: `tags[${tooLongIndex}]`, message: expectedAtMost('tag') } }
	return { ok: true, tags: tags.length === 0 ? null : tags }
}

/** The name of an instance that was given none: its store's host. */
export function getHost(storeUrl: string): string {
	return URL.canParse(storeUrl) ? new URL(storeUrl).host : storeUrl
}
