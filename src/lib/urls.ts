/**
 * Which addresses Shopbell may call for a customer. Callback and store URLs are users' input: only http and https,
 * without credentials, and no private addresses. The URL parser normalizes decimal, octal and hexadecimal IPv4 and all
 * spellings of IPv6; this file checks the normalized form. The platform blocks names that resolve to private addresses
 * (`global_fetch_strictly_public`).
 */

import ipaddr from 'ipaddr.js'
import { BASE_PATH } from './base-path.ts'
import { expectedAtMost, LIMITS } from './limits.ts'
import { hasMaskedParts, MASKED_URL_MESSAGE } from './url-masks.ts'

/** The result for an address. `message` names what was expected, without quoting the URL's query. */
type UrlCheckResult = { ok: true; url: URL } | { ok: false; message: string }

/**
 * Checks a URL. `allowPrivateNetwork` (ALLOW_PRIVATE_NETWORK) allows loopback and private networks for local use;
 * link-local and metadata addresses stay refused.
 */
export function checkUrl(text: string, allowPrivateNetwork: boolean): UrlCheckResult {
	if (text.length > LIMITS.url.value) return reject(`${expectedAtMost('url')} in a URL`)
	if (hasMaskedParts(text)) return reject(MASKED_URL_MESSAGE)
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
 * Whether a callback means "keep the events in the log only": it is this API, or the platform from which clients
 * migrate (docs/contract.md §2).
 */
export function isLogOnlyUrl(url: URL, publicUrl: string): boolean {
	const host = url.hostname.replace(/(?<!\.)\.+$/, '')
	if (host === 'cloud-elements.com' || host.endsWith('.cloud-elements.com')) return true
	if (/(^|\.)openconnectors\./.test(host)) return true
	return URL.canParse(publicUrl) && url.host === new URL(publicUrl).host && url.pathname.startsWith(`${BASE_PATH}/`)
}

/**
 * Normalizes a store's address as people paste it: removes brackets, adds the scheme, and removes WordPress paths
 * (`/wp-admin/…`, `/wp-login.php`, `/wp-json/…`), query and trailing slash (docs/contract.md §2). A path that may be a
 * site in a subdirectory stays; connecting finds out.
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
	// Credentials are kept here so that the check can refuse them.
	const login = url.username !== '' || url.password !== '' ? `${url.username}:${url.password}@` : ''
	return `${url.protocol}//${login}${url.host}${path}`
}

/** The path of a WordPress site: an address's path without WordPress paths and trailing slashes. */
export function toSitePath(url: URL): string {
	return url.pathname
		.replace(/\/(wp-admin|wp-login\.php|wp-json|wp-content|index\.php)(\/.*)?$/, '')
		.replace(/(?<!\/)\/+$/, '')
}

/**
 * A site's address in a form that is equal for all spellings of one site: it ignores scheme, `www.` and trailing
 * slash.
 */
export function toSiteKey(address: string): string {
	return address
		.trim()
		.toLowerCase()
		.replace(/^[a-z]+:\/\//, '')
		.replace(/^www\./, '')
		.replace(/(?<!\/)\/+$/, '')
}

type Reachability = 'public' | 'private' | 'closed'

/** The kind of network that a host name, as the URL parser spells it, belongs to. */
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

/** IPv6: global unicast only. An embedded IPv4 address decides if there is one. */
function classifyIpv6(text: string): Reachability {
	if (!ipaddr.IPv6.isValid(text)) return 'closed'
	const address = ipaddr.IPv6.parse(text)
	const range = address.range()
	if (range === 'loopback') return 'private'
	if (range === 'uniqueLocal') return address.match(AWS_METADATA_NETWORK, 32) ? 'closed' : 'private'
	const embedded = getEmbeddedIpv4(address)
	// Only used as a disguise in URLs, so refused even if loopback is allowed.
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
