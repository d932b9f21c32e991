/** What cannot be read of a resource as usual, because of how its store answers, as health and the poller say it. */
import type { ResourceLimit } from '../../rpc/watcher.ts'

/** The code of the limit that says which answers are not as asked. */
export const UNFIT_LIMIT = 'unfit-answers'

/** By code: the sentence for people, and since when it is so, epoch ms. */
export type ResourceLimits = Readonly<Record<string, { message: string; sinceMs: number }>>

/** What keeps them. */
interface Limited {
	limits?: ResourceLimits
}

/** Adds a limit, or gives one that is there its new words. */
export function noteLimit(rs: Limited, code: string, message: string, nowMs: number): void {
	rs.limits = { ...rs.limits, [code]: { message, sinceMs: rs.limits?.[code]?.sinceMs ?? nowMs } }
}

/** Removes a limit. */
export function endLimit(rs: Limited, code: string): void {
	if (rs.limits?.[code] === undefined) return
	const { [code]: _ended, ...others } = rs.limits
	rs.limits = others
}

/** The limits of a resource, by code. */
export function toLimitReports({ limits = {} }: Limited): ResourceLimit[] {
	return Object.entries(limits)
		.map(([code, { message, sinceMs }]) => ({ code, message, since: new Date(sinceMs).toISOString() }))
		.toSorted((a, b) => (a.code < b.code ? -1 : 1))
}
