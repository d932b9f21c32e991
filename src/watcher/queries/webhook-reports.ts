/** The report of an instance's webhooks: their state at the store, repairs, and counts of deliveries. */
import { isOtherSite } from '../../lib/urls.ts'
import type { Core } from '../core/core.ts'
import type { WebhooksReport } from '../../rpc/watcher.ts'

/** The last delivery from another site; null: there was none, or the shop has that address now. */
export function findForeignSource({ state, config }: Core): { source: string; webhookId: string | null } | null {
	const { foreign } = state.hooks
	if (foreign === null || !isOtherSite(foreign.source, config.connection.home)) return null
	return { source: foreign.source, webhookId: foreign.webhookId ?? null }
}

/** The object's part of `GET /instances/{id}/webhooks`. */
export function toWebhooksReport(core: Core): WebhooksReport {
	const { hooks, resources } = core.state
	const toIso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())
	return {
		webhooks: hooks.webhooks,
		checkedAt: toIso(hooks.checkedMs),
		lastDeliveryAt: toIso(hooks.lastDeliveryMs),
		foreignSource: findForeignSource(core)?.source ?? null,
		hintsOnly: resources
			.filter((resource) => hooks.hintsOnly.includes(resource.number))
			.map((resource) => resource.objectType),
		deliveries: hooks.counts,
		repairs: hooks.repairs.map((repair) => ({ at: new Date(repair.atMs).toISOString(), what: repair.what })),
		degraded: hooks.degraded?.reason ?? null,
	}
}
