/** The calls about users. `{id}` is a user's id or `me`. */
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
		fullName: z.string(),
		active: z.boolean().meta({ description: 'Whether the user has accepted the invitation' }),
		role: UserRole,
		createdDate: z.string(),
		passwordSet: z.boolean().meta({ description: 'Whether the user has set a password, which signing in requires' }),
		secretSet: z.boolean().meta({ description: 'Whether the user has a secret' }),
		link: z
			.strictObject({ purpose: z.enum(['invitation', 'reset']), expiresDate: z.string() })
			.nullable()
			.meta({ description: 'The valid one-time link, if there is one' }),
	})
	.meta({ id: 'User', examples: [USER] })

/** Inviting a user. */
export const InviteBody = z.object({
	email: Email.meta({ description: 'The name to sign in with', examples: ['ann@acme.example'] }),
	firstName: PersonName.meta({ description: 'At most 255 characters, no HTML', examples: ['Ann'] }),
	lastName: PersonName.meta({ description: 'At most 255 characters, no HTML', examples: ['Lee'] }),
	role: UserRole.default('developer'),
})

/** Updating a user. */
export const UserPatch = z.object({
	email: Email.optional().meta({ description: 'The name to sign in with', examples: ['ann@acme.example'] }),
	firstName: PersonName.optional().meta({ description: 'At most 255 characters, no HTML', examples: ['Ann'] }),
	lastName: PersonName.optional().meta({ description: 'At most 255 characters, no HTML', examples: ['Lee'] }),
	role: UserRole.optional(),
})

/** Changing your own password. */
export const PasswordBody = z.object({
	current: z
		.string('expected your current password')
		.max(LIMITS.signIn.value, expectedAtMost('signIn'))
		.meta({ description: 'Your current password' }),
	password: Password,
})

const UserId = z.object({ id: z.string().meta({ description: "A user's id, or `me` for yourself", examples: ['me'] }) })

/** Fixed path segments before `{id}`. */
export const userOperations = {
	listUsers: defineOperation({
		method: 'get',
		path: '/users',
		tag: 'Accounts',
		summary: 'List users',
		description: 'Returns the users of the organization.',
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
			'Returns a one-time link that is valid for 7 days; pass it on to the user. With it, the user sets a password ' +
			'and gets a user secret. Until then, inviting the same address again replaces the invitation; afterwards it is 409.',
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
		description: 'Ends all your other sessions. Wrong passwords count as failed attempts to sign in.',
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
			'Users can change their own name; admins can change name, email address and role of every user. The last ' +
			'admin must keep the role (409). API keys cannot change email addresses and roles.',
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
			"The user's secret, sessions, links and API keys are revoked immediately. Instances that the user created stay. " +
			'The last admin cannot be deleted (409).',
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
			'Returns a one-time link, valid for 7 days, with which the user sets a new password. Using it ends all their ' +
			'sessions; until then the old password stays valid. Earlier links are revoked immediately.',
		keys: false,
		access: 'account',
		role: 'admin',
		params: UserId,
		answer: LinkResponse,
		errors: [409],
	}),
	getUserSecret: defineOperation({
		method: 'get',
		path: '/users/{id}/secrets',
		tag: 'Accounts',
		summary: "Get a user's secret",
		description: 'Users can get their own secret, admins that of every user. The audit log records it.',
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
		description: 'Users can rotate their own secret, admins that of every user.',
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
			'Users can revoke their own secret, admins that of every user. 409 if that would leave the organization ' +
			'without an admin who can sign in.',
		keys: false,
		access: 'account',
		role: 'developer',
		params: UserId,
		answer: null,
		errors: [409],
	}),
}
