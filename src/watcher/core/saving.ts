/**
 * Which changes of the state are worth a row: a poll that found nothing leaves the row as it is, and after a loss of
 * the memory the alarm tells when it was (docs/architecture.md, One Durable Object per instance). Pure.
 */
import { isDeepStrictEqual } from 'node:util'
import { HOUR_MS, MINUTE_MS } from '../../lib/time.ts'
import type { ResourceState } from './resource-state.ts'
import type { WatcherState } from './state.ts'

/** Differences of the clock, and of times that only say when something is due again, that are not worth a row, ms. */
const CLOCK_SLACK_MS = MINUTE_MS
const DUE_SLACK_MS = 30 * MINUTE_MS
/** However little happens, the row is written this often, ms. */
const MAX_UNSAVED_MS = HOUR_MS

/** Whether the state has changed in anything that must outlive the memory. `saved`: as it is stored. */
export function isWorthSaving(saved: WatcherState, state: WatcherState): boolean {
	if ((state.lastRunMs ?? 0) - (saved.lastRunMs ?? 0) >= MAX_UNSAVED_MS) return true
	const current = JSON.parse(JSON.stringify(state)) as WatcherState
	const { lastRunMs, lastRunId, nextPollMs, reads } = saved
	const kept: WatcherState = {
		...current,
		lastRunMs,
		lastRunId,
		nextPollMs: keepPollTime(saved, current) ? nextPollMs : current.nextPollMs,
		reads,
		skewMs: keepTime(saved.skewMs, current.skewMs, CLOCK_SLACK_MS),
		counters: { ...current.counters, requests: saved.counters.requests },
		resources: current.resources.map((rs) => {
			const before = saved.resources.find(({ number }) => number === rs.number)
			return before === undefined ? rs : withoutPassingChanges(before, rs)
		}),
	}
	return !isDeepStrictEqual(kept, saved)
}

/** Whether the next poll is planned in both, or in neither. */
function keepPollTime(saved: WatcherState, current: WatcherState): boolean {
	return (saved.nextPollMs === null) === (current.nextPollMs === null)
}

/** Whether a resource has changed in anything that must outlive the memory. */
export function hasLastingChange(before: ResourceState, rs: ResourceState): boolean {
	return !isDeepStrictEqual(withoutPassingChanges(before, rs), before)
}

/** A resource with what every poll changes as it was before. */
function withoutPassingChanges(before: ResourceState, rs: ResourceState): ResourceState {
	// Without an index, the cursor alone says what was sent.
	const isIndexed = rs.baseline !== null || rs.baselineDoneMs !== null
	return {
		...rs,
		...(isIndexed && (rs.cursorMs === null) === (before.cursorMs === null) && { cursorMs: before.cursorMs }),
		...(rs.agreedMs !== null && before.agreedMs !== null && { agreedMs: before.agreedMs }),
		passLeft: before.passLeft,
		requests: before.requests,
		lastPollMs: before.lastPollMs,
		windowDoneMs: keepTime(before.windowDoneMs, rs.windowDoneMs, DUE_SLACK_MS),
		recentDoneMs: keepTime(before.recentDoneMs, rs.recentDoneMs, DUE_SLACK_MS),
		rereadDoneMs: keepTime(before.rereadDoneMs, rs.rereadDoneMs, DUE_SLACK_MS),
		rereadBeganMs: keepTime(before.rereadBeganMs, rs.rereadBeganMs, DUE_SLACK_MS),
		...(hasSameKinds(before, rs) && { findings: before.findings! }),
	}
}

function keepTime(before: number | null, now: number | null, slackMs: number): number | null {
	return before !== null && now !== null && Math.abs(now - before) < slackMs ? before : now
}

function hasSameKinds({ findings: before }: ResourceState, { findings: now }: ResourceState): boolean {
	if (before === undefined || now === undefined) return false
	return isDeepStrictEqual(Object.keys(before).sort(), Object.keys(now).sort())
}

/**
 * What a state that was not saved says after the memory was lost: its next poll is due when the alarm is set, and the
 * last one began an interval earlier. Nothing else was due: the state is saved before an alarm that is for other work.
 */
export function restorePollTimes(state: WatcherState, alarmMs: number | null, intervalMs: number): void {
	if (state.run !== null || state.nextPollMs === null || alarmMs === null || alarmMs <= state.nextPollMs) return
	state.nextPollMs = alarmMs
	const beganMs = alarmMs - intervalMs
	if (beganMs <= (state.lastRunMs ?? 0)) return
	state.lastRunMs = beganMs
	for (const rs of state.resources) {
		if (rs.error !== null || rs.lastPollMs === null) continue
		rs.lastPollMs = Math.max(rs.lastPollMs, beganMs)
		const isIndexed = rs.baseline !== null || rs.baselineDoneMs !== null
		// An answer of a cache moves no cursor.
		if (isIndexed && rs.cursorMs !== null && rs.freshness?.signMs === undefined)
			rs.cursorMs = Math.max(rs.cursorMs, beganMs + (state.skewMs ?? 0))
	}
}
