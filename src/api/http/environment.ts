/**
 * The variables of a handler's context by access level: a handler that needs an instance cannot be mounted without
 * one.
 */
import type { Context } from 'hono'
import type { User } from '../../accounts/setup.ts'
import type { Credential } from '../../accounts/callers.ts'
import type { Env } from '../../context.ts'
import type { Instance } from '../../instances/rows.ts'
import type { Services } from '../../instances/services.ts'

/** Every request. */
export interface PublicEnv {
	Bindings: Env
	Variables: {
		/** `Elements-Request-Id`. */
		requestId: string
		services: Services
		/** The instance that the response is about, for its header and the log. */
		instanceId?: number | undefined
	}
}

/**
 * An authenticated caller: `User` with `Organization`, `Element` or both, or `Bearer` with a session token or API key.
 */
export interface CallerEnv extends PublicEnv {
	Variables: PublicEnv['Variables'] & {
		user: User
		credential: Credential
		/** The caller presented the organization's secret, a session token or an API key. */
		organizationProven: boolean
		/** The instance of the `Element` token; null: there was none. */
		tokenInstance: Instance | null
	}
}

/** A request about one instance of the caller's organization. */
export interface InstanceEnv extends CallerEnv {
	Variables: CallerEnv['Variables'] & { instance: Instance }
}

/** The environment of each access level. */
export interface AccessEnv {
	public: PublicEnv
	caller: CallerEnv
	account: CallerEnv
	/** By the path's `{id}`. */
	instance: InstanceEnv
	/** By the `Element` token. */
	token: InstanceEnv
}

/** Any request. */
export type PublicContext = Context<PublicEnv>
/** A request of an authenticated caller. */
export type CallerContext = Context<CallerEnv>
/** A request about one instance. */
export type InstanceContext = Context<InstanceEnv>
/** A request of an authenticated caller, about one instance or not. */
export type CallerOrInstanceContext = CallerContext | InstanceContext
