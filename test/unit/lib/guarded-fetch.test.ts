/** What a request may reach: hosts by spelling, names by what they resolve to. No packet: resolver and socket are stand-ins. */
import * as fc from 'fast-check'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { createResolver, DnsCache, FAILING_RESOLVER, parseResolverUrl, type Resolver } from '../../../src/lib/dns.ts'
import { AddressRefusedError, createGuardedFetch } from '../../../src/lib/guarded-fetch.ts'
import { classifyNetworkError } from '../../../src/lib/network-errors.ts'
import { classifyAddress } from '../../../src/lib/reachability.ts'

const PUBLIC = ['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700::1111', '64:ff9b::808:808', '2a00:1450:4001::200e']
const PRIVATE = ['127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.1.1', '::1', 'fd12:3456::1', 'fc00::1']
const CLOSED = [
	'0.0.0.0',
	'0.1.2.3',
	'100.64.0.1',
	'100.100.100.200',
	'168.63.129.16',
	'169.254.169.254',
	'192.0.0.192',
	'192.0.2.1',
	'192.88.99.1',
	'198.18.0.1',
	'198.51.100.7',
	'203.0.113.9',
	'224.0.0.1',
	'240.0.0.1',
	'255.255.255.255',
	'::',
	'::127.0.0.1',
	'::ffff:10.0.0.1',
	'::ffff:0:10.0.0.1',
	'64:ff9b::a00:1',
	'64:ff9b:1::8.8.8.8',
	'100::1',
	'2001::1',
	'2001:2::1',
	'2001:10::1',
	'2001:20::1',
	'2001:db8::1',
	'2002:a00:1::',
	'2620:4f:8000::1',
	'2606:4700::5efe:8.8.8.8',
	'2606:4700::200:5efe:10.0.0.1',
	'3fff::1',
	'5f00::1',
	'fd00:42::42',
	'fd00:ec2::254',
	'fd20:ce::254',
	'fe80::1',
	'fec0::1',
	'ff02::1',
	'not an address',
]

const isIpv6 = (address: string): boolean => address.includes(':')
const toHost = (address: string): string => (isIpv6(address) ? `[${address}]` : address)

/** A guarded fetch over a socket that counts, and a resolver with one answer. */
function guard(answers: string[] | Resolver, allowPrivateNetwork = false) {
	const sent: Request[] = []
	const asked: string[] = []
	const resolver: Resolver = Array.isArray(answers)
		? { resolve: async (name) => (asked.push(name), { ok: true, addresses: answers }) }
		: answers
	const guarded = createGuardedFetch({
		fetch: async (request) => (sent.push(request), new Response('in')),
		resolver,
		allowPrivateNetwork,
	})
	const ask = async (url: string): Promise<unknown> => {
		try {
			return (await guarded(new Request(url))).status
		} catch (error) {
			return error
		}
	}
	return { ask, guarded, sent, asked }
}

test('addresses have a network each', () => {
	const networks = (addresses: string[]): unknown => addresses.map((address) => [address, classifyAddress(address)])
	expect(networks(PUBLIC)).toEqual(PUBLIC.map((address) => [address, 'public']))
	expect(networks(PRIVATE)).toEqual(PRIVATE.map((address) => [address, 'private']))
	expect(networks(CLOSED)).toEqual(CLOSED.map((address) => [address, 'closed']))
})

describe('a name', () => {
	test('with any private answer is never connected to', async () => {
		const names = fc.constantFrom(
			'shop.example.com',
			'hook.example.com.',
			'bücher.example',
			'127.0.0.1.nip.io',
			'A.B.C',
		)
		const ports = fc.constantFrom('', ':443', ':8080')
		await fc.assert(
			fc.asyncProperty(
				names,
				ports,
				fc.array(fc.constantFrom(...PUBLIC, ...PRIVATE, ...CLOSED), { minLength: 1, maxLength: 5 }),
				fc.boolean(),
				async (name, port, answers, allowPrivate) => {
					const { ask, sent } = guard(answers, allowPrivate)
					const result = await ask(`https://${name}${port}/path?q=1`)
					const isOpen = answers.every((one) => PUBLIC.includes(one) || (allowPrivate && PRIVATE.includes(one)))
					expect(sent).toHaveLength(isOpen ? 1 : 0)
					if (!isOpen) expect(result).toBeInstanceOf(AddressRefusedError)
				},
			),
		)
	})

	test('is refused by what it resolves to, without quoting the address', async () => {
		const { ask } = guard(['8.8.8.8', '10.9.8.7'])
		const error = await ask('https://hook.example.com/')
		expect(error).toBeInstanceOf(AddressRefusedError)
		expect((error as Error).message).toMatch(/^expected a public address; hook\.example\.com resolves to a private/)
		expect((error as Error).message).not.toContain('10.9.8.7')
	})

	test('that cannot be resolved is not connected to: a failure of the network', async () => {
		for (const [reason, kind] of [
			['no-such-host', 'no-such-host'],
			['failed', 'resolver'],
		] as const) {
			const { ask, sent } = guard({ resolve: async () => ({ ok: false, reason }) })
			const error = await ask('https://hook.example.com/')
			expect(error).not.toBeInstanceOf(AddressRefusedError)
			expect(classifyNetworkError(error)).toBe(kind)
			expect(sent).toEqual([])
		}
	})

	test('that means this machine, and an address, are not looked up', async () => {
		const { ask, sent, asked } = guard([], true)
		for (const url of ['http://localhost:8787/', 'http://a.localhost./', 'http://127.0.0.1:1/', 'http://[::1]/'])
			expect(await ask(url)).toBe(200)
		expect(sent).toHaveLength(4)
		expect(asked).toEqual([])
	})
})

describe('a host', () => {
	const spellings = [...PRIVATE, ...CLOSED.slice(0, -1)].flatMap((address) => [
		`http://${toHost(address)}/`,
		...(isIpv6(address) ? [] : [`http://[::ffff:${address}]/`, `http://[64:ff9b::${address}]/`]),
	])
	const names = [
		'localhost.',
		'localhost6.localdomain6',
		'localhost.localdomain',
		'printer',
		'printer.local',
		'db.internal',
		'router.home.arpa',
		'home.arpa',
		'api.default.svc',
		'api.default.svc.cluster.local',
		'etcd.cluster.local.',
		'nas.lan',
		'site.test',
		'hidden.onion',
		'metadata.google.internal',
		'metadata.goog',
		'instance-data.ec2.internal',
		'%6c%6fcalhost',
		'１２７.0.0.1',
		'loc\u00adalhost',
		'0x7f.1',
		'0177.1',
		'2130706433',
	].map((name) => `http://${name}/`)

	test.each([...spellings, ...names])('%s is never connected to, whatever it resolves to', async (url) => {
		const { ask, sent, asked } = guard(['8.8.8.8'])
		expect(await ask(url)).toBeInstanceOf(AddressRefusedError)
		expect([sent, asked]).toEqual([[], []])
	})

	test('of a private network may be opened; one of a platform may not', async () => {
		const { ask, sent } = guard(['10.0.0.5'], true)
		for (const url of ['http://db.internal/', 'http://printer/', 'http://10.0.0.1/']) expect(await ask(url)).toBe(200)
		for (const url of ['http://169.254.169.254/', 'http://168.63.129.16/', 'http://metadata.google.internal/'])
			expect(await ask(url)).toBeInstanceOf(AddressRefusedError)
		expect(sent).toHaveLength(3)
	})

	test.each(['ftp://example.com/', 'data:text/plain,x'])('%s is no web address', async (url) => {
		expect(await guard(['8.8.8.8']).ask(url)).toBeInstanceOf(AddressRefusedError)
	})

	test('may be asked with a query of any length, and names no next hop', async () => {
		const { ask, guarded, sent } = guard(['8.8.8.8'])
		expect(await ask(`https://example.com/?include=${'1,'.repeat(5000)}`)).toBe(200)
		await guarded(new Request('https://example.com/', { redirect: 'follow', method: 'POST', body: 'x' }))
		expect(sent.map((request) => request.redirect)).toEqual(['manual', 'manual'])
		expect(await sent[1]!.text()).toBe('x')
	})
})

describe('the resolver', () => {
	let nowMs = 0
	let cache = new DnsCache()
	beforeEach(() => {
		nowMs = 0
		cache = new DnsCache()
	})

	const A = (data: string, TTL = 60) => ({ name: 'x', type: 1, TTL, data })
	const AAAA = (data: string, TTL = 60) => ({ name: 'x', type: 28, TTL, data })
	const CNAME = (data: string, TTL = 60) => ({ name: 'x', type: 5, TTL, data })

	/** A resolver whose server answers by record type. */
	function resolverOf(answer: (type: string) => unknown, timeoutMs = 1_000) {
		const asked: URL[] = []
		const fetch = async (request: Request): Promise<Response> => {
			const url = new URL(request.url)
			asked.push(url)
			const body = await answer(url.searchParams.get('type')!)
			return body instanceof Response ? body : Response.json(body)
		}
		const url = 'https://dns.example/dns-query?key=1'
		return { asked, resolver: createResolver({ url, fetch, now: () => nowMs, cache, timeoutMs }) }
	}

	test('asks for both families and follows what the server followed', async () => {
		const { resolver, asked } = resolverOf((type) => ({
			Status: 0,
			Answer: type === 'A' ? [CNAME('b.example.'), A('8.8.8.8'), A('10.0.0.1')] : [AAAA('::1')],
		}))
		expect(await resolver.resolve('Shop.example.')).toEqual({
			ok: true,
			addresses: ['8.8.8.8', '10.0.0.1', '::1'],
		})
		expect(asked.map((url) => url.search)).toEqual([
			'?key=1&name=shop.example&type=A',
			'?key=1&name=shop.example&type=AAAA',
		])
	})

	test('keeps an answer for its shortest TTL', async () => {
		const { resolver, asked } = resolverOf((type) => ({
			Status: 0,
			Answer: type === 'A' ? [CNAME('b.', 30), A('8.8.8.8', 600)] : [],
		}))
		await resolver.resolve('shop.example')
		nowMs = 29_999
		await resolver.resolve('SHOP.example')
		expect(asked).toHaveLength(2)
		nowMs = 30_000
		await resolver.resolve('shop.example')
		expect(asked).toHaveLength(4)
	})

	test('keeps nothing with a TTL of 0, nothing longer than an hour, and a bounded number of names', async () => {
		let ttl = 0
		const { resolver, asked } = resolverOf((type) => ({ Status: 0, Answer: type === 'A' ? [A('8.8.8.8', ttl)] : [] }))
		await resolver.resolve('a.example')
		await resolver.resolve('a.example')
		expect([asked.length, cache.size]).toEqual([4, 0])
		ttl = 1_000_000
		await resolver.resolve('a.example')
		nowMs = 3_600_000
		await resolver.resolve('a.example')
		expect(asked).toHaveLength(8)
		for (let n = 0; n < 1_200; n++) await resolver.resolve(`n${n}.example`)
		expect(cache.size).toBe(1_000)
	})

	test.each<[string, (type: string) => unknown, string]>([
		['NXDOMAIN', () => ({ Status: 3 }), 'no-such-host'],
		['a name without addresses', () => ({ Status: 0, Answer: [CNAME('b.')] }), 'no-such-host'],
		['SERVFAIL', () => ({ Status: 2 }), 'failed'],
		['one family only', (type) => (type === 'A' ? { Status: 0, Answer: [A('8.8.8.8')] } : { Status: 2 }), 'failed'],
		['a truncated answer', () => ({ Status: 0, TC: true, Answer: [A('8.8.8.8')] }), 'failed'],
		['a page', () => new Response('<html>', { headers: { 'Content-Type': 'text/html' } }), 'failed'],
		['another shape', () => ({ Status: 'ok' }), 'failed'],
		['a redirect', () => new Response(null, { status: 302, headers: { Location: 'https://x.example' } }), 'failed'],
		['an error page', () => Response.json({ Status: 0, Answer: [A('8.8.8.8')] }, { status: 500 }), 'failed'],
		['a broken connection', () => Promise.reject(new Error('reset')), 'failed'],
		['an endless answer', () => new Response('['.repeat(100_000)), 'failed'],
	])('%s keeps nothing', async (_, answer, reason) => {
		const { resolver } = resolverOf(answer)
		expect(await resolver.resolve('shop.example')).toEqual({ ok: false, reason })
		expect(cache.size).toBe(0)
	})

	test('that never answers fails in time, and when the request is given up', async () => {
		vi.useFakeTimers()
		try {
			const never = (): Promise<never> => new Promise(() => undefined)
			const late = resolverOf(never, 3_000).resolver.resolve('shop.example')
			await vi.advanceTimersByTimeAsync(3_000)
			expect(await late).toEqual({ ok: false, reason: 'failed' })
			const abort = new AbortController()
			const given = resolverOf(never).resolver.resolve('shop.example', abort.signal)
			abort.abort()
			expect(await given).toEqual({ ok: false, reason: 'failed' })
			expect(vi.getTimerCount()).toBe(0)
		} finally {
			vi.useRealTimers()
		}
	})

	test('is a setting: a URL, nothing, or invalid, which reaches nothing by name', async () => {
		expect(parseResolverUrl('https://dns.example/dns-query ')).toEqual({
			ok: true,
			url: 'https://dns.example/dns-query',
		})
		for (const text of [undefined, '', ' ']) expect(parseResolverUrl(text)).toEqual({ ok: true, url: null })
		for (const text of ['1.1.1.1', 'tls://dns.example', 'on']) expect(parseResolverUrl(text)).toEqual({ ok: false })
		const { ask, sent } = guard(FAILING_RESOLVER)
		expect(classifyNetworkError(await ask('https://example.com/'))).toBe('resolver')
		expect(sent).toEqual([])
	})
})
