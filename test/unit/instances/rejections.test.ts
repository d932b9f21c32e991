/** Refused deliveries: counted in memory, handed over at most once a minute, only to instances that exist, and never with what could open something. */
import type { ObjectRef } from '../../../src/lib/incarnation.ts'
import { describe, expect, test } from 'vitest'
import { mergeRejections, RejectionBuffer } from '../../../src/instances/rejection-buffer.ts'
import type { WebhookRejections } from '../../../src/rpc/watcher.ts'

const HEADERS = new Headers({
	'X-WC-Webhook-Topic': 'order.updated',
	Authorization: 'Basic secret',
	Cookie: 'secret=1',
})
const BODY = new TextEncoder().encode(`{"id":7}\u0000${'x'.repeat(5000)}`)

/** A database in which some instances are ready. */
function database(ready: number[]): { db: D1Database; asked: number[][] } {
	const asked: number[][] = []
	const db = {
		prepare: () => ({
			bind: (ids: string) => {
				const list = JSON.parse(ids) as number[]
				asked.push(list)
				return { all: async () => ({ results: list.filter((id) => ready.includes(id)).map((id) => ({ id })) }) }
			},
		}),
	} as unknown as D1Database
	return { db, asked }
}

const ref = (id: number): ObjectRef => ({ id, incarnation: String(id) })

describe('refusals', () => {
	test('reach those instances that exist, once a minute', async () => {
		const rejections = new RejectionBuffer()
		const told: [number, WebhookRejections][] = []
		const watcher = ({ id }: ObjectRef) => ({
			rejected: async (counted: WebhookRejections) => (told.push([id, counted]), 'ok' as const),
		})
		const { db, asked } = database([7])
		expect(rejections.isDue(0)).toBe(false)
		for (let n = 0; n < 10; n++) rejections.count(ref(7), 'bad-signature', n, HEADERS, BODY)
		rejections.count(ref(8), 'no-signature', 3, HEADERS, null)
		expect(rejections.isDue(10)).toBe(true)
		await rejections.flush(db, watcher, 10)
		expect(asked).toEqual([[7, 8]])
		expect(told).toHaveLength(1)
		expect(told[0]).toMatchObject([7, { sinceMs: 0, counts: { 'bad-signature': 10 } }])
		rejections.count(ref(7), 'bad-signature', 20, HEADERS, BODY)
		expect(rejections.isDue(60_009)).toBe(false)
		expect(rejections.pending(ref(7))!.counts).toEqual({ 'bad-signature': 1 })
		expect(rejections.isDue(60_010)).toBe(true)
	})

	test('at most five samples of a kilobyte, without credentials or control characters', () => {
		const rejections = new RejectionBuffer()
		for (let n = 0; n < 20; n++) rejections.count(ref(7), 'bad-signature', n, HEADERS, BODY)
		const { samples } = rejections.pending(ref(7))!
		expect(samples).toHaveLength(5)
		for (const { headers, body } of samples) {
			expect(headers.length + body.length).toBeLessThanOrEqual(1024)
			expect(headers).toBe('x-wc-webhook-topic: order.updated')
			expect(body).toMatch(/^\{"id":7\}·x+$/)
		}
	})

	test('a flood of guessed ids keeps to its bounds', () => {
		const rejections = new RejectionBuffer()
		for (let id = 1; id <= 20_000; id++) rejections.count(ref(id), 'bad-signature', 0, HEADERS, null)
		expect(rejections.pending(ref(20_000))).not.toBeNull()
		expect(rejections.pending(ref(1))).toBeNull()
	})

	test('what cannot be handed over is dropped, not thrown', async () => {
		const rejections = new RejectionBuffer()
		rejections.count(ref(7), 'x', 0, HEADERS, null)
		await rejections.flush(database([7]).db, () => ({ rejected: async () => Promise.reject(new Error('away')) }), 0)
		expect(rejections.pending(ref(7))).toBeNull()
	})

	test('two sets join', () => {
		const sample = (atMs: number) => ({ atMs, reason: 'r', headers: '', body: '' })
		const kept = { sinceMs: 5, counts: { a: 1 }, samples: [1, 2, 3, 4].map(sample) }
		expect(mergeRejections(kept, null)).toBe(kept)
		expect(mergeRejections(kept, { sinceMs: 9, counts: { a: 2, b: 1 }, samples: [sample(10), sample(11)] })).toEqual({
			sinceMs: 5,
			counts: { a: 3, b: 1 },
			samples: [11, 10, 4, 3, 2].map(sample),
		})
		expect(
			mergeRejections({ sinceMs: 0, counts: {}, samples: [] }, { sinceMs: 9, counts: { b: 1 }, samples: [] }).sinceMs,
		).toBe(9)
	})
})
