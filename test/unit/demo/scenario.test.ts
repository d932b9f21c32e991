/** The story of `npm run demo -- --once`: it tells what it promises, for any seed, and says what it lacks. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { JournalEntry } from '../../store/store.ts'
import { createCallbackServer } from '../../demo/callback.ts'
import { baselineFaults, playScenario, findShortfalls } from '../../demo/scenario.ts'
import { createStore } from '../../store/store.ts'

beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 10, 23) }))
afterEach(() => void vi.useRealTimers())

test.each([0, 1, 2, 3, 99, 4_294_967_295])(
	'seed %i keeps what is promised, and its burst falls into one second',
	async (seed) => {
		const store = createStore({ seed })
		const said: string[] = []
		const playing = playScenario(store, createCallbackServer(), seed, new AbortController().signal, (what) =>
			said.push(what),
		)
		await vi.advanceTimersByTimeAsync(90_000)
		await playing
		const journal = store.journal()
		expect(findShortfalls(journal)).toEqual([])
		expect(said).toHaveLength(4)
		const bySecond = new Map<number, number>()
		for (const { resource, time } of journal)
			if (resource === 'products')
				bySecond.set(Math.floor(time / 1000), (bySecond.get(Math.floor(time / 1000)) ?? 0) + 1)
		expect(Math.max(...bySecond.values())).toBeGreaterThanOrEqual(150)
		store.close()
	},
)

test('a signal ends it', async () => {
	const abort = new AbortController()
	const store = createStore({ seed: 1 })
	const playing = playScenario(store, createCallbackServer(), 1, abort.signal, () => undefined)
	const ended = expect(playing).rejects.toThrow('enough')
	await vi.advanceTimersByTimeAsync(2_000)
	abort.abort(new Error('enough'))
	await vi.advanceTimersByTimeAsync(2_000)
	await ended
	store.close()
})

test('what a journal lacks is named', () => {
	const one: JournalEntry = {
		number: 1,
		time: 0,
		resource: 'orders',
		id: 1,
		change: 'created',
		stampMoved: true,
		hash: 'x',
		date_created_gmt: null,
		date_modified_gmt: null,
		status: null,
	}
	expect(findShortfalls([one])).toContain('orders created: 1 of 5')
	expect(findShortfalls([one])).toContain('saved-unchanged: 0 of 20')
	expect(findShortfalls([one])).toContain('entries: 1 of 200')
})

test('changes happen while the baseline is read', () => {
	const actions = baselineFaults(7).flatMap(({ act }) => act ?? [])
	expect(actions.length).toBeGreaterThanOrEqual(5)
	expect(baselineFaults(7)).toEqual(baselineFaults(7))
})
