/** Load from this machine: prepared requests over so many connections, and two Workers held against each other in rounds. */
import { Agent, request as httpRequest } from 'node:http'
import { performance } from 'node:perf_hooks'

/** A request that is ready to be sent. */
export interface PreparedRequest {
	/** POST where it is not said. */
	method?: 'GET'
	path: string
	headers: Record<string, string>
	body: Buffer
}

const CONNECTIONS = 32
/** Rounds of A and B, one after the other. */
export const DEFAULT_ROUNDS = 5

/** Median, least and most of some numbers. */
export interface Spread {
	median: number
	min: number
	max: number
}

/** The spread of numbers; there must be some. */
export function toSpread(numbers: readonly number[]): Spread {
	return { median: quantile(numbers, 0.5), min: Math.min(...numbers), max: Math.max(...numbers) }
}

/** The number below which this share of them lies. */
export function quantile(numbers: readonly number[], share: number): number {
	const sorted = numbers.toSorted((a, b) => a - b)
	const at = (sorted.length - 1) * share
	const below = sorted[Math.floor(at)] ?? 0
	return below + ((sorted[Math.ceil(at)] ?? 0) - below) * (at - Math.floor(at))
}

/** A Worker under load. */
export class LoadTarget {
	readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
	readonly #url: URL

	constructor(base: string) {
		this.#url = new URL(base)
	}

	/** Sends everything over 32 connections; requests a second. Throws when one is not answered with this status. */
	async measureRate(requests: readonly PreparedRequest[], status: number): Promise<number> {
		let next = 0
		const sendUntilDone = async (): Promise<void> => {
			for (let prepared = requests[next++]; prepared !== undefined; prepared = requests[next++]) {
				const answered = await this.#send(prepared)
				if (answered !== status) throw new Error(`${prepared.path} answered ${answered} instead of ${status}`)
			}
		}
		const startedMs = performance.now()
		await Promise.all(Array.from({ length: CONNECTIONS }, sendUntilDone))
		return (requests.length * 1000) / (performance.now() - startedMs)
	}

	close(): void {
		this.#agent.destroy()
	}

	#send({ path, headers, body, ...rest }: PreparedRequest): Promise<number> {
		return new Promise((resolve, reject) => {
			const { hostname, port } = this.#url
			const request = httpRequest(
				{
					hostname,
					port,
					path,
					method: rest.method ?? 'POST',
					agent: this.#agent,
					headers: rest.method === 'GET' ? headers : { ...headers, 'content-length': body.length },
					timeout: 20_000,
				},
				(response) => {
					response.on('end', () => resolve(response.statusCode ?? 0))
					response.on('error', reject)
					response.resume()
				},
			)
			request.on('timeout', () => request.destroy(new Error('no answer within 20 s')))
			request.on('error', reject)
			request.end(body)
		})
	}
}

/** What a kind of work gave, round by round. */
export interface RoundResults {
	a: number[]
	b: number[]
	/** The way in and out alone, where it was measured too. */
	front: number[]
}

/** Runs A, then B, five times, after a turn of each that does not count. */
export async function runInTurns(
	a: () => Promise<number>,
	b: () => Promise<number>,
	front?: () => Promise<number>,
	rounds = DEFAULT_ROUNDS,
): Promise<RoundResults> {
	const results: RoundResults = { a: [], b: [], front: [] }
	await a()
	await b()
	for (let round = 0; round < rounds; round++) {
		results.a.push(await a())
		results.b.push(await b())
		if (front !== undefined) results.front.push(await front())
	}
	return results
}
