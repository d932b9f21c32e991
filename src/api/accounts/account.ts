/** Handlers of accounts. Callers only see their own organization. */
import type * as z from 'zod'
import { findOrganization, type Organization } from '../../accounts/setup.ts'
import { renameOrganization } from '../../accounts/organizations.ts'
import { HttpError, NotFound } from '../../lib/errors.ts'
import { canShowOrganizationSecret, parseId } from '../http/access.ts'
import { getActor } from '../http/audit.ts'
import type { CallerContext } from '../http/environment.ts'
import { toIsoSeconds } from '../http/times.ts'
import type { AccountResponse, AccountPatch, OrganizationResponse } from './schema.ts'
import { getSecret } from './secrets.ts'

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

/** `DELETE /accounts/{id}`. No account is deleted: 404 for any but the caller's own, which stays (405). */
export function deleteAccount(c: CallerContext, id: string): never {
	requireOwnAccount(c, id)
	throw new HttpError(405, 'Expected GET or PATCH; your own account cannot be deleted', {
		headers: { Allow: 'GET, PATCH' },
	})
}

/** `GET /organizations/me`. Showing the secret writes an audit row. */
export async function getOrganization(c: CallerContext): Promise<z.input<typeof OrganizationResponse>> {
	const { id, name, createdMs } = await requireOrganization(c)
	const secret = canShowOrganizationSecret(c) ? (await getSecret(c, { kind: 'organization' })).secret : null
	return { id, name, secret, active: true, createdDate: toIsoSeconds(createdMs) }
}

async function getOwnAccount(c: CallerContext): Promise<AccountView> {
	const { id, name, createdMs } = await requireOrganization(c)
	return { id, name, companyId: id, active: true, defaultAccount: true, createdDate: toIsoSeconds(createdMs) }
}

async function requireOrganization(c: CallerContext): Promise<Organization> {
	const organization = await findOrganization(c.env.DB, c.var.user.organizationId)
	if (organization === null) throw new NotFound('No such account')
	return organization
}
