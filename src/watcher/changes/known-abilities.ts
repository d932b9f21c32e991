/** What is known of a resource's lists, and what follows when it becomes known. */
import {
	ABILITIES,
	ABILITY_LIMITS,
	lacks,
	toAbilityLimits,
	toStrategy,
	toSupportedResource,
	type Abilities,
	type Strategy,
} from '../core/abilities.ts'
import { endIncompleteLimit, noteDrift } from '../core/completeness.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import { endLimit, noteLimit, UNFIT_LIMIT } from '../core/resource-limits.ts'
import { INITIAL_SCAN_POSITION, type ResourceState } from '../core/resource-state.ts'
import { clearScanned } from '../core/scanned-table.ts'
import type { Tx } from '../core/tx.ts'
import { invalidateAllPages } from './page-digests.ts'

/** Takes over what is known, says so, and begins again what the strategy of before was reading. */
export function setAbilities(core: Core, watched: WatchedResource, abilities: Abilities): void {
	const { state: rs } = watched
	const configured = watched.configured ?? watched.resource
	const before = toStrategy(configured, rs.abilities)
	const after = toStrategy(configured, abilities)
	rs.abilities = abilities
	rs.pageSize = Math.min(rs.pageSize, toSupportedResource(configured, abilities).pageSize)
	if (lacks(abilities, 'total')) endIncompleteLimit(rs)
	// The new strategy does without it.
	endLimit(rs, UNFIT_LIMIT)
	if (JSON.stringify(before) !== JSON.stringify(after)) core.commit((tx) => beginAgain(tx, core, rs, before, after))
	noteAbilityLimits(core, watched)
}

/** Says what the store cannot do and what happens instead, by whether the list can be read as a whole. */
export function noteAbilityLimits(core: Core, { resource, configured, state: rs }: WatchedResource): void {
	const limits = toAbilityLimits(configured ?? resource, rs.abilities, rs.outOfReach === undefined)
	for (const code of ABILITY_LIMITS) if (limits[code] === undefined) endLimit(rs, code)
	for (const [code, message] of Object.entries(limits)) noteLimit(rs, code, message, core.ports.now())
}

/** Whether anything was found about abilities that changes what is stored. */
export function isSameKnowledge(a: Abilities | undefined, b: Abilities): boolean {
	return a?.maxRows?.rows === b.maxRows?.rows && ABILITIES.every((one) => a?.[one]?.works === b[one]?.works)
}

function beginAgain(tx: Tx, core: Core, rs: ResourceState, before: Strategy, after: Strategy): void {
	clearScanned(tx, core, rs.number)
	invalidateAllPages(tx, core, rs.number)
	delete rs.outOfReach
	rs.head = null
	rs.search = null
	rs.searched = null
	if (before.scan !== after.scan || before.paging !== after.paging) {
		if (rs.baseline !== null) rs.baseline = { ...rs.baseline, position: INITIAL_SCAN_POSITION }
		// Lists that were cut short may have made it.
		rs.drift = 0
		noteDrift(rs, core.ports.now())
	}
	// What was modified since the last poll is found by the new strategy, and everything else by a re-read.
	rs.window = null
	rs.reread = null
	if (rs.baseline === null) rs.rereadAsked = true
}
