/** The calls about an account (docs/contract.md §5). */
import * as z from 'zod'
import { defineOperation } from '../http/contract.ts'
import { NextPage, PageSize } from '../http/paging.ts'
import {
	AccountResponse,
	AccountPatch,
	ApiKeyResponse,
	ApiKeyBody,
	AuditResponse,
	AuditQuery,
	NewApiKeyResponse,
	RotateSecretBody,
	SecretResponse,
	SettingsResponse,
	SettingsBody,
} from './schema.ts'

const settingsUpdate = {
	tag: 'Accounts',
	description:
		'Changes the named settings; null restores a default. 409 if a subscription to your own topics already has the ' +
		'address of `operator.webhook.url`.',
	access: 'account',
	role: 'admin',
	body: SettingsBody,
	example: { 'events.retention.days': 14 },
	answer: SettingsResponse,
	errors: [409],
} as const

/** Fixed path segments before `{id}` in the same place. */
export const accountOperations = {
	listAccounts: defineOperation({
		method: 'get',
		path: '/accounts',
		tag: 'Accounts',
		summary: 'List accounts',
		description: "Returns the caller's organization. An account is an organization.",
		access: 'account',
		answer: z.array(AccountResponse),
	}),
	getSettings: defineOperation({
		method: 'get',
		path: '/accounts/settings',
		tag: 'Accounts',
		summary: 'Get the settings',
		description:
			'Returns every setting of the organization, with its default if it is not set. Secrets are `********`.',
		access: 'account',
		answer: SettingsResponse,
	}),
	changeSettings: defineOperation({
		...settingsUpdate,
		method: 'patch',
		path: '/accounts/settings',
		summary: 'Update the settings',
	}),
	changeAccountSettings: defineOperation({
		...settingsUpdate,
		method: 'patch',
		path: '/accounts/{id}/settings',
		summary: "Update an account's settings",
	}),
	postAccountSettings: defineOperation({
		...settingsUpdate,
		method: 'post',
		path: '/accounts/{id}/settings',
		summary: "Update an account's settings (POST)",
	}),
	listApiKeys: defineOperation({
		method: 'get',
		path: '/accounts/api-keys',
		tag: 'Accounts',
		summary: 'List API keys',
		description: 'Admins see all API keys, others their own.',
		access: 'account',
		role: 'developer',
		query: z.object({ pageSize: PageSize.optional(), nextPage: NextPage }),
		answer: z.array(ApiKeyResponse),
	}),
	createApiKey: defineOperation({
		method: 'post',
		path: '/accounts/api-keys',
		tag: 'Accounts',
		summary: 'Create an API key',
		description:
			'The key is only shown in this response. `Authorization: Bearer sbk_…` replaces User and Organization; for calls ' +
			'about one store, send `Bearer sbk_…, Element <instance token>`. A key can do what its scopes allow, and never ' +
			'more than the role of its creator.',
		keys: false,
		access: 'account',
		body: ApiKeyBody,
		example: { name: 'Nightly export', scopes: ['instances:read', 'hub:read'], expiresDays: 90 },
		answer: NewApiKeyResponse,
	}),
	deleteApiKey: defineOperation({
		method: 'delete',
		path: '/accounts/api-keys/{id}',
		tag: 'Accounts',
		summary: 'Delete an API key',
		description: 'The key is revoked immediately. Admins can delete every key, others their own.',
		access: 'account',
		answer: null,
	}),
	listAudit: defineOperation({
		method: 'get',
		path: '/accounts/audit',
		tag: 'Accounts',
		summary: 'List the audit log',
		description:
			'Returns every change and every time that a secret was shown, newest first. Entries are kept for 400 days. With ' +
			'a filter, a page may be short or empty and still have a next page.',
		access: 'account',
		role: 'admin',
		query: AuditQuery,
		answer: z.array(AuditResponse),
	}),
	getOrganizationSecret: defineOperation({
		method: 'get',
		path: '/accounts/secrets',
		tag: 'Accounts',
		summary: "Get the organization's secret",
		description: 'The audit log records that it was shown.',
		keys: false,
		access: 'account',
		role: 'developer',
		answer: SecretResponse,
	}),
	rotateOrganizationSecret: defineOperation({
		method: 'post',
		path: '/accounts/secrets/rotate',
		tag: 'Accounts',
		summary: "Rotate the organization's secret",
		description: 'Every client uses this secret. Set `grace` to give them time to change it.',
		keys: false,
		access: 'account',
		role: 'admin',
		body: RotateSecretBody,
		example: { grace: 86_400 },
		bodyOptional: true,
		answer: SecretResponse,
	}),
	revokeOrganizationSecret: defineOperation({
		method: 'delete',
		path: '/accounts/secrets',
		tag: 'Accounts',
		summary: "Revoke the organization's secret",
		description: 'From then on only sessions and API keys are accepted. 409 while no admin has a password.',
		keys: false,
		access: 'account',
		role: 'admin',
		answer: null,
		errors: [409],
	}),
	getAccount: defineOperation({
		method: 'get',
		path: '/accounts/{id}',
		tag: 'Accounts',
		summary: 'Get an account',
		access: 'account',
		answer: AccountResponse,
	}),
	changeAccount: defineOperation({
		method: 'patch',
		path: '/accounts/{id}',
		tag: 'Accounts',
		summary: 'Update an account',
		description: 'Renames the organization.',
		access: 'account',
		role: 'admin',
		body: AccountPatch,
		example: { name: 'Acme' },
		answer: AccountResponse,
	}),
}
