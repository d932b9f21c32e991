/** Reads that contradict each other: an object is there again, or gone, without a change. Pure. */
import type { PendingCheck } from '../core/lookup-table.ts'
import type { KnownObject, Observation } from './gate-types.ts'

/**
 * What a read shows of an object that earlier answers contradict, as the end of a sentence for people; null: nothing.
 * Healthy stores give a new modified date to what they restore or publish.
 */
export function findContradiction(
	known: KnownObject | null,
	observation: Observation,
	pendingCheck: PendingCheck,
): string | null {
	const { id, via, kind, content, modifiedSec, requestedAtMs, listed } = observation
	if (known === null || content === null || via !== 'read' || (kind !== 'live' && kind !== 'hidden')) return null
	if (requestedAtMs < known.asOfMs || known.modifiedSec !== modifiedSec) return null
	if (known.content.hash !== content.hash) return null
	if (known.state === 'gone') return `${id} was gone, and is there again`
	if (pendingCheck.goneAtMs !== undefined && requestedAtMs > pendingCheck.goneAtMs)
		return `${id} was not found, and is there`
	if (known.state === 'unlisted' && listed) return `${id} was in no list, and is in one again`
	return null
}
