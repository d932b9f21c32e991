/** When the alarm fires. An object has one alarm, so the earliest of its due times. Pure. */

/** A doorbell without a claim is sent again after this long. */
export const DOORBELL_RETRY_MS = 10_000
/** An alarm set to the present moment may not fire. */
const MIN_ALARM_DELAY_MS = 1
/** An alarm that is earlier than needed stays when it is no earlier than this. */
const MAX_EARLY_MS = 60_000

/** Everything that may be due at an instance. Epoch ms; null: nothing of that kind is due. */
export interface DueTimes {
	/** The instance neither polls nor delivers. */
	paused: boolean
	/** No requests to the store before then. */
	backoffUntilMs: number | null
	nextPollMs: number | null
	/** A poll, baseline, re-read or search continues as soon as possible. */
	hasPendingWork: boolean
	nextLookupMs: number | null
	/** Earliest due time, or end of a lease, of an unsettled notification. */
	nextDeliveryMs: number | null
	lastDoorbellMs: number | null
	pruneMs: number | null
	/** When operator events are published, also while paused. */
	announceMs: number | null
	/** When the status row is written, also while paused. */
	statusMs: number | null
}

/** When the alarm must fire, epoch ms; null: never. */
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
	if (due.statusMs !== null) times.push(due.statusMs)
	return times.length === 0 ? null : Math.max(Math.min(...times), nowMs + MIN_ALARM_DELAY_MS)
}

/** Whether the alarm must be set again. Setting it costs a row; an alarm in the past may never fire. */
export function shouldSetAlarm(currentMs: number | null, alarmMs: number, nowMs: number): boolean {
	return currentMs === null || currentMs <= nowMs || currentMs > alarmMs || alarmMs - currentMs > MAX_EARLY_MS
}
