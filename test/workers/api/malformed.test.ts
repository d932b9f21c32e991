/**
 * Malformed deliveries in eight families, a thousand and more of each: no 5xx whatever comes, and what is not verified writes
 * nothing and brings no object to life. What was done is counted at the database and at the objects.
 */
import { refOf } from './harness.ts'
import { createHmac } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { webhooks } from '../../../src/elements/woocommerce/webhook-payloads.ts'
import { parseMasterKeys } from '../../../src/lib/sealing.ts'
import { env, resetDatabase, startApiWorld, type ApiClient } from './harness.ts'
import { insertInstance } from './support.ts'

const RECEIVER = 'https://bell.example.com/elements/api-v2/events/woocommercerest'
const EACH = 1000

let client: ApiClient
/** Statements that the database was given since the test began. */
let statements: string[]

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
	await insertInstance(client, 7)
	client.world.watchers.calls.length = 0
	statements = []
	const { DB } = env
	client.world.settings = {
		DB: new Proxy(DB, {
			get(target, name) {
				const value = Reflect.get(target, name) as unknown
				if (name === 'prepare') return (query: string) => (statements.push(query), target.prepare(query))
				return typeof value === 'function' ? (value as (...given: unknown[]) => unknown).bind(target) : value
			},
		}),
	}
})

/** Repeatable: the same thousand every time. */
function generator(seed: number): {
	number(below: number): number
	pick<T>(list: readonly T[]): T
	bytes(length: number): Uint8Array<ArrayBuffer>
	text(length: number): string
} {
	let state = seed >>> 0
	const next = (): number => {
		state = (state + 0x6d2b79f5) >>> 0
		let t = state
		t = Math.imul(t ^ (t >>> 15), t | 1)
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296
	}
	const number = (below: number) => Math.floor(next() * below)
	return {
		number,
		pick: (list) => list[number(list.length)]!,
		bytes: (length) => new Uint8Array(Array.from({ length }, () => number(256))),
		text: (length) => String.fromCharCode(...Array.from({ length }, () => 33 + number(94))),
	}
}

const sign = (secret: string, body: string | Uint8Array) => createHmac('sha256', secret).update(body).digest('base64')
const secretOf = (id: number, topic: string, version = 1) =>
	webhooks.deriveSecret(parseMasterKeys(env.MASTER_KEYS)[0]!.bytes, refOf(id).incarnation, topic, version)

interface Sent {
	url: string
	headers: [string, string][]
	body: string | Uint8Array<ArrayBuffer>
}

function proper(id: number, topic: string, body: string | Uint8Array<ArrayBuffer>): Sent {
	return {
		url: `${RECEIVER}/${btoa(String(id))}?v=1`,
		headers: [
			['Content-Type', 'application/json'],
			['X-WC-Webhook-Source', 'https://shop.example.com/'],
			['X-WC-Webhook-Topic', topic],
			['X-WC-Webhook-Signature', sign(secretOf(id, topic), body)],
			['X-WC-Webhook-ID', '12'],
			['X-WC-Webhook-Delivery-ID', 'ab'],
		],
		body,
	}
}

function without({ url, headers, body }: Sent, name: string, ...instead: [string, string][]): Sent {
	return { url, headers: [...headers.filter(([one]) => one.toLowerCase() !== name.toLowerCase()), ...instead], body }
}

/** From an address each: failures are counted by it, and refused in their turn. */
let senders = 0

async function send({ url, headers, body }: Sent): Promise<number> {
	const all = new Headers({ 'CF-Connecting-IP': `2001:db8::${(++senders).toString(16)}` })
	for (const [name, value] of headers) {
		try {
			all.append(name, value)
		} catch {
			// No sender could write this header.
		}
	}
	return (await client.send(new Request(url, { method: 'POST', headers: all, body }))).status
}

/** Sends a family; the statuses that came back. */
async function family(
	make: (n: number, random: ReturnType<typeof generator>) => Sent,
	seed: number,
	count = EACH,
): Promise<Map<number, number>> {
	const random = generator(seed)
	const seen = new Map<number, number>()
	for (let n = 0; n < count; n++) {
		const status = await send(make(n, random))
		seen.set(status, (seen.get(status) ?? 0) + 1)
	}
	return seen
}

/** Nothing was taken, made or written: at most a look at which instances exist, and the counts for one that does. */
function expectNothing(): void {
	expect(client.world.watchers.deliveries).toEqual([])
	expect(client.world.watchers.calls.filter((call) => call !== '7 rejected')).toEqual([])
	expect(client.world.watchers.calls.length).toBeLessThanOrEqual(1)
	expect(statements.filter((query) => !query.startsWith('SELECT id, incarnation FROM instances'))).toEqual([])
	expect(statements.length).toBeLessThanOrEqual(1)
}

const TOPICS = ['order.updated', 'product.created', 'coupon.deleted', 'customer.updated']
const BODY = '{"id":77,"status":"processing"}'

describe('a thousand each', () => {
	test('signatures', async () => {
		const seen = await family((n, random) => {
			const topic = random.pick(TOPICS)
			const good = sign(secretOf(7, topic), BODY)
			const at = random.number(43)
			const signatures = [
				'',
				random.text(44),
				good.slice(0, at),
				good + random.text(1 + random.number(200)),
				good.replaceAll('+', '-').replaceAll('/', '_').replace('=', ''),
				good.slice(0, at) + (good[at] === 'A' ? 'B' : 'A') + good.slice(at + 1),
				`sha256=${good}`,
				Buffer.from(good, 'base64').toString('hex'),
				`"${good}"`,
				Buffer.from(random.bytes(random.number(64))).toString('base64'),
				good.toLowerCase() === good ? 'x' : good.toLowerCase(),
				'A'.repeat(random.number(5000)),
			]
			return without(
				proper(7, topic, BODY),
				'X-WC-Webhook-Signature',
				...(n % 13 === 0 ? [] : [['X-WC-Webhook-Signature', signatures[n % signatures.length]!] as [string, string]]),
			)
		}, 1)
		expect([...seen.keys()]).toEqual([401])
		expectNothing()
	})

	test('topics', async () => {
		const seen = await family((n, random) => {
			const base = proper(7, 'order.updated', BODY)
			const odd = [
				'',
				'ORDER.UPDATED',
				'order',
				'.',
				'order.',
				'.updated',
				'order..updated',
				'order.updated ',
				'order.updated;x',
				'toString.valueOf',
				'__proto__.created',
				'action.init',
				random.text(1 + random.number(300)),
				'a'.repeat(9000),
				`order.${random.text(5)}`,
			]
			return without(
				base,
				'X-WC-Webhook-Topic',
				...(n % 17 === 0
					? []
					: [
							['X-WC-Webhook-Topic', n % 3 === 0 ? random.pick(TOPICS.slice(1)) : odd[n % odd.length]!] as [
								string,
								string,
							],
						]),
			)
		}, 2)
		// Blanks around a value are the transport's, not the topic's.
		expect([...seen.keys()].filter((status) => status !== 401 && status !== 200)).toEqual([])
		expect(client.world.watchers.deliveries.every(({ topic }) => topic === 'order.updated')).toBe(true)
	})

	test('doubled headers', async () => {
		const names = ['X-WC-Webhook-Topic', 'X-WC-Webhook-Signature']
		const seen = await family((n, random) => {
			const base = proper(7, 'order.updated', BODY)
			const name = names[n % names.length]!
			const own = base.headers.find(([one]) => one === name)![1]
			const second = n % 3 === 0 ? own : n % 3 === 1 ? random.text(1 + random.number(60)) : ''
			return { ...base, headers: n % 2 === 0 ? [...base.headers, [name, second]] : [[name, second], ...base.headers] }
		}, 3)
		expect([...seen.keys()]).toEqual([401])
		expectNothing()
		// Doubled ids and sources are texts like any other.
		const ids = await family(
			(_n, random) => ({
				...proper(7, 'order.updated', BODY),
				headers: [
					...proper(7, 'order.updated', BODY).headers,
					['X-WC-Webhook-ID', random.text(9)],
					['X-WC-Webhook-Source', random.text(900)],
					['X-WC-Webhook-Delivery-ID', random.text(500)],
				],
			}),
			33,
			100,
		)
		expect([...ids.keys()]).toEqual([200])
	})

	test('encodings', async () => {
		const seen = await family((n, random) => {
			const bodies: (string | Uint8Array<ArrayBuffer>)[] = [
				random.bytes(1 + random.number(300)),
				new Uint8Array([0x7b, 0x22, 0x69, 0x64, 0x22, 0x3a, 0x22, 0xc3, 0x28, 0x22, 0x7d]),
				new Uint8Array(Buffer.from('{"id":77}', 'utf16le')),
				new Uint8Array(Buffer.from('{"id":"é"}', 'latin1')),
				new Uint8Array([0x1f, 0x8b, 0x08, ...random.bytes(40)]),
				'{"id":77,"a":"\u0000"}',
				'{"id":77,"a":"\\ud800"}x',
				'\uFEFF\uFEFF{"id":77}',
			]
			const base = proper(7, 'order.updated', bodies[n % bodies.length]!)
			return {
				...base,
				headers: [
					...base.headers,
					['Content-Encoding', random.pick(['gzip', 'br', 'x', ''])],
					['Transfer-Encoding', 'chunked'],
				],
			}
		}, 4)
		expect([...seen.keys()]).toEqual([400])
		expect(client.world.watchers.deliveries).toEqual([])
	})

	test('JSON, its depth and its shape', async () => {
		const seen = await family((n, random) => {
			const depth = 500 + random.number(2000)
			const bodies = [
				`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`,
				'{"a":'.repeat(depth),
				`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
				'['.repeat(depth * 10),
				']'.repeat(depth),
				`{"id":${'9'.repeat(random.number(400))}}`,
				'null',
				'true',
				'[]',
				'"id"',
				'',
				'{',
				'{"id":77,}',
				"{'id':77}",
				'{"id":NaN}',
				`{"__proto__":{"id":1},"id":{"$gt":0}}`,
				`{"id":77,"id":78}`,
				`{"id":1e400}`,
				random.text(random.number(200)),
			]
			return proper(7, random.pick(TOPICS), bodies[n % bodies.length]!)
		}, 5)
		expect([...seen.keys()].filter((status) => status !== 400 && status !== 200)).toEqual([])
		for (const { body } of client.world.watchers.deliveries) expect(JSON.parse(body!)).toBeTypeOf('object')
	})

	test('sizes', async () => {
		const filler = 'x'.repeat(9 * 1024 * 1024)
		let large = 0
		const seen = await family((n, random) => {
			// A few are really large; most lie around the bounds of what is cheap to send by the thousand.
			const size =
				n % 100 === 0 ? random.pick([1_572_864, 1_572_865, 8_388_608, 8_388_609, 9_000_000]) : random.number(4000)
			if (size > 1_572_864) large++
			const body = size < 23 ? filler.slice(0, size) : `{"id":"77","filler":"${filler.slice(0, size - 23)}"}`
			return n % 2 === 0
				? proper(7, 'order.updated', body)
				: without(proper(7, 'order.updated', body.slice(0, 100)), 'Content-Length', [
						'Content-Length',
						String(random.number(1e9)),
					])
		}, 6)
		expect(large).toBeGreaterThan(2)
		expect([...seen.keys()].filter((status) => ![200, 400, 401, 413].includes(status))).toEqual([])
	})

	test('ids', async () => {
		const seen = await family((n, random) => {
			const base = proper(7, 'order.updated', BODY)
			const odd = [
				'',
				'=',
				'Nw',
				'NW==',
				'Nw===',
				'%',
				'%00',
				'%zz',
				'..',
				'Nw==/..',
				'7.',
				btoa('0'),
				btoa('-7'),
				btoa('7e0'),
				btoa('07'),
				btoa('7 '),
				btoa('9'.repeat(16)),
				btoa(random.text(8)),
				encodeURIComponent(random.text(1 + random.number(300))),
				'A'.repeat(5000),
				'__proto__',
				'Tnc=',
				btoa(String(1 + random.number(1e9))),
			]
			const id = odd[n % odd.length]!
			if (id === 'Nw' || id === 'Nw===' || btoa('7').startsWith(id)) return { ...base, url: `${RECEIVER}/${btoa('8')}` }
			return n % 2 === 0
				? { ...base, url: `${RECEIVER}/${id}?v=1` }
				: { ...base, url: `${RECEIVER}?v=1`, headers: [...base.headers, ['Element-Instances', decodeSafely(id)]] }
		}, 7)
		// An address with a slash in it is none of the receiver's: it is answered as any unknown path.
		expect([...seen.keys()].filter((status) => ![401, 404, 405].includes(status))).toEqual([])
		expectNothing()
	})

	test('replays under another topic, instance or version', async () => {
		const seen = await family((n, random) => {
			const topic = random.pick(TOPICS)
			const base = proper(7, topic, BODY)
			if (n % 3 === 0)
				return without(base, 'X-WC-Webhook-Topic', [
					'X-WC-Webhook-Topic',
					random.pick(webhooks.topics.filter((one) => one !== topic)),
				])
			if (n % 3 === 1) return { ...base, url: `${RECEIVER}/${btoa(String(8 + random.number(1e6)))}?v=1` }
			return { ...base, url: `${RECEIVER}/${btoa('7')}?v=${2 + random.number(1000)}` }
		}, 8)
		expect([...seen.keys()]).toEqual([401])
		expectNothing()
	})

	test('ten thousand forged requests to random ids', async () => {
		const PROPER = proper(7, 'order.updated', BODY)
		const seen = await family(
			(_n, random) => {
				const forged = Buffer.from(random.bytes(32)).toString('base64')
				return without(
					{ ...PROPER, url: `${RECEIVER}/${btoa(String(1 + random.number(1e6)))}?v=1` },
					'X-WC-Webhook-Signature',
					['X-WC-Webhook-Signature', forged],
				)
			},
			9,
			10_000,
		)
		expect([...seen.entries()]).toEqual([[401, 10_000]])
		expectNothing()
	}, 120_000)
})

function decodeSafely(text: string): string {
	try {
		return decodeURIComponent(text)
	} catch {
		return text
	}
}
