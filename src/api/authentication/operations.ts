/** The calls with which people sign in (docs/contract.md §1). */
import * as z from 'zod'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { Password } from '../accounts/fields.ts'
import { defineOperation } from '../http/contract.ts'
import { SECRETS, SESSION, TOKEN } from '../accounts/examples.ts'
import { PERSON } from '../http/examples.ts'

/** Name and password. Longer than any that can be set is wrong, not an error of its own. */
export const SignInBody = z.object({
	username: z
		.string('expected your e-mail address')
		.max(LIMITS.signIn.value, expectedAtMost('signIn'))
		.meta({ description: 'Your e-mail address', examples: ['ann@acme.example'] }),
	password: z
		.string('expected your password')
		.max(LIMITS.signIn.value, expectedAtMost('signIn'))
		.meta({ description: 'Your password', examples: ['correct horse battery staple'] }),
})

/** A link's token, and the password that is to be. */
export const AcceptBody = z.object({
	token: z
		.string("expected the link's token")
		.max(LIMITS.linkToken.value, expectedAtMost('linkToken'))
		.meta({ description: 'The token of an invitation or reset: `sbl_…`', examples: ['sbl_6mTq…'] }),
	password: Password,
})

const SessionResponse = z
	.strictObject({
		id: z.number(),
		current: z.boolean().meta({ description: 'The one that asks' }),
		agent: z.string().meta({ description: 'What the browser or program called itself' }),
		createdDate: z.string(),
		expiresDate: z.string(),
	})
	.meta({ id: 'Session', examples: [SESSION] })

/** All of them. */
export const authenticationOperations = {
	signIn: defineOperation({
		method: 'post',
		path: '/authentication',
		tag: 'Authentication',
		summary: 'Sign in',
		description:
			'Answers with a token for 14 days. `Authorization: Bearer <token>` stands for User and Organization from then on. After 10 attempts without success for one user name, or 100 from one address, within 15 minutes, the next is refused (429) until these are over, with the right password too.',
		access: 'public',
		body: SignInBody,
		example: { username: 'ann@acme.example', password: 'correct horse battery staple' },
		answer: z.strictObject({ token: z.string(), expiresDate: z.string() }).meta({ id: 'Token', examples: [TOKEN] }),
		errors: [401, 429],
	}),
	signOut: defineOperation({
		method: 'delete',
		path: '/authentication',
		tag: 'Authentication',
		summary: 'Sign out',
		description: 'This session ends.',
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
		description: 'Sets a password with the token of an invitation or reset. All sessions of the user end.',
		access: 'public',
		body: AcceptBody,
		example: { token: `sbl_${'x'.repeat(43)}`, password: 'correct horse battery staple' },
		answer: z
			.strictObject({ username: z.string().meta({ description: 'The name to sign in with' }) })
			.meta({ id: 'Accepted', examples: [{ username: PERSON.emailAddress }] }),
		errors: [404],
	}),
	getSecrets: defineOperation({
		method: 'get',
		path: '/authentication/secrets',
		tag: 'Authentication',
		summary: 'Get your secrets',
		description:
			'Your own and the organization’s: what `Authorization: User …, Organization …` is made of. The audit log notes that they were shown.',
		access: 'account',
		role: 'developer',
		answer: z
			.strictObject({
				userSecret: z.string().nullable().meta({ description: 'Null: it was taken away' }),
				organizationSecret: z.string().nullable().meta({ description: 'Null: it was taken away' }),
			})
			.meta({ id: 'Secrets', examples: [SECRETS] }),
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
		description: 'You are signed out everywhere, here too.',
		access: 'account',
		role: 'viewer',
		answer: z.strictObject({ ended: z.number() }).meta({ id: 'Ended', examples: [{ ended: 2 }] }),
	}),
}
