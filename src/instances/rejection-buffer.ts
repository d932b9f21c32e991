/**
 * Counts rejected deliveries in the isolate's memory, so that a flood of forged ones costs no storage. At most once a
 * minute the counts are reported to the objects of existing instances, where the owner can see them.
 */
import { mapConcurrent } from '../lib/concurrency.ts'
import { parseRefText, toRefText, withIncarnation, type ObjectRef } from '../lib/incarnation.ts'
import { logError } from '../lib/log.ts'
import { MAX_REJECTION_SAMPLES, type WebhookRejections, type WatcherRpc } from '../rpc/watcher.ts'

/** Time between two reports of an isolate, ms. */
const FLUSH_INTERVAL_MS = 60_000
/** Maximum number of instances between two reports; a sender with more is guessing ids. */
const MAX_INSTANCES = 500
/** Characters of a sample's headers and of its body: 1 kB together. */
const MAX_SAMPLE_LENGTH = 500
/** Concurrent reports. */
const MAX_CONCURRENT = 6

/** Headers that a sample may contain: none with credentials for anything except the delivery itself. */
const SAFE_HEADERS = /^(content-(type|length|encoding)|user-agent|element-instances|x-wc-[a-z-]+)$/

/** The rejections of one isolate. */
export class RejectionBuffer {
	/** By instance, as `toRefText` names it: the counts of an earlier instance are not another one's. */
	#pending = new Map<string, WebhookRejections>()
	#flushedMs = Number.NEGATIVE_INFINITY

	/** Counts a rejection for the instance that the URL names. */
	count(instance: ObjectRef, reason: string, nowMs: number, headers: Headers, body: Uint8Array | null): void {
		const name = toRefText(instance)
		let rejections = this.#pending.get(name)
		if (rejections === undefined) {
			if (this.#pending.size >= MAX_INSTANCES) this.#pending.delete(this.#pending.keys().next().value!)
			rejections = { sinceMs: nowMs, counts: {}, samples: [] }
			this.#pending.set(name, rejections)
		}
		rejections.counts[reason] = (rejections.counts[reason] ?? 0) + 1
		if (rejections.samples.length < MAX_REJECTION_SAMPLES)
			rejections.samples.push({ atMs: nowMs, reason, headers: formatHeaders(headers), body: formatBody(body) })
	}

	/** The counts of an instance that were not reported yet; null: none. */
	pending(instance: ObjectRef): WebhookRejections | null {
		return this.#pending.get(toRefText(instance)) ?? null
	}

	/** Whether there are counts to report and a report is due. */
	isDue(nowMs: number): boolean {
		return this.#pending.size > 0 && nowMs - this.#flushedMs >= FLUSH_INTERVAL_MS
	}

	/** Reports the counts to existing instances. Counts that cannot be reported are dropped: they are not events. */
	async flush(db: D1Database, watcher: (ref: ObjectRef) => Pick<WatcherRpc, 'rejected'>, nowMs: number): Promise<void> {
		const counted = this.#pending
		this.#pending = new Map()
		this.#flushedMs = nowMs
		try {
			const { results } = await db
				.prepare(
					"SELECT id, incarnation FROM instances WHERE state = 'ready' AND id IN (SELECT value FROM json_each(?))",
				)
				.bind(JSON.stringify([...counted.keys()].map((name) => parseRefText(name)?.id)))
				.all<ObjectRef>()
			const existing = results.map(withIncarnation).filter((ref) => counted.has(toRefText(ref)))
			await mapConcurrent(existing, MAX_CONCURRENT, (ref) => watcher(ref).rejected(counted.get(toRefText(ref))!))
		} catch (error) {
			logError('rejections.lost', error)
		}
	}
}

/** Adds two sets of counts, newest samples first. */
export function mergeRejections(stored: WebhookRejections, pending: WebhookRejections | null): WebhookRejections {
	if (pending === null) return stored
	const counts = { ...stored.counts }
	for (const [reason, count] of Object.entries(pending.counts)) counts[reason] = (counts[reason] ?? 0) + count
	const sinceMs = Object.keys(stored.counts).length === 0 ? pending.sinceMs : Math.min(stored.sinceMs, pending.sinceMs)
	return {
		sinceMs,
		counts,
		samples: [...pending.samples, ...stored.samples].sort((a, b) => b.atMs - a.atMs).slice(0, MAX_REJECTION_SAMPLES),
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
