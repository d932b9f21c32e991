/**
 * Refused deliveries, counted in the isolate's memory: a flood of forged ones costs no storage. At most once a minute
 * the counts are handed to the objects of those instances that exist; an instance's owner sees them there.
 */
import { mapConcurrent } from '../lib/concurrency.ts'
import { logError } from '../lib/log.ts'
import type { WebhookRejections, WatcherRpc } from '../rpc/watcher.ts'

/** Time between two hand-overs of an isolate. */
const FLUSH_INTERVAL_MS = 60_000
/** Instances remembered between two; who sends to more is guessing. */
const MAX_INSTANCES = 500
/** Samples of an instance, and of each the headers and the body, characters: 1 kB together. */
const MAX_SAMPLES = 5
const MAX_SAMPLE_LENGTH = 500
/** Hand-overs at a time. */
const MAX_CONCURRENT = 6

/** Headers that a sample may show: nothing that could open anything but the delivery itself. */
const SAFE_HEADERS = /^(content-(type|length|encoding)|user-agent|element-instances|x-wc-[a-z-]+)$/

/** The refusals of one isolate. */
export class RejectionBuffer {
	#pending = new Map<number, WebhookRejections>()
	#flushedMs = Number.NEGATIVE_INFINITY

	/** Counts a refusal for the instance that the address names. */
	count(instanceId: number, reason: string, nowMs: number, headers: Headers, body: Uint8Array | null): void {
		let rejections = this.#pending.get(instanceId)
		if (rejections === undefined) {
			if (this.#pending.size >= MAX_INSTANCES) this.#pending.delete(this.#pending.keys().next().value!)
			rejections = { sinceMs: nowMs, counts: {}, samples: [] }
			this.#pending.set(instanceId, rejections)
		}
		rejections.counts[reason] = (rejections.counts[reason] ?? 0) + 1
		if (rejections.samples.length < MAX_SAMPLES)
			rejections.samples.push({ atMs: nowMs, reason, headers: formatHeaders(headers), body: formatBody(body) })
	}

	/** What was counted for an instance and not handed over yet; null when nothing was. */
	pending(instanceId: number): WebhookRejections | null {
		return this.#pending.get(instanceId) ?? null
	}

	/** Whether there is something to hand over, and it is time. */
	isDue(nowMs: number): boolean {
		return this.#pending.size > 0 && nowMs - this.#flushedMs >= FLUSH_INTERVAL_MS
	}

	/**
	 * Hands over what was counted, to instances that exist. What cannot be handed over is gone: these are counts, not
	 * events.
	 */
	async flush(
		db: D1Database,
		watcher: (instanceId: number) => Pick<WatcherRpc, 'rejected'>,
		nowMs: number,
	): Promise<void> {
		const counted = this.#pending
		this.#pending = new Map()
		this.#flushedMs = nowMs
		try {
			const { results } = await db
				.prepare("SELECT id FROM instances WHERE state = 'ready' AND id IN (SELECT value FROM json_each(?))")
				.bind(JSON.stringify([...counted.keys()]))
				.all<{ id: number }>()
			await mapConcurrent(results, MAX_CONCURRENT, ({ id }) => watcher(id).rejected(counted.get(id)!))
		} catch (error) {
			logError('rejections.lost', error)
		}
	}
}

/** Two sets of counts as one, newest samples first. */
export function mergeRejections(stored: WebhookRejections, pending: WebhookRejections | null): WebhookRejections {
	if (pending === null) return stored
	const counts = { ...stored.counts }
	for (const [reason, count] of Object.entries(pending.counts)) counts[reason] = (counts[reason] ?? 0) + count
	const sinceMs = Object.keys(stored.counts).length === 0 ? pending.sinceMs : Math.min(stored.sinceMs, pending.sinceMs)
	return {
		sinceMs,
		counts,
		samples: [...pending.samples, ...stored.samples].sort((a, b) => b.atMs - a.atMs).slice(0, MAX_SAMPLES),
	}
}

function formatHeaders(headers: Headers): string {
	const lines: string[] = []
	for (const [name, value] of headers) if (SAFE_HEADERS.test(name)) lines.push(`${name}: ${value.slice(0, 200)}`)
	return toPrintable(lines.join('\n'))
}

function formatBody(body: Uint8Array | null): string {
	return body === null ? '' : toPrintable(new TextDecoder().decode(body.subarray(0, MAX_SAMPLE_LENGTH)))
}

function toPrintable(text: string): string {
	return text.replace(/[^\P{C}\n]/gu, '·').slice(0, MAX_SAMPLE_LENGTH)
}
