/** Payloads of webhooks compared with reads of the same objects. */
import { getCurrentProfile } from '../core/content-profiles.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import { hashContent } from './content.ts'
import type { PendingCheck } from '../core/lookup-table.ts'
import type { Tx } from '../core/tx.ts'
import { recordRepair } from '../log/repairs.ts'
import type { Snapshot } from '../../elements/store.ts'

/**
 * After payloads differed, this many equal ones in a row are needed until payloads are accepted again; each time they
 * differ again, four times as many.
 */
const MIN_EQUAL_PROBES = 5
const EQUAL_PROBES_FACTOR = 4
const MAX_EQUAL_PROBES_EXPONENT = 4

/** How often a resource's payloads differed, and how many equal ones in a row came since. */
interface ProbeHistory {
	times: number
	equal: number
}

/**
 * Compares a probed payload with the read. Where they differ, the resource's payloads become hints until enough are
 * equal in a row: an edit without a stamp between delivery and read has the same effect as a plugin that changes
 * payloads, and the next probes show which it was.
 */
export function compareProbe(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	check: PendingCheck,
	snapshot: Snapshot | null,
): void {
	const { hooks } = core.state
	const { number, objectType } = watched.state
	if (check.probe === undefined || snapshot === null || snapshot.modifiedSec !== check.probe.stampSec) return
	if ((check.probe.profile ?? 1) !== getCurrentProfile(watched.state).number) return
	const wasTrusted = !hooks.hintsOnly.includes(number)
	const isEqual = hashContent(snapshot.fields).hash === check.probe.hash
	if (wasTrusted && isEqual) return
	// Resources that an earlier version stopped trusting have no history.
	const { times, equal: equalBefore } = hooks.doubted[number] ?? { times: wasTrusted ? 0 : 1, equal: 0 }
	const history = { times: wasTrusted ? times + 1 : times, equal: isEqual ? equalBefore + 1 : 0 }
	hooks.doubted[number] = history
	if (wasTrusted) {
		hooks.hintsOnly = [...hooks.hintsOnly, number]
		recordRepair(
			tx,
			core,
			`webhook payloads of ${objectType} differ from the store's API; changed objects are now read from the API`,
		)
	} else if (isTrustedAgain(history)) {
		hooks.hintsOnly = hooks.hintsOnly.filter((resourceNumber) => resourceNumber !== number)
		recordRepair(tx, core, `webhook payloads of ${objectType} match the store's API again and are used again`)
	}
}

function isTrustedAgain({ times, equal }: ProbeHistory): boolean {
	return equal >= MIN_EQUAL_PROBES * EQUAL_PROBES_FACTOR ** Math.min(times - 1, MAX_EQUAL_PROBES_EXPONENT)
}
