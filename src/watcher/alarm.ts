/** Alarm arithmetic: one alarm an object, so the earliest of all that is due. Pure. */

/** A doorbell that nobody answered is rung again after this long. */
export const DOORBELL_RETRY_MS = 10_000
/** An alarm at this very moment may not fire: always a little later. */
const MIN_ALARM_DELAY_MS = 1

/** Everything that may be due at an instance; epoch ms, null: nothing of that kind. */
export interface DueTimes {
	/** Neither polls nor delivers. */
	paused: boolean
	/** The store is left alone until then. */
	backoffUntilMs: number | null
	nextPollMs: number | null
	/** A poll, baseline, re-read or search goes on as soon as it may. */
	hasPendingWork: boolean
	nextLookupMs: number | null
	/** Earliest due time, or end of a lease, of an unsettled notification. */
	nextDeliveryMs: number | null
	lastDoorbellMs: number | null
	pruneMs: number | null
	/** When announcements are handed over: also of an instance that is paused. */
	announceMs: number | null
}

/** When the alarm must ring; null: never. */
export function nextAlarmMs(due: DueTimes, nowMs: number): number | null {
	const times: number[] = []
	const afterBackoff = (atMs: number): number => Math.max(atMs, due.backoffUntilMs ?? 0)
	if (!due.paused) {
		if (due.nextPollMs !== null) times.push(afterBackoff(due.nextPollMs))
		if (due.hasPendingWork) times.push(afterBackoff(nowMs))
		if (due.nextLookupMs !== null) times.push(afterBackoff(due.nextLookupMs))
		if (due.nextDeliveryMs !== null)
			times.push(Math.max(due.nextDeliveryMs, due.lastDoorbellMs === null ? 0 : due.lastDoorbellMs + DOORBELL_RETRY_MS))
	}
	if (due.pruneMs !== null) times.push(due.pruneMs)
	if (due.announceMs !== null) times.push(due.announceMs)
	return times.length === 0 ? null : Math.max(Math.min(...times), nowMs + MIN_ALARM_DELAY_MS)
}
