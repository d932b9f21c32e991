/** What an instance says of its webhooks: their state at the store, what was done about them, and what the edge refused. */
import type { Core } from '../core/core.ts'
import type { WebhooksReport } from '../../rpc/watcher.ts'

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
