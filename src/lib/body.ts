/** Reading bodies up to a limit. */

/**
 * Passes the first `max` bytes of a body to `take`, chunk by chunk, and cancels the rest. Throws if the sender
 * disconnects, and with the reason of `aborted`, which also ends a body that stalls.
 */
export async function readChunks(
	body: ReadableStream | null,
	max: number,
	take: (chunk: Uint8Array) => void,
	aborted?: Promise<never>,
): Promise<void> {
	if (body === null) return
	const reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>
	let size = 0
	try {
		while (size < max) {
			const { done, value } = await (aborted === undefined ? reader.read() : Promise.race([aborted, reader.read()]))
			if (done) return
			take(value.subarray(0, max - size))
			size += value.byteLength
		}
	} finally {
		// Not awaited, because a sender may ignore the cancellation.
		reader.cancel().catch(() => undefined)
	}
}

/** A request's body; null if it is larger than `limit` bytes. Throws if the sender disconnects. */
export async function readBody(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer> | null> {
	const length = request.headers.get('content-length')
	if (length !== null && Number(length) > limit) return null
	if (length !== null && /^\d+$/.test(length)) return new Uint8Array(await request.arrayBuffer())
	const chunks: Uint8Array[] = []
	let size = 0
	await readChunks(request.body, limit + 1, (chunk) => {
		chunks.push(chunk)
		size += chunk.byteLength
	})
	if (size > limit) return null
	const bytes = new Uint8Array(size)
	let offset = 0
	for (const chunk of chunks) {
		bytes.set(chunk, offset)
		offset += chunk.byteLength
	}
	return bytes
}
