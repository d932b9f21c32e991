/** The site's time zone: UTC seconds to wall clock and back, with the rules that PHP uses around clock changes. */

const DAY = 86_400

/** `2026-11-23T15:48:59` of UTC seconds; years 0 to 9999. */
export function iso(seconds: number): string {
	let text = texts.get(seconds)
	if (text === undefined) {
		text = new Date(seconds * 1000).toISOString().slice(0, 19)
		if (texts.size >= MAX_TEXTS) texts.clear()
		texts.set(seconds, text)
	}
	return text
}

/** Texts of moments: a store shows the same ones again and again. */
const texts = new Map<number, string>()
const MAX_TEXTS = 10_000

/** Seconds of a wall clock text without zone, read as if it were UTC; null when it is none. */
export function seconds(text: unknown): number | null {
	if (typeof text !== 'string' || text === '') return null
	const ms = Date.parse(text.slice(0, 19).replace(' ', 'T') + 'Z')
	return Number.isNaN(ms) ? null : Math.floor(ms / 1000)
}

/** One time zone with its clock changes, found once per year and kept. */
export class Zone {
	/** All zones: finding the changes of a year takes longer than serving many requests. */
	static readonly #known = new Map<string, Zone>()
	readonly name: string
	readonly #format: Intl.DateTimeFormat
	/** Per UTC year: the moments at which a new offset begins, ascending; the first is the year's start. */
	readonly #years = new Map<number, { at: number; offset: number }[]>()

	private constructor(name: string) {
		this.name = name
		this.#format = new Intl.DateTimeFormat('en-US', {
			timeZone: name,
			hourCycle: 'h23',
			year: 'numeric',
			month: 'numeric',
			day: 'numeric',
			hour: 'numeric',
			minute: 'numeric',
			second: 'numeric',
		})
	}

	/** The zone of that name. Throws a RangeError when there is none. */
	static of(name: string): Zone {
		let zone = Zone.#known.get(name)
		if (zone === undefined) {
			zone = new Zone(name)
			Zone.#known.set(name, zone)
		}
		return zone
	}

	#measure(utc: number): number {
		const part: Record<string, number> = {}
		for (const { type, value } of this.#format.formatToParts(utc * 1000)) part[type] = Number(value)
		const local = Date.UTC(part.year ?? 0, (part.month ?? 1) - 1, part.day, part.hour, part.minute, part.second)
		return local / 1000 - utc
	}

	#changes(year: number): { at: number; offset: number }[] {
		const known = this.#years.get(year)
		if (known) return known
		let at = Date.UTC(year, 0, 1) / 1000
		const end = Date.UTC(year + 1, 0, 1) / 1000
		const changes = [{ at, offset: this.#measure(at) }]
		for (let next = at + 4 * DAY; at < end; at = next, next = Math.min(next + 4 * DAY, end)) {
			const before = this.#measure(at)
			if (before === this.#measure(next)) {
				if (next === end) break
				continue
			}
			let low = at
			let high = next
			while (high - low > 1) {
				const middle = Math.floor((low + high) / 2)
				if (this.#measure(middle) === before) low = middle
				else high = middle
			}
			changes.push({ at: high, offset: this.#measure(high) })
			if (next === end) break
		}
		this.#years.set(year, changes)
		return changes
	}

	/** Seconds to add to UTC for the wall clock at that moment. */
	offset(utc: number): number {
		const changes = this.#changes(new Date(utc * 1000).getUTCFullYear())
		let offset = changes[0]?.offset ?? 0
		for (const change of changes) {
			if (change.at > utc) break
			offset = change.offset
		}
		return offset
	}

	/** The wall clock as seconds, as if it were UTC. */
	toLocal(utc: number): number {
		return utc + this.offset(utc)
	}

	/**
	 * UTC seconds of a wall clock: of two equal hours the first (or the second), and a wall clock inside the
	 * spring-forward gap is moved on by the gap, as PHP does (docs/woocommerce.md 3.3).
	 */
	fromLocal(local: number, repeated: 'first' | 'second' = 'first'): number {
		const early = local - this.offset(local - DAY)
		const late = local - this.offset(local + DAY)
		const valid = [early, late].filter((utc) => this.toLocal(utc) === local).sort((a, b) => a - b)
		if (valid.length === 0) return early
		return (repeated === 'first' ? valid[0] : valid[valid.length - 1]) ?? early
	}

	/** True when no clock of this zone ever shows that wall time. */
	inGap(local: number): boolean {
		return this.toLocal(this.fromLocal(local)) !== local
	}
}
