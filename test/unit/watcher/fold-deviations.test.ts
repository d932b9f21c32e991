/**
 * The fold at stores that answer otherwise than asked: one story for each deviation, many of them with a second one; `npm run fold -- --all`
 * tells more. Nothing is lost, doubled or invented beyond the time of the strategy, and health says what is out of reach.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DEVIATIONS } from '../../support/fold-deviations.ts'
import { deviantStoryArbitrary, playStory } from '../../support/fold.ts'
import { expectFolded } from './fold-suite.ts'

const happened = new Set<string>()

test.each(Object.keys(DEVIATIONS))(
	'a story of 15 steps and more with %s ends in the store’s state §10.2',
	async (name) => {
		const seed = 20_270_601 + Object.keys(DEVIATIONS).indexOf(name)
		for (const story of fc.sample(deviantStoryArbitrary({ min: 15, max: 22 }, name), { numRuns: 1, seed })) {
			const outcome = await playStory(story)
			for (const kind of outcome.happened) happened.add(kind)
			expectFolded(outcome.judgement)
		}
	},
)

test('each deviation has met requests of a story', () => {
	expect(Object.keys(DEVIATIONS).filter((name) => !happened.has(`deviation ${name}`))).toEqual([])
})
