/** What the calls about an account do (contract, section 5): what holds for all instances of an organization. */
import { parseSettings, showAccountSettings, writeAccountSettings, type SettingName } from '../../accounts/settings.ts'
import { BadRequest, NotFound } from '../../errors.ts'
import { tell } from '../../instances/lifecycle.ts'
import { findOwner } from '../../instances/organizations.ts'
import { readId } from '../access.ts'
import type { CallerContext } from '../environment.ts'
import { serve, type Api } from '../serve.ts'
import { accountOperations } from './operations.ts'

/** Settings as answered. */
type Settings = Record<SettingName, string | null>

/** Mounts the calls. */
export function declareAccounts(api: Api): void {
	serve(api, accountOperations, {
		getSettings: (c) => show(c),
		changeSettings: (c, { body }) => change(c, body, null),
		changeAccountSettings: (c, { params, body }) => change(c, body, params['id']!),
		postAccountSettings: (c, { params, body }) => change(c, body, params['id']!),
	})
}

async function show(c: CallerContext): Promise<Settings> {
	return await showAccountSettings(c.env.DB, c.var.user.organizationId)
}

/** `id`: the account of the path, which can only be the caller's own; null: it names none. */
async function change(c: CallerContext, body: Record<string, unknown>, id: string | null): Promise<Settings> {
	const { user, requestId, services } = c.var
	const { organizationId } = user
	if (id !== null && readId(id) !== organizationId) throw new NotFound(`No account ${id}`)
	const parsed = parseSettings(body, { allowPrivateNetwork: c.env.ALLOW_PRIVATE_NETWORK === 'true' })
	if (!parsed.ok) throw new BadRequest(parsed.problems.map(({ field, message }) => `${field}: ${message}`).join('; '))
	await writeAccountSettings(c.env.DB, c.env.MASTER_KEYS, { organizationId, userId: user.id, requestId }, parsed.change, services.now())
	await tellOwn(c)
	return await show(c)
}

/** The organization's own object goes by them from its next notification on; instances read them by themselves. */
async function tellOwn(c: CallerContext): Promise<void> {
	const { services, user } = c.var
	const ownerId = await findOwner(c.env.DB, user.organizationId)
	if (ownerId !== null) await tell(services, { id: ownerId, version: 1 }, {})
}
