/** Noise is proven by reads: what three reads of the same objects say, and when proofs begin, are renewed and end. */
import { describe, expect, test } from 'vitest'
import {
	concludeRound,
	findNoise,
	getNextRoundMs,
	getRoundDeadlineMs,
	isRoundLate,
	isWaitingForRound,
	NO_NOISE,
	planRenewal,
	planRound,
	restartRound,
	toNoisePaths,
	type NoiseFinding,
} from '../../../src/watcher/core/noise.ts'
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

describe('URLs that stay the same without their query', () => {
	const finding = (at: (read: number, id: number) => unknown): NoiseFinding | undefined =>
		findNoise(reads(4, (read, id) => ({ meta_data: [{ key: 'file', value: at(read, id) }] }))).get('meta_data.file')
	test('still count: signed addresses, also in other values', () => {
		for (const at of [
			(read: number) => `https://cdn.example/a.jpg?sig=${read}`,
			(read: number) => `a.jpg?sig=${read}`,
			(read: number) => ({ large: [`https://cdn.example/a.jpg?sig=${read}`], made: read }),
			(read: number) => `<img src="/a.jpg?sig=${read}"> for sale`,
		])
			expect(finding(at)).toMatchObject({ urls: true })
	})
	test('do not count if another part differs, or if there are none', () => {
		for (const at of [
			(read: number) => `https://cdn${read}.example/a.jpg`,
			(read: number) => `https://cdn.example/${read}/a.jpg?sig=${read}`,
			(read: number) => `nonce ${read}`,
			(read: number) => read,
		])
			expect(finding(at)).toMatchObject({ urls: false })
	})
	test('count although somebody edits one of the objects meanwhile', () => {
		const sign = (read: number, id: number): string => `https://cdn.example/${id === 1 ? read : 0}.jpg?sig=${read}`
		expect(finding(sign)).toMatchObject({ urls: true, ids: [1, 2, 3, 4] })
	})
	test('count on resources with reliable dates alone', () => {
		const proofs = [
			{ path: 'b', firstMs: 0, confirmedMs: null, ids: [1], urls: true },
			{ path: 'a', firstMs: 0, confirmedMs: null, ids: [1], urls: false },
			{ path: 'of an earlier version', firstMs: 0, confirmedMs: null, ids: [1] },
		]
		expect(toNoisePaths(proofs, true)).toEqual({ paths: ['a', 'of an earlier version'], urlPaths: ['b'] })
		expect(toNoisePaths(proofs, false)).toEqual({ paths: ['a', 'b', 'of an earlier version'], urlPaths: [] })
	})
})

describe('proofs', () => {
	const finding: NoiseFinding = { ids: [1, 2, 3], urls: true, example: null }
	const noise = new Map([['images.*.src', finding]])
	const ids = [1, 2, 3]
	test('are provisional for an hour, are confirmed, and renewed every week', () => {
		const first = concludeRound([], noise, ids, 1_000)
		expect(first).toMatchObject([{ path: 'images.*.src', confirmedMs: null }])
		expect(getNextRoundMs({ ...NO_NOISE, proofs: first })).toBe(1_000 + HOUR_MS)
		expect(concludeRound(first, noise, ids, 2_000)).toEqual(first)
		const second = concludeRound(first, noise, ids, 1_000 + HOUR_MS)
		expect(second).toMatchObject([{ confirmedMs: 1_000 + HOUR_MS }])
		expect(getNextRoundMs({ ...NO_NOISE, proofs: second })).toBe(1_000 + HOUR_MS + 168 * HOUR_MS)
		expect(concludeRound(second, new Map(), ids, 168 * HOUR_MS)).toEqual(second)
		expect(concludeRound(second, noise, ids, 170 * HOUR_MS)).toMatchObject([
			{ firstMs: 1_000, confirmedMs: 170 * HOUR_MS },
		])
	})
	test('end when reads agree', () => {
		const first = concludeRound([], noise, ids, 0)
		expect(concludeRound(first, new Map(), ids, HOUR_MS - 1)).toEqual(first)
		expect(concludeRound(first, new Map(), ids, HOUR_MS)).toEqual([])
		const second = concludeRound(first, noise, ids, HOUR_MS)
		expect(concludeRound(second, new Map(), ids, 170 * HOUR_MS)).toEqual([])
	})
	test('are judged by reads of their own objects alone, which a round for other objects makes too', () => {
		const proofs = concludeRound([], noise, ids, 0)
		expect(concludeRound(proofs, new Map(), [1, 2, 7, 8], HOUR_MS)).toEqual(proofs)
		expect(planRound({ ...NO_NOISE, proofs }, [7, 8, 9], false, HOUR_MS)).toMatchObject({ ids: [7, 8, 9, 1, 2, 3] })
		expect(planRound({ ...NO_NOISE, proofs }, [7, 8, 9], false, HOUR_MS - 1)).toMatchObject({ ids: [7, 8, 9] })
		expect(planRenewal({ ...NO_NOISE, proofs }, [ids[0]!, 999], HOUR_MS)).toMatchObject({
			ids: [...ids, 999],
			waiting: false,
		})
	})
	test('lose their URLs at once when these begin to differ in other parts, and have them again when renewed', () => {
		const first = concludeRound([], noise, ids, 0)
		const unsteady = concludeRound(first, new Map([['images.*.src', { ...finding, urls: false }]]), ids, 1_000)
		expect(unsteady).toMatchObject([{ urls: false, confirmedMs: null }])
		expect(concludeRound(unsteady, noise, ids, 2_000)).toMatchObject([{ urls: false }])
		expect(concludeRound(unsteady, noise, ids, HOUR_MS)).toMatchObject([{ urls: true }])
	})
	test('are not read again at once after a round without result', () => {
		const proofs = concludeRound([], noise, ids, 0)
		expect(getNextRoundMs({ proofs, round: null, roundDoneMs: 3 * HOUR_MS })).toBe(4 * HOUR_MS)
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
	test('counts only if its reads lie within a minute; otherwise it begins anew, three times, and nobody waits longer', () => {
		const round = planRound(NO_NOISE, ids(11), true, 0)!
		expect(isRoundLate(round, 5_000, 65_000)).toBe(false)
		expect(isRoundLate(round, 5_000, 65_001)).toBe(true)
		expect(isRoundLate(round, null, 119_999)).toBe(false)
		expect(isRoundLate(round, null, 120_000)).toBe(true)
		const again = restartRound(round, 65_001)!
		expect(again).toMatchObject({ dueMs: 65_001, waiting: true, startedMs: 0 })
		expect(isRoundLate(again, null, 185_000)).toBe(false)
		expect(getRoundDeadlineMs(again)).toBe(120_000)
		expect(isWaitingForRound({ ...NO_NOISE, round: again }, 119_999)).toBe(true)
		expect(isWaitingForRound({ ...NO_NOISE, round: again }, 120_000)).toBe(false)
		expect(planRound({ ...NO_NOISE, round: again }, ids(50), true, 130_000)).toBeNull()
		const third = restartRound(restartRound(again, 1)!, 1)!
		expect(restartRound(third, 1)).toBeNull()
	})
})
