/** What answers of a resource's store showed beside, or instead of, what was asked for. */
import { DAY_MS } from '../../lib/time.ts'
import type { AnswerFinding } from '../../rpc/watcher.ts'

/** Seen again after at least this, a finding is no accident, ms. */
const MIN_CONFIRM_MS = 30_000

/** By kind: how often it was seen, since when without a pause of a day, when last, and the last example. Epoch ms. */
export type Findings = Readonly<
	Record<string, { count: number; firstMs: number; lastMs: number; example: string; isFatal?: true }>
>

interface Observed {
	findings?: Findings
}

/** Counts a finding. */
export function noteFinding(
	rs: Observed,
	{ kind, weight, detail }: { kind: string; weight: 'benign' | 'fatal'; detail: string },
	nowMs: number,
): void {
	const known = rs.findings?.[kind]
	const isNew = known === undefined || nowMs - known.lastMs > DAY_MS
	const isFatal = weight === 'fatal'
	// A fatal finding is confirmed by another one, not by a benign one of its kind.
	const firstMs = isNew || (isFatal && known.isFatal !== true) ? nowMs : known.firstMs
	rs.findings = {
		...rs.findings,
		[kind]: {
			count: (known?.count ?? 0) + 1,
			firstMs,
			lastMs: nowMs,
			example: detail,
			...((isFatal || (!isNew && known.isFatal === true)) && { isFatal: true }),
		},
	}
}

/** Whether a kind of finding was seen twice, at least 30 seconds apart, and not more than a day ago. */
export function isConfirmed({ findings }: Observed, kind: string, nowMs: number): boolean {
	const known = findings?.[kind]
	return known !== undefined && nowMs - known.lastMs <= DAY_MS && known.lastMs - known.firstMs >= MIN_CONFIRM_MS
}

/** The findings of a resource, by kind. */
export function toFindingReports({ findings = {} }: Observed): AnswerFinding[] {
	return Object.entries(findings)
		.map(([kind, { count, firstMs, lastMs, example }]) => ({
			kind,
			count,
			since: new Date(firstMs).toISOString(),
			last: new Date(lastMs).toISOString(),
			example,
		}))
		.toSorted((a, b) => (a.kind < b.kind ? -1 : 1))
}
