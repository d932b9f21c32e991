/** Resolves names over HTTPS, in the JSON form of DNS over HTTPS (`application/dns-json`). */
import * as z from 'zod'
import { readChunks } from './body.ts'
import { toHostKey } from './reachability.ts'

/** The addresses of a name. `failed`: the resolver gave no usable answer, so nothing is known about the name. */
export type Resolution = { ok: true; addresses: string[] } | { ok: false; reason: 'no-such-host' | 'failed' }

export interface Resolver {
	/** All IPv4 and IPv6 addresses of a name. Never throws. */
	resolve(name: string, signal?: AbortSignal): Promise<Resolution>
}

/** Dependencies of a resolver. */
interface ResolverOptions {
	/** DNS_RESOLVER_URL. */
	url: string
	fetch: (request: Request) => Promise<Response>
	/** Epoch ms. */
	now: () => number
	cache: DnsCache
	timeoutMs?: number
}

/** Timeout of one lookup, ms: both address families. */
const LOOKUP_TIMEOUT_MS = 3_000
/** Names that an isolate keeps at most. */
const MAX_CACHED_NAMES = 1_000
/** An answer is kept for its TTL, but never longer, seconds. */
const MAX_TTL_SECONDS = 3_600
/** Bytes of an answer that are read. */
const MAX_ANSWER_BYTES = 64 * 1024

const RECORD_TYPES = { A: 1, AAAA: 28 } as const
const NO_ERROR = 0
const NO_SUCH_NAME = 3

const Answer = z.object({
	Status: z.number(),
	/** Truncated: addresses may be missing. */
	TC: z.boolean().optional(),
	Answer: z.array(z.object({ type: z.number(), TTL: z.number(), data: z.string() })).optional(),
})

/** The resolver's URL: `null` without the setting. An invalid setting is refused, not ignored. */
export function parseResolverUrl(text: string | undefined): { ok: true; url: string | null } | { ok: false } {
	const trimmed = (text ?? '').trim()
	if (trimmed === '') return { ok: true, url: null }
	return URL.canParse(trimmed) && /^https?:$/.test(new URL(trimmed).protocol)
		? { ok: true, url: trimmed }
		: { ok: false }
}

/** Addresses by name for their TTL. The oldest entry leaves when there are too many. */
export class DnsCache {
	readonly #entries = new Map<string, { addresses: string[]; expiresMs: number }>()

	get(name: string, nowMs: number): string[] | null {
		const entry = this.#entries.get(name)
		return entry !== undefined && entry.expiresMs > nowMs ? entry.addresses : null
	}

	set(name: string, addresses: string[], expiresMs: number): void {
		this.#entries.delete(name)
		if (this.#entries.size >= MAX_CACHED_NAMES) this.#entries.delete(this.#entries.keys().next().value!)
		this.#entries.set(name, { addresses, expiresMs })
	}

	get size(): number {
		return this.#entries.size
	}
}

/** A resolver that always fails, for an invalid setting. */
export const FAILING_RESOLVER: Resolver = { resolve: async () => ({ ok: false, reason: 'failed' }) }

/** Creates a resolver. It asks for both address families at once and follows no redirect. */
export function createResolver(options: ResolverOptions): Resolver {
	const { cache, now } = options
	return {
		async resolve(name, signal) {
			const key = toHostKey(name)
			const known = cache.get(key, now())
			if (known !== null) return { ok: true, addresses: known }
			const abort = new AbortController()
			const stop = (): void => abort.abort()
			signal?.addEventListener('abort', stop, { once: true })
			const timer = setTimeout(stop, options.timeoutMs ?? LOOKUP_TIMEOUT_MS)
			try {
				// A race in addition to the signal, which a substitute for `fetch` may ignore.
				const aborted = new Promise<never>((_, reject) =>
					abort.signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true }),
				)
				aborted.catch(() => undefined)
				const answers = await Promise.race([
					aborted,
					Promise.all([lookUp(options, key, 'A', abort.signal), lookUp(options, key, 'AAAA', abort.signal)]),
				])
				return toResolution(answers, (addresses, ttl) => cache.set(key, addresses, now() + ttl * 1000))
			} catch {
				return { ok: false, reason: 'failed' }
			} finally {
				clearTimeout(timer)
				signal?.removeEventListener('abort', stop)
				abort.abort()
			}
		},
	}
}

type Records = { addresses: string[]; ttl: number }

function toResolution(answers: Records[], keep: (addresses: string[], ttlSeconds: number) => void): Resolution {
	const addresses = answers.flatMap((records) => records.addresses)
	if (addresses.length === 0) return { ok: false, reason: 'no-such-host' }
	const ttl = Math.min(...answers.map((records) => records.ttl))
	if (ttl > 0) keep(addresses, ttl)
	return { ok: true, addresses }
}

/** The records of one type; none if the name does not exist. Throws if the answer is not usable. */
async function lookUp(
	{ url, fetch }: ResolverOptions,
	name: string,
	type: keyof typeof RECORD_TYPES,
	signal: AbortSignal,
): Promise<Records> {
	const target = new URL(url)
	target.searchParams.set('name', name)
	target.searchParams.set('type', type)
	const request = new Request(target, {
		headers: { Accept: 'application/dns-json' },
		redirect: 'manual',
		signal,
	})
	const response = await fetch(request)
	const decoder = new TextDecoder()
	let text = ''
	await readChunks(response.body, MAX_ANSWER_BYTES, (chunk) => void (text += decoder.decode(chunk, { stream: true })))
	if (response.status !== 200) throw new Error('no answer')
	const answer = Answer.parse(JSON.parse(text + decoder.decode()))
	if (answer.Status === NO_SUCH_NAME) return { addresses: [], ttl: 0 }
	if (answer.Status !== NO_ERROR || answer.TC === true) throw new Error('no answer')
	const records = answer.Answer ?? []
	return {
		addresses: records.filter((record) => record.type === RECORD_TYPES[type]).map((record) => record.data),
		// A name with one family has no records of the other, and that says nothing about how long to keep it.
		ttl: Math.max(0, Math.min(MAX_TTL_SECONDS, ...records.map((record) => record.TTL))),
	}
}
