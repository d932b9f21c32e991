/** Handlers of accounts. Callers only see their own organization. */
import type * as z from 'zod'
import { findOrganization } from '../../accounts/setup.ts'
import { renameOrganization } from '../../accounts/organizations.ts'
import { NotFound } from '../../lib/errors.ts'
import { parseId } from '../http/access.ts'
import { getActor } from '../http/audit.ts'
import type { CallerContext } from '../http/environment.ts'
import { toIsoSeconds } from '../http/times.ts'
import type { AccountResponse, AccountPatch } from './schema.ts'

type AccountView = z.input<typeof AccountResponse>

/** 404 unless the path names the caller's own organization. */
export function requireOwnAccount(c: CallerContext, id: string): void {
	if (parseId(id) !== c.var.user.organizationId) throw new NotFound(`No account ${id}`)
}

/** `GET /accounts`. */
export async function listAccounts(c: CallerContext): Promise<AccountView[]> {
	return [await getOwnAccount(c)]
}

/** `GET /accounts/{id}`. */
export async function getAccount(c: CallerContext, id: string): Promise<AccountView> {
	requireOwnAccount(c, id)
	return await getOwnAccount(c)
}

/** `PATCH /accounts/{id}`. */
export async function updateAccount(
	c: CallerContext,
	id: string,
	{ name }: z.output<typeof AccountPatch>,
): Promise<AccountView> {
	requireOwnAccount(c, id)
	await renameOrganization(c.env.DB, getActor(c), name, c.var.services.now())
	return await getOwnAccount(c)
}

async function getOwnAccount(c: CallerContext): Promise<AccountView> {
	const organization = await findOrganization(c.env.DB, c.var.user.organizationId)
	if (organization === null) throw new NotFound('No such account')
	const { id, name, createdMs } = organization
	return { id, name, createdDate: toIsoSeconds(createdMs) }
}
