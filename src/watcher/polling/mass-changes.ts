/**
 * Mass changes (docs/architecture.md, Mass changes): at the end of a look they are told from other edits. They are sent
 * behind other events, or held until a person decides (`event.poller.massChanges`).
 */
import type { Core } from '../core/core.ts'
import { findMassChanges, type MassChange } from '../core/mass-change.ts'
import type { ResourceState } from '../core/resource-state.ts'
import type { Tx } from '../core/tx.ts'
import { drainWaiting } from '../outbox/forming.ts'
import { enqueueOperatorEvent } from '../outbox/operator-events.ts'
import { countHeldChanges, decideHeld, decideLook, readHeldChanges } from '../outbox/waiting-rows.ts'
import type { HeldChanges } from '../../rpc/watcher.ts'

const MAX_HELD_OBJECTS = 1_000

/** A look has ended: decides which of its edits are mass changes. */
export function endLook(tx: Tx, core: Core, rs: ResourceState): void {
	// They may all have been sent with later events of their objects, or have expired.
	if (rs.changesHeldSinceMs != null && countHeldChanges(core, rs.number) === 0) rs.changesHeldSinceMs = null
	if (rs.look == null) return
	const found = findMassChanges(rs.look, rs.listed, core.ports.now())
	rs.look = null
	const heldBefore = countHeldChanges(core, rs.number)
	decideLook(
		tx,
		core,
		rs.number,
		found.flatMap(({ sets }) => sets),
	)
	const held = found.length === 0 ? heldBefore : countHeldChanges(core, rs.number)
	if (heldBefore === 0) rs.changesHeldSinceMs = held === 0 ? null : core.ports.now()
	if (found.length > 0) rs.massChanges = found.map(({ fields, objects, atMs }) => ({ fields, objects, atMs }))
	// The setting may have changed during the look.
	const isHeld = held > heldBefore || (held > 0 && core.config.massChanges === 'hold')
	for (const massChange of found) report(tx, core, rs, massChange, isHeld)
	drainWaiting(tx, core)
}

function report(tx: Tx, core: Core, rs: ResourceState, { fields, objects }: MassChange, isHeld: boolean): void {
	const what = `${objects.toLocaleString('en-US')} ${rs.objectType} changed in ${fields.join(', ')} without a new date`
	core.state.run?.notes.push(what)
	const consequence = isHeld
		? `They are held: PUT /instances/${core.config.instanceId}/mass-changes {"decision":"emit"} sends them, ` +
			'{"decision":"forget"} none.'
		: 'They are sent after other events.'
	enqueueOperatorEvent(tx, core, 'mass-change.detected', `${what}. ${consequence}`, {
		resource: rs.objectType,
		objects,
		fields: fields.join(','),
		held: isHeld ? objects : 0,
	})
}

/** Resources with held changes, and at most a thousand of their objects. */
export function listHeldChanges(core: Core): { held: HeldChanges[] } {
	const held = core.state.resources.flatMap((rs): HeldChanges[] => {
		const count = countHeldChanges(core, rs.number)
		if (count === 0) return []
		const objects = readHeldChanges(core, rs.number, MAX_HELD_OBJECTS)
		return [
			{
				resource: rs.objectType,
				since: new Date(rs.changesHeldSinceMs ?? 0).toISOString(),
				fields: [...new Set(objects.flatMap(({ fields }) => fields))].sort(),
				objects: objects.map(({ id, fields }) => ({ objectId: String(id), changedFields: fields })),
				count,
			},
		]
	})
	return { held }
}

/** Ends the hold: `emit` sends the changes after other events, `forget` sends none. Returns the number of objects. */
export function decideHeldChanges(core: Core, decision: 'emit' | 'forget'): number {
	return core.commit((tx) => {
		let decided = 0
		for (const rs of core.state.resources) {
			decided += countHeldChanges(core, rs.number)
			decideHeld(tx, core, rs.number, decision)
			rs.changesHeldSinceMs = null
		}
		drainWaiting(tx, core)
		return decided
	})
}
