/** The two ways to say no: `null` for what is absent, a refusal with its reason for what may not be. */

/** A refusal. */
export interface Refused<Reason> {
	ok: false
	reason: Reason
}

/** What was done or found, or why it was refused. */
export type Result<Value extends object, Reason> = ({ ok: true } & Value) | Refused<Reason>

/** A refusal for a reason. */
export function refused<Reason extends string>(reason: Reason): Refused<Reason> {
	return { ok: false, reason }
}
