/** The decision about objects that were indexed in silence: they are announced once, and sent or forgotten. */
import { invalidateAllPages } from '../changes/page-digests.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { ResourceState } from '../core/resource-state.ts'
import type { Tx } from '../core/tx.ts'
import { clearUnchecked, countUnchecked, hasUnchecked } from '../core/unchecked-table.ts'
import { enqueueOperatorEvent } from '../outbox/operator-events.ts'
import { getWatchedResources } from '../source/resources.ts'
import type { UncheckedReport } from '../../rpc/watcher.ts'

/** A re-read that began at `startedMs` has ended: announces the objects, or ends the sending. */
export function settleUnchecked(tx: Tx, core: Core, rs: ResourceState, startedMs: number): void {
	const { unchecked } = rs
	if (unchecked == null) return
	if (unchecked.decidedMs !== null) {
		if (startedMs < unchecked.decidedMs) return
		// Objects that no list shows are read by id afterwards.
		clearUnchecked(tx, core, rs.number, 'listed')
		if (!hasUnchecked(core, rs.number)) rs.unchecked = null
		return
	}
	const upgradedMs = rs.profiles.find(({ version }) => version > 1)?.sinceMs ?? 0
	if (unchecked.announced || startedMs < upgradedMs) return
	rs.unchecked = { ...unchecked, announced: true }
	const objects = countUnchecked(core, rs.number)
	const fields = unchecked.fields.join(', ')
	enqueueOperatorEvent(
		tx,
		core,
		'objects.unchecked',
		`${rs.objectType}: ${objects.toLocaleString('en-US')} objects were indexed again without an event, because an ` +
			`earlier version did not compare ${fields}. PUT /instances/${core.config.instanceId}/unchecked ` +
			'{"decision":"emit"} sends an UPDATED event for each, {"decision":"forget"} none.',
		{ resource: rs.objectType, fields, objects },
	)
}

/** The objects that wait for a decision, or are being sent, by resource. */
export function listUnchecked(core: Core): UncheckedReport {
	return {
		unchecked: core.state.resources.flatMap(({ objectType, number, unchecked }) =>
			unchecked == null
				? []
				: [
						{
							resource: objectType,
							since: new Date(unchecked.sinceMs).toISOString(),
							fields: [...unchecked.fields],
							count: countUnchecked(core, number),
							sending: unchecked.decidedMs !== null,
						},
					],
		),
	}
}

/**
 * `emit`: a re-read sends an UPDATED of each object; `forget`: none is sent. Returns the number of objects. What was
 * decided before is not decided again.
 */
export function decideUnchecked(core: Core, decision: 'emit' | 'forget'): number {
	const undecided = getWatchedResources(core).filter(({ state }) => state.unchecked?.decidedMs === null)
	const decided = undecided.reduce((sum, { state }) => sum + countUnchecked(core, state.number), 0)
	if (undecided.length > 0)
		core.commit((tx) =>
			undecided.forEach((watched) => (decision === 'emit' ? sendUnchecked : forgetUnchecked)(tx, core, watched)),
		)
	return decided
}

function sendUnchecked(tx: Tx, core: Core, { state: rs }: WatchedResource): void {
	if (rs.unchecked == null) return
	rs.unchecked = { ...rs.unchecked, decidedMs: core.ports.now() }
	rs.rereadAsked = true
	rs.head = null
	invalidateAllPages(tx, core, rs.number)
}

function forgetUnchecked(tx: Tx, core: Core, { state: rs }: WatchedResource): void {
	clearUnchecked(tx, core, rs.number, 'all')
	rs.unchecked = null
}
