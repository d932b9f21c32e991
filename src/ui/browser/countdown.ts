/**
 * `<sb-countdown><time datetime='…'>in 48 s</time></sb-countdown>`: counts down every second, with the text of `before`
 * before the time. In the last second it shows `done` ("now"). At zero it fires `due` once, which an element can be
 * loaded by: `hx-trigger='due from:#next-poll'`.
 */
import { getNow, onTick } from './clock.ts'
import { toDuration } from './time-text.ts'

export class CountdownElement extends HTMLElement {
	#stop: (() => void) | null = null

	connectedCallback(): void {
		const time = this.querySelector('time')
		const atMs = Date.parse(time?.dateTime ?? '')
		if (time === null || Number.isNaN(atMs)) return
		const update = (nowMs: number): void => {
			const isDue = nowMs >= atMs
			const isLast = atMs - nowMs < 1000
			const text = isLast
				? (this.getAttribute('done') ?? 'now')
				: `${this.getAttribute('before') ?? ''}in ${toDuration(atMs - nowMs)}`
			if (time.textContent !== text) time.textContent = text
			if (!isDue) return
			this.disconnectedCallback()
			this.dispatchEvent(new Event('due', { bubbles: true }))
		}
		if (getNow() >= atMs) return
		this.#stop = onTick(update)
		update(getNow())
	}

	disconnectedCallback(): void {
		this.#stop?.()
		this.#stop = null
	}
}
