/** Account settings (contract, section 5): what holds for all instances of an organization. */
import * as z from 'zod'
import { parseSettings, SETTING_NAMES, showAccountSettings, writeAccountSettings } from '../../accounts/settings.ts'
import { BadRequest, NotFound } from '../../errors.ts'
import { tell } from '../../instances/lifecycle.ts'
import { findOwner } from '../../instances/organizations.ts'
import { readId } from '../access.ts'
import { declare, type Api } from '../contract.ts'
import type { CallerContext } from '../environment.ts'

const OWN = '/accounts/settings'
const BY_ID = '/accounts/{id}/settings'

/** Checked name by name, so that a refusal names the setting. */
const SettingsBody = z.record(z.string(), z.unknown(), `expected an object of settings: ${SETTING_NAMES.join(', ')}`)

/** Every setting as text, with its default where it is not set; null: there is none. Secrets `********`. */
const SettingsAnswer = z.object(Object.fromEntries(SETTING_NAMES.map((name) => [name, z.string().nullable()])))

/** Declares the calls. */
export function declareAccounts(api: Api): void {
	declare(api, {
		method: 'get',
		path: OWN,
		summary: "The organization's settings",
		access: 'account',
		answer: SettingsAnswer,
		handle: (c) => show(c),
	})
	for (const [method, path] of [
		['patch', OWN],
		['patch', BY_ID],
		['post', BY_ID],
	] as const)
		declare(api, {
			method,
			path,
			summary: 'Change settings: those that are named; null for the default',
			access: 'account',
			body: SettingsBody,
			answer: SettingsAnswer,
			handle: (c, { body }) => change(c, body),
		})
}

async function show(c: CallerContext): Promise<Response> {
	return c.json(await showAccountSettings(c.env.DB, c.var.user.organizationId), 200)
}

async function change(c: CallerContext, body: z.output<typeof SettingsBody>): Promise<Response> {
	const { user, requestId, services } = c.var
	const { organizationId } = user
	const id = c.req.param('id')
	if (id !== undefined && readId(id) !== organizationId) throw new NotFound(`No account ${id}`)
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
