/**
 * `fetch` for addresses that users typed. Every request, and so every hop of a redirect, is checked right before it is
 * sent: its URL, and with a resolver what its name resolves to. The platform resolves the name again to connect, so an
 * address that changes in between is not noticed (docs/operations.md, Outgoing requests).
 */
import { createResolver, DnsCache, FAILING_RESOLVER, parseResolverUrl, type Resolver } from './dns.ts'
import { classifyAddress, isAllowed, isFixedHost } from './reachability.ts'
import { checkTarget } from './urls.ts'

/** The request was not sent, because its address may not be reached. `message` names what was expected. */
export class AddressRefusedError extends Error {
	override readonly name = 'AddressRefusedError'
}

/** The name could not be resolved. `code` is read by network-errors.ts, like those of `fetch`. */
export class ResolveError extends Error {
	override readonly name = 'ResolveError'
	readonly code: 'ENOTFOUND' | 'ERR_DNS_RESOLVER'

	constructor(code: 'ENOTFOUND' | 'ERR_DNS_RESOLVER') {
		super('The name was not resolved')
		this.code = code
	}
}

/** The settings that decide what is reached. */
export interface OutgoingSettings {
	ALLOW_PRIVATE_NETWORK: string
	DNS_RESOLVER_URL?: string
}

type Fetch = (request: Request) => Promise<Response>

/**
 * Creates a `fetch` that refuses what may not be reached: throws AddressRefusedError, and like `fetch` any other error
 * if there is no response. Redirects are returned, never followed. `resolver` null: names are only checked by spelling.
 */
export function createGuardedFetch(options: {
	fetch: Fetch
	resolver: Resolver | null
	allowPrivateNetwork: boolean
}): Fetch {
	const { resolver, allowPrivateNetwork } = options
	return async (request) => {
		const url = new URL(request.url)
		const checked = checkTarget(url, allowPrivateNetwork)
		if (!checked.ok) throw new AddressRefusedError(checked.message)
		if (resolver !== null && !isFixedHost(url.hostname)) {
			const resolved = await resolver.resolve(url.hostname, request.signal)
			if (!resolved.ok) throw new ResolveError(resolved.reason === 'no-such-host' ? 'ENOTFOUND' : 'ERR_DNS_RESOLVER')
			// One private address is enough: the platform chooses which of them it connects to.
			if (!resolved.addresses.every((address) => isAllowed(classifyAddress(address), allowPrivateNetwork)))
				throw new AddressRefusedError(
					`expected a public address; ${url.hostname} resolves to a private, loopback, link-local or metadata address`,
				)
		}
		return await options.fetch(request.redirect === 'manual' ? request : new Request(request, { redirect: 'manual' }))
	}
}

/** Shared by all requests of this isolate. */
const dnsCache = new DnsCache()

/** The guarded `fetch` of this deployment. The global `fetch` is looked up at each call, as tests may replace it. */
export function guardedFetchFor(env: OutgoingSettings): Fetch {
	const setting = parseResolverUrl(env.DNS_RESOLVER_URL)
	const send: Fetch = (request) => fetch(request)
	const resolver = !setting.ok
		? FAILING_RESOLVER
		: setting.url === null
			? null
			: createResolver({ url: setting.url, fetch: send, now: () => Date.now(), cache: dnsCache })
	return createGuardedFetch({ fetch: send, resolver, allowPrivateNetwork: env.ALLOW_PRIVATE_NETWORK === 'true' })
}
