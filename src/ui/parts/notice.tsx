/** Messages, and work that takes time. */
import type { Child } from 'hono/jsx'
import { Icon, type IconName } from './icon.tsx'
import type { Tone } from './state.tsx'
import { formatDuration, formatNumber } from './text.ts'

const ICONS: Readonly<Record<Tone, IconName>> = {
	ok: 'circle-check',
	warn: 'triangle-alert',
	bad: 'circle-alert',
	idle: 'info',
}

/** A message in the page. Screen readers speak it when it comes; `alert`: at once. */
export function Notice({
	tone,
	alert = false,
	id,
	children,
}: {
	tone: Tone
	alert?: boolean
	id?: string
	children?: Child
}) {
	return (
		<div class={`notice ${tone}`} role={alert ? 'alert' : 'status'} id={id}>
			<Icon name={ICONS[tone]} />
			<div>{children}</div>
		</div>
	)
}

/** The place of a page's message. A response of an action fills it out of band (`oob`). */
export function MessagePlace({ oob = false, children }: { oob?: boolean; children?: Child }) {
	return (
		<div id='message' hx-swap-oob={oob ? 'true' : undefined}>
			{children}
		</div>
	)
}

/** Work that takes time: numbers and an estimate. */
export function Progress({
	label,
	done,
	total,
	leftMs,
}: {
	label: string
	done: number
	/** Null: not known. */
	total: number | null
	/** Null: no estimate. */
	leftMs?: number | null
}) {
	return (
		<div class='progress'>
			<div class='row-of'>
				<span>{label}</span>
				<span class='meta'>{toProgressText(done, total, leftMs ?? null)}</span>
			</div>
			<progress
				aria-label={label}
				value={total === null ? undefined : Math.min(done, total)}
				max={total ?? undefined}
			/>
		</div>
	)
}

/** `1,050 of 1,700, about 2 min left`. The bar shows the share. */
export function toProgressText(done: number, total: number | null, leftMs: number | null): string {
	if (total === null) return `${formatNumber(done)} so far`
	const left = leftMs === null || done >= total ? '' : `, about ${formatDuration(Math.max(1000, leftMs))} left`
	return `${formatNumber(done)} of ${formatNumber(total)}${left}`
}
