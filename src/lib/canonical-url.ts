/**
 * The canonical form of a callback's address: two addresses with the same form reach the same receiver, so a
 * notification that is sent to both arrives twice (docs/contract.md §5).
 */

/** A valid escape, and every other character that RFC 3986 does not allow unescaped in a path or a query. */
const ESCAPES = /%[\da-f]{2}|[^\w\-.~!$&'()*+,;=:@/?]/gi
const UNRESERVED = /^[\w\-.~]$/

/**
 * The canonical form of an http or https address (RFC 3986, 6.2). The URL parser lower-cases the host, removes the
 * default port and resolves dot segments. The fragment, an empty query and a dot at the end of the host are removed;
 * percent-encoding is spelled in one way. Scheme, order of the query and a slash at the end of the path are kept,
 * because a receiver may tell them apart. A text that is no URL is its own form.
 */
export function toCanonicalUrl(text: string): string {
	if (!URL.canParse(text)) return text
	const url = new URL(text)
	const host = url.hostname.replace(/(?<!\.)\.+$/, '')
	const port = url.port === '' ? '' : `:${url.port}`
	return `${url.protocol}//${host}${port}${respellEscapes(url.pathname)}${respellEscapes(url.search)}`
}

/** The first of these whose address has the same canonical form as `url`; null: none has. */
export function findSameAddress<T extends { url: string }>(candidates: readonly T[], url: string): T | null {
	const canonical = toCanonicalUrl(url)
	return candidates.find((candidate) => toCanonicalUrl(candidate.url) === canonical) ?? null
}

/** Decodes escapes of unreserved characters, writes the others in upper case, and adds the missing ones. */
function respellEscapes(text: string): string {
	return text.replace(ESCAPES, (found) => {
		if (found.length === 1) return encodeURIComponent(found)
		const decoded = String.fromCharCode(Number.parseInt(found.slice(1), 16))
		return UNRESERVED.test(decoded) ? decoded : found.toUpperCase()
	})
}
