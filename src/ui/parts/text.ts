/** Numbers and times as people read them. Pure: `now` comes from the caller. `sb-time` keeps times up to date. */
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../lib/time.ts'

/** `toLocaleString` makes one each time, which took a sixth of the time of a list. */
const NUMBER_FORMAT = new Intl.NumberFormat('en-US')

/** With thousands separators: `1,284`. */
export function formatNumber(value: number): string {
	return NUMBER_FORMAT.format(value)
}

/** A number with its noun: `1 event`, `1,284 events`. */
export function formatCount(count: number, singular: string, plural = `${singular}s`): string {
	return `${formatNumber(count)} ${count === 1 ? singular : plural}`
}

/** A span of time in its largest unit: `31 ms`, `1.2 s`, `38 s`, `4 min`, `5 h`, `3 d`. */
export function formatDuration(ms: number): string {
	if (ms < 100) return `${Math.max(0, Math.round(ms))} ms`
	if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`
	if (ms < MINUTE_MS - 500) return `${Math.round(ms / 1000)} s`
	if (ms < HOUR_MS - MINUTE_MS / 2) return `${Math.round(ms / MINUTE_MS)} min`
	return ms < 2 * DAY_MS ? `${Math.round(ms / HOUR_MS)} h` : `${Math.round(ms / DAY_MS)} d`
}

const UNITS = [
	['d', DAY_MS],
	['h', HOUR_MS],
	['min', MINUTE_MS],
	['s', 1_000],
] as const

/** Beyond this a date says more. */
const MAX_RELATIVE_MS = 60 * DAY_MS

/** A moment as seen from `nowMs`: `now`, `12 s ago`, `in 4 min`, or a date. As `sb-time` keeps it up to date. */
export function formatRelative(atMs: number, nowMs: number): string {
	const distanceMs = Math.abs(atMs - nowMs)
	if (distanceMs >= MAX_RELATIVE_MS) return new Date(atMs).toISOString().slice(0, 10)
	const [unit, size] = UNITS.find(([, length]) => distanceMs >= length) ?? UNITS[3]
	const count = Math.floor(distanceMs / size)
	if (count === 0) return 'now'
	return atMs < nowMs ? `${count} ${unit} ago` : `in ${count} ${unit}`
}

/** The time until a moment in its two largest units: `in 2 min 5 s`, `now`. As `sb-countdown` keeps it up to date. */
export function formatCountdown(atMs: number, nowMs: number): string {
	const leftMs = atMs - nowMs
	const index = UNITS.findIndex(([, length]) => leftMs >= length)
	if (index < 0) return 'now'
	const [[unit, size], smaller] = [UNITS[index]!, UNITS[index + 1]]
	const rest = smaller === undefined ? 0 : Math.floor((leftMs % size) / smaller[1])
	const text = `in ${Math.floor(leftMs / size)} ${unit}`
	return rest === 0 ? text : `${text} ${rest} ${smaller![0]}`
}

/** From a change to its recording. Stores write whole seconds, so less than one is not told apart. */
export function formatLag(ms: number): string {
	return ms < 1000 ? '< 1 s' : formatDuration(ms)
}

/** A moment in full: `2026-11-30 18:41:06 UTC`. */
export function formatExact(atMs: number): string {
	return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** An id for HTML out of a name of the API: `event.poller.urls` becomes `event-poller-urls`. */
export function toId(name: string): string {
	return name.replace(/\W+/g, '-').replace(/^-+|-+$/g, '')
}
