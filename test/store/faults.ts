/** What goes wrong on purpose, around the answer that the store would give (docs/woocommerce.md §2). */
import { cacheKey, challengePage, fromCache, poisoned } from './bad-answers.ts'
import type { Kept } from './bad-answers.ts'
import { deviantBody } from './deviations.ts'
import { ifItFits } from './engine.ts'
import type { Engine } from './engine.ts'
import { htmlPage, NO_CACHE, restHeaders } from './reply.ts'
import type { Reply } from './reply.ts'
import { bodyOf } from './router.ts'
import { outage } from './sites.ts'
import type { Action, Fault, Faults, Key, Resource, Site } from './types.ts'

interface Active {
	fault: Fault
	seen: number
	hits: number
	/** Epoch milliseconds. */
	until: number | null
	kept: Response | null
	/** What a cache keeps. */
	answers: Kept
}

/** What stands without faults. */
interface Standing {
	site: Site
	keys: Record<string, Key>
}

type Sleep = (ms: number, signal: AbortSignal | null) => Promise<void>

/** Waits on the machine's clock; ends at once when the client gives up. */
export const realSleep: Sleep = (ms, signal) =>
	new Promise((resolve, reject) => {
		const stop = (): void => {
			clearTimeout(timer)
			reject(
				signal?.reason instanceof Error ? signal.reason : new DOMException('The request was aborted.', 'AbortError'),
			)
		}
		const timer = setTimeout(
			() => {
				signal?.removeEventListener('abort', stop)
				resolve()
			},
			Math.min(ms, 2_147_483_647),
		)
		if (signal?.aborted) stop()
		else signal?.addEventListener('abort', stop, { once: true })
	})

const REASONS: Record<number, string> = {
	401: 'Unauthorized',
	403: 'Forbidden',
	404: 'Not Found',
	429: 'Too Many Requests',
	500: 'Internal Server Error',
	502: 'Bad Gateway',
	503: 'Service Unavailable',
	504: 'Gateway Timeout',
	508: 'Resource Limit Is Reached',
}

/** The faults in force. */
export class FaultBox {
	readonly #engine: Engine
	readonly #sleep: Sleep
	readonly #act: (action: Action) => void
	#active: Active[] = []

	constructor(engine: Engine, sleep: Sleep | undefined, act: (action: Action) => void) {
		this.#engine = engine
		this.#sleep = sleep ?? realSleep
		this.#act = act
	}

	/** Replaces all faults; one that is set again, the same object, goes on as it is. */
	set(faults: Faults): void {
		const list = (Array.isArray(faults) ? faults : [faults]).filter((fault) => Object.keys(fault).length > 0)
		const before = this.#active
		if (list.some(({ lagSeconds }) => lagSeconds !== undefined)) this.#engine.remember()
		this.#engine.stampsBehind = (resource) => this.#stampsBehind(resource)
		const begin = (fault: Fault): Active => ({
			fault,
			seen: 0,
			hits: 0,
			until: fault.forSeconds === undefined ? null : this.#engine.now() + fault.forSeconds * 1000,
			kept: null,
			answers: new Map(),
		})
		this.#active = list.map((fault) => before.find((active) => active.fault === fault) ?? begin(fault))
	}

	/** How many requests a fault that stands has met. */
	hits(fault: Fault): number {
		return this.#active.find((active) => active.fault === fault)?.hits ?? 0
	}

	#stampsBehind(resource: Resource): number {
		const now = this.#engine.now()
		return this.#active
			.filter(({ fault, until }) => (until === null || now < until) && (fault.match ?? resource).includes(resource))
			.reduce((sum, { fault }) => sum + (fault.stampsBehindSeconds ?? 0), 0)
	}

	#hitting(request: Request, url: URL): Active[] {
		const now = this.#engine.now()
		const address = url.pathname + url.search
		return this.#active.filter((active) => {
			const { fault } = active
			if (active.until !== null && now >= active.until) return false
			if (fault.times !== undefined && active.hits >= fault.times) return false
			if (fault.method !== undefined && fault.method !== request.method) return false
			if (fault.match !== undefined && !address.includes(fault.match)) return false
			if (fault.pattern !== undefined && !new RegExp(fault.pattern).test(address)) return false
			active.seen++
			if (active.seen <= (fault.skip ?? 0)) return false
			if (fault.every !== undefined && (active.seen - (fault.skip ?? 0)) % fault.every !== 0) return false
			active.hits++
			return true
		})
	}

	/** Answers a request, with whatever is in force. */
	async around(
		request: Request,
		url: URL,
		standing: Standing,
		answer: (site: Site, keys: Record<string, Key> | null, deviations: readonly Fault[]) => Promise<Reply>,
	): Promise<Response> {
		const hitting = this.#hitting(request, url)
		let { site } = standing
		let keys: Record<string, Key> | null = null
		let skew = 0
		for (const { fault } of hitting) {
			if (fault.latencyMs) await this.#sleep(fault.latencyMs, request.signal)
			if (fault.stall !== undefined && fault.stall !== false)
				await this.#sleep(fault.stall === true ? 2_147_483_647 : fault.stall, request.signal)
			if (fault.site) site = fault.site
			if (fault.key) keys = spoil(keys ?? standing.keys, fault.key)
			if (fault.skewSeconds) skew += fault.skewSeconds
		}
		const kept = hitting.find((active) => active.fault.cached && active.kept)
		if (kept?.kept) return kept.kept.clone()
		const cached = this.#fromCaches(hitting, request, url)
		if (cached !== null) return cached
		const instead = hitting
			.map(({ fault }) => replacement(fault, request, url, this.#engine))
			.find((reply) => reply !== null)
		// Time may have passed while waiting; what fell due meanwhile comes first.
		this.#engine.tick()
		const faults = hitting.map(({ fault }) => fault)
		const given = instead ?? (await this.#spoiled(await answer(site, keys, faults), faults, request, url))
		const dropped = hitting.reduce((sum, { fault }) => sum + (fault.dropRows ?? 0), 0)
		const movedTo = hitting.find(({ fault }) => fault.movedTo !== undefined)?.fault.movedTo
		const reply =
			dropped > 0 && Array.isArray(given.body)
				? { ...given, body: given.body.slice(0, Math.max(0, given.body.length - dropped)) }
				: movedTo !== undefined && isIndex(given.body)
					? { ...given, body: { ...given.body, home: movedTo } }
					: given
		for (const { fault } of hitting) for (const action of fault.act ?? []) ifItFits(() => this.#act(action))
		const response = this.#response(reply, request, faults, skew, instead !== undefined)
		for (const active of hitting) if (active.fault.cached && !active.kept) active.kept = response.clone()
		this.#intoCaches(hitting, request, url, response)
		return response
	}

	#fromCaches(hitting: Active[], request: Request, url: URL): Response | null {
		for (const { fault, answers } of hitting) {
			const key = fault.cache && cacheKey(fault.cache, request, url)
			const found = fault.cache && key != null ? fromCache(fault.cache, answers, key, this.#engine.now()) : null
			if (found !== null) return found
		}
		return null
	}

	#intoCaches(hitting: Active[], request: Request, url: URL, response: Response): void {
		if (response.status !== 200) return
		for (const { fault, answers } of hitting) {
			const key = fault.cache && cacheKey(fault.cache, request, url)
			if (key != null) answers.set(key, { response: response.clone(), atMs: this.#engine.now() })
		}
	}

	/** The store's answer after what objects in it do to it, and the time that its rows take. */
	async #spoiled(reply: Reply, faults: readonly Fault[], request: Request, url: URL): Promise<Reply> {
		let spoiled = reply
		for (const { poison, secondsPerRow } of faults) {
			const rows = Array.isArray(reply.body) ? reply.body.length : 0
			if (secondsPerRow !== undefined && rows > 0) await this.#sleep(secondsPerRow * 1000 * rows, request.signal)
			const outcome = poison === undefined ? spoiled : poisoned(poison, spoiled, url, this.#engine)
			if (outcome === 'hang') await this.#sleep(2_147_483_647, request.signal)
			else spoiled = outcome
		}
		return spoiled.text === undefined ? { ...spoiled, body: deviantBody(spoiled.body, faults) } : spoiled
	}

	#response(reply: Reply, request: Request, faults: Fault[], skew: number, replaced: boolean): Response {
		const date = (seconds: number): string => new Date(this.#engine.now() + (skew + seconds) * 1000).toUTCString()
		const headers = new Headers({ ...reply.headers, date: date(0) })
		if (!replaced)
			for (const fault of faults) {
				for (const [name, value] of Object.entries(fault.headers ?? {})) headers.set(name, value)
				if (fault.secondDateSeconds !== undefined) headers.append('date', date(fault.secondDateSeconds))
			}
		const empty = request.method === 'HEAD' || reply.status === 204 || reply.status === 304
		let body: Uint8Array<ArrayBuffer> | string = empty ? '' : bodyOf(reply)
		for (const fault of replaced ? [] : faults) {
			if (fault.notice && typeof body === 'string')
				body =
					(fault.notice === true
						? '<br />\n<b>Warning</b>:  Undefined variable  in <b>/var/www/html/wp-content/plugins/foo/foo.php</b> on line <b>12</b><br />\n'
						: fault.notice) + body
			if (fault.bom && typeof body === 'string') body = '\uFEFF'.repeat(Number(fault.bom)) + body
			if (fault.comment && typeof body === 'string')
				body += fault.comment === true ? '\n<!-- Page cached by LiteSpeed Cache 7.6 -->' : fault.comment
			if (fault.truncate !== undefined) {
				const bytes = new TextEncoder().encode(body as string)
				body = bytes.slice(0, fault.truncate < 1 ? Math.floor(bytes.length * fault.truncate) : fault.truncate)
			}
		}
		return new Response(empty ? null : body, { status: reply.status, headers })
	}
}

/** The answer that a fault puts in place of the store's; null when it has none. */
function replacement(fault: Fault, request: Request, url: URL, engine: Engine): Reply | null {
	const { url: home, prefix } = engine.settings
	const plain = { server: 'nginx/1.22.1' }
	if (fault.outage && fault.outage !== 'woocommerce-off') return outage(fault.outage, request.headers.get('accept'))
	if (fault.outage === 'woocommerce-off') {
		return {
			status: 404,
			headers: { ...restHeaders(`${home}/${prefix}/`), vary: 'Origin' },
			body: {
				code: 'rest_no_route',
				message: 'No route was found matching the URL and request method.',
				data: { status: 404 },
			},
		}
	}
	if (fault.movedTo !== undefined && url.searchParams.has('oauth_signature')) {
		return {
			status: 401,
			headers: { ...restHeaders(`${fault.movedTo}/${prefix}/`), vary: 'Origin' },
			body: {
				code: 'woocommerce_rest_authentication_error',
				message: 'Invalid signature - provided signature does not match.',
				data: { status: 401 },
			},
		}
	}
	if (fault.challenge) return challengePage(fault.challenge, url)
	if (fault.redirect) {
		const location = fault.redirect === 'https' ? `https://${url.host}${url.pathname}${url.search}` : fault.redirect
		return {
			status: fault.status ?? 301,
			headers: { ...plain, 'content-type': 'text/html; charset=UTF-8', location },
			body: null,
			text: '',
		}
	}
	if (fault.html) {
		const text = fault.html === true ? htmlPage('Coming soon') : fault.html
		return {
			status: fault.status ?? 200,
			headers: { ...plain, 'content-type': 'text/html; charset=UTF-8' },
			body: null,
			text,
		}
	}
	if (fault.status === undefined) return null
	const headers: Record<string, string> = {
		...plain,
		...NO_CACHE,
		...(fault.retryAfter !== undefined && { 'retry-after': fault.retryAfter }),
	}
	const title = `${fault.status} ${REASONS[fault.status] ?? 'Error'}`
	const json = fault.form === 'json' || (fault.form === undefined && fault.status === 401)
	if (!json)
		return {
			status: fault.status,
			headers: { ...headers, 'content-type': 'text/html; charset=UTF-8' },
			body: null,
			text: htmlPage(title),
		}
	const code =
		fault.status === 401 || fault.status === 403
			? 'woocommerce_rest_cannot_view'
			: fault.status === 429
				? 'too_many_requests'
				: 'internal_server_error'
	const message = fault.status === 401 || fault.status === 403 ? 'Sorry, you cannot list resources.' : title
	return {
		status: fault.status,
		headers: { ...headers, 'content-type': 'application/json; charset=UTF-8' },
		body: { code, message, data: { status: fault.status } },
	}
}

/** Whether a body is the index of the REST API, or a part of it. */
function isIndex(body: unknown): body is { home: string } {
	return typeof body === 'object' && body !== null && 'home' in body
}

function spoil(keys: Record<string, Key>, how: NonNullable<Fault['key']>): Record<string, Key> {
	if (how === 'revoked') return {}
	return Object.fromEntries(
		Object.entries(keys).map(([name, key]): [string, Key] => {
			if (how === 'wrong-secret') return [name, { ...key, secret: `${key.secret}x` }]
			return [name, how === 'demoted' ? { ...key, role: 'customer' } : { ...key, permissions: 'read' }]
		}),
	)
}
