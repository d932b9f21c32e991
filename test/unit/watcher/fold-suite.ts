/** The strongest property: whatever happens, folding the notifications that arrived gives the store's state; nothing doubled, nothing invented. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Judgement } from '../../support/oracle.ts'
import { CRASH_POINTS, STORE_FAULTS, playStory, storyArbitrary } from '../../support/fold.ts'

/** Stories of one file, and the tests that they are spread over. Two files run side by side: 96 stories in all; `npm run fold` tells thousands. */
const RUNS = 48
const TEST_SHARES = 2

/** How often each thing happened in the stories that were told, by its name. */
export type OccurrenceCounts = Map<string, number>

/** Tells `runs` stories in `shares` tests, each with seeds of its own; every one must end in the store's state. */
export function testStoriesInShares(
	name: string,
	{
		runs,
		shares,
		seed,
		source,
	}: { runs: number; shares: number; seed: number; source?: Parameters<typeof storyArbitrary>[1] },
): OccurrenceCounts {
	const happened: OccurrenceCounts = new Map()
	describe.each(Array.from({ length: shares }, (_, index) => index + 1))(`${name}, share %i`, (share) => {
		test(`${runs / shares} stories of 30 steps and more end in the store's state §10.2`, async () => {
			await fc.assert(
				fc.asyncProperty(storyArbitrary({ min: 30, max: 40 }, source), async (story) => {
					const { judgement, happened: seen } = await playStory(story)
					for (const kind of seen) happened.set(kind, (happened.get(kind) ?? 0) + 1)
					expectFolded(judgement)
				}),
				{ numRuns: runs / shares, seed: seed + share, endOnFailure: true },
			)
		}, 1_200_000)
	})
	return happened
}

/** Nothing was lost, doubled, invented, renamed or out of order. */
export function expectFolded({ missed, duplicates, invented, renamed, disordered, details }: Judgement): void {
	expect({ missed, duplicates, invented, renamed, disordered }, JSON.stringify(details.slice(0, 5))).toEqual({
		missed: 0,
		duplicates: 0,
		invented: 0,
		renamed: 0,
		disordered: 0,
	})
}

/** What happened in fewer than one story in twenty. */
export function findRare(happened: OccurrenceCounts, kinds: readonly string[], runs: number): string[] {
	return kinds
		.filter((kind) => (happened.get(kind) ?? 0) < runs / 20)
		.map((kind) => `${kind}: ${happened.get(kind) ?? 0} of ${runs}`)
}

/** The fold with stories of its own, and the proof that they held enough. */
export function testStories(seed: number): void {
	const happened = testStoriesInShares('the fold', { runs: RUNS, shares: TEST_SHARES, seed })

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
			...Object.keys(STORE_FAULTS).map((name) => `fault ${name}`),
			'fault write-during-scan',
			'doorbells lost',
			'd1 down',
			'pause',
			...[500, 503, 404, 'timeout', 'reset'].map((answer) => `callback ${answer}`),
			...CRASH_POINTS.map((point) => `crash ${point}`),
		]
		expect(findRare(happened, kinds, RUNS)).toEqual([])
	})

	test('mass changes are sent and held, and people decide both ways', () => {
		const kinds = ['mass change emit', 'mass change hold', 'decided emit', 'decided forget']
		expect(kinds.filter((kind) => !happened.has(kind))).toEqual([])
	})
}
