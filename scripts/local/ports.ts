/** Ports on loopback: which are free, and whether one is. */
import { createServer, type AddressInfo } from 'node:net'

/** Whether nothing listens there; null when the port cannot be had for another reason, such as a low number. */
export async function tryPort(port: number): Promise<'free' | 'taken' | 'refused'> {
	return (await listenOnce(port)).state
}

/** The first free port from `start` on. */
export async function nextFreePort(start: number, excluded: readonly number[] = []): Promise<number> {
	for (let port = start; port < start + 500 && port < 65_536; port++) {
		if (!excluded.includes(port) && (await tryPort(port)) === 'free') return port
	}
	return await anyFreePort()
}

/** A port that the system gives. */
export async function anyFreePort(): Promise<number> {
	const { port } = await listenOnce(0)
	if (port === 0) throw new Error('this machine has no free port')
	return port
}

async function listenOnce(port: number): Promise<{ state: 'free' | 'taken' | 'refused'; port: number }> {
	return await new Promise((resolve) => {
		const server = createServer()
		server.once('error', (error: NodeJS.ErrnoException) =>
			resolve({ state: error.code === 'EADDRINUSE' ? 'taken' : 'refused', port: 0 }),
		)
		server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
			const address = server.address() as AddressInfo
			server.close(() => resolve({ state: 'free', port: address.port }))
		})
	})
}
