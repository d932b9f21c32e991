/** Decisions of a poll: the window to read, whether the newest rows cover it, and the meaning of the total. Pure. */
import { HOUR_MS, MINUTE_MS } from '../../lib/time.ts'
import type { PollWindow } from '../core/resource-state.ts'

/** Rows of the idle request. */
export const HEAD_ROWS = 10
/** How far each window overlaps the last poll: stores commit late (docs/woocommerce.md 3.1, 3.5). */
export const OVERLAP_MS = 120_000
/** Further overlap around clock changes of the store's zone (docs/woocommerce.md 3.3, 3.5). */
const CLOCK_CHANGE_OVERLAP_MS = 2 * HOUR_MS

/** Hours around a clock change in which stamps may be wrong by an hour or out of order. */
const CLOCK_CHANGE_MARGIN_HOURS = 3

/** Clocks change at whole quarters of an hour. */
const QUARTER_MS = 15 * MINUTE_MS

/** Offsets by zone and quarter of an hour: every poll asks for three of them, and to format a date is slow. */
const offsets = new Map<string, number>()
const MAX_CACHED_OFFSETS = 1_000

/** Minutes that a zone lies east of UTC at a moment; 0 for a zone that is unknown. */
export function getZoneOffsetMinutes(zone: string, ms: number): number {
	if (zone === '') return 0
	const key = `${zone} ${Math.floor(ms / QUARTER_MS)}`
	let offset = offsets.get(key)
	if (offset === undefined) {
		offset = readZoneOffsetMinutes(zone, ms)
		if (offsets.size >= MAX_CACHED_OFFSETS) offsets.clear()
		offsets.set(key, offset)
	}
	return offset
}

function readZoneOffsetMinutes(zone: string, ms: number): number {
	try {
		const parts = getZoneFormat(zone).formatToParts(ms)
		const match = /GMT([+-])(\d\d):(\d\d)/.exec(parts.find((part) => part.type === 'timeZoneName')?.value ?? '')
		return match === null ? 0 : (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]))
	} catch {
		return 0
	}
}

const zoneFormats = new Map<string, Intl.DateTimeFormat>()

/** Formats are slow to create, and there are few. */
function getZoneFormat(zone: string): Intl.DateTimeFormat {
	let format = zoneFormats.get(zone)
	if (format === undefined) {
		format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
		zoneFormats.set(zone, format)
	}
	return format
}

/** Whether the store's zone changes its clock within three hours of a moment, before or after. */
export function isNearClockChange(zone: string, nowMs: number): boolean {
	const marginMs = CLOCK_CHANGE_MARGIN_HOURS * HOUR_MS
	const offsetMinutes = getZoneOffsetMinutes(zone, nowMs)
	return (
		getZoneOffsetMinutes(zone, nowMs - marginMs) !== offsetMinutes ||
		getZoneOffsetMinutes(zone, nowMs + marginMs) !== offsetMinutes
	)
}

/** The time (whole seconds, exclusive) after which a poll must see every change. */
export function getHorizonSec(cursorMs: number, pollDelaySec: number, zone: string, nowMs: number): number {
	const overlap = OVERLAP_MS + pollDelaySec * 1000 + (isNearClockChange(zone, nowMs) ? CLOCK_CHANGE_OVERLAP_MS : 0)
	return Math.floor((cursorMs - overlap) / 1000) - 1
}

/** Whether the idle request's rows, newest first, show every change since the horizon. */
export function headReachesHorizon(
	modifiedSecs: (number | null)[],
	limit: number,
	total: number | null,
	horizonSec: number,
): boolean {
	if (modifiedSecs.length === 0) return (total ?? 0) === 0
	if (modifiedSecs.length < limit && (total === null || total <= modifiedSecs.length)) return true
	const last = modifiedSecs.at(-1)
	return last !== null && last !== undefined && last < horizonSec
}

/**
 * Whether to read the window regardless of the head: posts storage sorts by local time (docs/woocommerce.md 3.6), and a
 * store whose rows do not show that it sorts by modified date may sort by something else.
 */
export function isWindowRequired(input: {
	postsStored: boolean
	isOrderProven: boolean
	windowDoneMs: number | null
	offsetChangedMs: number | null
	zone: string
	nowMs: number
}): boolean {
	if (!input.postsStored && input.isOrderProven) return false
	if (input.windowDoneMs === null || input.nowMs - input.windowDoneMs >= HOUR_MS) return true
	if (!input.postsStored) return false
	if (input.offsetChangedMs !== null && input.nowMs - input.offsetChangedMs < 24 * HOUR_MS) return true
	return isNearClockChange(input.zone, input.nowMs)
}

/**
 * The window after a page with these stamps, which ascend except inside a second. null: read to its end. `idle` of the
 * result counts pages without progress. `isPaged`: whether the store has other pages than the first.
 */
export function advanceWindow(
	window: PollWindow,
	modifiedSecs: (number | null)[],
	total: number | null,
	limit: number,
	isPaged = true,
): PollWindow | null {
	const next = moveWindow(window, modifiedSecs, total, limit, isPaged)
	if (next === null) return null
	const { idle = 0, ...moved } = next
	return isProgress(window, modifiedSecs) ? moved : { ...moved, idle: idle + 1 }
}

/** Whether a page shows something of what was asked for: of its second, or later than the bound. */
function isProgress({ second, afterSec }: PollWindow, modifiedSecs: readonly (number | null)[]): boolean {
	if (second !== null && second.before === null) return modifiedSecs.includes(second.sec)
	return second === null && modifiedSecs.some((sec) => sec !== null && sec > afterSec)
}

function moveWindow(
	window: PollWindow,
	modifiedSecs: (number | null)[],
	total: number | null,
	limit: number,
	isPaged: boolean,
): PollWindow | null {
	const count = modifiedSecs.length
	if (window.second !== null) {
		const { sec, offset, found, before } = window.second
		const foundSoFar = found + count
		const ended = count === 0 || !isPaged || (total === null ? count < limit : offset + limit >= total)
		if (!ended) return { ...window, second: { sec, offset: offset + limit, found: foundSoFar, before } }
		// Rows may move while a second is paged: two passes must agree (docs/woocommerce.md 3.7).
		if (before !== foundSoFar) return { ...window, second: { sec, offset: 0, found: 0, before: foundSoFar } }
		return { ...window, afterSec: sec, second: null }
	}
	if (count === 0 || (total === null ? count < limit : total <= count)) return null
	const newestSec = modifiedSecs.reduce<number>(
		(maxSec, modifiedSec) => Math.max(maxSec, modifiedSec ?? maxSec),
		window.afterSec,
	)
	if (newestSec - 1 > window.afterSec) return { ...window, afterSec: newestSec - 1 }
	// The whole page lies in one second, and there is more.
	return { ...window, second: { sec: window.afterSec + 1, offset: 0, found: 0, before: null } }
}

/** The meaning of a list's total. `searched`: this difference was searched already. */
export interface TotalComparison {
	verdict: 'agrees' | 'fewer' | 'more' | 'searched'
	/** Total − expected total. */
	difference: number
}

/** Compares a total with the expected one. `searched` is the key of the last search. */
export function compareTotal(total: number, expected: number, searched: string | null): TotalComparison {
	const difference = total - expected
	if (difference === 0) return { verdict: 'agrees', difference }
	if (searched === toSearchKey(total, difference)) return { verdict: 'searched', difference }
	return { verdict: difference < 0 ? 'fewer' : 'more', difference }
}

/**
 * The total of an answer, or null where it may or may not count what was accepted during the request: it lies between
 * the counts before and after.
 */
export function toComparableTotal(
	total: number | null,
	listed: { before: number; after: number },
	drift: number,
): number | null {
	if (total === null || listed.before === listed.after) return total
	const lowest = Math.min(listed.before, listed.after) + drift
	const highest = Math.max(listed.before, listed.after) + drift
	return total < lowest || total > highest ? total : null
}

/** The key under which a search is remembered. */
export function toSearchKey(total: number, difference: number): string {
	return `${total}:${difference}`
}

/** The mass-deletion guard (docs/polling.md): more than 20 objects and a tenth of a resource are gone at once. */
export function exceedsDeletionThreshold(goneCount: number, listedCount: number): boolean {
	return goneCount > 20 && goneCount * 10 > listedCount
}

/** When the next poll is due: the interval after the last start, never in the past. */
export function getNextPollMs(startedMs: number, intervalMs: number, nowMs: number): number {
	return Math.max(startedMs + intervalMs, nowMs + Math.min(intervalMs, 1_000))
}
