/** One line that says when Shopbell cannot be reached: what a page shows is never silently old. */

const RECONNECTING = 'Reconnecting… What you see may be out of date.'
const UNKNOWN = 'Shopbell did not answer. Reload the page to see whether what you sent was done.'

let line: HTMLElement | null = null

function show(text: string): void {
	if (line?.isConnected !== true) {
		line = document.createElement('div')
		line.className = 'connection'
		line.role = 'status'
		document.body.append(line)
	}
	line.textContent = text
}

function hide(): void {
	if (line !== null) line.textContent = ''
}

interface RequestDetail {
	ctx?: { response?: unknown; request: { method: string } }
}

/** Begins to watch htmx's requests and the browser's connection. */
export function reportLostConnection(): void {
	addEventListener('offline', () => show(RECONNECTING))
	addEventListener('online', hide)
	document.addEventListener('htmx:error', (event) => {
		const { ctx } = (event as CustomEvent<RequestDetail>).detail
		if (ctx === undefined || ctx.response !== undefined) return
		show(ctx.request.method === 'GET' ? RECONNECTING : UNKNOWN)
	})
	document.addEventListener('htmx:after:request', hide)
}
