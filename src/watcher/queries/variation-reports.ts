/** The report about variations in `GET /instances/{id}/poller`. */
import type { Core } from '../core/core.ts'
import type { ResourceState } from '../core/resource-state.ts'
import { getLastWholeReadMs, MAX_VARIATION_REQUESTS_AN_HOUR } from '../core/variation-state.ts'
import type { VariationReport } from '../../rpc/watcher.ts'

/** What is known of a resource's variations; null: their changes are not sent with it. */
export function getVariationReport(core: Core, rs: ResourceState): VariationReport | null {
	const { variations } = rs
	if (variations === undefined) return null
	const { owners, indexed, pending, rows } = core.variations.count(rs.number, getLastWholeReadMs(rs))
	const hasList = variations.noListMs === undefined
	const oldest = hasList ? null : core.variations.getOldest(rs.number)
	const oldestMs = hasList ? variations.passBeganMs : (oldest?.readMs ?? null)
	const isBehind = hasList ? variations.pass !== null || variations.passBeganMs === null : false
	return {
		products: owners,
		indexed,
		variations: rows,
		pending: hasList ? pending.queued + (isBehind ? owners - indexed : 0) : pending.unread,
		requestsAnHour: hasList ? null : MAX_VARIATION_REQUESTS_AN_HOUR,
		oldestReadAt: oldestMs === null || oldestMs === 0 ? null : new Date(oldestMs).toISOString(),
		noise: variations.noise.map(({ path }) => path),
	}
}
