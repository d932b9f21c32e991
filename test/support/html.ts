/** What may stand in the HTML of pages: looked at as text, tag by tag. */

/** The only attributes of htmx that pages use: their five patterns need no others. */
const HTMX_ATTRIBUTES = new Set([
	'hx-get',
	'hx-post',
	'hx-target',
	'hx-swap',
	'hx-swap-oob',
	'hx-sync',
	'hx-include',
	'hx-trigger',
	'hx-push-url',
	'hx-indicator',
])

/** An element's start tag. */
export interface Tag {
	name: string
	/** Without a value: the empty text. */
	attributes: Record<string, string>
}

/** All start tags, in order. Values are as written, with their escapes. */
export function listTags(html: string): Tag[] {
	return [
		...html.matchAll(/<([a-z][\w-]*)((?:\s+[^\s"'<>/=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>]+))?)*)\s*\/?>/gi),
	].map(([, name, attributes]) => ({
		name: name!.toLowerCase(),
		attributes: Object.fromEntries(
			[...attributes!.matchAll(/([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+)))?/g)].map(
				([, attribute, double, single, bare]) => [attribute!.toLowerCase(), double ?? single ?? bare ?? ''],
			),
		),
	}))
}

/** What the policy of pages or their five patterns do not allow, one line each. */
export function findForbidden(html: string): string[] {
	return listTags(html).flatMap((tag) => [
		...(tag.name === 'style' || (tag.name === 'script' && tag.attributes['src'] === undefined)
			? [`<${tag.name}> in the page`]
			: []),
		...Object.entries(tag.attributes)
			.filter(([name, value]) => isForbidden(name, value))
			.map(([name, value]) => `<${tag.name} ${name}="${value}">`),
	])
}

function isForbidden(name: string, value: string): boolean {
	if (name === 'style' || name.startsWith('on')) return true
	if (/^\s*(?:javascript|js):/i.test(value)) return true
	if (name.startsWith('data-hx-')) return true
	return name.startsWith('hx-') && !HTMX_ATTRIBUTES.has(name) && !/^hx-sse:[a-z]+$/.test(name)
}

/** Ids that stand more than once, and references to ids that do not stand at all. */
export function findWrongIds(html: string): string[] {
	const tags = listTags(html)
	const ids = tags.flatMap(({ attributes }) => (attributes['id'] === undefined ? [] : [attributes['id']]))
	const twice = ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `${id} stands twice`)
	const references = tags.flatMap(({ attributes }) =>
		['for', 'aria-describedby', 'aria-labelledby', 'aria-controls', 'popovertarget', 'form']
			.flatMap((name) => attributes[name]?.split(' ') ?? [])
			.filter((id) => !ids.includes(id)),
	)
	return [...twice, ...references.map((id) => `${id} is missing`)]
}
