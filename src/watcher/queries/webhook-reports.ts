/** What an instance says of its webhooks: their state at the store, what was done about them, and what the edge refused. */
import type { Core } from '../core/core.ts'
import type { HookRejections, WebhooksReport } from '../../rpc/watcher.ts'

const SAMPLES = 5
const SAMPLE_LENGTH = 1_000

/** `GET /instances/{id}/webhooks`, the object's part. */
export function webhooksOf(core: Core): WebhooksReport {
	const { hooks, resources } = core.state
	const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())
	return {
		webhooks: hooks.webhooks,
		checkedAt: iso(hooks.checkedMs),
		lastDeliveryAt: iso(hooks.lastDeliveryMs),
		foreignSource: hooks.foreign?.source ?? null,
		hintsOnly: resources.filter((rs) => hooks.hintsOnly.includes(rs.number)).map((rs) => rs.objectType),
		deliveries: hooks.counts,
		repairs: hooks.repairs.map((repair) => ({ at: new Date(repair.atMs).toISOString(), what: repair.what })),
		degraded: hooks.degraded?.reason ?? null,
	}
}

/** Adds what an isolate refused: counts add up, the newest samples stay. */
export function addRejections(core: Core, more: HookRejections): void {
	const before = rejectionsOf(core)
	const counts = { ...before.counts }
	for (const [reason, count] of Object.entries(more.counts)) counts[reason] = (counts[reason] ?? 0) + count
	const samples = [
		...more.samples.map((sample) => ({
			...sample,
			headers: sample.headers.slice(0, SAMPLE_LENGTH),
			body: sample.body.slice(0, SAMPLE_LENGTH),
		})),
		...before.samples,
	].slice(0, SAMPLES)
	const sinceMs = before.sinceMs === 0 ? more.sinceMs : Math.min(before.sinceMs, more.sinceMs)
	core.ports.sql.run(
		`INSERT INTO rejections (id, body) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body`,
		JSON.stringify({ sinceMs, counts, samples }),
	)
}

/** What was refused so far. */
export function rejectionsOf(core: Core): HookRejections {
	const row = core.ports.sql.all<{ body: string }>(`SELECT body FROM rejections WHERE id = 1`)[0]
	return row === undefined ? { sinceMs: 0, counts: {}, samples: [] } : (JSON.parse(row.body) as HookRejections)
}

/** Forgets the samples of what was refused, since they may quote an object; the counts stay. */
export function forgetSamples(core: Core): void {
	core.ports.sql.run(`UPDATE rejections SET body = json_set(body, '$.samples', json('[]'))`)
}
