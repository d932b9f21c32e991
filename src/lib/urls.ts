/**
 * Which addresses Shopbell may call for a customer, by their spelling. Callback and store URLs are users' input: only
 * http and https, without credentials, and no private addresses. The URL parser normalizes decimal, octal and
 * hexadecimal IPv4 and all spellings of IPv6; this file checks the normalized form. What a name resolves to is checked
 * before each request (guarded-fetch.ts).
 */

import { BASE_PATH } from './base-path.ts'
import { expectedAtMost, LIMITS } from './limits.ts'
import { classifyHost, isAllowed, toHostKey } from './reachability.ts'
import { hasMaskedParts, MASKED_URL_MESSAGE } from './url-masks.ts'

/** The result for an address. `message` names what was expected, without quoting the URL's query. */
type UrlCheckResult = { ok: true; url: URL } | { ok: false; message: string }

/**
 * Checks a URL. `allowPrivateNetwork` (ALLOW_PRIVATE_NETWORK) allows loopback and private networks for local use;
 * link-local and metadata addresses stay refused.
 */
export function checkUrl(text: string, allowPrivateNetwork: boolean): UrlCheckResult {
	const parsed = parseWebUrl(text)
	return parsed.ok ? checkTarget(parsed.url, allowPrivateNetwork) : parsed
}

/** A URL with http or https and without credentials, wherever it leads. */
export function parseWebUrl(text: string): UrlCheckResult {
	if (text.length > LIMITS.url.value) return reject(`${expectedAtMost('url')} in a URL`)
	if (hasMaskedParts(text)) return reject(MASKED_URL_MESSAGE)
	let url: URL
	try {
		url = new URL(text.trim())
	} catch {
		return reject('expected a URL such as https://example.com/path')
	}
	const isWeb = url.protocol === 'https:' || url.protocol === 'http:'
	// The parser drops an empty user name, which is refused too.
	if (isWeb && /^[a-z]+:[/\\]*[^/\\?#]*@/i.test(text.trim())) return reject(NO_CREDENTIALS)
	return checkForm(url)
}

/** Checks the target of a request that is about to be sent. */
export function checkTarget(url: URL, allowPrivateNetwork: boolean): UrlCheckResult {
	const checked = checkForm(url)
	if (!checked.ok || isAllowed(classifyHost(url.hostname), allowPrivateNetwork)) return checked
	return reject('expected a public address; private, loopback, link-local and metadata addresses are not reached')
}

function checkForm(url: URL): UrlCheckResult {
	if (url.protocol !== 'https:' && url.protocol !== 'http:')
		return reject('expected a URL that begins with https:// or http://')
	return url.username === '' && url.password === '' ? { ok: true, url } : reject(NO_CREDENTIALS)
}

const NO_CREDENTIALS = 'expected a URL without user name and password'

/**
 * Whether a callback means "keep the events in the log only": it is this API, or the platform from which clients
 * migrate (docs/contract.md §2).
 */
export function isLogOnlyUrl(url: URL, publicUrl: string): boolean {
	const host = toHostKey(url.hostname)
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
 * A site's address in a form that is equal for all spellings of one site: it ignores scheme, `www.`, default ports,
 * query and trailing slash; a host in Unicode is one in Punycode.
 */
export function toSiteKey(address: string): string {
	const text = address.trim()
	const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`
	if (text === '' || !URL.canParse(full)) return text.toLowerCase()
	const { hostname, port, pathname } = new URL(full)
	const host = toHostKey(hostname).replace(/^www\./, '')
	const shownPort = port === '' || port === '80' || port === '443' ? '' : `:${port}`
	return `${host}${shownPort}${decodePath(pathname)
		.toLowerCase()
		.replace(/(?<!\/)\/+$/, '')}`
}

function decodePath(path: string): string {
	try {
		return decodeURIComponent(path)
	} catch {
		return path
	}
}

/**
 * Whether a site names itself by an address of another one. Plugins for languages add a folder (`/de/`, `/en-us/`) or
 * a parameter to it. '' is no other address.
 */
export function isOtherSite(named: string, home: string): boolean {
	if (named.trim() === '') return false
	const [one, other] = [toSiteKey(named), toSiteKey(home)]
	return one !== other && withoutLanguage(one) !== withoutLanguage(other)
}

function withoutLanguage(siteKey: string): string {
	const [, base = siteKey, folder = ''] = /^(.+)\/([^/]+)$/.exec(siteKey) ?? []
	return isLanguageFolder(folder) ? base : siteKey
}

/** Folders of staging sites that are also codes of a language or a country. */
const STAGING_FOLDERS = new Set(['dev', 'new', 'qa'])

/** `de`, `en-us`, `zh-hans`, `pt_br`, or a country: `at`. */
function isLanguageFolder(folder: string): boolean {
	const [language = '', ...rest] = folder.split(/[-_]/)
	if (!/^[a-z]{2,3}$/.test(language) || STAGING_FOLDERS.has(folder)) return false
	if (rest.length > 2 || !rest.every((part) => /^([a-z]{2}|[a-z]{4}|\d{3}|formal|informal|valencia)$/.test(part)))
		return false
	return isCode(language, 'language') || (language.length === 2 && isCode(language.toUpperCase(), 'region'))
}

function isCode(code: string, type: 'language' | 'region'): boolean {
	return new Intl.DisplayNames('en', { type, fallback: 'none' }).of(code) !== undefined
}

function reject(message: string): UrlCheckResult {
	return { ok: false, message }
}
