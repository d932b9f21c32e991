/** An isolate's cache of circuit breakers, so that healthy deliveries make no calls. */
import { toIncarnation } from '../lib/incarnation.ts'
import type { BreakerStatus } from '../rpc/callback.ts'

/** How long a closed breaker is taken as closed without a call, ms. */
export const BREAKER_CACHE_TTL_MS = 5_000

/** A callback: all instances of an organization that call the same origin share its breaker. */
export interface Destination {
	/** The organization's incarnation. */
	organization: string
	origin: string
}

/** The destination of a claim or a request for admission. Invalid URLs share a destination: nothing is sent there. */
export function toDestination(target: {
	organizationId: number
	organizationIncarnation?: string
	url: string
}): Destination {
	return {
		organization: toIncarnation(target.organizationIncarnation, target.organizationId),
		origin: URL.canParse(target.url) ? new URL(target.url).origin : 'null',
	}
}

/** Statuses of breakers. A lost entry costs one call. */
export class BreakerCache {
	static readonly #MAX_ENTRIES = 1_000
	readonly #entries = new Map<string, { closedUntilMs: number; reportNextSuccess: boolean }>()

	/** Whether the breaker is known to be closed, so that no admission is needed. */
	isClosed(destination: Destination, now: number): boolean {
		return now < (this.#entries.get(toKey(destination))?.closedUntilMs ?? 0)
	}

	/** Whether a success is reported, since a failure came before it. */
	shouldReportNextSuccess(destination: Destination): boolean {
		return this.#entries.get(toKey(destination))?.reportNextSuccess ?? false
	}

	/** Stores the answer of the callback's object. */
	update(destination: Destination, status: BreakerStatus, now: number): void {
		this.#set(destination, {
			closedUntilMs: status.closed && !status.news ? now + BREAKER_CACHE_TTL_MS : 0,
			reportNextSuccess: status.news,
		})
	}

	/** A delivery from this isolate failed. */
	markFailed(destination: Destination): void {
		this.#set(destination, { closedUntilMs: 0, reportNextSuccess: true })
	}

	#set(destination: Destination, entry: { closedUntilMs: number; reportNextSuccess: boolean }): void {
		const key = toKey(destination)
		this.#entries.delete(key)
		this.#entries.set(key, entry)
		if (this.#entries.size > BreakerCache.#MAX_ENTRIES) this.#entries.delete(this.#entries.keys().next().value!)
	}
}

function toKey(destination: Destination): string {
	return `${destination.organization} ${destination.origin}`
}
