/** What a page's handler gets. */
import type { Context } from 'hono'
import type { PageApp } from '../../api/http/call-operation.ts'
import type { PublicEnv } from '../../api/http/environment.ts'
import type { InstanceLookups } from '../../api/http/page-call.ts'
import type { Caller } from '../../accounts/callers.ts'
import type { Role } from '../../accounts/roles.ts'
import { hasRole } from '../../accounts/roles.ts'

/** Who looks at a page. */
export interface Viewer {
	user: {
		id: number
		email: string
		firstName: string
		lastName: string
		role: Role
		organizationId: number
		organizationName: string
	}
	/** The token that every form of the page has, in its field `csrf`. */
	csrf: string
	/** When the page was made, epoch ms. */
	nowMs: number
}

/** Whether a viewer may do what requires this role, so that no page shows a button that would be refused. */
export function can(viewer: Viewer, minRole: Role): boolean {
	return hasRole(viewer.user.role, minRole)
}

/** A message about what was just done, shown once. */
export interface PageMessage {
	kind: 'ok' | 'warn' | 'bad'
	text: string
}

/** Any page. */
export interface PageEnv {
	Bindings: PublicEnv['Bindings']
	Variables: PublicEnv['Variables'] & {
		app: PageApp
		/** Instances that this page has looked up; null: it changes something. */
		instances: InstanceLookups | null
		/** The session's user with their credential; null: signed out. */
		caller: Caller | null
		/** The token that every form of this page has, in its field `csrf`. */
		csrf: string
		/** From the page before; null: none. */
		message: PageMessage | null
	}
}

/** A page of a signed-in user. */
export interface SignedInEnv {
	Bindings: PageEnv['Bindings']
	Variables: Omit<PageEnv['Variables'], 'caller'> & { caller: Caller; viewer: Viewer }
}

/** What functions for any page use of its context. */
export type AnyPageContext = Pick<
	PageContext,
	'env' | 'executionCtx' | 'req' | 'var' | 'body' | 'redirect' | 'header' | 'finalized'
>
/** A request of a page. */
export type PageContext = Context<PageEnv>
/** A request of a signed-in user's page. */
export type SignedInContext = Context<SignedInEnv>
