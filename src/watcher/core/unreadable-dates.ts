/** Dates of records that do not fit `datesConfiguration`, as the poller and health name them. */
import type { Resource, Snapshot } from '../../elements/store.ts'
import { endLimit, noteLimit } from './resource-limits.ts'
import type { ResourceState } from './resource-state.ts'

const LIMIT = 'dates-unreadable'

/** Notes the dates of records that could not be read, wherever the records came from. */
export function noteDates(
	rs: ResourceState,
	resource: Pick<Resource, 'dates'>,
	snapshots: readonly Snapshot[],
	nowMs: number,
): void {
	const example = snapshots.flatMap(({ unreadableDates: { updated, created } }) => updated ?? created ?? []).at(-1)
	if (example === undefined) return
	rs.datesUnreadable = example
	rs.datesUnreadableMs = nowMs
	rs.datesUnreadableIn = toRules(resource)
	const message =
		`${example} does not fit its format in datesConfiguration: the store’s own date counts instead, where there is ` +
		'one. Correct the format.'
	noteLimit(rs, LIMIT, message, nowMs)
}

/** Forgets them if none was seen since a time (epoch ms), or if they were read by other rules. */
export function forgetDates(rs: ResourceState, resource: Pick<Resource, 'dates'>, sinceMs: number): void {
	if (rs.datesUnreadable === null) return
	const isCurrent = rs.datesUnreadableIn === undefined || rs.datesUnreadableIn === toRules(resource)
	if (isCurrent && (rs.datesUnreadableMs ?? 0) >= sinceMs) return
	rs.datesUnreadable = null
	endLimit(rs, LIMIT)
}

function toRules({ dates }: Pick<Resource, 'dates'>): string {
	return [dates.updated, dates.created].map((rule) => `${rule?.field} ${rule?.format} ${rule?.zone}`).join(', ')
}
