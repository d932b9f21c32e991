/** Payloads of webhooks held against reads of the same objects. */
import type { Core, WatchedResource } from '../core/core.ts'
import type { PendingCheck } from './gate.ts'
import { hashContent } from './content.ts'
import { recordRepair } from '../log/repairs.ts'
import type { Snapshot } from '../../elements/store.ts'

/**
 * A probed payload held against the read: where they differ, the resource's deliveries become hints, until so many were
 * equal in a row. An edit without a stamp between delivery and read looks like a plugin that changes payloads; the next
 * ones tell which it was.
 */
export function compareProbe(
	core: Core,
	watched: WatchedResource,
	check: PendingCheck,
	snapshot: Snapshot | null,
): void {
	const { hooks } = core.state
	const { number, objectType } = watched.state
	if (check.probe === undefined || snapshot === null || snapshot.modifiedSec !== check.probe.stampSec) return
	const wasTrusted = !hooks.hintsOnly.includes(number)
	const isEqual = hashContent(snapshot.fields).hash === check.probe.hash
	if (wasTrusted && isEqual) return
	// Those that an earlier version ceased to believe were not counted.
	const { times, equal: equalBefore } = hooks.doubted[number] ?? { times: wasTrusted ? 0 : 1, equal: 0 }
	const history = { times: wasTrusted ? times + 1 : times, equal: isEqual ? equalBefore + 1 : 0 }
	hooks.doubted[number] = history
	if (wasTrusted) {
		hooks.hintsOnly = [...hooks.hintsOnly, number]
		recordRepair(core, `payloads of ${objectType} differ from what the store's API says: they are hints from now on`)
	} else if (
		history.equal >=
		MIN_EQUAL_PROBES * EQUAL_PROBES_FACTOR ** Math.min(history.times - 1, MAX_EQUAL_PROBES_EXPONENT)
	) {
		hooks.hintsOnly = hooks.hintsOnly.filter((resourceNumber) => resourceNumber !== number)
		recordRepair(core, `payloads of ${objectType} are what the store's API says again: they are believed from now on`)
	}
}

/**
 * Payloads that differed are believed again after so many equal ones in a row; each time they differ anew, after four
 * times as many.
 */
export const MIN_EQUAL_PROBES = 5

export const EQUAL_PROBES_FACTOR = 4

export const MAX_EQUAL_PROBES_EXPONENT = 4
