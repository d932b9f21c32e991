/**
 * The fold with webhooks, reconciled and in hybrid: deliveries lost, doubled, late, replayed, reordered, held back, from a clone, with error
 * objects or a plugin's fields, and webhooks switched off: nothing lost, doubled, invented.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CRASH_POINTS, DELIVERY_FAULTS, play, story } from '../../fold.ts'

/** Stories in all, in as many tests. */
const RUNS = 104
const SHARES = 4

const happened = new Map<string, number>()

describe.each(Array.from({ length: SHARES }, (_, index) => index + 1))('the fold with webhooks, share %i', (share) => {
	test(`${RUNS / SHARES} stories of 30 steps and more end in the store's state`, async () => {
		await fc.assert(
			fc.asyncProperty(story({ min: 30, max: 40 }, 'webhooks'), async (tale) => {
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
			{ numRuns: RUNS / SHARES, seed: 20_270_301 + share, endOnFailure: true },
		)
	}, 300_000)
})

test('each fault of deliveries, each replay and each way of being off occurs in at least one story in twenty', () => {
	const kinds = [
		...Object.keys(DELIVERY_FAULTS).map((name) => `deliveries ${name}`),
		...['disabled', 'paused', 'deleted'].map((status) => `webhooks ${status}`),
		...['same', 'topic', 'instance'].map((as) => `replayed ${as}`),
		'secrets rotated',
		...CRASH_POINTS.map((point) => `crash ${point}`),
	]
	const rare = kinds.filter((kind) => (happened.get(kind) ?? 0) < RUNS / 20)
	expect(rare.map((kind) => `${kind}: ${happened.get(kind) ?? 0} of ${RUNS}`)).toEqual([])
})
