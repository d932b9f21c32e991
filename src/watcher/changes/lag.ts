/** The lag of a change: from its date at the store to its recording. Pure. */
import type { Change, KnownObject, Observation } from './gate-types.ts'

/** Dates may be this far off the time of the change: clocks differ, and rows appear after their date, s. */
const MAX_DATE_ERROR_SEC = 120

/** What is known about the time of a change. Seconds by the store's clock. */
export interface LagContext {
	known: Pick<KnownObject, 'modifiedSec' | 'asOfMs'> | null
	observation: Pick<Observation, 'createdSec' | 'modifiedSec' | 'kind' | 'listed'>
	/** Store clock − own clock, ms. */
	skewMs: number
	/** Up to then every new object, and with a modified filter every modified one, was seen; epoch ms. */
	seenUpToMs: number
	modifiedFilter: boolean
	storeNowMs: number
}

/**
 * The lag in ms; null: unknown. A date that did not move says nothing, nor does one before the last time that the
 * object or its list was read without the change, nor one in the future: imports and plugins write any date.
 */
export function getLagMs(change: Pick<Change, 'type' | 'trashed' | 'backfill'>, context: LagContext): number | null {
	const { known, observation, skewMs, seenUpToMs, modifiedFilter, storeNowMs } = context
	if (change.backfill === true || (change.type === 'DELETED' && change.trashed !== true)) return null
	const wasListed = observation.listed && observation.kind === 'live'
	const earliestMs = Math.max(
		known === null ? -Infinity : known.asOfMs + skewMs,
		known === null || (modifiedFilter && wasListed) ? seenUpToMs : -Infinity,
	)
	const dates =
		known === null
			? [observation.createdSec, observation.modifiedSec]
			: known.modifiedSec === observation.modifiedSec
				? []
				: [observation.modifiedSec]
	const maxErrorMs = MAX_DATE_ERROR_SEC * 1000
	const changedSec = dates.find(
		(sec) => sec !== null && sec * 1000 >= earliestMs - maxErrorMs && sec * 1000 <= storeNowMs + maxErrorMs,
	)
	return changedSec == null ? null : Math.max(0, storeNowMs - changedSec * 1000)
}
