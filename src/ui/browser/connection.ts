/** One line that says when Shopbell cannot be reached: what a page shows is never silently old. */

const RECONNECTING = 'Reconnecting… What you see may be out of date.'
const UNKNOWN = 'Shopbell did not answer. Reload the page to see whether what you sent was done.'

/** Parts that ask by themselves. The event `every` makes them ask at once. */
const LIVE = '[hx-trigger*="every "]'
const RETRY_MS = 10_000

/** What was not answered, with what is said of it, until the same element has an answer or is gone. */
const missed = new Map<Element, string>()
let isOffline = false
let line: HTMLElement | null = null

function show(text: string): void {
	if (line?.isConnected !== true) {
		if (text === '') return
		line = document.createElement('div')
		line.className = 'connection'
		line.role = 'status'
		document.body.append(line)
	}
	if (line.textContent !== text) line.textContent = text
}

function update(): void {
	for (const element of missed.keys()) if (!element.isConnected) missed.delete(element)
	const texts = [...missed.values()]
	show(texts.includes(UNKNOWN) ? UNKNOWN : isOffline || texts.length > 0 ? RECONNECTING : '')
}

function ask(element: Element): void {
	if (element.matches(LIVE)) element.dispatchEvent(new Event('every'))
}

interface RequestDetail {
	ctx?: { sourceElement: Element; response?: { status: number }; request: { method: string } }
}

/** Begins to watch htmx's requests and the browser's connection. */
export function reportLostConnection(): void {
	addEventListener('offline', () => {
		isOffline = true
		update()
	})
	addEventListener('online', () => {
		isOffline = false
		for (const part of document.querySelectorAll(LIVE)) missed.set(part, RECONNECTING)
		update()
		for (const element of missed.keys()) ask(element)
	})
	setInterval(() => {
		for (const element of missed.keys()) ask(element)
		update()
	}, RETRY_MS)
	document.addEventListener('htmx:error', (event) => {
		const { ctx } = (event as CustomEvent<RequestDetail>).detail
		if (ctx === undefined || ctx.response !== undefined) return
		missed.set(ctx.sourceElement, ctx.request.method === 'GET' ? RECONNECTING : UNKNOWN)
		update()
	})
	document.addEventListener('htmx:after:request', (event) => {
		const { ctx } = (event as CustomEvent<RequestDetail>).detail
		if (ctx === undefined) return
		const status = ctx.response?.status ?? 0
		isOffline = false
		// An error in the place of a part that asks by itself would end its asking.
		if (ctx.sourceElement.matches(LIVE) && (status >= 500 || status === 429)) {
			event.preventDefault()
			missed.set(ctx.sourceElement, RECONNECTING)
		} else missed.delete(ctx.sourceElement)
		update()
	})
}
