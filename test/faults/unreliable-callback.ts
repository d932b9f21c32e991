/**
 * The customer's callback on a bad day: most POSTs it takes, some it takes late, answers with an error, never answers, or resets, before it
 * has taken them or after. What it took is kept and verified by the demo's callback.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pause } from '../../scripts/local/local-worker.ts'
import { createCallbackServer, type Arrival, type CallbackServer } from '../demo/callback.ts'
import { Random } from '../store/random.ts'
import type { Halted } from './halt-control.ts'

/** What a POST meets, and how often of a hundred. */
const FAULT_PERCENTAGES = [
	['late', 6],
	['error', 5],
	['busy', 2],
	['reset', 2],
	['resetAfter', 2],
	['stall', 1],
] as const

type CallbackFault = (typeof FAULT_PERCENTAGES)[number][0] | 'good'

/** One POST, however it ended. */
export interface CallbackPost {
	notificationId: string
	attempt: number
	/** `open`: not answered yet; `gone`: its sender broke off before the answer. */
	outcome: 'open' | 'answered' | 'reset' | 'gone'
	/** What was answered; null without an answer. */
	status: number | null
}

/** The callback of a run. */
export class UnreliableCallback {
	/** Every POST whose body came whole, in order. */
	readonly posts: CallbackPost[] = []
	readonly #callback: CallbackServer
	readonly #random: Random
	readonly #server = createServer(
		(request, response) => void this.#serve(request, response).catch(() => response.destroy()),
	)
	#faultsEnabled = true
	#nextWaiter: ((post: CallbackPost, halted: Halted) => void) | null = null

	constructor(key: string, seed: number, now: () => number) {
		this.#callback = createCallbackServer({ key, now })
		this.#random = new Random(seed, 301)
	}

	get origin(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
	}

	/** What it took: for the judge. */
	get arrivals(): readonly Arrival[] {
		return this.#callback.arrivals
	}

	/** POSTs that wait for an answer. */
	get openPosts(): number {
		return this.posts.reduce((count, { outcome: end }) => count + (end === 'open' ? 1 : 0), 0)
	}

	async listen(): Promise<void> {
		await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve))
	}

	/** Takes everything at once from now on. */
	stopFaults(): void {
		this.#faultsEnabled = false
	}

	/** The next POST, whole and not answered; null when none comes within this time. */
	async nextPost(withinMs: number): Promise<{ post: CallbackPost; halted: Halted } | null> {
		return await new Promise((resolve) => {
			const timer = setTimeout(() => {
				this.#nextWaiter = null
				resolve(null)
			}, withinMs)
			this.#nextWaiter = (post, halted) => {
				clearTimeout(timer)
				this.#nextWaiter = null
				resolve({ post, halted })
			}
		})
	}

	async close(): Promise<void> {
		this.#server.closeAllConnections()
		await new Promise<void>((resolve) => void this.#server.close(() => resolve()))
	}

	async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
		const body = Buffer.concat(await incoming.toArray())
		const headers = new Headers()
		for (const [name, values] of Object.entries(incoming.headersDistinct))
			for (const value of values ?? []) headers.append(name, value)
		const post: CallbackPost = {
			notificationId: headers.get('webhook-id') ?? '',
			attempt: Number(headers.get('Shopbell-Attempt') ?? 1),
			outcome: 'open',
			status: null,
		}
		this.posts.push(post)
		const abort = new AbortController()
		outgoing.once('close', () => {
			if (post.outcome === 'open') post.outcome = 'gone'
			abort.abort()
		})
		const waiter = this.#nextWaiter
		if (waiter !== null) {
			await new Promise<void>((release) => {
				abort.signal.addEventListener('abort', () => release(), { once: true })
				waiter(post, { isBroken: () => outgoing.destroyed, release })
			})
			if (outgoing.destroyed) return
		}
		const fault = this.#pickFault()
		if (fault === 'late') await pause(this.#random.int(20, 400))
		if (fault === 'stall') return
		if (fault === 'reset') return this.#reset(post, outgoing)
		if (fault === 'error' || fault === 'busy') {
			if (fault === 'busy') outgoing.setHeader('Retry-After', String(this.#random.int(1, 10)))
			return this.#answer(post, outgoing, fault === 'busy' ? 429 : this.#random.pick([500, 502, 503, 404]), 'not now')
		}
		const request = new Request(`${this.origin}${incoming.url ?? '/'}`, {
			method: incoming.method ?? 'POST',
			headers,
			body,
			signal: abort.signal,
		})
		const response = await this.#callback.receive(request)
		if (fault === 'resetAfter') return this.#reset(post, outgoing)
		this.#answer(post, outgoing, response.status, await response.text())
	}

	#answer(post: CallbackPost, outgoing: ServerResponse, status: number, text: string): void {
		if (post.outcome !== 'open') return
		post.outcome = 'answered'
		post.status = status
		outgoing.writeHead(status).end(text)
	}

	#reset(post: CallbackPost, outgoing: ServerResponse): void {
		if (post.outcome === 'open') post.outcome = 'reset'
		outgoing.socket?.resetAndDestroy()
	}

	#pickFault(): CallbackFault {
		if (!this.#faultsEnabled) return 'good'
		let roll = this.#random.int(0, 99)
		for (const [fault, percentage] of FAULT_PERCENTAGES) {
			roll -= percentage
			if (roll < 0) return fault
		}
		return 'good'
	}
}
