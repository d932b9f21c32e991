/** Two ways to fail: `null` if something is absent, a refusal with a reason if it is not allowed. */

/** A refusal. */
export interface Refused<Reason> {
	ok: false
	reason: Reason
}

/** A result, or the reason of a refusal. */
export type Result<Value extends object, Reason> = ({ ok: true } & Value) | Refused<Reason>

/** A refusal for a reason. */
export function refused<Reason extends string>(reason: Reason): Refused<Reason> {
	return { ok: false, reason }
}
