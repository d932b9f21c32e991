/**
 * The fold with webhooks, reconciled and in hybrid: deliveries lost, doubled, late, replayed, reordered, held back, from a clone, with error
 * objects or a plugin's fields, and webhooks switched off: nothing lost, doubled, invented.
 */
import { expect, test } from 'vitest'
import { CRASH_POINTS, WEBHOOK_FAULTS } from '../../support/fold.ts'
import { findRare, testStoriesInShares } from './fold-suite.ts'

/** Stories in all, in as many tests. */
const RUNS = 32
const SHARES = 2

const happened = testStoriesInShares('the fold with webhooks', {
	runs: RUNS,
	shares: SHARES,
	seed: 20_270_301,
	source: 'webhooks',
})

test('each fault of deliveries, each replay and each way of being off occurs in at least one story in twenty', () => {
	const kinds = [
		...Object.keys(WEBHOOK_FAULTS).map((name) => `deliveries ${name}`),
		...['disabled', 'paused', 'deleted'].map((status) => `webhooks ${status}`),
		'webhooks off for a day',
		...['same', 'topic', 'instance'].map((as) => `replayed ${as}`),
		'secrets rotated',
		...CRASH_POINTS.map((point) => `crash ${point}`),
	]
	expect(findRare(happened, kinds, RUNS)).toEqual([])
})
