/** One POST: what is sent, and what each way to end is called. Against real sockets where sockets matter. */
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTcp } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { AddressRefusedError, ResolveError } from '../../../src/lib/guarded-fetch.ts'
import { MAX_RESPONSE_BYTES, attemptDelivery, type AttemptIo } from '../../../src/delivery/attempt.ts'
import { classifyFetchError, classifyEdgeStatus } from '../../../src/delivery/failure-kinds.ts'
import { signElements, toSignatureHeaders } from '../../../src/delivery/sign.ts'
import type { Claim } from '../../../src/rpc/delivery.ts'

const servers: { close(): unknown; closeAllConnections?(): void }[] = []
afterEach(() => {
	for (const server of servers.splice(0)) {
		server.closeAllConnections?.()
		server.close()
	}
})

async function serve(listener: (...given: Parameters<RequestListener>) => unknown): Promise<string> {
	const server: Server = createServer((request, response) => void listener(request, response))
	servers.push(server)
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?x=1`
}

function createClaim(url: string, changes: Partial<Claim> = {}): Claim {
	return {
		notificationId: 3_000_000_001,
		subscription: 1,
		organizationId: 1,
		createdMs: 0,
		attempt: 1,
		leaseUntilMs: Number.MAX_SAFE_INTEGER,
		url,
		body: '{"name":"Grüße"}',
		sealedFor: 'instance',
		configuration: {},
		signature: { next: null, fromMs: null },
		guarded: false,
		replay: false,
		...changes,
	}
}

const io: AttemptIo = {
	fetch: async (request) => await fetch(request),
	now: () => Date.now(),
	userAgent: 'Shopbell/1.2.3 (+https://bell.example.com)',
	openSecret: (_key, sealed) => {
		if (sealed === 'broken') throw new Error('cannot open')
		return sealed.replace('sealed:', '')
	},
	timeoutMs: 2_000,
}

const respondingWith = (answer: () => Response | Promise<Response>): AttemptIo => ({
	...io,
	fetch: async () => await answer(),
})

describe('what is sent', () => {
	test("is the claim's body, bytes and all, under our name, signed with the opened key §3.2 §11.5", async () => {
		const seen: {
			headers: Record<string, unknown>
			method: string | undefined
			url: string | undefined
			body: Buffer
		}[] = []
		const url = await serve(async (request, response) => {
			seen.push({
				headers: request.headers,
				method: request.method,
				url: request.url,
				body: Buffer.concat(await request.toArray()),
			})
			response.end('thanks')
		})
		const configuration = {
			'event.notification.signature.key': 'sealed:secret',
			'event.notification.basic.username': 'me',
			'event.notification.basic.password': 'sealed:pass',
			'event.notification.callback.headers':
				'{"X-Tenant":"7","Authorization":"Bearer x","Content-Type":"text/plain","Host":"evil.example"}',
		}
		const outcome = await attemptDelivery(createClaim(url, { configuration }), io)
		expect(outcome).toMatchObject({ delivered: true, status: 200, error: null, retryAfterMs: null, body: 'thanks' })
		expect(outcome.durationMs).toBeGreaterThanOrEqual(0)
		const [request] = seen
		expect(request?.method).toBe('POST')
		expect(request?.url).toBe('/hook?x=1')
		expect(request?.body.toString('utf8')).toBe('{"name":"Grüße"}')
		expect(request?.headers).toMatchObject({
			'content-type': 'application/json; charset=utf-8',
			'user-agent': 'Shopbell/1.2.3 (+https://bell.example.com)',
			'x-tenant': '7',
			authorization: `Basic ${Buffer.from('me:pass').toString('base64')}`,
			'elements-webhook-id': 'ntf_3000000001',
			'webhook-id': 'ntf_3000000001',
			'elements-webhook-signature': signElements('secret', request!.body),
			'content-length': '18',
			host: new URL(url).host,
		})
		expect(request?.headers).not.toHaveProperty('shopbell-attempt')
	})

	test('while the key is changed carries both signatures, and from the moment on the new one alone', async () => {
		const sendHeadersAt = async (nowMs: number, fromMs: number): Promise<Record<string, string>> => {
			let seen: Headers | undefined
			const configuration = { 'event.notification.signature.key': 'sealed:old' }
			await attemptDelivery(
				createClaim('https://x.example/', { configuration, signature: { next: 'sealed:new', fromMs } }),
				{
					...io,
					now: () => nowMs,
					fetch: async (request) => ((seen = request.headers), new Response()),
				},
			)
			return Object.fromEntries(
				[...seen!.entries()].filter(([name]) => name.startsWith('elements-') || name.startsWith('webhook-')),
			)
		}
		const getSignedHeaders = (startedMs: number, keys: { current: string; next: string | null }) => {
			const signable = { notificationId: 3_000_000_001, body: new TextEncoder().encode('{"name":"Grüße"}'), startedMs }
			return Object.fromEntries(
				Object.entries(toSignatureHeaders(signable, keys)).map(([name, value]) => [name.toLowerCase(), value]),
			)
		}
		const fromMs = 1_780_000_000_000
		expect(await sendHeadersAt(fromMs - 1, fromMs)).toEqual(
			getSignedHeaders(fromMs - 1, { current: 'old', next: 'new' }),
		)
		expect(await sendHeadersAt(fromMs, fromMs)).toEqual(getSignedHeaders(fromMs, { current: 'new', next: null }))
	})

	test('says from the second try on which one it is, and whether it is a replay, with the same id and bytes §11.3', async () => {
		const seen: unknown[] = []
		const url = await serve(async (request, response) => {
			seen.push([
				request.headers['shopbell-attempt'],
				request.headers['shopbell-replay'],
				request.headers['webhook-id'],
				Buffer.concat(await request.toArray()).toString(),
			])
			response.end()
		})
		await attemptDelivery(createClaim(url), io)
		await attemptDelivery(createClaim(url, { attempt: 2 }), io)
		await attemptDelivery(createClaim(url, { attempt: 3, replay: true }), io)
		expect(seen).toEqual([
			[undefined, undefined, 'ntf_3000000001', '{"name":"Grüße"}'],
			['2', undefined, 'ntf_3000000001', '{"name":"Grüße"}'],
			['3', 'true', 'ntf_3000000001', '{"name":"Grüße"}'],
		])
	})

	test('is nothing at all where the URL is refused or a key does not open', async () => {
		const fetched: Request[] = []
		const recordingIo: AttemptIo = {
			...io,
			fetch: async (request) => {
				fetched.push(request)
				return new Response()
			},
		}
		const refused = await attemptDelivery(createClaim('http://10.0.0.1/'), {
			...recordingIo,
			fetch: async () => {
				throw new AddressRefusedError('a public address is expected')
			},
		})
		expect(refused).toMatchObject({
			delivered: false,
			status: null,
			error: 'refused',
			body: 'Not sent: a public address is expected',
			notSent: true,
			notSentReason: { cause: 'address', message: 'a public address is expected' },
		})
		const unopened = await attemptDelivery(
			createClaim('https://x.example/', { configuration: { 'event.notification.signature.key': 'broken' } }),
			recordingIo,
		)
		expect(unopened).toMatchObject({
			delivered: false,
			status: null,
			error: 'refused',
			notSentReason: { cause: 'configuration' },
		})
		const unresolved = await attemptDelivery(createClaim('https://x.example/'), {
			...io,
			fetch: async () => {
				throw new ResolveError('ERR_DNS_RESOLVER')
			},
		})
		expect(unresolved).toMatchObject({ delivered: false, status: null, error: 'dns', notSent: true })
		expect(unresolved.notSentReason?.cause).toBe('resolver')
		const nowhere = await attemptDelivery(createClaim('not a url'), recordingIo)
		expect(nowhere).toMatchObject({ delivered: false, error: 'refused' })
		expect(fetched).toEqual([])
	})
})

describe('an answer', () => {
	test.each([
		[200, true],
		[204, true],
		[299, true],
		[302, false],
		[304, false],
		[400, false],
		[410, false],
		[429, false],
		[500, false],
	])('%i: delivered %s', async (status, delivered) => {
		const url = await serve((_, response) => response.writeHead(status, { Location: '/elsewhere' }).end())
		expect(await attemptDelivery(createClaim(url), io)).toMatchObject({ delivered, status, error: null })
	})

	test('is kept as far as 4 KB, and the rest is not waited for', async () => {
		const url = await serve((_, response) => {
			response.writeHead(200)
			const timer = setInterval(() => response.write('x'.repeat(1000)), 1)
			response.on('close', () => clearInterval(timer))
		})
		const outcome = await attemptDelivery(createClaim(url), io)
		expect(outcome.delivered).toBe(true)
		expect(outcome.body).toBe('x'.repeat(MAX_RESPONSE_BYTES))
		expect(outcome.durationMs).toBeLessThan(1_500)
	})

	test('stands as soon as its status is said, even if its body stalls or breaks off', async () => {
		const stalled = await serve((_, response) => void response.writeHead(200).write('so far'))
		expect(await attemptDelivery(createClaim(stalled), { ...io, timeoutMs: 150 })).toMatchObject({
			delivered: true,
			status: 200,
			body: 'so far',
		})
		const broken = await serve((_, response) => {
			response.writeHead(500, { 'Content-Length': '100' }).write('half')
			setTimeout(() => response.destroy(), 20)
		})
		expect(await attemptDelivery(createClaim(broken), io)).toMatchObject({
			delivered: false,
			status: 500,
			error: null,
			body: 'half',
		})
	})

	test('says when to come back: in seconds, or as a date by its own clock', async () => {
		const parseAfter = async (headers: Record<string, string>) =>
			(
				await attemptDelivery(
					createClaim('https://x.example/'),
					respondingWith(() => new Response('', { status: 503, headers })),
				)
			).retryAfterMs
		expect(await parseAfter({ 'Retry-After': '120' })).toBe(120_000)
		expect(
			await parseAfter({ 'Retry-After': 'Wed, 21 Oct 2015 07:28:00 GMT', Date: 'Wed, 21 Oct 2015 07:27:00 GMT' }),
		).toBe(60_000)
		expect(await parseAfter({ 'Retry-After': 'Wed, 21 Oct 2015 07:28:00 GMT' })).toBe(0)
		expect(await parseAfter({ 'Retry-After': 'soon' })).toBeNull()
		expect(await parseAfter({})).toBeNull()
	})

	test.each([
		[520, 'reset'],
		[521, 'refused'],
		[522, 'timeout'],
		[523, 'refused'],
		[524, 'timeout'],
		[525, 'tls'],
		[526, 'tls'],
		[530, 'dns'],
	])("%i of Cloudflare's edge counts as %s", async (status, error) => {
		expect(
			await attemptDelivery(
				createClaim('https://x.example/'),
				respondingWith(() => new Response('error', { status })),
			),
		).toMatchObject({ delivered: false, status, error })
	})

	test('530 of a tunnel is a refusal', () => {
		expect(classifyEdgeStatus(530, 'error code: 1033')).toBe('refused')
		expect(classifyEdgeStatus(530, 'error code: 1016')).toBe('dns')
	})
})

describe('no answer', () => {
	test('in time: timeout, even from a fetch that ignores its signal', async () => {
		const url = await serve(() => {})
		expect(await attemptDelivery(createClaim(url), { ...io, timeoutMs: 100 })).toMatchObject({
			delivered: false,
			status: null,
			error: 'timeout',
		})
		expect(
			await attemptDelivery(createClaim(url), {
				...respondingWith(async () => await new Promise<never>(() => {})),
				timeoutMs: 50,
			}),
		).toMatchObject({
			error: 'timeout',
		})
	})

	test('because the port is closed: refused', async () => {
		const url = await serve(() => {})
		for (const server of servers.splice(0))
			await new Promise<void>((resolve) => void (server as Server).close(() => resolve()))
		expect(await attemptDelivery(createClaim(url), io)).toMatchObject({
			delivered: false,
			status: null,
			error: 'refused',
		})
	})

	test('because the connection broke: reset', async () => {
		const url = await serve((request) => request.socket.destroy())
		expect(await attemptDelivery(createClaim(url), io)).toMatchObject({
			delivered: false,
			status: null,
			error: 'reset',
		})
	})

	test('because the name does not exist: dns', async () => {
		expect(
			await attemptDelivery(createClaim('http://no-such-host.invalid/'), { ...io, timeoutMs: 10_000 }),
		).toMatchObject({
			delivered: false,
			error: 'dns',
		})
	})

	test('because it speaks no TLS: tls', async () => {
		const server = createTcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
		servers.push(server)
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
		expect(
			await attemptDelivery(createClaim(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`), io),
		).toMatchObject({
			delivered: false,
			error: 'tls',
		})
	})
})

describe('exceptions of both runtimes', () => {
	test.each([
		['Network connection lost.', 'reset'],
		['DNS lookup failed.', 'dns'],
		["TLS peer's certificate is not trusted; reason = self signed certificate", 'tls'],
		['connect(): Connection refused', 'refused'],
		['something new', 'reset'],
	])('workerd: %s', (message, kind) => {
		expect(classifyFetchError(new Error(message), 'https://x.example/')).toBe(kind)
	})

	test('workerd\'s "internal error" is a name over http, and TLS over https', () => {
		const error = new Error('internal error; reference = abc123')
		expect(classifyFetchError(error, 'http://x.example/')).toBe('dns')
		expect(classifyFetchError(error, 'https://x.example/')).toBe('tls')
	})

	test.each([
		['ENOTFOUND', 'dns'],
		['EAI_AGAIN', 'dns'],
		['ECONNREFUSED', 'refused'],
		['ECONNRESET', 'reset'],
		['UND_ERR_SOCKET', 'reset'],
		['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
		['CERT_HAS_EXPIRED', 'tls'],
		['SELF_SIGNED_CERT_IN_CHAIN', 'tls'],
		['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'],
		['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
		['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
		['ERR_SSL_WRONG_VERSION_NUMBER', 'tls'],
	])('Node: %s', (code, kind) => {
		const cause = Object.assign(new Error('x'), { code })
		expect(classifyFetchError(new TypeError('fetch failed', { cause }))).toBe(kind)
		expect(classifyFetchError(new TypeError('fetch failed', { cause: new AggregateError([cause]) }))).toBe(kind)
	})

	test('anything else is a connection that broke', () => {
		expect(classifyFetchError('what')).toBe('reset')
		expect(classifyFetchError(undefined)).toBe('reset')
	})
})

describe('what a callback asks for by webhook-delivery', () => {
	test.each([
		['disable', 200, true, 'disable'],
		['disable', 500, false, 'disable'],
		['abort', 500, false, 'abort'],
		['abort-message', 500, false, 'abort'],
		[' Abort ', 500, false, 'abort'],
		['retry', 200, false, 'retry'],
		['retry', 410, false, 'retry'],
		['constructor', 200, true, null],
		['', 200, true, null],
	])('%j with %i', async (value, status, delivered, directive) => {
		const headers = { 'webhook-delivery': value }
		const outcome = await attemptDelivery(
			createClaim('https://x.example/'),
			respondingWith(() => new Response(null, { status, headers })),
		)
		expect(outcome).toMatchObject({ delivered, status, directive })
	})

	test('nothing, where nothing is said or nobody answers', async () => {
		const answered = await attemptDelivery(
			createClaim('https://x.example/'),
			respondingWith(() => new Response()),
		)
		const broken = await attemptDelivery(
			createClaim('https://x.example/'),
			respondingWith(() => Promise.reject(new Error('reset'))),
		)
		expect([answered.directive, broken.directive]).toEqual([null, null])
	})
})
