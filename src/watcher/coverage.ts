/** Coverage: which changes webhooks told first, which polls saw first, which both did, which webhooks missed (design, Coverage). */
import type { Core } from './core.ts'
import { covered, RECOVERED_MS } from './suspicion.ts'
import { watchedResources } from './resources.ts'
import type { CoverageReport } from './rpc.ts'
import type { Sql } from './ports.ts'

interface Row {
	source: string
	confirmed: number | null
	date: number
	recorded: number
	resource: number
}

/** Counts the events recorded from … to (ms, exclusive). */
export function coverageOf(core: Core, fromMs: number, toMs: number): CoverageReport {
	const numbers = new Set(
		watchedResources(core)
			.filter((one) => covered(core, one))
			.map((one) => one.state.number),
	)
	const lags = { webhook: [] as number[], poll: [] as number[], recovered: [] as number[] }
	let confirmed = 0
	const now = core.ports.now()
	const first = firstSequence(core.ports.sql, fromMs)
	for (const row of core.ports.sql.each<Row>(
		`SELECT source, confirmed, date, recorded, resource FROM events WHERE sequence >= ? AND recorded < ? ORDER BY sequence`,
		first,
		toMs,
	)) {
		if (!numbers.has(row.resource)) continue
		const lag = Math.max(0, row.recorded - row.date)
		if (row.confirmed !== null) confirmed++
		if (row.source === 'webhook') lags.webhook.push(lag)
		else {
			lags.poll.push(lag)
			if (row.confirmed === null && now - row.recorded >= RECOVERED_MS) lags.recovered.push(lag)
		}
	}
	return {
		firstByWebhook: lags.webhook.length,
		firstByPoll: lags.poll.length,
		confirmed,
		recovered: lags.recovered.length,
		lag: { webhook: percentiles(lags.webhook), poll: percentiles(lags.poll), recovered: percentiles(lags.recovered) },
	}
}

/** The first event recorded at or after a moment. The log ascends in both, so that a few rows are read and not all. */
function firstSequence(sql: Sql, ms: number): number {
	const range = sql.all<{ low: number | null; high: number | null }>(`SELECT min(sequence) AS low, max(sequence) AS high FROM events`)[0]
	let low = range?.low ?? 1
	let high = (range?.high ?? 0) + 1
	while (low < high) {
		const middle = Math.floor((low + high) / 2)
		const row = sql.all<{ sequence: number; recorded: number }>(
			`SELECT sequence, recorded FROM events WHERE sequence >= ? ORDER BY sequence LIMIT 1`,
			middle,
		)[0]
		if (row === undefined || row.recorded >= ms) high = middle
		else low = row.sequence + 1
	}
	return low
}

function percentiles(values: number[]): { p50: number | null; p99: number | null } {
	const sorted = values.toSorted((a, b) => a - b)
	const at = (share: number): number | null =>
		sorted.length === 0 ? null : (sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? null)
	return { p50: at(0.5), p99: at(0.99) }
}
