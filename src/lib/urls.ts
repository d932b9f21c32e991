/**
 * Which addresses Shopbell may reach for a customer. Callback and store URLs are users' input: http and https only, no
 * credentials inside, nothing private, in whatever spelling. The URL parser already turns decimal, octal and
 * hexadecimal IPv4 and every IPv6 spelling into one form; this file judges that form. A name that resolves to a private
 * address is stopped by the platform (`global_fetch_strictly_public`).
 */

import ipaddr from 'ipaddr.js'
import { BASE_PATH } from './base-path.ts'
import { expectedAtMost, LIMITS } from './limits.ts'

/** The verdict on an address. `message` says what was expected, without quoting the URL's query. */
type UrlCheckResult = { ok: true; url: URL } | { ok: false; message: string }

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
	return URL.canParse(publicUrl) && url.host === new URL(publicUrl).host && url.pathname.startsWith(`${BASE_PATH}/`)
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
	if (ipaddr.IPv4.isValidFourPartDecimal(host)) return classifyIpv4(ipaddr.IPv4.parse(host))
	if (host === '' || host === 'metadata' || host === 'metadata.google.internal' || host === 'instance-data')
		return 'closed'
	if (
		!host.includes('.') ||
		/\.(localhost|local|internal|intranet|lan|home|corp|private|localdomain|home\.arpa)$/.test(host)
	)
		return 'private'
	return 'public'
}

function classifyIpv4(address: ipaddr.IPv4): Reachability {
	const range = address.range()
	return range === 'unicast' ? 'public' : range === 'private' || range === 'loopback' ? 'private' : 'closed'
}

/** IPv6: global unicast only, and where an IPv4 address is carried inside, that address decides. */
function classifyIpv6(text: string): Reachability {
	if (!ipaddr.IPv6.isValid(text)) return 'closed'
	const address = ipaddr.IPv6.parse(text)
	const range = address.range()
	if (range === 'loopback') return 'private'
	if (range === 'uniqueLocal') return address.match(AWS_METADATA_NETWORK, 32) ? 'closed' : 'private'
	const embedded = getEmbeddedIpv4(address)
	// Only ever a disguise in a URL: closed even where loopback is open.
	if (embedded !== null) return classifyIpv4(embedded) === 'public' ? 'public' : 'closed'
	return range === 'unicast' && address.match(GLOBAL_UNICAST, 3) ? 'public' : 'closed'
}

const AWS_METADATA_NETWORK = ipaddr.IPv6.parse('fd00:ec2::')
const GLOBAL_UNICAST = ipaddr.IPv6.parse('2000::')

/**
 * The IPv4 address inside an IPv6 one: mapped (::ffff:a.b.c.d), compatible (::a.b.c.d), translated (64:ff9b::a.b.c.d)
 * or 6to4 (2002:a.b.c.d::); null when there is none.
 */
function getEmbeddedIpv4(address: ipaddr.IPv6): ipaddr.IPv4 | null {
	const bytes = address.toByteArray()
	const prefix = address.parts.slice(0, 6).join()
	if (address.range() === '6to4') return new ipaddr.IPv4(bytes.slice(2, 6))
	return EMBEDDING_PREFIXES.has(prefix) ? new ipaddr.IPv4(bytes.slice(12)) : null
}

/** The first six words of addresses that end in an IPv4 one. */
const EMBEDDING_PREFIXES = new Set(
	['::ffff:0:0', '::', '64:ff9b::'].map((network) => ipaddr.IPv6.parse(network).parts.slice(0, 6).join()),
)

function reject(message: string): UrlCheckResult {
	return { ok: false, message }
}
