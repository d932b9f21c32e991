/**
 * Finds the site and its REST root from the address that a user typed, without credentials (docs/woocommerce.md 1.1,
 * 1.2, 1.8): redirects must be resolved before a key is sent.
 */
import { toSitePath } from '../../lib/urls.ts'
import { toResponseFailure, withoutQuery } from './failures.ts'
import type { StoreResponse } from './http.ts'
import {
	restClosedError,
	toConnectError,
	toPageError,
	noResponseError,
	type CheckSession,
	findSiteError,
	unreachableError,
} from './check-session.ts'
import type { ConnectError } from '../store.ts'
import { findRestLink, INDEX_FIELDS, isWordPress, parseIndex, type Site } from './site-index.ts'

/** Redirects that are followed in one check. */
const MAX_REDIRECTS = 3

/**
 * The URLs to try for the typed address, most likely first; null: it is not an address. `typed`: the scheme was given.
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

/** The address of the site that a URL belongs to. */
function toSiteBase(url: URL): string {
	return url.origin + toSitePath(url)
}

/** Finds the site. The first URL that responds decides. */
export async function discover(
	session: CheckSession,
	storeUrl: string,
): Promise<{ ok: true; site: Site } | ConnectError> {
	const addresses = toStoreAddresses(storeUrl)
	if (addresses === null)
		return toConnectError(
			400,
			'bad-url',
			'The store URL is not a web address. ' +
				'Enter the address of the shop, such as https://shop.example or https://example.com/shop.',
		)
	let first: ConnectError | null = null
	for (const base of addresses.bases) {
		const found = await new SiteProbe(session, base, addresses.typed).run()
		if (found.ok) return found
		first ??= found
		// http is tried only if no scheme was typed and nothing responds on https.
		if (!['refused', 'tls', 'timeout'].includes(found.reason)) return first
	}
	return first ?? toConnectError(400, 'bad-url', 'The store URL is empty.')
}

/** The check of one address. */
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
		const site = parseIndex(index, this.#base, this.#schemeGiven)
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
		if (isWordPress(page) || isWordPress(index)) return toPageError(index)
		return toConnectError(
			400,
			'not-wordpress',
			`${withoutQuery(page.url)} answered ${page.status}, but it is not a WordPress site: the page names no REST API, ` +
				`and ${withoutQuery(index.url)} is none. ` +
				'Enter the address at which WordPress is installed, with its folder if it has one.',
		)
	}

	/** Gets a response that is neither a redirect nor an outage, after at most three allowed redirects. */
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
				`${withoutQuery(url)} answered ${answer.status}, a redirect without a valid target. Check the store URL.`,
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

	/** The cause of an opaque failure: a host that cannot be found fails without TLS too. */
	async #diagnoseOpaque(url: string): Promise<ConnectError> {
		if (!url.startsWith('https:')) return unreachableError('no-such-host', url)
		const plainAnswer = await this.#session.request(url.replace(/^https:/, 'http:'), {}, { page: true })
		return unreachableError(!plainAnswer.ok && plainAnswer.code === 'opaque' ? 'no-such-host' : 'tls', url)
	}

	/** Why a redirect may not be followed; null: it may. */
	#checkRedirect(from: URL, to: URL, answer: StoreResponse): ConnectError | null {
		const suggestedUrl = toSiteBase(to)
		if (to.protocol !== 'https:' && to.protocol !== 'http:')
			return toConnectError(
				400,
				'other-host',
				`${withoutQuery(from.href)} redirects to a ${to.protocol} address, which is not followed. Check the store URL.`,
			)
		if (to.pathname.endsWith('/wp-login.php')) return restClosedError(answer, null)
		const sameName = to.hostname === from.hostname
		// A port that was typed stays, so that a redirect does not lead to another server of the host.
		const sameSite = normalizeHost(to.hostname) === normalizeHost(from.hostname) && to.port === from.port
		if (sameName && sameSite && from.protocol === 'http:' && to.protocol === 'https:') {
			return this.#schemeGiven
				? toConnectError(
						400,
						'https-wanted',
						`${withoutQuery(from.href)} redirects to https: the store requires it. Use ${suggestedUrl} as the store URL.`,
					)
				: null
		}
		if (to.origin === from.origin) return null
		if (sameSite && !this.#schemeGiven) return null
		return toConnectError(
			400,
			'other-host',
			`${withoutQuery(from.href)} redirects to ${to.host}${sameName && sameSite ? ` (${to.protocol}//)` : ''}: ` +
				`the store answers at another address. If that is your store, use ${suggestedUrl} as the store URL.`,
		)
	}

	/** The root that a page names, if it belongs to this site. */
	async #followLink(link: string, page: StoreResponse): Promise<{ ok: true; site: Site } | ConnectError> {
		const url = new URL(link, page.url)
		if (url.searchParams.has('rest_route')) {
			return toConnectError(
				400,
				'plain-permalinks',
				`${withoutQuery(page.url)} is WordPress with plain permalinks, and API keys do not work with them. ` +
					'Choose pretty permalinks in WordPress under Settings → Permalinks (anything but "Plain"), then try again.',
			)
		}
		const from = new URL(page.url)
		if (normalizeHost(url.hostname) !== normalizeHost(from.hostname))
			return toConnectError(
				400,
				'other-host',
				`${withoutQuery(page.url)} names ${url.host} as the host of its API. ` +
					`If that is your store, use ${toSiteBase(url)} as the store URL.`,
			)
		// The link is written for the site's own address; this one answers, and nothing was typed for the other.
		const root = `${from.origin}${url.pathname.replace(/(?<!\/)\/*$/, '/')}`
		if (root === withoutQuery(page.url)) return this.#closedError(page) ?? toPageError(page)
		const index = await this.#get(root, { _fields: INDEX_FIELDS })
		if (!index.ok) return index
		return parseIndex(index, this.#base, this.#schemeGiven) ?? this.#closedError(index) ?? toPageError(index)
	}

	/** The error for a 401 or 403, in JSON or as a page; null for other answers. */
	#closedError(answer: StoreResponse): ConnectError | null {
		if (answer.status !== 401 && answer.status !== 403) return null
		return restClosedError(answer, toResponseFailure(answer, this.#session.io.now()).providerMessage)
	}
}

function normalizeHost(host: string): string {
	return host
		.toLowerCase()
		.replace(/^www\./, '')
		.replace(/(?<!\.)\.+$/, '')
}
