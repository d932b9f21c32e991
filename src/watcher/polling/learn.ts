/** What scans show of a store's lists beside their rows. */
import { applyMaxRows } from '../core/abilities.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { ScanPosition } from '../core/resource-state.ts'
import { setAbilities } from '../changes/known-abilities.ts'
import { findRowLimit } from './scan-position.ts'

/** Learns the most rows that the store gives, from the pages of a scan. */
export function learnRowLimit(
	core: Core,
	watched: WatchedResource,
	step: { before: ScanPosition; position: ScanPosition; ended: boolean; rows: number; limit: number },
): void {
	const rows = findRowLimit(step.before, step.position, step)
	if (rows === null) return
	const now = core.ports.now()
	setAbilities(core, watched, applyMaxRows(watched.state.abilities, rows, now))
}
