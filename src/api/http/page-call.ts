/**
 * What a page passes along with an operation that it calls in the same process. It travels in the bindings under a
 * symbol, so that no request from outside and no setting can carry it.
 */
import type { Caller } from '../../accounts/callers.ts'
import type { Instance } from '../../instances/rows.ts'

const PAGE_CALL = Symbol('page call')

/** Lookups of instances by id, of one page. */
export type InstanceLookups = Map<number, Promise<Instance | null>>

/** A call of a page. */
export interface PageCall {
	/** The user of the page's session; null: the page has none. */
	caller: Caller | null
	/** Of the page's request, so that the audit log and the page show the same id. */
	requestId: string
	/** Instances that calls of the same page have looked up; null: the page changes something, so each looks again. */
	instances: InstanceLookups | null
	/** What the call threw; null: it succeeded. */
	error: unknown
	/** What the handler of a GET returned, which needs no detour over JSON; undefined: the response has it. */
	answer?: unknown
}

/** The bindings of a request that a page makes. */
export function withPageCall<Env extends object>(env: Env, call: PageCall): Env {
	return { ...env, [PAGE_CALL]: call }
}

/** The page that makes this request; null: it comes from outside. */
export function getPageCall(env: object | undefined): PageCall | null {
	return env !== undefined && hasPageCall(env) ? env[PAGE_CALL] : null
}

function hasPageCall(env: object): env is { [PAGE_CALL]: PageCall } {
	return PAGE_CALL in env
}
