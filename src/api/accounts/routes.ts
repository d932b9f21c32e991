/** Puts what the calls about an account do behind them. */
import { serve, type Api } from '../http/serve.ts'
import { changeAccount, getAccount, listAccounts } from './account.ts'
import { createApiKey, deleteApiKey, listApiKeys } from './api-keys.ts'
import { listAudit } from './audit.ts'
import { accountOperations } from './operations.ts'
import { getSecret, revoke, rotate } from './secrets.ts'
import { changeSettings, getSettings } from './settings.ts'

/** Mounts the calls. */
export function declareAccounts(api: Api): void {
	serve(api, accountOperations, {
		getSettings,
		changeSettings: (c, { body }) => changeSettings(c, body, null),
		changeAccountSettings: (c, { params, body }) => changeSettings(c, body, params['id']!),
		postAccountSettings: (c, { params, body }) => changeSettings(c, body, params['id']!),
		listApiKeys: (c, { query }) => listApiKeys(c, query),
		createApiKey: (c, { body }) => createApiKey(c, body),
		deleteApiKey: (c, { params }) => deleteApiKey(c, params['id']!),
		listAudit: (c, { query }) => listAudit(c, query),
		getOrganizationSecret: (c) => getSecret(c, { kind: 'organization' }),
		rotateOrganizationSecret: (c, { body }) => rotate(c, { kind: 'organization' }, body),
		revokeOrganizationSecret: (c) => revoke(c, { kind: 'organization' }),
		listAccounts,
		getAccount: (c, { params }) => getAccount(c, params['id']!),
		changeAccount: (c, { params, body }) => changeAccount(c, params['id']!, body),
	})
}
