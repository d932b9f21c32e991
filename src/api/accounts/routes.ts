/** Mounts the calls about accounts. */
import { mountOperations, type Api } from '../http/serve.ts'
import { deleteAccount, getAccount, getOrganization, listAccounts, updateAccount } from './account.ts'
import { createApiKey, deleteApiKey, listApiKeys } from './api-keys.ts'
import { listAudit } from './audit.ts'
import { accountOperations } from './operations.ts'
import { getSecret, revokeOwnerSecret, rotateOwnerSecret } from './secrets.ts'
import { updateSettings, getSettings } from './settings.ts'

/** Mounts the calls. */
export function mountAccountRoutes(api: Api): void {
	mountOperations(api, accountOperations, {
		getSettings,
		changeSettings: (c, { body }) => updateSettings(c, body, null),
		changeAccountSettings: (c, { params, body }) => updateSettings(c, body, params['id']!),
		postAccountSettings: (c, { params, body }) => updateSettings(c, body, params['id']!),
		listApiKeys: (c, { query }) => listApiKeys(c, query),
		createApiKey: (c, { body }) => createApiKey(c, body),
		deleteApiKey: (c, { params }) => deleteApiKey(c, params['id']!),
		listAudit: (c, { query }) => listAudit(c, query),
		getOrganizationSecret: (c) => getSecret(c, { kind: 'organization' }),
		rotateOrganizationSecret: (c, { body }) => rotateOwnerSecret(c, { kind: 'organization' }, body),
		revokeOrganizationSecret: (c) => revokeOwnerSecret(c, { kind: 'organization' }),
		listAccounts,
		deleteAccount: (c, { params }) => deleteAccount(c, params['id']!),
		getOrganization,
		getAccount: (c, { params }) => getAccount(c, params['id']!),
		changeAccount: (c, { params, body }) => updateAccount(c, params['id']!, body),
	})
}
