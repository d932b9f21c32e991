/**
 * `<sb-tail src='…' after='…' max='50'>` around a list or table: adds the rows that a stream of server-sent events
 * brings, newest first, and keeps at most `max`. `after` is the id of the newest row that the page came with.
 *
 * A message is the HTML of rows; a row with the id of one that is there replaces it. A message with a name is fired
 * as an event of that name (`hx-trigger='settled from:#events'`). `data-state` says how it is: `connecting`,
 * `open`, `reconnecting`, `ended` (the server says that nothing more comes, or no longer lets the viewer in). Rows
 * go into the element `[data-rows]`, else the first `tbody`, `ol` or `ul`; `[data-empty]` in it goes when the first
 * comes.
 *
 * It reads the stream itself, because htmx's SSE extension does not know the rows of the page when it connects
 * (`Last-Event-ID`), takes the page of an ended session for a stream, and gives up when it cannot connect at first.
 */
import { parseMessages, type Message } from './sse.ts'

const DEFAULT_MAX_ROWS = 50
/** Waits before it connects again, ms; the last one is repeated. */
const WAITS_MS = [500, 1_000, 2_000, 5_000, 10_000]
/** The server sends a line at least every 15 s. A stream that says nothing for this long is lost, ms. */
const MAX_SILENCE_MS = 40_000

type State = 'connecting' | 'open' | 'reconnecting' | 'ended'

/** Spoken when the state changes; the last one is also seen. */
const TEXTS: Readonly<Record<State, string>> = {
	connecting: '',
	open: '',
	reconnecting: 'Reconnecting…',
	ended: 'Live updates have ended. Reload the page.',
}

export class TailElement extends HTMLElement {
	#lastId = ''
	#failures = 0
	#retry = 0
	#connection: AbortController | null = null
	#status: HTMLElement | null = null

	connectedCallback(): void {
		this.#lastId ||= this.getAttribute('after') ?? ''
		document.addEventListener('visibilitychange', this.#onVisibility)
		addEventListener('online', this.#onVisibility)
		this.#setState('connecting')
		if (!document.hidden) void this.#connect()
	}

	disconnectedCallback(): void {
		document.removeEventListener('visibilitychange', this.#onVisibility)
		removeEventListener('online', this.#onVisibility)
		this.#close()
	}

	/** A hidden page holds no stream; when it is seen again, the stream goes on where it was. */
	readonly #onVisibility = (): void => {
		if (document.hidden) return this.#close()
		this.#failures = 0
		if (this.dataset['state'] !== 'ended' && this.#connection === null) void this.#connect()
	}

	#close(): void {
		clearTimeout(this.#retry)
		this.#connection?.abort()
		this.#connection = null
	}

	/** Reads one stream to its end, and sees to the next. */
	async #connect(): Promise<void> {
		this.#close()
		const connection = new AbortController()
		this.#connection = connection
		const isOver = await this.#read(connection).catch(() => false)
		// Closed by us: hidden, removed, or another one has begun.
		if (this.#connection !== connection) return
		this.#connection = null
		if (isOver) return this.#setState('ended')
		const wait = WAITS_MS[Math.min(this.#failures, WAITS_MS.length - 1)]!
		// Servers end long streams: only what fails twice is lost.
		if (this.#failures++ > 0 || this.dataset['state'] !== 'open') this.#setState('reconnecting')
		this.#retry = setTimeout(() => void this.#connect(), wait)
	}

	/** True: nothing more will come. Throws when the connection fails. */
	async #read(connection: AbortController): Promise<boolean> {
		const response = await fetch(this.getAttribute('src')!, {
			headers: { Accept: 'text/event-stream', ...(this.#lastId === '' ? {} : { 'Last-Event-ID': this.#lastId }) },
			redirect: 'manual',
			signal: connection.signal,
		})
		const isStream = response.ok && response.headers.get('Content-Type')?.startsWith('text/event-stream') === true
		// Another answer than a stream stays the same, unless the server is only busy.
		if (!isStream || response.body === null) return response.status < 500 && response.status !== 429
		this.#failures = 0
		this.#setState('open')
		const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
		let text = ''
		for (;;) {
			const silence = setTimeout(() => void reader.cancel(), MAX_SILENCE_MS)
			const { done, value } = await reader.read().finally(() => clearTimeout(silence))
			if (done) return false
			const { messages, id, rest } = parseMessages(text + value, this.#lastId)
			text = rest
			this.#lastId = id
			for (const message of messages) {
				if (message.event === 'end') return true
				this.#take(message)
			}
		}
	}

	#take({ event, data, id }: Message): void {
		if (event !== 'message') {
			this.dispatchEvent(new CustomEvent(event, { detail: { data, id }, bubbles: true }))
			return
		}
		const list = this.querySelector('[data-rows]') ?? this.querySelector('tbody, ol, ul') ?? this
		list.querySelector('[data-empty]')?.remove()
		const template = document.createElement('template')
		template.innerHTML = data
		for (const row of [...template.content.children]) {
			const old = row.id === '' ? null : list.querySelector(`#${CSS.escape(row.id)}`)
			if (old === null) list.prepend(row)
			else old.replaceWith(row)
			if (old === null) row.classList.add('fresh')
			window.htmx?.process(row)
		}
		const max = Number(this.getAttribute('max') ?? DEFAULT_MAX_ROWS)
		while (list.children.length > max) list.lastElementChild?.remove()
		this.dispatchEvent(new Event('rows', { bubbles: true }))
	}

	#setState(state: State): void {
		if (this.dataset['state'] === state) return
		this.dataset['state'] = state
		if (this.#status?.isConnected !== true) {
			this.#status = document.createElement('span')
			this.#status.role = 'status'
			this.append(this.#status)
		}
		this.#status.className = state === 'ended' ? 'ended' : 'spoken'
		this.#status.textContent = TEXTS[state]
	}
}
