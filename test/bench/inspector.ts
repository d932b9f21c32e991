/** The runtime's inspector: the heap of the Worker's isolate after a collection of garbage. */

/** The isolate reads messages only while it works: it is asked something small until it has answered. */
const NUDGE_INTERVAL_MS = 100
const ANSWER_TIMEOUT_MS = 20_000

interface InspectorAnswer {
	id?: number
	result?: { usedSize?: number; backingStorageSize?: number }
	error?: { message: string }
}

/** A connection to the inspector. */
export class Inspector {
	readonly #socket: WebSocket
	readonly #waiting = new Map<number, (answer: InspectorAnswer) => void>()
	readonly #nudge: () => Promise<unknown>
	#last = 0

	private constructor(socket: WebSocket, nudge: () => Promise<unknown>) {
		this.#socket = socket
		this.#nudge = nudge
		socket.addEventListener('message', (event) => {
			const answer = JSON.parse(String(event.data)) as InspectorAnswer
			if (answer.id === undefined) return
			this.#waiting.get(answer.id)?.(answer)
			this.#waiting.delete(answer.id)
		})
	}

	/** Connects to the Worker's own isolate, at the runtime's inspector. `nudge` gives the isolate something small to do. */
	static async open(runtimeUrl: URL, nudge: () => Promise<unknown>): Promise<Inspector> {
		const list = await fetch(new URL(`http://${runtimeUrl.host}/json`))
		const targets = await list.json<{ id: string; webSocketDebuggerUrl: string }[]>()
		const target = targets.find(({ id }) => id.startsWith('core:user:'))
		if (target === undefined) throw new Error('the runtime has no Worker to inspect')
		const socket = new WebSocket(target.webSocketDebuggerUrl)
		const inspector = new Inspector(socket, nudge)
		await new Promise<void>((resolve, reject) => {
			socket.addEventListener('open', () => resolve(), { once: true })
			socket.addEventListener('error', () => reject(new Error('the inspector does not answer')), { once: true })
		})
		return inspector
	}

	/** Bytes in use on the isolate's heap once all garbage is gone, buffers included. */
	async heapBytes(): Promise<number> {
		await this.#call('HeapProfiler.collectGarbage')
		await this.#call('HeapProfiler.collectGarbage')
		const { result } = await this.#call('Runtime.getHeapUsage')
		return (result?.usedSize ?? 0) + (result?.backingStorageSize ?? 0)
	}

	close(): void {
		this.#socket.close()
	}

	async #call(method: string): Promise<InspectorAnswer> {
		const id = ++this.#last
		let answer: InspectorAnswer | null = null
		this.#waiting.set(id, (received) => {
			answer = received
		})
		this.#socket.send(JSON.stringify({ id, method }))
		const answered = (): InspectorAnswer | null => answer
		for (const endMs = Date.now() + ANSWER_TIMEOUT_MS; answered() === null;) {
			if (Date.now() > endMs) throw new Error(`the inspector does not answer ${method}`)
			await this.#nudge()
			await new Promise((resolve) => setTimeout(resolve, NUDGE_INTERVAL_MS))
		}
		const error = answered()?.error
		if (error !== undefined) throw new Error(`${method}: ${error.message}`)
		return answered()!
	}
}
