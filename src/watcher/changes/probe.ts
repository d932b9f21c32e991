/** Payloads of webhooks held against reads of the same objects. */
import type { Core, Watched } from '../core/core.ts'
import type { Doubt } from './gate.ts'
import { contentOf } from './content.ts'
import { note } from '../log/repairs.ts'
import type { Sighting } from '../../elements/store.ts'

/**
 * A probed payload held against the read: where they differ, the resource's deliveries become hints, until so many were equal in a row. An
 * edit without a stamp between delivery and read looks like a plugin that changes payloads; the next ones tell which it was.
 */
export function judgeProbe(core: Core, watched: Watched, doubt: Doubt, sighting: Sighting | null): void {
	const { hooks } = core.state
	const { number, objectType } = watched.state
	if (doubt.probe === undefined || sighting === null || sighting.stampSec !== doubt.probe.stampSec) return
	const believed = !hooks.hintsOnly.includes(number)
	const equal = contentOf(sighting.fields).hash === doubt.probe.hash
	if (believed && equal) return
	// Those that an earlier version ceased to believe were not counted.
	const { times, equal: before } = hooks.doubted[number] ?? { times: believed ? 0 : 1, equal: 0 }
	const since = { times: believed ? times + 1 : times, equal: equal ? before + 1 : 0 }
	hooks.doubted[number] = since
	if (believed) {
		hooks.hintsOnly = [...hooks.hintsOnly, number]
		note(core, `payloads of ${objectType} differ from what the store's API says: they are hints from now on`)
	} else if (since.equal >= EQUAL_AGAIN * EQUAL_MORE ** Math.min(since.times - 1, EQUAL_MOST)) {
		hooks.hintsOnly = hooks.hintsOnly.filter((one) => one !== number)
		note(core, `payloads of ${objectType} are what the store's API says again: they are believed from now on`)
	}
}

/** Payloads that differed are believed again after so many equal ones in a row; each time they differ anew, after four times as many. */
export const EQUAL_AGAIN = 5

export const EQUAL_MORE = 4

export const EQUAL_MOST = 4
