/** Times in words: "12 s ago", "3 h ago", and with all their parts. */

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Units from large to small, as pages write them. */
const UNITS = [
	['d', DAY],
	['h', HOUR],
	['min', MINUTE],
	['s', SECOND],
] as const

/** Beyond this many days a date says more. */
const MAX_RELATIVE_DAYS = 60

/** Words are English like the pages; the order of the date's parts is the viewer's, if that is English too. */
const LOCALE = getEnglish(navigator.language) ?? 'en-GB'

const DATE = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium' })
const EXACT = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'long' })

/** A locale as browsers name it, if it is English and a known form: some report `en-US@posix`. */
function getEnglish(language: string): string | null {
	return /^en(-[A-Z]{2})?$/.test(language) ? language : null
}

/**
 * "2 min ago", "in 3 h", or a date: the words of the server. `Intl.RelativeTimeFormat` has others in each browser.
 */
export function toRelativeTime(atMs: number, nowMs: number): string {
	const distance = atMs - nowMs
	if (Math.abs(distance) >= MAX_RELATIVE_DAYS * DAY) return DATE.format(atMs)
	const [unit, size] = UNITS.find(([, length]) => Math.abs(distance) >= length) ?? ['s', SECOND]
	const count = Math.trunc(distance / size)
	if (count === 0) return 'now'
	return count < 0 ? `${-count} ${unit} ago` : `in ${count} ${unit}`
}

/** Date, time and zone of the viewer. */
export function toExactTime(atMs: number): string {
	return EXACT.format(atMs)
}

/** What is left, in its two largest units: "1 h 5 min", "2 min 5 s", "12 s". */
export function toDuration(ms: number): string {
	const index = UNITS.findIndex(([, length]) => ms >= length)
	if (index < 0) return '0 s'
	const [[unit, size], smaller] = [UNITS[index]!, UNITS[index + 1]]
	const text = `${Math.floor(ms / size)} ${unit}`
	const rest = smaller === undefined ? 0 : Math.floor((ms % size) / smaller[1])
	return smaller === undefined || rest === 0 ? text : `${text} ${rest} ${smaller[0]}`
}
