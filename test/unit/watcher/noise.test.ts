/** Noise is proven by reads: what three reads of the same objects say, and when proofs begin, are renewed and end. */
import { describe, expect, test } from 'vitest'
import { concludeRound, findNoise, getNextRoundMs, NO_NOISE, planRound } from '../../../src/watcher/core/noise.ts'
import { HOUR_MS } from '../../support/stories.ts'
import { woocommerce } from '../../../src/elements/woocommerce/woocommerce.ts'
import { resource } from '../elements/support.ts'
import type { Snapshot } from '../../../src/elements/store.ts'

/** Three reads of so many products; `at` gives what a product has in a read. */
function reads(count: number, at: (read: number, id: number) => Record<string, unknown>): Snapshot[][] {
	return [0, 1, 2].map((read) =>
		Array.from({ length: count }, (_, index) => {
			const record = { id: index + 1, date_modified_gmt: '2026-06-01T00:00:00', ...at(read, index + 1) }
			return woocommerce.parseRecord(resource('/products'), record, { version: 2, paths: [] })!
		}),
	)
}
const found = (count: number, at: (read: number, id: number) => Record<string, unknown>): string[] =>
	[...findNoise(reads(count, at)).keys()].sort()

describe('three reads of one object', () => {
	test('that differ every time prove a path, as do values that return', () => {
		expect(found(3, (read) => ({ images: [{ src: `a?${read}`, alt: 'x' }] }))).toEqual(['images.*.src'])
		expect(found(3, (read) => ({ meta_data: [{ key: '_n', value: read % 2 }] }))).toEqual(['meta_data._n'])
		expect(found(3, (read) => ({ billing: { hash: read } }))).toEqual(['billing.hash'])
		expect(found(3, (read) => ({ price: read === 1 ? '8.10' : '9.00' }))).toEqual(['price'])
	})
	test('that differ once are an edit', () => {
		expect(found(9, (read) => ({ images: [{ src: read === 0 ? 'a' : 'b' }] }))).toEqual([])
		expect(found(9, (read) => ({ images: [{ src: read === 2 ? 'a' : 'b' }] }))).toEqual([])
	})
	test('prove nothing in fewer than three objects, with a moved date, or of a whole list', () => {
		expect(found(2, (read) => ({ images: [{ src: read }] }))).toEqual([])
		expect(found(3, (read, id) => ({ images: [{ src: id === 1 ? 0 : read }] }))).toEqual([])
		expect(found(3, (read) => ({ images: [{ src: read }], date_modified_gmt: `2026-06-01T00:00:0${read}` }))).toEqual(
			[],
		)
		expect(
			found(3, (read) => ({ related_ids: [read], images: Array.from({ length: read }, () => ({ src: 'a' })) })),
		).toEqual([])
	})
})

describe('proofs', () => {
	const noise = new Map([['images.*.src', [1, 2, 3]]])
	test('are provisional for an hour, are confirmed, and renewed every week', () => {
		const first = concludeRound([], noise, 1_000)
		expect(first).toMatchObject([{ path: 'images.*.src', confirmedMs: null }])
		expect(getNextRoundMs({ ...NO_NOISE, proofs: first })).toBe(1_000 + HOUR_MS)
		expect(concludeRound(first, noise, 2_000)).toEqual(first)
		const second = concludeRound(first, noise, 1_000 + HOUR_MS)
		expect(second).toMatchObject([{ confirmedMs: 1_000 + HOUR_MS }])
		expect(getNextRoundMs({ ...NO_NOISE, proofs: second })).toBe(1_000 + HOUR_MS + 168 * HOUR_MS)
	})
	test('end when reads agree', () => {
		const first = concludeRound([], noise, 0)
		expect(concludeRound(first, new Map(), HOUR_MS - 1)).toEqual(first)
		expect(concludeRound(first, new Map(), HOUR_MS)).toEqual([])
		const second = concludeRound(first, noise, HOUR_MS)
		expect(concludeRound(second, new Map(), 170 * HOUR_MS)).toEqual([])
	})
})

describe('a round', () => {
	const ids = (n: number): number[] => Array.from({ length: n }, (_, index) => index)
	test('is made for three objects, and waited for by more than ten, for two minutes', () => {
		expect(planRound(NO_NOISE, ids(2), true, 0)).toBeNull()
		expect(planRound(NO_NOISE, ids(3), true, 0)).toMatchObject({ waiting: false })
		expect(planRound(NO_NOISE, ids(10), true, 0)).toMatchObject({ waiting: false })
		expect(planRound(NO_NOISE, ids(11), false, 0)).toMatchObject({ waiting: false })
		const round = planRound(NO_NOISE, ids(11), true, 0)!
		expect(round).toMatchObject({ waiting: true, ids: ids(10) })
		const running = { ...NO_NOISE, round: { ...round, waiting: false } }
		expect(planRound(running, ids(11), true, 60_000)).toMatchObject({ waiting: true, startedMs: 0 })
		expect(planRound(running, ids(5), true, 60_000)).toBeNull()
	})
	test('is made at most once an hour', () => {
		const state = { ...NO_NOISE, roundDoneMs: 0 }
		expect(planRound(state, ids(50), true, HOUR_MS - 1)).toBeNull()
		expect(planRound(state, ids(50), true, HOUR_MS)).not.toBeNull()
	})
})
