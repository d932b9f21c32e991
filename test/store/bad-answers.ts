/** Answers that are wrong as a whole: caches, bot protection, and objects that spoil each answer that holds them. */
import type { Engine } from './engine.ts'
import { htmlPage, NO_CACHE } from './reply.ts'
import type { Reply } from './reply.ts'
import { outage } from './sites.ts'
import { view } from './views.ts'
import type { Rec } from './types.ts'
import { TABLES } from './singles.ts'

/** A cache between client and store. */
export interface CacheFault {
	/** An answer is kept so long. */
	seconds: number
	/** What one kept answer serves: the whole address, the address without what WooCommerce does not know (nonces), or all of a path. Default: `known`. */
	keys?: 'address' | 'known' | 'path'
	/** What a kept answer shows; nothing by default. */
	sign?: 'age' | 'x-cache' | 'x-wc-cache' | 'cf-cache-status'
	/** A kept answer has its own, old date; by default that of now. */
	oldDate?: boolean
	/** What is passed on to the store: requests with `Cache-Control: no-cache`, with `_skip_cache=true`, with parameters that WooCommerce does not know. */
	honours?: ('no-cache' | '_skip_cache' | 'unknown-parameters')[]
}

/** An object that spoils each answer that holds it. */
export interface PoisonFault {
	id: number
	/** 500, no answer, a body of `bytes` (25 MB), JSON cut short, a firewall's page, another object's record (by id), 404. */
	as: 'error' | 'hang' | 'huge' | 'broken' | 'firewall' | 'another' | 'missing'
	/** Lists or its own address alone; both by default. */
	in?: 'list' | 'item'
	/** Answers with `_fields` are well. */
	fieldsSpare?: boolean
	bytes?: number
}

/** Kept answers of one cache. */
export type Kept = Map<string, { response: Response; atMs: number }>

const AUTHENTICATION = /^(oauth_\w+|consumer_(key|secret))$/
const KNOWN =
	/^(_fields|_embed|context|page|per_page|offset|search|order|orderby|include|exclude|after|before|modified_\w+|dates_are_gmt|status|role|parent|slug|type|sku|featured|category|tag|on_sale|stock_status|code|email|customer|product|dp|force)(\[|$)/

/** Under which key a cache keeps the answer to a request; null: it passes the request on. */
export function cacheKey(cache: CacheFault, request: Request, url: URL): string | null {
	const { honours = [], keys = 'known' } = cache
	if (request.method !== 'GET') return null
	if (honours.includes('no-cache') && /no-cache|no-store/.test(request.headers.get('cache-control') ?? '')) return null
	if (honours.includes('_skip_cache') && url.searchParams.get('_skip_cache') === 'true') return null
	if (
		honours.includes('unknown-parameters') &&
		[...url.searchParams.keys()].some((name) => !KNOWN.test(name) && !AUTHENTICATION.test(name))
	)
		return null
	if (keys === 'path') return url.pathname
	if (keys === 'address') return url.pathname + url.search
	const known = [...url.searchParams].filter(([name]) => KNOWN.test(name))
	return `${url.pathname}?${new URLSearchParams(known.toSorted(([a], [b]) => a.localeCompare(b))).toString()}`
}

/** What the cache has under this key. */
export function fromCache(cache: CacheFault, kept: Kept, key: string, nowMs: number): Response | null {
	const found = kept.get(key)
	if (found === undefined || nowMs - found.atMs >= cache.seconds * 1000) return null
	const response = found.response.clone()
	if (!cache.oldDate) response.headers.set('date', new Date(nowMs).toUTCString())
	if (cache.sign === 'age') response.headers.set('age', String(Math.floor((nowMs - found.atMs) / 1000)))
	else if (cache.sign !== undefined) response.headers.set(cache.sign, 'HIT')
	return response
}

/** The page of a service that takes the client for a bot. */
export function challengePage(kind: 'siteground' | 'cloudflare', url: URL): Reply {
	const html = { ...NO_CACHE, 'content-type': 'text/html; charset=UTF-8' }
	if (kind === 'cloudflare')
		return {
			status: 403,
			headers: { ...html, server: 'cloudflare', 'cf-mitigated': 'challenge', 'cf-ray': '9a1b2c3d4e5f6789-DEN' },
			body: null,
			text: htmlPage('Just a moment...'),
		}
	const address = `/.well-known/sgcaptcha/?r=${encodeURIComponent(url.pathname)}&y=ipc:192.0.2.7:1766000000.123`
	return {
		status: 202,
		headers: { ...html, server: 'nginx', 'sg-captcha': 'challenge' },
		body: null,
		text: `<html><head><link rel="icon" href="data:;"><meta http-equiv="refresh" content="0;${address}"></meta></head></html>`,
	}
}

/** What an object makes of the answer to a request; the answer itself where it is not concerned, `hang` for none at all. */
export function poisoned(poison: PoisonFault, reply: Reply, url: URL, engine: Engine): Reply | 'hang' {
	if (poison.fieldsSpare && url.searchParams.has('_fields')) return reply
	const item = new RegExp(`/${poison.id}/?$`).test(url.pathname)
	const listed = Array.isArray(reply.body) && reply.body.some((row: Rec) => row?.id === poison.id)
	if (!(item && poison.in !== 'list') && !(listed && poison.in !== 'item')) return reply
	const { headers } = reply
	switch (poison.as) {
		case 'hang':
			return 'hang'
		case 'error':
			return outage('fatal', 'application/json')
		case 'huge':
			return { ...reply, text: `${JSON.stringify(reply.body)}${' '.repeat(poison.bytes ?? 25 * 1024 * 1024)}` }
		case 'broken':
			return { ...reply, text: JSON.stringify(reply.body).slice(0, -20) }
		case 'firewall':
			return {
				status: 403,
				headers: { server: 'nginx/1.22.1', 'content-type': 'text/html; charset=UTF-8' },
				body: null,
				text: htmlPage('Access denied by the site firewall'),
			}
		case 'missing':
			return {
				status: 404,
				headers,
				body: { code: 'woocommerce_rest_invalid_id', message: 'Invalid ID.', data: { status: 404 } },
			}
		default:
			return item ? { ...reply, status: 200, body: anothersRecord(poison.id, url, engine) ?? reply.body } : reply
	}
}

function anothersRecord(id: number, url: URL, engine: Engine): Rec | null {
	const resource = TABLES[url.pathname.split('/').at(-2) ?? '']
	if (resource === undefined) return null
	const other = engine.tables[resource].sorted('id').find((entity) => entity.id !== id && entity.status !== 'trash')
	return other === undefined ? null : view(engine, resource, other)
}
