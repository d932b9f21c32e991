/** The strongest property: whatever happens, folding the notifications that arrived gives the store's state; nothing doubled, nothing invented. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CRASH_POINTS, FAULTS, play, story } from '../../support/fold.ts'

/** Stories of one file, and the tests that they are spread over. Two files run side by side: 500 stories in all. */
const RUNS = 250
const SHARES = 2

/** How often each thing happened in the stories that were told, by its name. */
export type Happened = Map<string, number>

/** Tells `runs` stories in `shares` tests, each with seeds of its own; every one must end in the store's state. */
export function tellInShares(
	name: string,
	{ runs, shares, seed, way }: { runs: number; shares: number; seed: number; way?: Parameters<typeof story>[1] },
): Happened {
	const happened: Happened = new Map()
	describe.each(Array.from({ length: shares }, (_, index) => index + 1))(`${name}, share %i`, (share) => {
		test(`${runs / shares} stories of 30 steps and more end in the store's state §10.2`, async () => {
			await fc.assert(
				fc.asyncProperty(story({ min: 30, max: 40 }, way), async (tale) => {
					const { judgement, happened: seen } = await play(tale)
					for (const one of seen) happened.set(one, (happened.get(one) ?? 0) + 1)
					const { missed, duplicates, invented, renamed, disordered, details } = judgement
					expect({ missed, duplicates, invented, renamed, disordered }, JSON.stringify(details.slice(0, 5))).toEqual({
						missed: 0,
						duplicates: 0,
						invented: 0,
						renamed: 0,
						disordered: 0,
					})
				}),
				{ numRuns: runs / shares, seed: seed + share, endOnFailure: true },
			)
		}, 300_000)
	})
	return happened
}

/** What happened in fewer than one story in twenty. */
export function rareOf(happened: Happened, kinds: readonly string[], runs: number): string[] {
	return kinds.filter((kind) => (happened.get(kind) ?? 0) < runs / 20).map((kind) => `${kind}: ${happened.get(kind) ?? 0} of ${runs}`)
}

/** The fold with stories of its own, and the proof that they held enough. */
export function tellStories(seed: number): void {
	const happened = tellInShares('the fold', { runs: RUNS, shares: SHARES, seed })

	test('each kind of change, fault and crash point occurs in at least one story in twenty', () => {
		const kinds = [
			...['orders', 'products', 'coupons', 'customers'].flatMap((resource) => [
				`created ${resource}`,
				`updated ${resource}`,
				`deleted ${resource}`,
				`saved-unchanged ${resource}`,
				`edited-silently ${resource}`,
			]),
			...['orders', 'products', 'coupons'].flatMap((resource) => [`trashed ${resource}`, `restored ${resource}`]),
			...Object.keys(FAULTS).map((name) => `fault ${name}`),
			'fault write-during-scan',
			'doorbells lost',
			'd1 down',
			'pause',
			...[500, 503, 404, 'timeout', 'reset'].map((answer) => `callback ${answer}`),
			...CRASH_POINTS.map((point) => `crash ${point}`),
		]
		expect(rareOf(happened, kinds, RUNS)).toEqual([])
	})
}
