/** The runtime's inspector: the heap of the Worker's isolate after a collection of garbage. */

interface Answer {
	id?: number
	result?: { usedSize?: number; backingStorageSize?: number }
	error?: { message: string }
}

/** Bytes in use on the isolate's heap once all garbage is gone. */
export async function heapBytes(inspectorUrl: string): Promise<number> {
	// The inspector answers only who says that he comes from this machine; Node takes headers where browsers take protocols.
	const socket = new WebSocket(inspectorUrl, { headers: { Origin: 'http://localhost' } } as unknown as string[])
	const waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>()
	let last = 0
	const ended = (): void => {
		for (const { reject } of waiting.values()) reject(new Error('the inspector hung up'))
	}
	socket.addEventListener('close', ended)
	socket.addEventListener('error', ended)
	socket.addEventListener('message', (event) => {
		if (process.env.DBG) console.error('MSG', String(event.data).slice(0, 200))
		const answer = JSON.parse(String(event.data)) as Answer
		if (answer.id === undefined) return
		waiting.get(answer.id)?.resolve(answer)
		waiting.delete(answer.id)
	})
	const call = async (method: string): Promise<Answer> => {
		const id = ++last
		const answer = await new Promise<Answer>((resolve, reject) => {
			waiting.set(id, { resolve, reject })
			socket.send(JSON.stringify({ id, method }))
		})
		if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`)
		return answer
	}
	try {
		await new Promise<void>((resolve, reject) => {
			socket.addEventListener('open', () => resolve(), { once: true })
			socket.addEventListener('error', () => reject(new Error('the inspector does not answer')), { once: true })
		})
		await call('HeapProfiler.collectGarbage')
		await call('HeapProfiler.collectGarbage')
		const { result } = await call('Runtime.getHeapUsage')
		return (result?.usedSize ?? 0) + (result?.backingStorageSize ?? 0)
	} finally {
		socket.close()
	}
}
