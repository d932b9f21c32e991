/**
 * Which network an address belongs to. Pure: host names by their spelling, IP addresses by the registries of IANA
 * (ipaddr.js) and the addresses of clouds for their own machines.
 */
import ipaddr from 'ipaddr.js'

/**
 * `private`: loopback and private networks, open with ALLOW_PRIVATE_NETWORK. `closed`: never reached, such as
 * link-local, metadata, multicast and reserved addresses.
 */
type Reachability = 'public' | 'private' | 'closed'

/** Whether a host or an address may be reached. */
export function isAllowed(reachability: Reachability, allowPrivateNetwork: boolean): boolean {
	return reachability === 'public' || (reachability === 'private' && allowPrivateNetwork)
}

/** The network of a host, as `URL.hostname` spells it. A name that says nothing is public here; its answers decide. */
export function classifyHost(hostname: string): Reachability {
	const host = toHostKey(hostname)
	if (isAddress(host)) return classifyAddress(host.replace(/^\[|\]$/g, ''))
	if (CLOSED_NAMES.test(host)) return 'closed'
	return !host.includes('.') || isPrivateName(host) ? 'private' : 'public'
}

/** The network of an IP address; text that is none is closed. */
export function classifyAddress(text: string): Reachability {
	if (isIpv4(text)) return classifyIpv4(ipaddr.IPv4.parse(text))
	return ipaddr.IPv6.isValid(text) ? classifyIpv6(ipaddr.IPv6.parse(text)) : 'closed'
}

/** Whether a host means one thing everywhere, so that no resolver is asked: an IP address, or this machine. */
export function isFixedHost(hostname: string): boolean {
	const host = toHostKey(hostname)
	return isAddress(host) || LOOPBACK_NAMES.test(host)
}

/** Whether a host is this machine. */
export function isLoopbackHost(hostname: string): boolean {
	const host = toHostKey(hostname)
	if (isIpv4(host)) return ipaddr.IPv4.parse(host).range() === 'loopback'
	return host === '[::1]' || LOOPBACK_NAMES.test(host)
}

/** A host in lower case without the dots at its end. */
export function toHostKey(hostname: string): string {
	return hostname.toLowerCase().replace(/(?<!\.)\.+$/, '')
}

function isAddress(host: string): boolean {
	return host.startsWith('[') || isIpv4(host)
}

/** Four decimal parts. The library throws inside for any name, and each page asks for its host. */
function isIpv4(text: string): boolean {
	return /^[\d.]+$/.test(text) && ipaddr.IPv4.isValidFourPartDecimal(text)
}

const LOOPBACK_NAMES = /^((.+\.)?localhost|localhost[46]?(\.localdomain[46]?)?)$/

/** No name, and the names of the metadata services of clouds. */
const CLOSED_NAMES =
	/^$|^(metadata|instance-data)$|^((.+\.)?metadata\.google\.internal|metadata\.goog|instance-data\.ec2\.internal)$/

/**
 * Top-level names that only private networks answer: reserved for them (RFC 6761, 6762, `.internal`), never delegated,
 * or of clusters. `.example` and `.invalid` are answered nowhere, so nothing is reached there.
 */
const PRIVATE_TOP_LEVELS = new Set([
	...['localhost', 'local', 'localdomain', 'localdomain4', 'localdomain6', 'test', 'onion', 'alt'],
	...['internal', 'intranet', 'private', 'lan', 'home', 'corp', 'mail', 'svc', 'consul'],
])

function isPrivateName(host: string): boolean {
	return PRIVATE_TOP_LEVELS.has(host.slice(host.lastIndexOf('.') + 1)) || /(^|\.)home\.arpa$/.test(host)
}

/** Where Azure serves its machines, outside of the reserved ranges. */
const AZURE_PLATFORM = ipaddr.IPv4.parse('168.63.129.16')

function classifyIpv4(address: ipaddr.IPv4): Reachability {
	if (address.match(AZURE_PLATFORM, 32)) return 'closed'
	const range = address.range()
	return range === 'unicast' ? 'public' : range === 'private' || range === 'loopback' ? 'private' : 'closed'
}

/** IPv6: global unicast only. An embedded IPv4 address decides if there is one. */
function classifyIpv6(address: ipaddr.IPv6): Reachability {
	const range = address.range()
	if (range === 'loopback') return 'private'
	if (range === 'uniqueLocal') return METADATA_NETWORKS.some((network) => address.match(network)) ? 'closed' : 'private'
	const embedded = getEmbeddedIpv4(address)
	// Only used as a disguise in URLs, so refused even if loopback is allowed.
	if (embedded !== null) return classifyIpv4(embedded) === 'public' ? 'public' : 'closed'
	return range === 'unicast' && address.match(GLOBAL_UNICAST) && !isIsatap(address) ? 'public' : 'closed'
}

/** Metadata services of AWS, Google Cloud and Scaleway. */
const METADATA_NETWORKS = ['fd00:ec2::/32', 'fd20:ce::/32', 'fd00:42::/32'].map((network) =>
	ipaddr.IPv6.parseCIDR(network),
)
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/** A tunnel within a site, whose last half is `[02]00:5efe:a.b.c.d` (RFC 5214). */
function isIsatap({ parts }: ipaddr.IPv6): boolean {
	return (parts[4]! & 0xfcff) === 0 && parts[5] === 0x5efe
}

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
