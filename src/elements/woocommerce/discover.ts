/**
 * From what someone typed as the store's address to the site and its REST root, without credentials (WooCommerce facts, 1.1, 1.2,
 * 1.8): a redirect must be settled before a key is ever sent.
 */
import { answerFailure, bare, parseJson } from './failures.ts'
import type { Answer } from './http.ts'
import { closed, connectError, noAnswer, type Session, siteDown, unreachable } from './session.ts'
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
const MAX_HOPS = 3

/** The addresses to try for what was typed, most likely first; null when it is no address. `typed`: the scheme was given. */
export function storeAddresses(text: string): { bases: string[]; typed: boolean } | null {
	const bared = text
		.trim()
		.replace(/^<(.*)>$/, '$1')
		.trim()
	const typed = /^[a-z][a-z0-9+.-]*:\/\//i.test(bared)
	const full = typed ? bared : `https://${bared.replace(/^\/+/, '')}`
	if (bared === '' || /\s/.test(bared) || !URL.canParse(full)) return null
	const url = new URL(full)
	if ((url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.password !== '') return null
	const base = siteBase(url)
	return { bases: typed ? [base] : [base, base.replace(/^https:/, 'http:')], typed }
}

/** An address without what leads into WordPress, query, fragment and trailing slash. */
function siteBase(url: URL): string {
	const path = url.pathname.replace(/\/(wp-admin|wp-login\.php|wp-json|wp-content|index\.php)(\/.*)?$/, '').replace(/(?<!\/)\/+$/, '')
	return url.origin + path
}

/** Finds the site. The first address that answers at all decides. */
export async function discover(session: Session, storeUrl: string): Promise<{ ok: true; site: Site } | ConnectError> {
	const addresses = storeAddresses(storeUrl)
	if (addresses === null)
		return connectError(
			400,
			'bad-url',
			'The store URL is no web address. Expected the address of the shop, such as https://shop.example or https://example.com/shop.',
		)
	let first: ConnectError | null = null
	for (const base of addresses.bases) {
		const found = await new Look(session, base, addresses.typed).look()
		if (found.ok) return found
		first ??= found
		// Only where nothing answers on https may a scheme that nobody typed become http.
		if (!['refused', 'tls', 'timeout'].includes(found.reason)) return first
	}
	return first ?? connectError(400, 'bad-url', 'The store URL is empty.')
}

/** One address being looked at. */
class Look {
	readonly #session: Session
	readonly #typed: boolean
	#base: string
	#hops = 0

	constructor(session: Session, base: string, typed: boolean) {
		this.#session = session
		this.#base = base
		this.#typed = typed
	}

	async look(): Promise<{ ok: true; site: Site } | ConnectError> {
		const index = await this.#get(`${this.#base}/wp-json/`, { _fields: INDEX_FIELDS })
		if (!index.ok) return index
		const site = this.#site(index)
		if (site !== null) return site
		// With plain permalinks this very page is the shop's home page and names the root; otherwise the home page does.
		const link = restLink(index)
		if (link !== null) return this.#followLink(link, index)
		const refused = this.#refusal(index)
		if (refused !== null) return refused
		const page = await this.#get(`${this.#base}/`, {}, true)
		if (!page.ok) return page
		const linked = restLink(page)
		if (linked !== null) return this.#followLink(linked, index)
		const closedPage = this.#refusal(page)
		if (closedPage !== null) return closedPage
		if (isWordPress(page) || isWordPress(index)) return closed(index, null)
		return connectError(
			400,
			'not-wordpress',
			`${bare(page.url)} answered ${page.status}, but it is no WordPress site: it does not name a REST API, and ${bare(index.url)} is none. Enter the address under which WordPress is installed, with its folder if it has one.`,
		)
	}

	/** Any answer but a redirect or a breakdown, after at most three harmless hops. */
	async #get(url: string, query: Record<string, string>, page = false): Promise<Answer | ConnectError> {
		const answer = await this.#session.ask(url, query, { page })
		if (!answer.ok) return answer.code === 'opaque' ? this.#explain(url) : noAnswer(answer, url)
		const down = siteDown(answer, this.#session.io.now())
		if (down !== null) return down
		if (answer.status < 300 || answer.status >= 400) return answer
		const location = answer.headers.get('location')
		if (location === null || !URL.canParse(location, url))
			return connectError(400, 'not-wordpress', `${bare(url)} answered ${answer.status}, a redirect to nowhere. Check the store URL.`)
		const target = new URL(location, url)
		const refused = this.#judgeHop(new URL(url), target, answer)
		if (refused !== null) return refused
		if (this.#hops++ >= MAX_HOPS)
			return connectError(400, 'not-wordpress', `${bare(url)} redirects in a circle. Check the store URL and the site's redirects.`)
		this.#base = siteBase(target)
		// `_fields` is on the new address already when the site kept the query.
		target.search = ''
		target.hash = ''
		return this.#get(target.href, query, page)
	}

	/** What an opaque failure was: a host that cannot be found fails without TLS too. */
	async #explain(url: string): Promise<ConnectError> {
		if (!url.startsWith('https:')) return unreachable('no-such-host', url)
		const bareAsk = await this.#session.ask(url.replace(/^https:/, 'http:'), {}, { page: true })
		return unreachable(!bareAsk.ok && bareAsk.code === 'opaque' ? 'no-such-host' : 'tls', url)
	}

	/** Whether a redirect may be followed: null when it may. */
	#judgeHop(from: URL, to: URL, answer: Answer): ConnectError | null {
		const advice = siteBase(to)
		if (to.protocol !== 'https:' && to.protocol !== 'http:')
			return connectError(400, 'other-host', `${bare(from.href)} redirects to ${to.protocol}, which is not followed. Check the store URL.`)
		if (to.pathname.endsWith('/wp-login.php')) return closed(answer, null)
		const sameName = to.hostname === from.hostname
		const sameSite = bareHost(to.hostname) === bareHost(from.hostname)
		if (sameName && from.protocol === 'http:' && to.protocol === 'https:') {
			return this.#typed
				? connectError(400, 'https-wanted', `${bare(from.href)} redirects to https: the store wants https. Use ${advice} as the store URL.`)
				: null
		}
		if (to.origin === from.origin) return null
		if (sameSite && !this.#typed) return null
		return connectError(
			400,
			'other-host',
			`${bare(from.href)} redirects to ${to.host}${sameName ? ` (${to.protocol}//)` : ''}: the store answers under another address. If that is your store, use ${advice} as the store URL.`,
		)
	}

	/** What an index says; null when the answer is no index. */
	#site(answer: Answer): { ok: true; site: Site } | ConnectError | null {
		const index = answer.status === 200 ? parseJson(answer.text) : undefined
		if (typeof index !== 'object' || index === null || !('namespaces' in index) || !Array.isArray(index.namespaces)) return null
		const fields = index as Record<string, unknown>
		const name = typeof fields['name'] === 'string' ? fields['name'] : ''
		const namespaces: unknown[] = index.namespaces
		if (!namespaces.includes('wc/v3')) {
			const older = namespaces.some((one) => typeof one === 'string' && /^wc\/v[12]$/.test(one))
			return connectError(
				400,
				'no-woocommerce',
				older
					? `${bare(answer.url)} is WordPress with a WooCommerce older than 3.5, whose API is not supported. Update WooCommerce.`
					: `${bare(answer.url)} is WordPress ("${name.slice(0, 80)}"), but WooCommerce is not switched on there. Activate the WooCommerce plugin, or enter the address of the shop.`,
			)
		}
		const home = (firstText(fields['home'], fields['url']) ?? this.#base).replace(/(?<!\/)\/+$/, '')
		const root = new URL(answer.url)
		if (
			this.#typed &&
			root.protocol === 'http:' &&
			URL.canParse(home) &&
			new URL(home).protocol === 'https:' &&
			new URL(home).hostname === root.hostname
		) {
			return connectError(
				400,
				'https-wanted',
				`${bare(answer.url)} belongs to a store whose address is ${home}: it wants https. Use ${home} as the store URL.`,
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
	async #followLink(link: string, seen: Answer): Promise<{ ok: true; site: Site } | ConnectError> {
		const url = new URL(link, seen.url)
		if (url.searchParams.has('rest_route')) {
			return connectError(
				400,
				'plain-permalinks',
				`${bare(seen.url)} is WordPress with plain permalinks, under which API keys do not work. Switch on pretty permalinks in WordPress under Settings → Permalinks (any choice but "Plain"), then try again.`,
			)
		}
		const from = new URL(seen.url)
		if (bareHost(url.hostname) !== bareHost(from.hostname))
			return connectError(
				400,
				'other-host',
				`${bare(seen.url)} names ${url.host} as the place of its API. If that is your store, use ${siteBase(url)} as the store URL.`,
			)
		// The link is written for the site's own address; this one answers, and nothing was typed for the other.
		const root = `${from.origin}${url.pathname.replace(/(?<!\/)\/*$/, '/')}`
		if (root === bare(seen.url)) return this.#refusal(seen) ?? closed(seen, null)
		const index = await this.#get(root, { _fields: INDEX_FIELDS })
		if (!index.ok) return index
		return this.#site(index) ?? this.#refusal(index) ?? closed(index, null)
	}

	/** An answer that shuts the door: 401 or 403, in JSON or as a page. */
	#refusal(answer: Answer): ConnectError | null {
		if (answer.status !== 401 && answer.status !== 403) return null
		return closed(answer, answerFailure(answer, this.#session.io.now()).providerMessage)
	}
}

/** The REST root that a page names in its Link header or its head. */
function restLink(answer: Answer): string | null {
	const header = /<([^<>]+)>\s*;\s*rel="https:\/\/api\.w\.org\/"/.exec(answer.headers.get('link') ?? '')?.[1]
	const tag = tagsOf(answer.text, /<link\b[^<>]*>/gi).find((one) => /\brel=["']https:\/\/api\.w\.org\/["']/i.test(one))
	const link =
		header ??
		/\bhref=["']([^"']+)["']/i
			.exec(tag ?? '')?.[1]
			?.replaceAll('&amp;', '&')
			.replaceAll('&#038;', '&')
	return link !== undefined && URL.canParse(link, answer.url) ? link : null
}

function isWordPress(answer: Answer): boolean {
	const { text } = answer
	return (
		/\/wp-(content|includes)\//i.test(text) ||
		tagsOf(text, /<meta\b[^<>]*>/gi).some((one) => /\bgenerator\b/i.test(one) && /\bWordPress\b/i.test(one))
	)
}

/** The tags of a page that a pattern names. One by one, since a pattern over several parts of a tag would try them all against each other. */
function tagsOf(page: string, pattern: RegExp): string[] {
	return page.match(pattern) ?? []
}

function bareHost(host: string): string {
	return host
		.toLowerCase()
		.replace(/^www\./, '')
		.replace(/(?<!\.)\.+$/, '')
}

function firstText(...values: unknown[]): string | undefined {
	return values.find((value): value is string => typeof value === 'string' && value !== '')
}
