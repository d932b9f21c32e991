/** Edits without a new date that a re-read finds: they are counted, and wait where a mass change would. */
import type { Core } from '../core/core.ts'
import { LANES, type Lane } from '../core/lanes.ts'
import { canChangeInMass, countEdit } from '../core/mass-change.ts'
import type { ResourceState } from '../core/resource-state.ts'
import type { Change } from './gate-types.ts'

/** Counts an edit of the running look. Returns where its event waits until the look has ended. */
export function countLookEdit(core: Core, rs: ResourceState, { changedFields }: Change): Lane {
	if (changedFields === null || !canChangeInMass(rs.listed)) return LANES.ordinary
	rs.look = countEdit(rs.look, changedFields)
	return core.config.massChanges === 'hold' ? LANES.held : LANES.behind
}
