/** Which process has a local folder: one at a time, because two would write one database. */
import { randomUUID } from 'node:crypto'
import { connect, createServer, type AddressInfo } from 'node:net'
import { isRunning, readJson, writePrivateJson } from './files.ts'

/** How long the owner may take to answer, ms. */
const ANSWER_TIMEOUT_MS = 2_000

/**
 * Claims what `path` (an owner.json) stands for until this process ends. The owner answers on loopback with its token:
 * a number of a process says little, since the system gives it to another program after a crash or a restart.
 */
export async function claimOwnership(path: string): Promise<{ ok: true } | { ok: false; pid: number }> {
	const owner = readJson(path)
	const { pid, port, token } = owner ?? {}
	if (typeof pid === 'number' && typeof port === 'number' && typeof token === 'string') {
		const answer = await askToken(port)
		// An owner that is suspended (Ctrl-Z) accepts the connection and says nothing.
		if (answer === token || (answer === '' && isRunning(pid))) return { ok: false, pid }
	}
	const ownToken = randomUUID()
	const ownPort = await answerWith(ownToken)
	writePrivateJson(path, { pid: process.pid, port: ownPort, token: ownToken })
	return { ok: true }
}

/** Answers every connection with a text, as long as this process runs; returns the port. */
async function answerWith(text: string): Promise<number> {
	return await new Promise((resolve, reject) => {
		const server = createServer((socket) => {
			socket.on('error', () => undefined)
			socket.end(text)
		})
		server.once('error', reject)
		server.listen({ port: 0, host: '127.0.0.1' }, () => resolve((server.address() as AddressInfo).port))
		server.unref()
	})
}

/** What listens on a port says; empty: it says nothing in time, null: nothing listens, or something else does. */
async function askToken(port: number): Promise<string | null> {
	if (!Number.isInteger(port) || port < 1 || port > 65_535) return null
	return await new Promise((resolve) => {
		let text = ''
		const socket = connect({ port, host: '127.0.0.1' })
		const finish = (answer: string | null): void => {
			socket.destroy()
			resolve(answer)
		}
		socket.setEncoding('utf8')
		socket.setTimeout(ANSWER_TIMEOUT_MS, () => finish(text))
		socket.once('error', () => finish(null))
		socket.on('data', (part: string) => {
			text += part
			if (text.length > 100) finish(null)
		})
		socket.once('end', () => finish(text))
	})
}
