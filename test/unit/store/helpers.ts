/** What the tests of the simulated store share: a store with a clock of its own and a client that signs. */
import { readFileSync } from 'node:fs'
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

/** The type of everything in a value; null is any type, an empty list is any list. */
export function differences(real: unknown, simulated: unknown, path = ''): string[] {
	if (real === null || simulated === null) return []
	if (Array.isArray(real) || Array.isArray(simulated)) {
		if (!Array.isArray(real) || !Array.isArray(simulated)) return [`${path}: list or not`]
		return real.length > 0 && simulated.length > 0 ? differences(real[0], simulated[0], `${path}[]`) : []
	}
	if (typeof real !== typeof simulated) return [`${path}: ${typeof real} became ${typeof simulated}`]
	if (typeof real !== 'object') return []
	const a = real as Record<string, unknown>
	const b = simulated as Record<string, unknown>
	const found: string[] = []
	for (const key of Object.keys(a)) {
		if (key in b) found.push(...differences(a[key], b[key], `${path}.${key}`))
		else found.push(`${path}.${key} is lacking`)
	}
	for (const key of Object.keys(b)) if (!(key in a)) found.push(`${path}.${key} is too much`)
	return found
}

/** A file of what was recorded at a real store. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what stands in the file is known to whoever reads it
export function recorded<T>(set: string, name: string): T {
	return JSON.parse(readFileSync(`${import.meta.dirname}/../../fixtures/recordings/${set}/${name}.json`, 'utf8')) as T
}

/** What a receiver got. */
export interface Received {
	url: string
	method: string
	headers: Headers
	body: string
}

/** A receiver in the process: `deliver` for a store, what it got, and what it answers by the path. */
export function receiver(answer: (request: Received) => number | Response | Promise<number | Response> = () => 200): {
	deliver: (request: Request) => Promise<Response>
	got: Received[]
	/** Takes what has come since the last time. */
	take(): Received[]
} {
	const got: Received[] = []
	return {
		got,
		take: () => got.splice(0),
		deliver: async (request) => {
			const received = {
				url: request.url,
				method: request.method,
				headers: request.headers,
				body: await request.text(),
			}
			got.push(received)
			const given = await answer(received)
			return typeof given === 'number' ? new Response(given === 204 ? null : 'ok', { status: given }) : given
		},
	}
}

/** The topics of deliveries, in their order. */
export function topics(received: Received[]): string[] {
	return received.map(({ headers }) => headers.get('x-wc-webhook-topic') ?? 'ping')
}

/** Where the webhooks of tests deliver. */
export const URL_OF_OURS = 'https://bell.example/hook'

/** A store with one webhook by REST, its pings forgotten. */
export async function hooked(
	topic: string,
	options: StoreOptions = {},
	answer?: Parameters<typeof receiver>[0],
): Promise<Rig & ReturnType<typeof receiver> & { id: number }> {
	const inbox = receiver(answer)
	const r = rig({ deliver: inbox.deliver, ...options })
	const { json } = await r.call('POST', 'webhooks', { name: 'Ours', topic, delivery_url: URL_OF_OURS, secret: 'ab12' })
	inbox.take()
	return { ...r, ...inbox, id: json.id as number }
}
