/** The organization itself. A caller has one: no other exists for them. */
import type * as z from 'zod'
import { findOrganization } from '../../accounts/accounts.ts'
import { renameOrganization } from '../../accounts/organizations.ts'
import { NotFound } from '../../lib/errors.ts'
import { actorOf, readId } from '../http/access.ts'
import type { CallerContext } from '../http/environment.ts'
import { toIsoSeconds } from '../http/times.ts'
import type { AccountAnswer, AccountPatch } from './schema.ts'

type Account = z.input<typeof AccountAnswer>

/** 404 unless a path names the caller's own organization. */
export function requireOwn(c: CallerContext, id: string): void {
	if (readId(id) !== c.var.user.organizationId) throw new NotFound(`No account ${id}`)
}

/** `GET /accounts`. */
export async function listAccounts(c: CallerContext): Promise<Account[]> {
	return [await show(c)]
}

/** `GET /accounts/{id}`. */
export async function getAccount(c: CallerContext, id: string): Promise<Account> {
	requireOwn(c, id)
	return await show(c)
}

/** `PATCH /accounts/{id}`. */
export async function changeAccount(c: CallerContext, id: string, { name }: z.output<typeof AccountPatch>): Promise<Account> {
	requireOwn(c, id)
	await renameOrganization(c.env.DB, actorOf(c), name, c.var.services.now())
	return await show(c)
}

async function show(c: CallerContext): Promise<Account> {
	const organization = await findOrganization(c.env.DB, c.var.user.organizationId)
	if (organization === null) throw new NotFound('No such account')
	const { id, name, createdMs } = organization
	return { id, name, createdDate: toIsoSeconds(createdMs) }
}
