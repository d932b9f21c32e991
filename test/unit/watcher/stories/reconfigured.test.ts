/** Calls and settings that arrive at awkward moments: during a run, late, twice, after years without events, or not at all. */
import { expect, test } from 'vitest'
import { wantPoll } from '../../../../src/watcher/wishes.ts'

import { learned, MINUTE } from './tell.ts'

test('a poll that is asked for while one runs follows it, however long the interval', async () => {
	const world = await learned({ pollIntervalMs: 999_999 * MINUTE })
	const core = world.engine.core()!
	const before = core.state.lastRunId
	const fetch = world.store.fetch.bind(world.store)
	let asked = false
	world.store.fetch = (request) => {
		if (!asked) expect(wantPoll(core, 'window')).toMatchObject({ state: 'queued', run: String(before + 2) })
		asked = true
		return fetch(request)
	}
	wantPoll(core, 'window')
	world.engine.arm(core)
	await world.advance(10 * MINUTE)
	expect(core.state.lastRunId).toBe(before + 2)
})
