/**
 * Refused deliveries, counted in the isolate's memory: a flood of forged ones costs no storage. At most once a minute the counts
 * are handed to the objects of those instances that exist; an instance's owner sees them there.
 */
import { logError } from '../lib/log.ts'
import type { HookRejections, WatcherRpc } from '../rpc/watcher.ts'

/** Time between two hand-overs of an isolate. */
const APART_MS = 60_000
/** Instances remembered between two; who sends to more is guessing. */
const MOST_INSTANCES = 500
/** Samples of an instance, and of each the headers and the body, characters: 1 kB together. */
const MOST_SAMPLES = 5
const SAMPLE_PART = 500
/** Hand-overs at a time. */
const AT_A_TIME = 6

/** Headers that a sample may show: nothing that could open anything but the delivery itself. */
const SHOWN = /^(content-(type|length|encoding)|user-agent|element-instances|x-wc-[a-z-]+)$/

/** The refusals of one isolate. */
export class Rejections {
	#pending = new Map<number, HookRejections>()
	#handedMs = Number.NEGATIVE_INFINITY

	/** Counts a refusal for the instance that the address names. */
	count(instanceId: number, reason: string, nowMs: number, headers: Headers, body: Uint8Array | null): void {
		let own = this.#pending.get(instanceId)
		if (own === undefined) {
			if (this.#pending.size >= MOST_INSTANCES) this.#pending.delete(this.#pending.keys().next().value!)
			own = { sinceMs: nowMs, counts: {}, samples: [] }
			this.#pending.set(instanceId, own)
		}
		own.counts[reason] = (own.counts[reason] ?? 0) + 1
		if (own.samples.length < MOST_SAMPLES) own.samples.push({ atMs: nowMs, reason, headers: shownHeaders(headers), body: shownBody(body) })
	}

	/** What was counted for an instance and not handed over yet; null when nothing was. */
	pending(instanceId: number): HookRejections | null {
		return this.#pending.get(instanceId) ?? null
	}

	/** Whether there is something to hand over, and it is time. */
	due(nowMs: number): boolean {
		return this.#pending.size > 0 && nowMs - this.#handedMs >= APART_MS
	}

	/** Hands over what was counted, to instances that exist. What cannot be handed over is gone: these are counts, not events. */
	async handOver(db: D1Database, watcher: (instanceId: number) => Pick<WatcherRpc, 'rejected'>, nowMs: number): Promise<void> {
		const counted = this.#pending
		this.#pending = new Map()
		this.#handedMs = nowMs
		try {
			const { results } = await db
				.prepare("SELECT id FROM instances WHERE state = 'ready' AND id IN (SELECT value FROM json_each(?))")
				.bind(JSON.stringify([...counted.keys()]))
				.all<{ id: number }>()
			for (let start = 0; start < results.length; start += AT_A_TIME) {
				await Promise.all(results.slice(start, start + AT_A_TIME).map(({ id }) => watcher(id).rejected(counted.get(id)!)))
			}
		} catch (error) {
			logError('rejections.lost', error)
		}
	}
}

/** Two sets of counts as one, newest samples first. */
export function joined(kept: HookRejections, pending: HookRejections | null): HookRejections {
	if (pending === null) return kept
	const counts = { ...kept.counts }
	for (const [reason, count] of Object.entries(pending.counts)) counts[reason] = (counts[reason] ?? 0) + count
	const sinceMs = Object.keys(kept.counts).length === 0 ? pending.sinceMs : Math.min(kept.sinceMs, pending.sinceMs)
	return { sinceMs, counts, samples: [...pending.samples, ...kept.samples].sort((a, b) => b.atMs - a.atMs).slice(0, MOST_SAMPLES) }
}

function shownHeaders(headers: Headers): string {
	const lines: string[] = []
	for (const [name, value] of headers) if (SHOWN.test(name)) lines.push(`${name}: ${value.slice(0, 200)}`)
	return printable(lines.join('\n'))
}

function shownBody(body: Uint8Array | null): string {
	return body === null ? '' : printable(new TextDecoder().decode(body.subarray(0, SAMPLE_PART)))
}

function printable(text: string): string {
	return text.replace(/[^\P{C}\n]/gu, '·').slice(0, SAMPLE_PART)
}
