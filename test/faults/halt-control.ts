/** Where a Worker that stands still says so, on loopback. It is answered when it may go on, and else never. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { HaltReport } from './kill-points.ts'

/** Something that stands still in the Worker or waits for an answer of store or callback. */
export interface Halted {
	/** Whoever waits is gone: its connection has broken. */
	isBroken(): boolean
	/** Lets it go on. */
	release(): void
}

/** The harness's end. */
export class HaltControl {
	readonly #server = createServer(
		(request, response) => void this.#handleReport(request, response).catch(() => response.destroy()),
	)
	#nextWaiter: ((haltReport: HaltReport, halted: Halted) => void) | null = null

	/** Where Workers report. */
	get url(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
	}

	async listen(): Promise<void> {
		await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve))
	}

	/** The next one that stands still; null when none does within this time. */
	async nextHalt(withinMs: number): Promise<{ haltReport: HaltReport; halted: Halted } | null> {
		return await new Promise((resolve) => {
			const timer = setTimeout(() => {
				this.#nextWaiter = null
				resolve(null)
			}, withinMs)
			this.#nextWaiter = (haltReport, halted) => {
				clearTimeout(timer)
				this.#nextWaiter = null
				resolve({ haltReport, halted })
			}
		})
	}

	async close(): Promise<void> {
		this.#server.closeAllConnections()
		await new Promise<void>((resolve) => void this.#server.close(() => resolve()))
	}

	async #handleReport(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const haltReport = JSON.parse(Buffer.concat(await request.toArray()).toString()) as HaltReport
		const waiter = this.#nextWaiter
		if (waiter === null) response.end()
		else waiter(haltReport, { isBroken: () => response.destroyed, release: () => void response.end() })
	}
}
