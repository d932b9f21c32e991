/**
 * `<sb-time><time datetime='…'>2 min ago</time></sb-time>`: the relative time, kept up to date. The exact one, in the
 * viewer's zone, is shown on hover and focus.
 */
import { getNow, onTick } from './clock.ts'
import { toExactTime, toRelativeTime } from './time-text.ts'
import { hideTip, showTip } from './tip.ts'

/** Elements that have the focus for what is in them. */
const INTERACTIVE = 'a[href], button, summary'

export class TimeElement extends HTMLElement {
	#stop: (() => void) | null = null

	connectedCallback(): void {
		const time = this.querySelector('time')
		const atMs = Date.parse(time?.dateTime ?? '')
		if (time === null || Number.isNaN(atMs)) return
		// The tip replaces it: it also shows on focus, and in the viewer's zone.
		time.removeAttribute('title')
		const show = (): void => showTip(time, toExactTime(atMs))
		const focused = this.closest(INTERACTIVE) ?? time
		if (focused === time) time.tabIndex = 0
		const controller = new AbortController()
		const { signal } = controller
		for (const type of ['pointerenter', 'focus']) focused.addEventListener(type, show, { signal })
		for (const type of ['pointerleave', 'blur']) focused.addEventListener(type, hideTip, { signal })
		const update = (nowMs: number): void => {
			const text = toRelativeTime(atMs, nowMs)
			if (time.textContent !== text) time.textContent = text
		}
		update(getNow())
		const stopTicking = onTick(update)
		this.#stop = () => {
			stopTicking()
			controller.abort()
			hideTip()
		}
	}

	disconnectedCallback(): void {
		this.#stop?.()
		this.#stop = null
	}
}
