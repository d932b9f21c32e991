/** Where a Worker that stands still says so, on loopback. It is answered when it may go on, and else never. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Standing } from './points.ts'

/** Something that stands still in the Worker or waits for an answer of store or callback. */
export interface Halted {
	/** Whoever waits is gone: its connection has broken. */
	broken(): boolean
	/** Lets it go on. */
	release(): void
}

/** The harness's end. */
export class Control {
	readonly #server = createServer((request, response) => void this.#take(request, response).catch(() => response.destroy()))
	#wanted: ((standing: Standing, halted: Halted) => void) | null = null

	/** Where Workers report. */
	get url(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
	}

	async listen(): Promise<void> {
		await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve))
	}

	/** The next one that stands still; null when none does within this time. */
	async next(withinMs: number): Promise<{ standing: Standing; halted: Halted } | null> {
		return await new Promise((resolve) => {
			const timer = setTimeout(() => {
				this.#wanted = null
				resolve(null)
			}, withinMs)
			this.#wanted = (standing, halted) => {
				clearTimeout(timer)
				this.#wanted = null
				resolve({ standing, halted })
			}
		})
	}

	async close(): Promise<void> {
		this.#server.closeAllConnections()
		await new Promise<void>((resolve) => void this.#server.close(() => resolve()))
	}

	async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const standing = JSON.parse(Buffer.concat(await request.toArray()).toString()) as Standing
		const wanted = this.#wanted
		if (wanted === null) response.end()
		else wanted(standing, { broken: () => response.destroyed, release: () => void response.end() })
	}
}
