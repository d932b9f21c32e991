/** Stores that answer with two states in turn, as two caches, replicas or plugins for languages give them. Pure. */
import { DAY_MS } from '../../lib/time.ts'
import { isConfirmed, noteFinding, type Findings } from './findings.ts'
import { endLimit, noteLimit, type ResourceLimits } from './resource-limits.ts'

const KIND = 'two-states'
/** The code of the limit of a store that answers so. */
export const TWO_STATES_LIMIT = 'two-states'

/** Re-reads, which are daily then, show it again. */
const MAX_CONFIRMED_AGE_MS = 7 * DAY_MS

interface Contradicted {
	findings?: Findings
	limits?: ResourceLimits
}

/** An answer shows again what another one had taken back, without a change. `detail`: a clause for people. */
export function noteTwoStates(rs: Contradicted, detail: string, nowMs: number): void {
	noteFinding(rs, { kind: KIND, weight: 'benign', detail }, nowMs)
}

/** Whether the store has contradicted itself within the last day, or within the last week if that was no accident. */
export function hasTwoStates({ findings }: Contradicted, nowMs: number): boolean {
	const known = findings?.[KIND]
	if (known === undefined) return false
	return nowMs - known.lastMs <= (isConfirmed({ findings }, KIND, known.lastMs) ? MAX_CONFIRMED_AGE_MS : DAY_MS)
}

/** Whether the store has contradicted itself twice within a day, so that it is no accident. */
export function isConfirmedTwofold({ findings }: Contradicted, nowMs: number): boolean {
	return isConfirmed({ findings }, KIND, nowMs)
}

/** An object came and went without a change: health says so once it was no accident. */
export function noteComingAndGoing(rs: Contradicted, objectType: string, detail: string, nowMs: number): void {
	noteTwoStates(rs, detail, nowMs)
	if (!isConfirmed(rs, KIND, nowMs)) return
	const message =
		`The store answers with two different lists of ${objectType} in turn: ${detail}. An object is taken for new or ` +
		'deleted only when several answers within a quarter of an hour agree, and everything is read again daily.'
	noteLimit(rs, TWO_STATES_LIMIT, message, nowMs)
}

/** Ends what was last seen long ago. */
export function endOldTwoStates(rs: Contradicted, nowMs: number): void {
	if (rs.limits?.[TWO_STATES_LIMIT] !== undefined && !hasTwoStates(rs, nowMs)) endLimit(rs, TWO_STATES_LIMIT)
}
