/** Handlers of an organization's settings, which apply to all its instances (docs/contract.md §5). */
import {
	parseSettings,
	getMaskedSettings,
	readAccountSettings,
	writeAccountSettings,
	type SettingName,
} from '../../accounts/settings.ts'
import { BadRequest, Conflict } from '../../lib/errors.ts'
import { notifyWatcher } from '../../instances/changes.ts'
import { findOwner } from '../../instances/organizations.ts'
import { findSubscriptionTo, notSubscribedCondition } from '../../instances/subscriptions.ts'
import { canSeeSecrets } from '../http/access.ts'
import { getActor } from '../http/audit.ts'
import type { CallerContext } from '../http/environment.ts'
import { requireOwnAccount } from './account.ts'

type Settings = Record<SettingName, string | null>

/** `GET /accounts/settings`. */
export async function getSettings(c: CallerContext): Promise<Settings> {
	return await getMaskedSettings(c.env.DB, c.var.user.organizationId, canSeeSecrets(c))
}

/** Updates settings. `id`: the account of the path, which must be the caller's own; null: the path names none. */
export async function updateSettings(
	c: CallerContext,
	body: Record<string, unknown>,
	id: string | null,
): Promise<Settings> {
	if (id !== null) requireOwnAccount(c, id)
	const { operator } = await readAccountSettings(c.env.DB, c.var.user.organizationId)
	const parsed = parseSettings(body, {
		allowPrivateNetwork: c.env.ALLOW_PRIVATE_NETWORK === 'true',
		operatorUrl: operator.url,
	})
	if (!parsed.ok) throw new BadRequest(parsed.problems.map(({ field, message }) => `${field}: ${message}`).join('; '))
	const url = parsed.change['operator.webhook.url'] ?? null
	const condition = url === null || url === operator.url ? undefined : await requireDistinctWebhook(c, url)
	const nowMs = c.var.services.now()
	if (!(await writeAccountSettings(c.env.DB, c.env.MASTER_KEYS, getActor(c), parsed.change, nowMs, condition)))
		throw new Conflict('Another request changed the settings or an address at the same time; retry')
	await notifyOrganizationWatcher(c)
	return await getSettings(c)
}

/**
 * 409 if one of the organization's subscriptions has the operator webhook's new address. Returns the condition under
 * which this still holds.
 */
async function requireDistinctWebhook(
	c: CallerContext,
	url: string,
): Promise<ReturnType<typeof notSubscribedCondition>> {
	const { organizationId } = c.var.user
	const owner = await findOwner(c.env.DB, organizationId)
	const duplicateId = owner === null ? null : await findSubscriptionTo(c.env.DB, owner.id, url)
	if (duplicateId !== null)
		throw new Conflict(
			`operator.webhook.url: subscription ${duplicateId} already sends to this address; delete it first ` +
				`(DELETE /notifications/subscriptions/${duplicateId})`,
		)
	return notSubscribedCondition(organizationId, url)
}

/** The organization's own object is notified; instances read the settings themselves. */
async function notifyOrganizationWatcher(c: CallerContext): Promise<void> {
	const { services, user } = c.var
	const owner = await findOwner(c.env.DB, user.organizationId)
	if (owner !== null) await notifyWatcher(services, { ...owner, version: 1 }, {})
}
