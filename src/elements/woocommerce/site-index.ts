/** The index of a WordPress site's REST API, and how to recognize WordPress pages. */
import { STORE_FACT_LIMITS } from '../../lib/limits.ts'
import { parseWebUrl } from '../../lib/urls.ts'
import { hasHiddenCharacters, toPlainLine } from '../../lib/values.ts'
import type { ConnectError } from '../store.ts'
import { toConnectError } from './check-session.ts'
import { parseJson, toList } from './answer-json.ts'
import { withoutQuery } from './failures.ts'
import type { StoreResponse } from './http.ts'
import { isRecord } from '../values.ts'

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

/** Hours. */
const MAX_GMT_OFFSET = 24

/** The fields of the index that `parseIndex` reads. */
export const INDEX_FIELDS = 'name,url,home,timezone_string,gmt_offset,namespaces'

/**
 * Parses the index of a REST API; null if the response is none. A site without a supported WooCommerce is an error,
 * and so is one that requires https if http was typed.
 *
 * @param base the site's address as far as it is known
 *
 * @param schemeGiven whether the scheme was typed
 */
export function parseIndex(
	answer: StoreResponse,
	base: string,
	schemeGiven: boolean,
): { ok: true; site: Site } | ConnectError | null {
	const index = answer.status === 200 ? parseJson(answer.text) : undefined
	if (!isRecord(index)) return null
	const fields = index
	const namespaces = toList(fields['namespaces'])
	if (namespaces === null) return null
	const name = toPlainLine(typeof fields['name'] === 'string' ? fields['name'] : '', STORE_FACT_LIMITS.name)
	if (!namespaces.includes('wc/v3')) return noWooCommerceError(answer, name, namespaces)
	const home = (findWebAddress(fields['home'], fields['url']) ?? base).replace(/(?<!\/)\/+$/, '')
	const root = new URL(answer.url)
	if (schemeGiven && root.protocol === 'http:' && isHttpsOf(home, root.hostname))
		return toConnectError(
			400,
			'https-wanted',
			`${withoutQuery(answer.url)} belongs to a store whose address is ${home}: it requires https. ` +
				`Use ${home} as the store URL.`,
		)
	const offset = Number(fields['gmt_offset'])
	return {
		ok: true,
		site: {
			root: `${root.origin}${root.pathname.replace(/(?<!\/)\/*$/, '/')}`,
			home,
			name,
			timeZone: toTimeZone(fields['timezone_string']),
			gmtOffset: Math.abs(offset) <= MAX_GMT_OFFSET ? offset : 0,
		},
	}
}

/** The name of a time zone; '' for anything else: then the offset counts. */
function toTimeZone(value: unknown): string {
	return typeof value === 'string' && value.length <= STORE_FACT_LIMITS.timeZone && /^[\w+\-/:]+$/.test(value)
		? value
		: ''
}

function noWooCommerceError(answer: StoreResponse, name: string, namespaces: unknown[]): ConnectError {
	const hasOldApi = namespaces.some((namespace) => typeof namespace === 'string' && /^wc\/v[12]$/.test(namespace))
	const address = withoutQuery(answer.url)
	return toConnectError(
		400,
		'no-woocommerce',
		hasOldApi
			? `${address} is WordPress with a WooCommerce older than 3.5, whose API is not supported. Update WooCommerce.`
			: `${address} is WordPress ("${name.slice(0, 80)}"), but WooCommerce is not active there. ` +
					'Activate the WooCommerce plugin, or enter the address of the shop.',
	)
}

function isHttpsOf(address: string, hostname: string): boolean {
	if (!URL.canParse(address)) return false
	const url = new URL(address)
	return url.protocol === 'https:' && url.hostname === hostname
}

/** The REST root that a page names in its Link header or its head; null if it names none. */
export function findRestLink(answer: StoreResponse): string | null {
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

/** Whether a page looks like one of WordPress. */
export function isWordPress(answer: StoreResponse): boolean {
	const { text } = answer
	return (
		/\/wp-(content|includes)\//i.test(text) ||
		findTags(text, /<meta\b[^<>]*>/gi).some(
			(tagText) => /\bgenerator\b/i.test(tagText) && /\bWordPress\b/i.test(tagText),
		)
	)
}

/**
 * The tags of a page that match a pattern. Their attributes are tested one by one: a single pattern over all of them
 * would backtrack too much.
 */
function findTags(page: string, pattern: RegExp): string[] {
	return page.match(pattern) ?? []
}

function findWebAddress(...values: unknown[]): string | undefined {
	return values.find(
		(value): value is string => typeof value === 'string' && parseWebUrl(value).ok && !hasHiddenCharacters(value),
	)
}
