/** Names and tags of instances: without HTML, within their limits, with their defaults (docs/contract.md §2). Pure. */
import { expectedAtMost, LIMITS } from '../lib/limits.ts'
import { stripHtml, type FieldProblem } from '../lib/values.ts'

/** A name to store; null if it is absent, blank or a placeholder in angle brackets. */
export function parseName(
	value: string | null | undefined,
): { ok: true; name: string | null } | { ok: false; problem: FieldProblem } {
	const name = stripHtml(value ?? '')
	if ([...name].length > LIMITS.name.value)
		return { ok: false, problem: { field: 'name', message: expectedAtMost('name') } }
	return { ok: true, name: name === '' ? null : name }
}

/** Tags to store, each once, from a list or one text; null: absent, or only placeholders in angle brackets. */
export function parseTags(
	value: readonly string[] | string | null | undefined,
): { ok: true; tags: string[] | null } | { ok: false; problem: FieldProblem } {
	if (value === null || value === undefined) return { ok: true, tags: null }
	const sent = typeof value === 'string' ? [value] : value
	const tags = [...new Set(sent.map(stripHtml).filter((tag) => tag !== ''))]
	if (tags.length > LIMITS.tags.value)
		return { ok: false, problem: { field: 'tags', message: `${expectedAtMost('tags')}, got ${tags.length}` } }
	const tooLongIndex = tags.findIndex((tag) => [...tag].length > LIMITS.tag.value)
	if (tooLongIndex >= 0)
		return { ok: false, problem: { field: `tags[${tooLongIndex}]`, message: expectedAtMost('tag') } }
	const isAbsent = tags.length === 0 && sent.some((tag) => tag.trim() !== '')
	return { ok: true, tags: isAbsent ? null : tags }
}

/** The default name of an instance: its store's host. */
export function getHost(storeUrl: string): string {
	return URL.canParse(storeUrl) ? new URL(storeUrl).host : storeUrl
}
