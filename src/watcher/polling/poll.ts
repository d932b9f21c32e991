/** Decisions of a poll: which window it must see, whether the newest rows close it, what its total means. Pure; all of them take the time. */
import type { Window } from '../core/state.ts'

/** Rows of the idle request. */
export const HEAD_ROWS = 10
/** How far every window reaches back behind the last poll: commits come late, stamps have whole seconds (WooCommerce facts, 3.1, 3.5). */
export const OVERLAP_MS = 120_000
/** Further overlap around clock changes of the store's zone (facts, 3.3, 3.5). */
const CLOCK_CHANGE_OVERLAP_MS = 2 * 3_600_000
const HOUR_MS = 3_600_000

/** Hours around a clock change in which stamps may be an hour wrong or out of order. */
const CLOCK_CHANGE_NEAR_HOURS = 3

/** Minutes that a zone lies east of UTC at a moment; 0 for a zone that is unknown. */
export function zoneOffsetMinutes(zone: string, ms: number): number {
	if (zone === '') return 0
	try {
		const parts = formatOf(zone).formatToParts(ms)
		const match = /GMT([+-])(\d\d):(\d\d)/.exec(parts.find((part) => part.type === 'timeZoneName')?.value ?? '')
		return match === null ? 0 : (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]))
	} catch {
		return 0
	}
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** Formats are dear to make and few. */
function formatOf(zone: string): Intl.DateTimeFormat {
	let format = formats.get(zone)
	if (format === undefined) {
		format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
		formats.set(zone, format)
	}
	return format
}

/** Whether the store's zone changes its clock within three hours of a moment, before or after. */
export function nearClockChange(zone: string, nowMs: number): boolean {
	const around = CLOCK_CHANGE_NEAR_HOURS * HOUR_MS
	const now = zoneOffsetMinutes(zone, nowMs)
	return zoneOffsetMinutes(zone, nowMs - around) !== now || zoneOffsetMinutes(zone, nowMs + around) !== now
}

/** The moment (whole seconds, exclusive) behind which a poll must see every change. */
export function horizonSec(cursorMs: number, pollDelaySec: number, zone: string, nowMs: number): number {
	const overlap = OVERLAP_MS + pollDelaySec * 1000 + (nearClockChange(zone, nowMs) ? CLOCK_CHANGE_OVERLAP_MS : 0)
	return Math.floor((cursorMs - overlap) / 1000) - 1
}

/** Whether the idle request's rows, newest first, show every change since the horizon. */
export function headCloses(stamps: (number | null)[], limit: number, total: number | null, horizon: number): boolean {
	if (stamps.length === 0) return (total ?? 0) === 0
	if (stamps.length < limit && (total === null || total <= stamps.length)) return true
	const last = stamps.at(-1)
	return last !== null && last !== undefined && last < horizon
}

/** Whether the window must be read though the head closes it: posts storage sorts by local time (WooCommerce facts, 3.6). */
export function windowForced(input: {
	postsStored: boolean
	windowDoneMs: number | null
	offsetChangedMs: number | null
	zone: string
	nowMs: number
}): boolean {
	if (!input.postsStored) return false
	if (input.windowDoneMs === null || input.nowMs - input.windowDoneMs >= HOUR_MS) return true
	if (input.offsetChangedMs !== null && input.nowMs - input.offsetChangedMs < 24 * HOUR_MS) return true
	return nearClockChange(input.zone, input.nowMs)
}

/** The window after a page of it. Null: read to its end. `stamps` of the page's rows, ascending where stamps order it. */
export function afterWindowPage(window: Window, stamps: (number | null)[], total: number | null, limit: number): Window | null {
	const count = stamps.length
	if (window.second !== null) {
		const { sec, offset, found, before } = window.second
		const all = found + count
		const ended = count === 0 || (total === null ? count < limit : offset + limit >= total)
		if (!ended) return { ...window, second: { sec, offset: offset + limit, found: all, before } }
		// Rows may move while a second is paged: two passes must agree (facts, 3.7).
		if (before !== all) return { ...window, second: { sec, offset: 0, found: 0, before: all } }
		return { ...window, afterSec: sec, second: null }
	}
	if (count === 0 || (total === null ? count < limit : total <= count)) return null
	const newest = stamps.reduce<number>((most, stamp) => Math.max(most, stamp ?? most), window.afterSec)
	if (newest - 1 > window.afterSec) return { ...window, afterSec: newest - 1 }
	// The whole page lies in one second, and there is more.
	return { ...window, second: { sec: window.afterSec + 1, offset: 0, found: 0, before: null } }
}

/** What a list's total says against what is known. */
export type TotalVerdict = 'agrees' | 'fewer' | 'more' | 'known' | 'unsaid'

/** Holds a total against the expected one. `searched` is `total:difference` of the last search. */
export function judgeTotal(
	total: number | null,
	listed: number,
	drift: number,
	searched: string | null,
): { verdict: TotalVerdict; difference: number } {
	if (total === null) return { verdict: 'unsaid', difference: 0 }
	const difference = total - (listed + drift)
	if (difference === 0) return { verdict: 'agrees', difference }
	if (searched === searchKey(total, difference)) return { verdict: 'known', difference }
	return { verdict: difference < 0 ? 'fewer' : 'more', difference }
}

/** How a search is remembered. */
export function searchKey(total: number, difference: number): string {
	return `${total}:${difference}`
}

/** The brake (design, Seeing: polling): more than 20 objects and more than a tenth of a resource gone at one look. */
export function brakes(gone: number, listed: number): boolean {
	return gone > 20 && gone * 10 > listed
}

/** When the next poll is due: the interval after the last start, never in the past. */
export function nextPollAt(startedMs: number, intervalMs: number, nowMs: number): number {
	return Math.max(startedMs + intervalMs, nowMs + Math.min(intervalMs, 1_000))
}
