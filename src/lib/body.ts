/** Reading a body up to a limit. */
/** A body's bytes; null when it is larger than `limit`. Throws when the sender went away. */
export async function readBody(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer> | null> {
	if (request.body === null) return new Uint8Array()
	const length = request.headers.get('content-length')
	if (length !== null && Number(length) > limit) return null
	if (length !== null && /^\d+$/.test(length)) return new Uint8Array(await request.arrayBuffer())
	const parts: Uint8Array[] = []
	let size = 0
	const reader = request.body.getReader() as ReadableStreamDefaultReader<Uint8Array>
	for (;;) {
		const { done, value } = await reader.read()
		if (done) break
		size += value.byteLength
		if (size > limit) {
			await reader.cancel().catch(() => undefined)
			return null
		}
		parts.push(value)
	}
	const body = new Uint8Array(size)
	let offset = 0
	for (const part of parts) {
		body.set(part, offset)
		offset += part.byteLength
	}
	return body
}
