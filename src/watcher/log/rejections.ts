/** Webhook deliveries that the edge rejected: counts by reason, and the newest samples. */
import type { Core } from '../core/core.ts'
import type { Tx } from '../core/tx.ts'
import { MAX_REJECTION_SAMPLES, type WebhookRejections } from '../../rpc/watcher.ts'

export const MAX_SAMPLE_LENGTH = 1_000

/** All rejections so far. */
export function getRejections(core: Core): WebhookRejections {
	const row = core.ports.sql.all<{ body: string }>(`SELECT body FROM rejections WHERE id = 1`)[0]
	return row === undefined ? { sinceMs: 0, counts: {}, samples: [] } : (JSON.parse(row.body) as WebhookRejections)
}

/** Adds the rejections of an isolate: counts are added, the newest samples are kept. */
export function addRejections(_tx: Tx, core: Core, added: WebhookRejections): void {
	const existing = getRejections(core)
	const counts = { ...existing.counts }
	for (const [reason, count] of Object.entries(added.counts)) counts[reason] = (counts[reason] ?? 0) + count
	const samples = [
		...added.samples.map((sample) => ({
			...sample,
			headers: sample.headers.slice(0, MAX_SAMPLE_LENGTH),
			body: sample.body.slice(0, MAX_SAMPLE_LENGTH),
		})),
		...existing.samples,
	].slice(0, MAX_REJECTION_SAMPLES)
	const sinceMs = existing.sinceMs === 0 ? added.sinceMs : Math.min(existing.sinceMs, added.sinceMs)
	core.ports.sql.run(
		`INSERT INTO rejections (id, body) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body`,
		JSON.stringify({ sinceMs, counts, samples }),
	)
}

/** Erases the samples, which may quote an object; the counts stay. */
export function clearRejectionSamples(core: Core): void {
	core.ports.sql.run(`UPDATE rejections SET body = json_set(body, '$.samples', json('[]'))`)
}
