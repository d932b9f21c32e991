/** Alarm arithmetic: one alarm an object, so the earliest of all that is due. Pure. */

/** A doorbell that nobody answered is rung again after this long. */
export const DOORBELL_MS = 10_000
/** An alarm at this very moment may not fire: always a little later. */
const SOON_MS = 1

/** Everything that may be due at an instance; epoch ms, null: nothing of that kind. */
export interface Due {
	/** Neither polls nor delivers. */
	paused: boolean
	/** The store is left alone until then. */
	backoffUntilMs: number | null
	nextPollMs: number | null
	/** A poll, baseline, re-read or search goes on as soon as it may. */
	workWaits: boolean
	nextLookupMs: number | null
	/** Earliest due time, or end of a lease, of an unsettled notification. */
	nextDeliveryMs: number | null
	lastRungMs: number | null
	pruneMs: number | null
	/** When announcements are handed over: also of an instance that is paused. */
	announceMs: number | null
}

/** When the alarm must ring; null: never. */
export function nextAlarm(due: Due, nowMs: number): number | null {
	const times: number[] = []
	const store = (at: number): number => Math.max(at, due.backoffUntilMs ?? 0)
	if (!due.paused) {
		if (due.nextPollMs !== null) times.push(store(due.nextPollMs))
		if (due.workWaits) times.push(store(nowMs))
		if (due.nextLookupMs !== null) times.push(store(due.nextLookupMs))
		if (due.nextDeliveryMs !== null) times.push(Math.max(due.nextDeliveryMs, due.lastRungMs === null ? 0 : due.lastRungMs + DOORBELL_MS))
	}
	if (due.pruneMs !== null) times.push(due.pruneMs)
	if (due.announceMs !== null) times.push(due.announceMs)
	return times.length === 0 ? null : Math.max(Math.min(...times), nowMs + SOON_MS)
}
