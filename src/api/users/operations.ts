/** The calls about the people of an organization. `{id}` is a user's number, or `me`. */
import * as z from 'zod'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { Email, Password, PersonName, UserRole } from '../accounts/fields.ts'
import { LinkResponse } from '../accounts/links.ts'
import { RotateSecretBody, SecretResponse } from '../accounts/schema.ts'
import { defineOperation } from '../http/contract.ts'
import { NextPage, PageSize } from '../http/paging.ts'
import { LINK, USER } from '../accounts/examples.ts'

/** A user. */
export const UserResponse = z
	.strictObject({
		id: z.number(),
		email: z.string(),
		firstName: z.string(),
		lastName: z.string(),
		role: UserRole,
		createdDate: z.string(),
		passwordSet: z.boolean().meta({ description: 'Until then nobody signs in with this address' }),
		secretSet: z.boolean().meta({ description: 'There is a user secret' }),
		link: z
			.strictObject({ purpose: z.enum(['invitation', 'reset']), expiresDate: z.string() })
			.nullable()
			.meta({ description: 'The one-time link that the user can use at present' }),
	})
	.meta({ id: 'User', examples: [USER] })

/** Whom an admin invites. */
export const InviteBody = z.object({
	email: Email.meta({ description: 'The name to sign in with', examples: ['ann@acme.example'] }),
	firstName: PersonName.meta({ description: 'At most 255 characters, no HTML', examples: ['Ann'] }),
	lastName: PersonName.meta({ description: 'At most 255 characters, no HTML', examples: ['Lee'] }),
	role: UserRole.default('developer'),
})

/** What is changed of a user: what is named. */
export const UserPatch = z.object({
	email: Email.optional().meta({ description: 'The name to sign in with', examples: ['ann@acme.example'] }),
	firstName: PersonName.optional().meta({ description: 'At most 255 characters, no HTML', examples: ['Ann'] }),
	lastName: PersonName.optional().meta({ description: 'At most 255 characters, no HTML', examples: ['Lee'] }),
	role: UserRole.optional(),
})

/** Changing one's own password. */
export const PasswordBody = z.object({
	current: z
		.string('expected the password so far')
		.max(LIMITS.signIn.value, expectedAtMost('signIn'))
		.meta({ description: 'The password so far' }),
	password: Password,
})

const UserId = z.object({ id: z.string().meta({ description: "A user's number, or `me`", examples: ['me'] }) })

/** Fixed words before `{id}`. */
export const userOperations = {
	listUsers: defineOperation({
		method: 'get',
		path: '/users',
		tag: 'Accounts',
		summary: 'List users',
		description: 'The people of the organization.',
		access: 'account',
		query: z.object({ pageSize: PageSize.optional(), nextPage: NextPage }),
		answer: z.array(UserResponse),
	}),
	inviteUser: defineOperation({
		method: 'post',
		path: '/users',
		tag: 'Accounts',
		summary: 'Invite a user',
		description:
			'Answers with a one-time link of 7 days, to be passed on. With it they set their password, and have a user secret from then on.',
		keys: false,
		access: 'account',
		role: 'admin',
		body: InviteBody,
		example: { email: 'ann@acme.example', firstName: 'Ann', lastName: 'Lee', role: 'developer' },
		answer: z
			.strictObject({ user: UserResponse, invitation: LinkResponse })
			.meta({ examples: [{ user: USER, invitation: LINK }] }),
	}),
	changePassword: defineOperation({
		method: 'put',
		path: '/users/me/password',
		tag: 'Accounts',
		summary: 'Update your own password',
		description: 'All your other sessions end. Wrong guesses count as attempts to sign in do.',
		keys: false,
		access: 'account',
		role: 'viewer',
		body: PasswordBody,
		example: { current: 'correct horse battery staple', password: 'another horse, another staple' },
		answer: null,
		errors: [409],
	}),
	getUser: defineOperation({
		method: 'get',
		path: '/users/{id}',
		tag: 'Accounts',
		summary: 'Get a user',
		access: 'account',
		params: UserId,
		answer: UserResponse,
	}),
	changeUser: defineOperation({
		method: 'patch',
		path: '/users/{id}',
		tag: 'Accounts',
		summary: 'Update a user',
		description:
			'Everyone may change their own name, an admin also the name, address and role of others. The last admin keeps the role (409). An address and a role are not to be changed with an API key.',
		access: 'account',
		role: 'viewer',
		params: UserId,
		body: UserPatch,
		example: { lastName: 'Lee' },
		answer: UserResponse,
		errors: [409],
	}),
	deleteUser: defineOperation({
		method: 'delete',
		path: '/users/{id}',
		tag: 'Accounts',
		summary: 'Delete a user',
		description:
			'Secret, sessions, links and API keys are dead at once. Instances that they made stay. The last admin cannot be removed (409).',
		access: 'account',
		role: 'admin',
		params: UserId,
		answer: null,
		errors: [409],
	}),
	resetPassword: defineOperation({
		method: 'post',
		path: '/users/{id}/reset',
		tag: 'Accounts',
		summary: "Reset a user's password",
		description:
			'Answers with a one-time link of 7 days with which the user sets another password. When it is used, all their sessions end; until then the old password holds. An earlier link is dead at once.',
		keys: false,
		access: 'account',
		role: 'admin',
		params: UserId,
		answer: LinkResponse,
	}),
	getUserSecret: defineOperation({
		method: 'get',
		path: '/users/{id}/secrets',
		tag: 'Accounts',
		summary: "Get a user's secret",
		description: 'Everyone may see their own, an admin anybody’s. The audit log notes that it was shown.',
		keys: false,
		access: 'account',
		role: 'developer',
		params: UserId,
		answer: SecretResponse,
	}),
	rotateUserSecret: defineOperation({
		method: 'post',
		path: '/users/{id}/secrets/rotate',
		tag: 'Accounts',
		summary: "Rotate a user's secret",
		description: 'Everyone may rotate their own, an admin anybody’s.',
		keys: false,
		access: 'account',
		role: 'developer',
		params: UserId,
		body: RotateSecretBody,
		example: { grace: 86_400 },
		bodyOptional: true,
		answer: SecretResponse,
	}),
	revokeUserSecret: defineOperation({
		method: 'delete',
		path: '/users/{id}/secrets',
		tag: 'Accounts',
		summary: "Revoke a user's secret",
		description:
			'Everyone may revoke their own, an admin anybody’s. 409 when this would leave the organization without an admin who can sign in.',
		keys: false,
		access: 'account',
		role: 'developer',
		params: UserId,
		answer: null,
		errors: [409],
	}),
}
