/** Moments, relative to now, with the exact time on hover and focus. The browser's zone is known to `sb-time`. */
import { html } from 'hono/html'
import { formatCountdown, formatExact, formatRelative } from './text.ts'

/** A moment. `at`: ISO 8601 or ms; null: there is none, a dash. */
export function Time({ at, now }: { at: string | number | null | undefined; now: number }) {
	const ms = typeof at === 'string' ? Date.parse(at) : at
	if (ms == null || Number.isNaN(ms)) return <span class='soft'>–</span>
	const iso = new Date(ms).toISOString()
	// A template takes a fraction of what nodes take, and lists have many.
	return html`<sb-time><time datetime="${iso}" title="${formatExact(ms)}">${formatRelative(ms, now)}</time></sb-time>`
}

/** Text of the API, with the moments in it as people read them. */
export function TextWithTimes({ text }: { text: string }) {
	return (
		<>
			{text
				.split(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/)
				.map((part, index) =>
					index % 2 === 0 ? (
						part
					) : (
						<time datetime={part}>{formatExact(Date.parse(part)).replace(/:\d\d UTC$/, ' UTC')}</time>
					),
				)}
		</>
	)
}

/**
 * The time until a moment, counted down by `sb-countdown`: `in 48 s`. At zero it fires `due`, once. `before` stands
 * before the time, `done` instead of both when it is over.
 */
export function Countdown({
	at,
	now,
	id,
	before = '',
	done = 'now',
}: {
	at: string | number
	now: number
	id?: string
	before?: string
	done?: string
}) {
	const ms = typeof at === 'string' ? Date.parse(at) : at
	return (
		<sb-countdown id={id} before={before === '' ? undefined : before} done={done === 'now' ? undefined : done}>
			<time datetime={new Date(ms).toISOString()} title={formatExact(ms)}>
				{ms - now < 1000 ? done : `${before}${formatCountdown(ms, now)}`}
			</time>
		</sb-countdown>
	)
}
