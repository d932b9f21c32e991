/**
 * From what someone typed as the store's address to the site and its REST root, without credentials
 * (docs/woocommerce.md 1.1, 1.2, 1.8): a redirect must be settled before a key is ever sent.
 */
import { toResponseFailure, withoutQuery, parseJson } from './failures.ts'
import type { StoreResponse } from './http.ts'
import {
	restClosedError,
	toConnectError,
	noResponseError,
	type CheckSession,
	findSiteError,
	unreachableError,
} from './check-session.ts'
import type { ConnectError } from '../store.ts'

/** A site that was found. */
export interface Site {
	/** REST root with trailing slash. */
	root: string
	/** Canonical address, no trailing slash. */
	home: string
	name: string
	timeZone: string
	gmtOffset: number
}

const INDEX_FIELDS = 'name,url,home,timezone_string,gmt_offset,namespaces'

/** Redirects that are followed in the course of a check. */
const MAX_REDIRECTS = 3

/**
 * The addresses to try for what was typed, most likely first; null when it is no address. `typed`: the scheme was
 * given.
 */
export function toStoreAddresses(text: string): { bases: string[]; typed: boolean } | null {
	const trimmed = text
		.trim()
		.replace(/^<(.*)>$/, '$1')
		.trim()
	const schemeGiven = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed)
	const full = schemeGiven ? trimmed : `https://${trimmed.replace(/^\/+/, '')}`
	if (trimmed === '' || /\s/.test(trimmed) || !URL.canParse(full)) return null
	const url = new URL(full)
	if ((url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.password !== '') return null
	const base = toSiteBase(url)
	return { bases: schemeGiven ? [base] : [base, base.replace(/^https:/, 'http:')], typed: schemeGiven }
}

/** An address without what leads into WordPress, query, fragment and trailing slash. */
function toSiteBase(url: URL): string {
	const path = url.pathname
		.replace(/\/(wp-admin|wp-login\.php|wp-json|wp-content|index\.php)(\/.*)?$/, '')
		.replace(/(?<!\/)\/+$/, '')
	return url.origin + path
}

/** Finds the site. The first address that answers at all decides. */
export async function discover(
	session: CheckSession,
	storeUrl: string,
): Promise<{ ok: true; site: Site } | ConnectError> {
	const addresses = toStoreAddresses(storeUrl)
	if (addresses === null)
		return toConnectError(
			400,
			'bad-url',
			'The store URL is no web address. Expected the address of the shop, such as https://shop.example or https://example.com/shop.',
		)
	let first: ConnectError | null = null
	for (const base of addresses.bases) {
		const found = await new SiteProbe(session, base, addresses.typed).run()
		if (found.ok) return found
		first ??= found
		// Only where nothing answers on https may a scheme that nobody typed become http.
		if (!['refused', 'tls', 'timeout'].includes(found.reason)) return first
	}
	return first ?? toConnectError(400, 'bad-url', 'The store URL is empty.')
}

/** One address being looked at. */
class SiteProbe {
	readonly #session: CheckSession
	readonly #schemeGiven: boolean
	#base: string
	#redirects = 0

	constructor(session: CheckSession, base: string, schemeGiven: boolean) {
		this.#session = session
		this.#base = base
		this.#schemeGiven = schemeGiven
	}

	async run(): Promise<{ ok: true; site: Site } | ConnectError> {
		const index = await this.#get(`${this.#base}/wp-json/`, { _fields: INDEX_FIELDS })
		if (!index.ok) return index
		const site = this.#parseIndex(index)
		if (site !== null) return site
		// With plain permalinks this very page is the shop's home page and names the root; otherwise the home page does.
		const link = findRestLink(index)
		if (link !== null) return this.#followLink(link, index)
		const closedError = this.#closedError(index)
		if (closedError !== null) return closedError
		const page = await this.#get(`${this.#base}/`, {}, true)
		if (!page.ok) return page
		const linked = findRestLink(page)
		if (linked !== null) return this.#followLink(linked, index)
		const pageClosedError = this.#closedError(page)
		if (pageClosedError !== null) return pageClosedError
		if (isWordPress(page) || isWordPress(index)) return restClosedError(index, null)
		return toConnectError(
			400,
			'not-wordpress',
			`${withoutQuery(page.url)} answered ${page.status}, but it is no WordPress site: it does not name a REST API, and ${withoutQuery(index.url)} is none. Enter the address under which WordPress is installed, with its folder if it has one.`,
		)
	}

	/** Any answer but a redirect or a breakdown, after at most three harmless hops. */
	async #get(url: string, query: Record<string, string>, page = false): Promise<StoreResponse | ConnectError> {
		const answer = await this.#session.request(url, query, { page })
		if (!answer.ok) return answer.code === 'opaque' ? this.#diagnoseOpaque(url) : noResponseError(answer, url)
		const down = findSiteError(answer, this.#session.io.now())
		if (down !== null) return down
		if (answer.status < 300 || answer.status >= 400) return answer
		const location = answer.headers.get('location')
		if (location === null || !URL.canParse(location, url))
			return toConnectError(
				400,
				'not-wordpress',
				`${withoutQuery(url)} answered ${answer.status}, a redirect to nowhere. Check the store URL.`,
			)
		const target = new URL(location, url)
		const redirectError = this.#checkRedirect(new URL(url), target, answer)
		if (redirectError !== null) return redirectError
		if (this.#redirects++ >= MAX_REDIRECTS)
			return toConnectError(
				400,
				'not-wordpress',
				`${withoutQuery(url)} redirects in a circle. Check the store URL and the site's redirects.`,
			)
		this.#base = toSiteBase(target)
		// `_fields` is on the new address already when the site kept the query.
		target.search = ''
		target.hash = ''
		return this.#get(target.href, query, page)
	}

	/** What an opaque failure was: a host that cannot be found fails without TLS too. */
	async #diagnoseOpaque(url: string): Promise<ConnectError> {
		if (!url.startsWith('https:')) return unreachableError('no-such-host', url)
		const plainAnswer = await this.#session.request(url.replace(/^https:/, 'http:'), {}, { page: true })
		return unreachableError(!plainAnswer.ok && plainAnswer.code === 'opaque' ? 'no-such-host' : 'tls', url)
	}

	/** Whether a redirect may be followed: null when it may. */
	#checkRedirect(from: URL, to: URL, answer: StoreResponse): ConnectError | null {
		const suggestedUrl = toSiteBase(to)
		if (to.protocol !== 'https:' && to.protocol !== 'http:')
			return toConnectError(
				400,
				'other-host',
				`${withoutQuery(from.href)} redirects to ${to.protocol}, which is not followed. Check the store URL.`,
			)
		if (to.pathname.endsWith('/wp-login.php')) return restClosedError(answer, null)
		const sameName = to.hostname === from.hostname
		const sameSite = normalizeHost(to.hostname) === normalizeHost(from.hostname)
		if (sameName && from.protocol === 'http:' && to.protocol === 'https:') {
			return this.#schemeGiven
				? toConnectError(
						400,
						'https-wanted',
						`${withoutQuery(from.href)} redirects to https: the store wants https. Use ${suggestedUrl} as the store URL.`,
					)
				: null
		}
		if (to.origin === from.origin) return null
		if (sameSite && !this.#schemeGiven) return null
		return toConnectError(
			400,
			'other-host',
			`${withoutQuery(from.href)} redirects to ${to.host}${sameName ? ` (${to.protocol}//)` : ''}: the store answers under another address. If that is your store, use ${suggestedUrl} as the store URL.`,
		)
	}

	/** What an index says; null when the answer is no index. */
	#parseIndex(answer: StoreResponse): { ok: true; site: Site } | ConnectError | null {
		const index = answer.status === 200 ? parseJson(answer.text) : undefined
		if (typeof index !== 'object' || index === null || !('namespaces' in index) || !Array.isArray(index.namespaces))
			return null
		const fields = index as Record<string, unknown>
		const name = typeof fields['name'] === 'string' ? fields['name'] : ''
		const namespaces: unknown[] = index.namespaces
		if (!namespaces.includes('wc/v3')) {
			const hasOldApi = namespaces.some((namespace) => typeof namespace === 'string' && /^wc\/v[12]$/.test(namespace))
			return toConnectError(
				400,
				'no-woocommerce',
				hasOldApi
					? `${withoutQuery(answer.url)} is WordPress with a WooCommerce older than 3.5, whose API is not supported. Update WooCommerce.`
					: `${withoutQuery(answer.url)} is WordPress ("${name.slice(0, 80)}"), but WooCommerce is not switched on there. Activate the WooCommerce plugin, or enter the address of the shop.`,
			)
		}
		const home = (findText(fields['home'], fields['url']) ?? this.#base).replace(/(?<!\/)\/+$/, '')
		const root = new URL(answer.url)
		if (
			this.#schemeGiven &&
			root.protocol === 'http:' &&
			URL.canParse(home) &&
			new URL(home).protocol === 'https:' &&
			new URL(home).hostname === root.hostname
		) {
			return toConnectError(
				400,
				'https-wanted',
				`${withoutQuery(answer.url)} belongs to a store whose address is ${home}: it wants https. Use ${home} as the store URL.`,
			)
		}
		const offset = Number(fields['gmt_offset'])
		return {
			ok: true,
			site: {
				root: `${root.origin}${root.pathname.replace(/(?<!\/)\/*$/, '/')}`,
				home,
				name,
				timeZone: typeof fields['timezone_string'] === 'string' ? fields['timezone_string'] : '',
				gmtOffset: Number.isFinite(offset) ? offset : 0,
			},
		}
	}

	/** The root that a page names, when it is of this site. */
	async #followLink(link: string, page: StoreResponse): Promise<{ ok: true; site: Site } | ConnectError> {
		const url = new URL(link, page.url)
		if (url.searchParams.has('rest_route')) {
			return toConnectError(
				400,
				'plain-permalinks',
				`${withoutQuery(page.url)} is WordPress with plain permalinks, under which API keys do not work. Switch on pretty permalinks in WordPress under Settings → Permalinks (any choice but "Plain"), then try again.`,
			)
		}
		const from = new URL(page.url)
		if (normalizeHost(url.hostname) !== normalizeHost(from.hostname))
			return toConnectError(
				400,
				'other-host',
				`${withoutQuery(page.url)} names ${url.host} as the place of its API. If that is your store, use ${toSiteBase(url)} as the store URL.`,
			)
		// The link is written for the site's own address; this one answers, and nothing was typed for the other.
		const root = `${from.origin}${url.pathname.replace(/(?<!\/)\/*$/, '/')}`
		if (root === withoutQuery(page.url)) return this.#closedError(page) ?? restClosedError(page, null)
		const index = await this.#get(root, { _fields: INDEX_FIELDS })
		if (!index.ok) return index
		return this.#parseIndex(index) ?? this.#closedError(index) ?? restClosedError(index, null)
	}

	/** An answer that shuts the door: 401 or 403, in JSON or as a page. */
	#closedError(answer: StoreResponse): ConnectError | null {
		if (answer.status !== 401 && answer.status !== 403) return null
		return restClosedError(answer, toResponseFailure(answer, this.#session.io.now()).providerMessage)
	}
}

/** The REST root that a page names in its Link header or its head. */
function findRestLink(answer: StoreResponse): string | null {
	const header = /<([^<>]+)>\s*;\s*rel="https:\/\/api\.w\.org\/"/.exec(answer.headers.get('link') ?? '')?.[1]
	const tag = findTags(answer.text, /<link\b[^<>]*>/gi).find((tagText) =>
		/\brel=["']https:\/\/api\.w\.org\/["']/i.test(tagText),
	)
	const link =
		header ??
		/\bhref=["']([^"']+)["']/i
			.exec(tag ?? '')?.[1]
			?.replaceAll('&amp;', '&')
			.replaceAll('&#038;', '&')
	return link !== undefined && URL.canParse(link, answer.url) ? link : null
}

function isWordPress(answer: StoreResponse): boolean {
	const { text } = answer
	return (
		/\/wp-(content|includes)\//i.test(text) ||
		findTags(text, /<meta\b[^<>]*>/gi).some(
			(tagText) => /\bgenerator\b/i.test(tagText) && /\bWordPress\b/i.test(tagText),
		)
	)
}

/**
 * The tags of a page that a pattern names. One by one, since a pattern over several parts of a tag would try them all
 * against each other.
 */
function findTags(page: string, pattern: RegExp): string[] {
	return page.match(pattern) ?? []
}

function normalizeHost(host: string): string {
	return host
		.toLowerCase()
		.replace(/^www\./, '')
		.replace(/(?<!\.)\.+$/, '')
}

function findText(...values: unknown[]): string | undefined {
	return values.find((value): value is string => typeof value === 'string' && value !== '')
}
