/** The calls about signing in (docs/contract.md §1). */
import * as z from 'zod'
import { MAX_ACCOUNTS_PER_ATTEMPT } from '../../accounts/sessions.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { Password } from '../accounts/fields.ts'
import { defineOperation } from '../http/contract.ts'
import { ONE_TIME_LINK, SECRETS, SESSION, TOKEN } from '../accounts/examples.ts'
import { PERSON } from '../http/examples.ts'

/** Signing in. */
export const SignInBody = z.object({
	username: z
		.string('expected your e-mail address')
		.max(LIMITS.signIn.value, expectedAtMost('signIn'))
		.meta({ description: 'Your e-mail address', examples: ['ann@acme.example'] }),
	password: z
		.string('expected your password')
		.max(LIMITS.signIn.value, expectedAtMost('signIn'))
		.meta({ description: 'Your password', examples: ['correct horse battery staple'] }),
	organization: z
		.union([z.number(), z.string()], 'expected the id of an organization')
		.transform(Number)
		.refine((id) => Number.isSafeInteger(id) && id > 0, 'expected the id of an organization')
		.nullish()
		.meta({
			description:
				'Id of your organization. Only needed if several organizations have an account with your address and this ' +
				`password, or more than ${MAX_ACCOUNTS_PER_ATTEMPT} have one with your address`,
			examples: [1],
		}),
})

/** Accepting a one-time link. */
export const AcceptBody = z.object({
	token: z
		.string("expected the link's token")
		.max(LIMITS.linkToken.value, expectedAtMost('linkToken'))
		.meta({ description: 'The token of an invitation or reset: `sbl_…`', examples: ['sbl_6mTq…'] }),
	password: Password,
})

const TokenResponse = z
	.strictObject({ token: z.string(), expiresDate: z.string() })
	.meta({ id: 'Token', examples: [TOKEN] })

const SessionResponse = z
	.strictObject({
		id: z.number(),
		current: z.boolean().meta({ description: 'Whether it is the session of this request' }),
		agent: z.string().meta({ description: 'User-Agent of the browser or program' }),
		createdDate: z.string(),
		expiresDate: z.string(),
	})
	.meta({ id: 'Session', examples: [SESSION] })

export const authenticationOperations = {
	signIn: defineOperation({
		method: 'post',
		path: '/authentication',
		tag: 'Authentication',
		summary: 'Sign in',
		description:
			'Returns a token that is valid for 14 days. `Authorization: Bearer <token>` replaces User and Organization. After ' +
			'10 failed attempts for one user name, or 100 from one IP address, within 15 minutes, further attempts are ' +
			'refused (429), even with the right password. If the password is right for accounts of several organizations, the ' +
			'response is 409, and its message names them: repeat the call with `organization`.',
		access: 'public',
		body: SignInBody,
		example: { username: 'ann@acme.example', password: 'correct horse battery staple' },
		answer: TokenResponse,
		errors: [401, 409, 429],
	}),
	signOut: defineOperation({
		method: 'delete',
		path: '/authentication',
		tag: 'Authentication',
		summary: 'Sign out',
		description: 'Ends this session.',
		access: 'account',
		role: 'viewer',
		answer: null,
		errors: [409],
	}),
	acceptLink: defineOperation({
		method: 'post',
		path: '/authentication/accept',
		tag: 'Authentication',
		summary: 'Accept a one-time link',
		description: 'Sets a password with the token of an invitation or reset. Ends all sessions of the user.',
		access: 'public',
		body: AcceptBody,
		example: { token: `sbl_${'x'.repeat(43)}`, password: 'correct horse battery staple' },
		answer: z
			.strictObject({ username: z.string().meta({ description: 'The name to sign in with' }) })
			.meta({ id: 'Accepted', examples: [{ username: PERSON.emailAddress }] }),
		errors: [404],
	}),
	getLink: defineOperation({
		method: 'get',
		path: '/authentication/links/{token}',
		tag: 'Authentication',
		summary: 'Get a one-time link',
		description: 'Returns for whom the link is and until when. Does not use it.',
		access: 'public',
		params: z.object({
			token: z
				.string()
				.max(LIMITS.linkToken.value, expectedAtMost('linkToken'))
				.meta({ description: 'The token of an invitation or reset', examples: [`sbl_${'x'.repeat(43)}`] }),
		}),
		answer: z
			.strictObject({
				emailAddress: z.string(),
				organizationName: z.string(),
				purpose: z.enum(['invitation', 'reset']),
				expiresDate: z.string(),
			})
			.meta({ id: 'OneTimeLink', examples: [ONE_TIME_LINK] }),
	}),
	getSecrets: defineOperation({
		method: 'get',
		path: '/authentication/secrets',
		tag: 'Authentication',
		summary: 'Get your secrets',
		description:
			'Returns your user secret and the organization secret, for `Authorization: User …, Organization …`. The audit ' +
			'log records that they were shown.',
		access: 'account',
		role: 'developer',
		answer: z
			.strictObject({
				userSecret: z.string().nullable().meta({ description: 'null: revoked' }),
				organizationSecret: z.string().nullable().meta({ description: 'null: revoked' }),
			})
			.meta({ id: 'Secrets', examples: [SECRETS] }),
	}),
	createSession: defineOperation({
		method: 'post',
		path: '/authentication/sessions',
		tag: 'Authentication',
		summary: 'Create a session',
		description:
			'Returns a token that is valid for 14 days, as *Sign in* does, for a caller who has secrets and perhaps no ' +
			'password.',
		access: 'account',
		role: 'viewer',
		keys: false,
		repeatable: true,
		answer: TokenResponse,
	}),
	listSessions: defineOperation({
		method: 'get',
		path: '/authentication/sessions',
		tag: 'Authentication',
		summary: 'List your sessions',
		description: 'Newest first, at most 100.',
		access: 'account',
		answer: z.array(SessionResponse),
	}),
	endSessions: defineOperation({
		method: 'delete',
		path: '/authentication/sessions',
		tag: 'Authentication',
		summary: 'End all your sessions',
		description: 'Signs you out everywhere, including here.',
		access: 'account',
		role: 'viewer',
		answer: z.strictObject({ ended: z.number() }).meta({ id: 'Ended', examples: [{ ended: 2 }] }),
	}),
}
