/** What the tests of the element share: recorded answers of real stores, and an Io without a network. */
import { readFileSync } from 'node:fs'
import { parseResource } from '../../../src/elements/woocommerce/resources.ts'
import type { Connection, Io, Resource } from '../../../src/elements/store.ts'
import type { PollerResource } from '../../../src/elements/form.ts'

/** An answer that a real store gave. */
export interface Recorded {
	method: string
	path: string
	https: boolean
	status: number
	headers: Record<string, string>
	text: string
}

/** A set of recordings by name. */
export function recorded(set: 'auth' | 'outage' | 'answers'): Record<string, Recorded> {
	return JSON.parse(readFileSync(`${import.meta.dirname}/../../fixtures/elements/${set}.json`, 'utf8')) as Record<
		string,
		Recorded
	>
}

/** A recording as the Response that it was. */
export function responseOf(one: Recorded): Response {
	return new Response(one.text === '' ? null : one.text, { status: one.status, headers: one.headers })
}

/** The store's clock in most tests. */
export const NOW = Date.parse('2026-11-23T16:40:00Z')

/** An Io whose `fetch` is a function from a request to an answer; a thrown error is what the network does. */
export function ioOf(
	fetch: (request: Request, url: URL) => Response | Promise<Response>,
	extra: Partial<Io> = {},
): Io & { asked: Request[] } {
	const asked: Request[] = []
	return {
		asked,
		fetch: async (request) => {
			asked.push(request)
			return fetch(request, new URL(request.url))
		},
		now: () => NOW,
		userAgent: 'Shopbell/0 (+https://bell.example)',
		nonce: () => '0123456789abcdef0123456789abcdef',
		...extra,
	}
}

/** JSON with the Date header of the store's clock. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
	return new Response(JSON.stringify(body), {
		status,
		headers: { 'content-type': 'application/json; charset=UTF-8', date: new Date(NOW).toUTCString(), ...headers },
	})
}

/** A store in Denver with HPOS. */
export const DENVER: Connection = {
	home: 'https://shop.example',
	root: 'https://shop.example/wp-json/',
	auth: 'basic',
	name: 'Shop',
	timeZone: 'America/Denver',
	gmtOffset: -7,
	version: '11.0.1',
	hpos: true,
	storeNowMs: NOW,
	collections: {},
}

/** The resource that settings mean; a refusal fails the test. */
export function resource(
	url: string,
	settings: Partial<PollerResource> = {},
	connection: Connection = DENVER,
): Resource {
	const found = parseResource('label', { url, ...settings }, connection)
	if (!found.ok) throw new Error(`${found.field}: ${found.message}`)
	return found.resource
}
