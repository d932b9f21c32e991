/**
 * What a handler finds in its request, by how much was proven before it ran: a handler that needs an instance cannot be
 * mounted without one.
 */
import type { Context } from 'hono'
import type { User } from '../../accounts/setup.ts'
import type { Credential } from '../../accounts/callers.ts'
import type { Env } from '../../context.ts'
import type { Instance } from '../../instances/records.ts'
import type { Services } from '../../instances/services.ts'

/** Every request. */
export interface PublicEnv {
	Bindings: Env
	Variables: {
		/** `Elements-Request-Id`. */
		requestId: string
		services: Services
		/** The instance that the answer is about, for its header and the log; set as soon as it is known. */
		instanceId?: number | undefined
	}
}

/**
 * A caller is known: `User` with `Organization`, with `Element`, or with both; or `Bearer` of a session or API key in
 * place of User and Organization.
 */
export interface CallerEnv extends PublicEnv {
	Variables: PublicEnv['Variables'] & {
		user: User
		/** What they presented. */
		credential: Credential
		/** The organization's secret was presented too, or a session or API key, which stand for it. */
		organizationProven: boolean
		/** The instance whose token was presented; null without an `Element` part. */
		tokenInstance: Instance | null
	}
}

/** A caller who presented the organization's secret. */
export interface AccountEnv extends CallerEnv {}

/** The call is about one instance, which belongs to the caller's organization. */
export interface InstanceEnv extends CallerEnv {
	Variables: CallerEnv['Variables'] & { instance: Instance }
}

/** Which environment each level of access gives. */
export interface AccessEnv {
	public: PublicEnv
	caller: CallerEnv
	account: AccountEnv
	/** By the path's `{id}`. */
	instance: InstanceEnv
	/** By the `Element` token. */
	token: InstanceEnv
}

/** Any request. */
export type PublicContext = Context<PublicEnv>
/** A request of someone known. */
export type CallerContext = Context<CallerEnv>
/** A request about one instance. */
export type InstanceContext = Context<InstanceEnv>
/** A request of someone known, whether or not it is about one instance. */
export type CallerOrInstanceContext = CallerContext | InstanceContext
