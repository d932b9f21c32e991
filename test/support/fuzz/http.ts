/** Calls over HTTP as they are written: nothing of a path, a header or a body is put right on the way. */
import { Agent, request, type IncomingMessage } from 'node:http'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import type { FuzzCall } from './calls.ts'
import type { FuzzAnswer } from './oracle.ts'

/** Longest wait for an answer. */
const ANSWER_TIMEOUT_MS = 30_000

const agent = new Agent({ keepAlive: true, maxSockets: 4 })

/** … where a length is declared that the body does not have, so that there may be none. */
const SHORT_TIMEOUT_MS = 1_000

/** The answer; null: Node does not write such a request, or it needs none. Rejects when none comes. */
export async function sendOverHttp(base: string, call: FuzzCall): Promise<FuzzAnswer | null> {
	const { hostname, port } = new URL(base)
	const lies = call.headers.some(([name]) => name === 'Content-Length')
	return await new Promise((resolve, reject) => {
		let outgoing
		try {
			outgoing = request({ agent: lies ? false : agent, hostname, port, method: call.method, path: call.target })
			if (call.body !== null) outgoing.setHeader('Content-Length', call.body.length)
			for (const [name, value] of call.headers) outgoing.setHeader(name, value)
		} catch {
			outgoing?.on('error', () => undefined).destroy()
			resolve(null)
			return
		}
		const sent = outgoing
		sent.setTimeout(lies ? SHORT_TIMEOUT_MS : ANSWER_TIMEOUT_MS, () => sent.destroy(new Error('no answer in time')))
		sent.on('error', (error) => (lies ? resolve(null) : reject(error)))
		sent.on('response', (incoming) => void readAnswer(incoming).then(resolve, reject))
		sent.end(call.body ?? undefined)
	})
}

async function readAnswer(incoming: IncomingMessage): Promise<FuzzAnswer> {
	const headers = new Headers()
	for (let index = 0; index < incoming.rawHeaders.length; index += 2)
		headers.append(incoming.rawHeaders[index]!, incoming.rawHeaders[index + 1]!)
	const chunks: Buffer[] = []
	for await (const chunk of incoming) {
		chunks.push(chunk as Buffer)
		// A stream is left when it has said something.
		if (headers.get('Content-Type')?.startsWith('text/event-stream') === true) break
	}
	return { status: incoming.statusCode!, headers, text: decompress(Buffer.concat(chunks), headers).toString() }
}

function decompress(bytes: Buffer, headers: Headers): Buffer {
	if (bytes.length === 0) return bytes
	const encoding = headers.get('Content-Encoding')
	return encoding === 'gzip' ? gunzipSync(bytes) : encoding === 'br' ? brotliDecompressSync(bytes) : bytes
}
