/** What the edge refused of an instance's webhook deliveries: counts by reason, and the newest samples. */
import type { Core } from '../core/core.ts'
import type { HookRejections } from '../../rpc/watcher.ts'

export const SAMPLES = 5

export const SAMPLE_LENGTH = 1_000

/** What was refused so far. */
export function rejectionsOf(core: Core): HookRejections {
	const row = core.ports.sql.all<{ body: string }>(`SELECT body FROM rejections WHERE id = 1`)[0]
	return row === undefined ? { sinceMs: 0, counts: {}, samples: [] } : (JSON.parse(row.body) as HookRejections)
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

/** Forgets the samples of what was refused, since they may quote an object; the counts stay. */
export function forgetSamples(core: Core): void {
	core.ports.sql.run(`UPDATE rejections SET body = json_set(body, '$.samples', json('[]'))`)
}
