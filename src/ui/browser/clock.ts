/** Time as the server tells it: clocks of viewers may be wrong, and "in 5 min" about the past would be nonsense. */

/** Differences that the way from the server explains, ms. */
const TOLERANCE_MS = 30_000

/** `<html data-now>`: when the server rendered the page, epoch ms. */
const renderedMs = Number(document.documentElement.dataset['now'] ?? Number.NaN)
const arrivedMs = Date.now() - performance.now()
const difference = renderedMs - arrivedMs
const offsetMs = Math.abs(difference) > TOLERANCE_MS ? difference : 0

/** Now, epoch ms. */
export function getNow(): number {
	return Date.now() + offsetMs
}

type Listener = (nowMs: number) => void

const listeners = new Set<Listener>()
let timer = 0

/** Calls `listener` every second while it is registered and the page is visible; returns what ends that. */
export function onTick(listener: Listener): () => void {
	listeners.add(listener)
	run()
	return () => {
		listeners.delete(listener)
		if (listeners.size === 0) stop()
	}
}

function run(): void {
	if (timer === 0 && !document.hidden) timer = setInterval(tick, 1_000)
}

function stop(): void {
	clearInterval(timer)
	timer = 0
}

function tick(): void {
	const nowMs = getNow()
	for (const listener of listeners) listener(nowMs)
}

document.addEventListener('visibilitychange', () => {
	if (document.hidden) return stop()
	if (listeners.size === 0) return
	tick()
	run()
})
