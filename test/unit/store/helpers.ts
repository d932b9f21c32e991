/** What the tests of the simulated store share: a store with a clock of its own and a client that signs. */
import { sign } from '../../store/auth.ts'
import { parseQuery } from '../../store/query.ts'
import { createStore } from '../../store/store.ts'
import type { Key, Rec, SimulatedStore, StoreOptions } from '../../store/store.ts'

/** Monday noon UTC. */
export const NOON = Date.parse('2026-11-23T12:00:00Z')

/** An answer with its body read. */
export interface Answer {
	status: number
	headers: Headers
	text: string
	// oxlint-disable-next-line typescript/no-explicit-any
	json: any
}

/** A store, its clock, and ways to ask it. */
export interface Rig {
	store: SimulatedStore
	clock: { now: number }
	get(path: string, init?: RequestInit): Promise<Answer>
	call(method: string, path: string, body?: unknown): Promise<Answer>
	/** Asks any address as it stands. */
	raw(url: string, init?: RequestInit): Promise<Answer>
}

/** A small store over https, so that Basic keys count. */
export function rig(options: StoreOptions = {}): Rig {
	const clock = { now: NOON }
	const store = createStore({
		url: 'https://shop.example',
		objects: { orders: 40, products: 30, coupons: 12, customers: 20 },
		now: () => clock.now,
		...options,
	})
	const raw = async (url: string, init: RequestInit = {}): Promise<Answer> => {
		const response = await store.fetch(new Request(url, { redirect: 'manual', ...init }))
		const text = await response.text()
		let json: unknown = null
		try {
			json = JSON.parse(text)
		} catch {
			// The text says what it is.
		}
		return { status: response.status, headers: response.headers, text, json }
	}
	const call = (method: string, path: string, body?: unknown, init: RequestInit = {}): Promise<Answer> =>
		raw(`${store.url}/${options.prefix ?? 'wp-json'}/wc/v3/${path}`, {
			method,
			headers: {
				authorization: basic(store.credentials),
				...(body !== undefined && { 'content-type': 'application/json' }),
				...(init.headers as Record<string, string>),
			},
			...(body !== undefined && { body: JSON.stringify(body) }),
			...(init.signal && { signal: init.signal }),
		})
	return { store, clock, raw, get: (path, init) => call('GET', path, undefined, init), call }
}

/** A Basic header. */
export function basic({ key, secret }: { key: string; secret: string }): string {
	return `Basic ${btoa(`${key}:${secret}`)}`
}

/** An address signed with OAuth 1.0a. */
export function signed(
	url: string,
	key: Pick<Key, 'key' | 'secret'>,
	options: { nonce: string; timestamp: number; method?: string; algorithm?: 'HMAC-SHA1' | 'HMAC-SHA256' },
): string {
	const { origin, pathname, search } = new URL(url)
	const algorithm = options.algorithm ?? 'HMAC-SHA256'
	const extra = `oauth_consumer_key=${key.key}&oauth_nonce=${options.nonce}&oauth_signature_method=${algorithm}&oauth_timestamp=${options.timestamp}`
	const query = `${search ? `${search.slice(1)}&` : ''}${extra}`
	const signature = sign(options.method ?? 'GET', origin + pathname, parseQuery(query), key.secret, algorithm)
	return `${origin}${pathname}?${query}&oauth_signature=${encodeURIComponent(signature)}`
}

/** Ids of a listed page. */
export function ids(answer: Answer): number[] {
	return (answer.json as Rec[]).map((row) => row.id as number)
}
