/** Public addresses of this Shopbell: where a store sends its deliveries, and whether it can reach them. Pure. */
import type { Env } from '../context.ts'
import { BASE_PATH } from '../lib/base-path.ts'
import { isLoopbackHost } from '../lib/reachability.ts'
import { toRefText, type ObjectRef } from '../lib/incarnation.ts'
import { checkUrl } from '../lib/urls.ts'

/** Ports that WooCommerce delivers to (docs/woocommerce.md 6.3). */
const DELIVERY_PORTS = new Set(['', '80', '443', '8080'])

type AddressEnv = Pick<Env, 'PUBLIC_URL' | 'ALLOW_PRIVATE_NETWORK'>

/** PUBLIC_URL without trailing slashes; '' if it is not set. */
export function getPublicBase(env: Pick<Env, 'PUBLIC_URL'>): string {
	const base = (env.PUBLIC_URL ?? '').replace(/\/+$/, '')
	return URL.canParse(base) ? base : ''
}

/**
 * The address of this Shopbell for its own links: PUBLIC_URL, or on the machine itself the address that was requested;
 * null: neither.
 */
export function findOwnAddress(env: Pick<Env, 'PUBLIC_URL'>, requestUrl: string): string | null {
	const { hostname, origin } = new URL(requestUrl)
	return getPublicBase(env) || (isLoopbackHost(hostname) ? origin : null)
}

/**
 * The URL to which a store sends the deliveries of an instance. It contains everything that the edge needs to derive
 * the secret.
 */
export function receiverUrlFor(
	env: Pick<Env, 'PUBLIC_URL'>,
	elementKey: string,
	ref: ObjectRef,
	version: number,
): string {
	const base = getPublicBase(env)
	return base === '' ? '' : `${base}${BASE_PATH}/events/${elementKey}/${btoa(toRefText(ref))}?v=${version}`
}

/** Why no store can reach this Shopbell, as a sentence with the next step; null: a store can. */
export function findReachabilityProblem(env: AddressEnv): string | null {
	const base = getPublicBase(env)
	if (base === '') return 'the store cannot reach this service because it has no public address: set PUBLIC_URL'
	if (env.ALLOW_PRIVATE_NETWORK === 'true') return null
	const verdict = checkUrl(base, false)
	if (!verdict.ok) return `the store cannot reach ${base}, because it is not a public address: set PUBLIC_URL to one`
	if (!DELIVERY_PORTS.has(verdict.url.port))
		return (
			`the store cannot reach ${base}, because WooCommerce only delivers to the ports ` +
			'80, 443 and 8080: set PUBLIC_URL to such an address'
		)
	return null
}

/**
 * Why a store cannot send keys to this Shopbell; null: it can. WooCommerce posts them over https only
 * (docs/woocommerce.md 1.10).
 */
export function findHttpsProblem(env: AddressEnv): string | null {
	const base = getPublicBase(env)
	if (base === '') return 'connecting without keys needs an https address that the store can reach: set PUBLIC_URL'
	if (env.ALLOW_PRIVATE_NETWORK === 'true') return null
	if (!base.startsWith('https://'))
		return `connecting without keys needs an https address, and ${base} is not one: set PUBLIC_URL to one`
	return checkUrl(base, false).ok
		? null
		: `connecting without keys needs an address that the store can reach, and ${base} is not one: set PUBLIC_URL to one`
}
