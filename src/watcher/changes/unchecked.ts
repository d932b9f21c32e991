/**
 * Objects whose row an earlier version wrote without some fields, and whose record the log no longer holds: whether
 * these fields changed cannot be known. They are indexed in silence, and a person decides whether an UPDATED is sent.
 */
import type { Core, WatchedResource } from '../core/core.ts'
import type { Tx } from '../core/tx.ts'
import { addUnchecked, findUnchecked, hasUnchecked, removeUnchecked } from '../core/unchecked-table.ts'
import type { AcceptedDecision, Decision, ReadContext } from './decisions.ts'

/** Makes an UPDATED of what a read shows of each object that a person wants sent. */
export function withDecidedUpdates(
	core: Core,
	{ resource, state: rs }: WatchedResource,
	decisions: readonly Decision[],
	{ via }: ReadContext,
): readonly Decision[] {
	const { unchecked } = rs
	if (unchecked?.decidedMs == null || via !== 'read') return decisions
	const ids = findUnchecked(
		core,
		rs.number,
		decisions.map(({ observed }) => observed.id),
	)
	return decisions.map((decision) =>
		ids.has(decision.observed.id) ? toUpdate(decision, unchecked.fields, resource.filtered) : decision,
	)
}

/** The decision as an UPDATED; the same where the object is not there, or has changed anyway. Pure. */
function toUpdate(decision: Decision, fields: readonly string[], filtered: boolean): Decision {
	const { verdict, known, observation, observed } = decision
	if (known === null || 'gone' in observed || (verdict.do !== 'store' && verdict.do !== 'nothing')) return decision
	const row = verdict.do === 'store' ? verdict.row : { ...known, asOfMs: observation.requestedAtMs }
	if (row === null || (row.state !== 'live' && (row.state !== 'unlisted' || filtered))) return decision
	const names = observed.snapshot.fields.map(({ name }) => name)
	const change = {
		type: 'UPDATED' as const,
		changedFields: names.filter((name) => fields.includes(name)),
		...(row.state === 'unlisted' && { unlisted: true as const }),
		dateSec: null,
		withRecord: true,
	}
	return { ...decision, decided: true, verdict: { do: 'emit', row, changes: [change] } }
}

/** Adds the objects that were indexed in silence, and removes those of which an event was sent. */
export function noteUnchecked(
	tx: Tx,
	core: Core,
	{ state: rs }: WatchedResource,
	accepted: readonly AcceptedDecision[],
): void {
	for (const { observed, verdict, uncheckedFields } of accepted) {
		if (verdict.do !== 'store' || verdict.row === null || uncheckedFields.length === 0) continue
		if (verdict.row.state !== 'live' && verdict.row.state !== 'unlisted') continue
		addUnchecked(tx, core, rs.number, observed.id)
		const { fields = [], ...rest } = rs.unchecked ?? { sinceMs: core.ports.now(), announced: false, decidedMs: null }
		rs.unchecked = { ...rest, fields: [...new Set([...fields, ...uncheckedFields])].sort() }
	}
	if (rs.unchecked == null) return
	const reported = accepted.filter(({ verdict }) => verdict.do === 'emit' || verdict.row?.state === 'gone')
	if (reported.length === 0) return
	removeUnchecked(
		tx,
		core,
		rs.number,
		reported.map(({ observed }) => observed.id),
	)
	if (!hasUnchecked(core, rs.number)) rs.unchecked = null
}
