/**
 * Coverage: how many changes were found first by a webhook, first by a poll, by both, and missed by webhooks
 * (docs/architecture.md, Webhooks).
 */
import { refused, type Result } from '../../lib/result.ts'
import type { Core } from '../core/core.ts'
import { getCoveredResources, WEBHOOK_OVERDUE_MS } from '../changes/missed-webhooks.ts'
import type { CoverageReport } from '../../rpc/watcher.ts'
import { findLowerBound } from '../log/lower-bound.ts'

interface CoverageRow {
	source: string
	confirmed: number | null
	date: number
	recorded: number
	lag: number | null
	resource: number
}

/** Most events that a call counts. */
const MAX_EVENTS_READ = 20_000

/** Counts the events recorded from … to (epoch ms, exclusive). `too-many`: there are more than 20,000. */
export function getCoverageReport(
	core: Core,
	fromMs: number,
	toMs: number,
): Result<{ report: CoverageReport }, 'too-many'> {
	const coveredResources = new Set(getCoveredResources(core))
	const lags = { webhook: [] as Lag[], poll: [] as Lag[], recovered: [] as Lag[] }
	let confirmed = 0
	const now = core.ports.now()
	const { sql } = core.ports
	const rows = sql.all<CoverageRow>(
		`SELECT source, confirmed, date, recorded, lag, resource FROM events
		WHERE sequence >= ? AND sequence < ? ORDER BY sequence LIMIT ?`,
		findLowerBound(sql, 'events', fromMs),
		findLowerBound(sql, 'events', toMs),
		MAX_EVENTS_READ + 1,
	)
	if (rows.length > MAX_EVENTS_READ) return refused('too-many')
	for (const row of rows) {
		if (!coveredResources.has(row.resource)) continue
		// Rows of earlier versions have no lag of their own.
		const lag = row.lag === -1 ? Math.max(0, row.recorded - row.date) : row.lag
		if (row.confirmed !== null) confirmed++
		if (row.source === 'webhook') lags.webhook.push(lag)
		else {
			lags.poll.push(lag)
			if (row.confirmed === null && now - row.recorded >= WEBHOOK_OVERDUE_MS) lags.recovered.push(lag)
		}
	}
	const report: CoverageReport = {
		firstByWebhook: lags.webhook.length,
		firstByPoll: lags.poll.length,
		confirmed,
		recovered: lags.recovered.length,
		lag: { webhook: percentiles(lags.webhook), poll: percentiles(lags.poll), recovered: percentiles(lags.recovered) },
	}
	return { ok: true, report }
}

/** null: unknown. */
type Lag = number | null

function percentiles(lags: readonly Lag[]): { p50: number | null; p99: number | null; unknown: number } {
	const sorted = lags.filter((lag) => lag !== null).toSorted((a, b) => a - b)
	const percentile = (share: number): number | null =>
		sorted.length === 0 ? null : (sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? null)
	return { p50: percentile(0.5), p99: percentile(0.99), unknown: lags.length - sorted.length }
}
