/** The fields of a page's forms, as a browser would post them. */

/** What a browser would post of a page. */
export function toFields(html: string): Record<string, string> {
	const fields: Record<string, string> = {}
	for (const [tag] of html.matchAll(/<input\b[^>]*>/g)) {
		const attribute = (name: string): string | null => new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? null
		const [name, type, value] = [attribute('name'), attribute('type'), attribute('value') ?? '']
		if (name === null || name === 'csrf') continue
		if ((type === 'checkbox' || type === 'radio') && !/\bchecked\b/.test(tag)) continue
		fields[name] = unescapeHtml(value)
	}
	for (const [, name, text] of html.matchAll(/<textarea\b[^>]*\bname="([^"]*)"[^>]*>([^<]*)<\/textarea>/g))
		fields[name!] = unescapeHtml(text!)
	return fields
}

function unescapeHtml(text: string): string {
	return text
		.replaceAll('&quot;', '"')
		.replaceAll('&#39;', "'")
		.replaceAll('&lt;', '<')
		.replaceAll('&gt;', '>')
		.replaceAll('&amp;', '&')
}
