/**
 * Which addresses Shopbell may reach for a customer. Callback and store URLs are users' input: http and https only, no
 * credentials inside, nothing private, in whatever spelling. The URL parser already turns decimal, octal and
 * hexadecimal IPv4 and every IPv6 spelling into one form; this file judges that form. A name that resolves to a private
 * address is stopped by the platform (`global_fetch_strictly_public`).
 */

import { expectedAtMost, LIMITS } from './limits.ts'

/** The verdict on an address. `message` says what was expected, without quoting the URL's query. */
export type UrlCheckResult = { ok: true; url: URL } | { ok: false; message: string }

/**
 * Judges a URL. `allowPrivateNetwork` (ALLOW_PRIVATE_NETWORK) opens loopback and private networks for local use;
 * link-local and metadata addresses stay closed.
 */
export function checkUrl(text: string, allowPrivateNetwork: boolean): UrlCheckResult {
	if (text.length > LIMITS.url.value) return reject(`${expectedAtMost('url')} in a URL`)
	let url: URL
	try {
		url = new URL(text.trim())
	} catch {
		return reject('expected a URL such as https://example.com/path')
	}
	if (url.protocol !== 'https:' && url.protocol !== 'http:')
		return reject('expected a URL that begins with https:// or http://')
	if (url.username !== '' || url.password !== '' || /^[a-z]+:[/\\]*[^/\\?#]*@/i.test(text.trim()))
		return reject('expected a URL without user name and password')
	const reachability = classifyHost(url.hostname)
	if (reachability === 'public' || (reachability === 'private' && allowPrivateNetwork)) return { ok: true, url }
	return reject('expected a public address; private, loopback, link-local and metadata addresses are not reached')
}

/**
 * Whether a callback means "keep the events in the log, deliver nowhere": our own API, or the platform that clients
 * move over from (docs/contract.md §2).
 */
export function isLogOnlyUrl(url: URL, publicUrl: string): boolean {
	const host = url.hostname.replace(/(?<!\.)\.+$/, '')
	if (host === 'cloud-elements.com' || host.endsWith('.cloud-elements.com')) return true
	if (/(^|\.)openconnectors\./.test(host)) return true
	return URL.canParse(publicUrl) && url.host === new URL(publicUrl).host && url.pathname.startsWith('/elements/api-v2/')
}

/**
 * Normalizes a store's address as people paste it: removes brackets, adds the scheme, and cuts off what leads into
 * WordPress (`/wp-admin/…`, `/wp-login.php`, `/wp-json/…`), query and trailing slash (docs/contract.md §2). A path that
 * may be a site in a subdirectory stays: connecting finds out.
 */
export function toStoreBase(text: string): string {
	let rest = text
		.trim()
		.replace(/^<(.*)>$/, '$1')
		.trim()
	if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(rest)) rest = `https://${rest.replace(/^\/+/, '')}`
	if (!URL.canParse(rest)) return rest
	const url = new URL(rest)
	const path = toSitePath(url)
	// Credentials are kept here so that the guard can refuse them.
	const login = url.username !== '' || url.password !== '' ? `${url.username}:${url.password}@` : ''
	return `${url.protocol}//${login}${url.host}${path}`
}

/** The path of a WordPress site: an address's path without what leads into WordPress and without trailing slashes. */
export function toSitePath(url: URL): string {
	return url.pathname
		.replace(/\/(wp-admin|wp-login\.php|wp-json|wp-content|index\.php)(\/.*)?$/, '')
		.replace(/(?<!\/)\/+$/, '')
}

/** A site's address in a form that two spellings of one site share: scheme, `www.` and trailing slash do not count. */
export function toSiteKey(address: string): string {
	return address
		.trim()
		.toLowerCase()
		.replace(/^[a-z]+:\/\//, '')
		.replace(/^www\./, '')
		.replace(/(?<!\/)\/+$/, '')
}

type Reachability = 'public' | 'private' | 'closed'

/** Who could answer under a host name as the URL parser spells it. */
function classifyHost(hostname: string): Reachability {
	const host = hostname.toLowerCase().replace(/(?<!\.)\.+$/, '')
	if (host.startsWith('[')) return classifyIpv6(host.slice(1, -1))
	const parts = host.split('.')
	if (parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part))) return classifyIpv4(parts.map(Number))
	if (host === '' || host === 'metadata' || host === 'metadata.google.internal' || host === 'instance-data')
		return 'closed'
	if (
		parts.length === 1 ||
		/\.(localhost|local|internal|intranet|lan|home|corp|private|localdomain|home\.arpa)$/.test(host)
	)
		return 'private'
	return 'public'
}

/** IPv4 ranges of IANA's special-purpose registry. */
function classifyIpv4(bytes: number[]): Reachability {
	const [a = 0, b = 0, c = 0] = bytes
	if (a === 127 || a === 10 || (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168)) return 'private'
	if (a === 0 || a >= 224 || (a === 169 && b === 254)) return 'closed'
	if (a === 100 && b >= 64 && b <= 127) return 'closed'
	if (a === 192 && b === 0 && (c === 0 || c === 2)) return 'closed'
	if (a === 198 && (b === 18 || b === 19 || (b === 51 && c === 100))) return 'closed'
	if (a === 203 && b === 0 && c === 113) return 'closed'
	return 'public'
}

/** IPv6: global unicast only, and where an IPv4 address is carried inside, that address decides. */
function classifyIpv6(text: string): Reachability {
	const words = parseIpv6Words(text)
	if (words === null) return 'closed'
	const [w0 = 0, w1 = 0, w2 = 0, w3 = 0, w4 = 0, w5 = 0, w6 = 0, w7 = 0] = words
	const leadingZeros = words.slice(0, 5).every((word) => word === 0)
	if (leadingZeros && w5 === 0 && w6 === 0) return w7 === 1 ? 'private' : 'closed'
	const low = [w6 >> 8, w6 & 0xff, w7 >> 8, w7 & 0xff]
	// Mapped (::ffff:a.b.c.d), compatible (::a.b.c.d), translated (64:ff9b::a.b.c.d): only ever a disguise in a URL.
	if (leadingZeros && (w5 === 0xffff || w5 === 0)) return classifyEmbeddedIpv4(low)
	if (w0 === 0x64 && w1 === 0xff9b && w2 === 0 && w3 === 0 && w4 === 0 && w5 === 0) return classifyEmbeddedIpv4(low)
	if (w0 === 0x2002) return classifyEmbeddedIpv4([w1 >> 8, w1 & 0xff, w2 >> 8, w2 & 0xff])
	if ((w0 & 0xfe00) === 0xfc00) return w0 === 0xfd00 && w1 === 0xec2 ? 'closed' : 'private'
	if (w0 === 0x2001 && (w1 === 0 || w1 === 0xdb8 || (w1 >= 0x10 && w1 <= 0x2f))) return 'closed'
	return (w0 & 0xe000) === 0x2000 ? 'public' : 'closed'
}

/** An IPv4 address inside an IPv6 one: what is not public stays closed, even where loopback is open. */
function classifyEmbeddedIpv4(bytes: number[]): Reachability {
	return classifyIpv4(bytes) === 'public' ? 'public' : 'closed'
}

/** The eight words of an address as the URL parser spells it (no dotted tail left, `::` at most once). */
function parseIpv6Words(text: string): number[] | null {
	const [head = '', tail] = text.split('::')
	const left = head === '' ? [] : head.split(':')
	const right = tail === undefined || tail === '' ? [] : tail.split(':')
	const missing = 8 - left.length - right.length
	if (missing < 0 || (tail === undefined && missing !== 0)) return null
	const words = [...left, ...Array.from({ length: missing }, () => '0'), ...right].map((word) =>
		Number.parseInt(word, 16),
	)
	return words.every((word) => Number.isInteger(word) && word >= 0 && word <= 0xffff) ? words : null
}

function reject(message: string): UrlCheckResult {
	return { ok: false, message }
}
