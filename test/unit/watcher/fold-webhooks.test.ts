/**
 * The fold with webhooks, reconciled and in hybrid: deliveries lost, doubled, late, replayed, reordered, held back, from a clone, with error
 * objects or a plugin's fields, and webhooks switched off: nothing lost, doubled, invented.
 */
import { expect, test } from 'vitest'
import { CRASH_POINTS, DELIVERY_FAULTS } from '../../support/fold.ts'
import { rareOf, tellInShares } from './fold-suite.ts'

/** Stories in all, in as many tests. */
const RUNS = 64
const SHARES = 4

const happened = tellInShares('the fold with webhooks', { runs: RUNS, shares: SHARES, seed: 20_270_301, way: 'webhooks' })

test('each fault of deliveries, each replay and each way of being off occurs in at least one story in twenty', () => {
	const kinds = [
		...Object.keys(DELIVERY_FAULTS).map((name) => `deliveries ${name}`),
		...['disabled', 'paused', 'deleted'].map((status) => `webhooks ${status}`),
		...['same', 'topic', 'instance'].map((as) => `replayed ${as}`),
		'secrets rotated',
		...CRASH_POINTS.map((point) => `crash ${point}`),
	]
	expect(rareOf(happened, kinds, RUNS)).toEqual([])
})
