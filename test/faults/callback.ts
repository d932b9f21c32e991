/**
 * The customer's callback on a bad day: most POSTs it takes, some it takes late, answers with an error, never answers, or resets, before it
 * has taken them or after. What it took is kept and verified by the demo's callback.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pause } from '../../scripts/local/bell.ts'
import { createCallback, type Arrival, type Callback } from '../demo/callback.ts'
import { Random } from '../store/random.ts'
import type { Halted } from './control.ts'

/** What a POST meets, and how often of a hundred. */
const MOODS = [
	['late', 6],
	['error', 5],
	['busy', 2],
	['reset', 2],
	['resetAfter', 2],
	['stall', 1],
] as const

type Mood = (typeof MOODS)[number][0] | 'good'

/** One POST, however it ended. */
export interface Post {
	notificationId: string
	attempt: number
	/** `open`: not answered yet; `gone`: its sender broke off before the answer. */
	end: 'open' | 'answered' | 'reset' | 'gone'
	/** What was answered; null without an answer. */
	status: number | null
}

/** The callback of a run. */
export class BadDay {
	/** Every POST whose body came whole, in order. */
	readonly posts: Post[] = []
	readonly #callback: Callback
	readonly #random: Random
	readonly #server = createServer((request, response) => void this.#serve(request, response).catch(() => response.destroy()))
	#moody = true
	#wanted: ((post: Post, halted: Halted) => void) | null = null

	constructor(key: string, seed: number, now: () => number) {
		this.#callback = createCallback({ key, now })
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
	get open(): number {
		return this.posts.reduce((count, { end }) => count + (end === 'open' ? 1 : 0), 0)
	}

	async listen(): Promise<void> {
		await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve))
	}

	/** Takes everything at once from now on. */
	recover(): void {
		this.#moody = false
	}

	/** The next POST, whole and not answered; null when none comes within this time. */
	async next(withinMs: number): Promise<{ post: Post; halted: Halted } | null> {
		return await new Promise((resolve) => {
			const timer = setTimeout(() => {
				this.#wanted = null
				resolve(null)
			}, withinMs)
			this.#wanted = (post, halted) => {
				clearTimeout(timer)
				this.#wanted = null
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
		for (const [name, values] of Object.entries(incoming.headersDistinct)) for (const value of values ?? []) headers.append(name, value)
		const post: Post = {
			notificationId: headers.get('webhook-id') ?? '',
			attempt: Number(headers.get('Shopbell-Attempt') ?? 1),
			end: 'open',
			status: null,
		}
		this.posts.push(post)
		const abort = new AbortController()
		outgoing.once('close', () => {
			if (post.end === 'open') post.end = 'gone'
			abort.abort()
		})
		const wanted = this.#wanted
		if (wanted !== null) {
			await new Promise<void>((release) => {
				abort.signal.addEventListener('abort', () => release(), { once: true })
				wanted(post, { broken: () => outgoing.destroyed, release })
			})
			if (outgoing.destroyed) return
		}
		const mood = this.#mood()
		if (mood === 'late') await pause(this.#random.int(20, 400))
		if (mood === 'stall') return
		if (mood === 'reset') return this.#reset(post, outgoing)
		if (mood === 'error' || mood === 'busy') {
			if (mood === 'busy') outgoing.setHeader('Retry-After', String(this.#random.int(1, 10)))
			return this.#answer(post, outgoing, mood === 'busy' ? 429 : this.#random.pick([500, 502, 503, 404]), 'not now')
		}
		const request = new Request(`${this.origin}${incoming.url ?? '/'}`, {
			method: incoming.method ?? 'POST',
			headers,
			body,
			signal: abort.signal,
		})
		const response = await this.#callback.receive(request)
		if (mood === 'resetAfter') return this.#reset(post, outgoing)
		this.#answer(post, outgoing, response.status, await response.text())
	}

	#answer(post: Post, outgoing: ServerResponse, status: number, text: string): void {
		if (post.end !== 'open') return
		post.end = 'answered'
		post.status = status
		outgoing.writeHead(status).end(text)
	}

	#reset(post: Post, outgoing: ServerResponse): void {
		if (post.end === 'open') post.end = 'reset'
		outgoing.socket?.resetAndDestroy()
	}

	#mood(): Mood {
		if (!this.#moody) return 'good'
		let roll = this.#random.int(0, 99)
		for (const [mood, share] of MOODS) {
			roll -= share
			if (roll < 0) return mood
		}
		return 'good'
	}
}
