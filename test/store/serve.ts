/** Puts a simulated store on a loopback port, over http or https with a certificate made on the spot. */
import { createServer as createHttp } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { makeCertificate } from './certificate.ts'
import type { SimulatedStore } from './store.ts'

/** A store that listens. */
export interface Served {
	/** Where it listens, without a final slash. */
	url: string
	/** PEM of the certificate to trust, over https only. */
	ca?: string
	close(): Promise<void>
}

/** A port that nobody listens on; a store must know its address before it is made, since OAuth signs it. */
export async function freePort(): Promise<number> {
	const probe = createHttp()
	await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
	const { port } = probe.address() as AddressInfo
	await new Promise((resolve) => probe.close(resolve))
	return port
}

/** Listens on 127.0.0.1; port 0 takes any free one. */
export async function serve(store: SimulatedStore, options: { port: number; https?: boolean }): Promise<Served> {
	const scheme = options.https ? 'https' : 'http'
	const listener = (request: IncomingMessage, response: ServerResponse): void => {
		void handle(store, scheme, request, response)
	}
	const certificate = options.https ? makeCertificate() : null
	const server: Server = certificate
		? createHttps({ key: certificate.key, cert: certificate.cert }, listener)
		: createHttp(listener)
	await new Promise<void>((resolve, reject) => {
		server.once('error', reject)
		server.listen(options.port, '127.0.0.1', resolve)
	})
	const { port } = server.address() as AddressInfo
	store.setCron(true)
	return {
		url: `${scheme}://127.0.0.1:${port}`,
		...(certificate && { ca: certificate.cert }),
		close: () =>
			new Promise((resolve, reject) => {
				store.close()
				server.close((error) => (error ? reject(error) : resolve()))
				server.closeAllConnections()
			}),
	}
}

async function handle(
	store: SimulatedStore,
	scheme: string,
	request: IncomingMessage,
	response: ServerResponse,
): Promise<void> {
	const gone = new AbortController()
	response.once('close', () => gone.abort())
	try {
		const chunks: Buffer[] = []
		for await (const chunk of request) chunks.push(chunk as Buffer)
		const { method = 'GET' } = request
		const headers = new Headers()
		for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
			const name = request.rawHeaders[i] as string
			if (!['connection', 'transfer-encoding', 'keep-alive', 'host', 'content-length'].includes(name.toLowerCase()))
				headers.append(name, request.rawHeaders[i + 1] as string)
		}
		const body = method === 'GET' || method === 'HEAD' ? null : Buffer.concat(chunks)
		const answer = await store.fetch(
			new Request(`${scheme}://${request.headers.host ?? '127.0.0.1'}${request.url ?? '/'}`, {
				method,
				headers,
				body,
				signal: gone.signal,
				redirect: 'manual',
			}),
		)
		const bytes = Buffer.from(await answer.arrayBuffer())
		response.sendDate = false
		response.writeHead(answer.status, Object.fromEntries(answer.headers))
		response.end(method === 'HEAD' ? undefined : bytes)
	} catch (error) {
		if (gone.signal.aborted) return
		response.writeHead(500, { 'content-type': 'text/plain' })
		response.end(
			`the simulated store failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
		)
	}
}
