/** Handlers of an organization's settings, which apply to all its instances (docs/contract.md §5). */
import { parseSettings, getMaskedSettings, writeAccountSettings, type SettingName } from '../../accounts/settings.ts'
import { BadRequest } from '../../lib/errors.ts'
import { notifyWatcher } from '../../instances/changes.ts'
import { findOwner } from '../../instances/organizations.ts'
import { getActor } from '../http/audit.ts'
import type { CallerContext } from '../http/environment.ts'
import { requireOwnAccount } from './account.ts'

type Settings = Record<SettingName, string | null>

/** `GET /accounts/settings`. */
export async function getSettings(c: CallerContext): Promise<Settings> {
	return await getMaskedSettings(c.env.DB, c.var.user.organizationId)
}

/** Updates settings. `id`: the account of the path, which must be the caller's own; null: the path names none. */
export async function updateSettings(
	c: CallerContext,
	body: Record<string, unknown>,
	id: string | null,
): Promise<Settings> {
	if (id !== null) requireOwnAccount(c, id)
	const parsed = parseSettings(body, { allowPrivateNetwork: c.env.ALLOW_PRIVATE_NETWORK === 'true' })
	if (!parsed.ok) throw new BadRequest(parsed.problems.map(({ field, message }) => `${field}: ${message}`).join('; '))
	await writeAccountSettings(c.env.DB, c.env.MASTER_KEYS, getActor(c), parsed.change, c.var.services.now())
	await notifyOrganizationWatcher(c)
	return await getSettings(c)
}

/** The organization's own object is notified; instances read the settings themselves. */
async function notifyOrganizationWatcher(c: CallerContext): Promise<void> {
	const { services, user } = c.var
	const owner = await findOwner(c.env.DB, user.organizationId)
	if (owner !== null) await notifyWatcher(services, { ...owner, version: 1 }, {})
}
