/** Handlers of API keys. */
import { DAY_MS } from '../../lib/time.ts'
import type * as z from 'zod'
import { createKey, deleteKey, listKeys, type ApiKey } from '../../accounts/api-keys.ts'
import { BadRequest, NotFound } from '../../lib/errors.ts'
import { parseId } from '../http/access.ts'
import { getActor } from '../http/audit.ts'
import type { CallerContext } from '../http/environment.ts'
import { formatPageToken, MAX_PAGE_SIZE, parsePageToken, setPageHeaders } from '../http/paging.ts'
import { parseTimeParameter, toIsoSeconds } from '../http/times.ts'
import type { ApiKeyResponse, ApiKeyBody, NewApiKeyResponse } from './schema.ts'

/** `GET /accounts/api-keys`. */
export async function listApiKeys(
	c: CallerContext,
	query: { pageSize?: number | undefined; nextPage?: string | undefined },
): Promise<z.input<typeof ApiKeyResponse>[]> {
	const pageSize = query.pageSize ?? MAX_PAGE_SIZE
	const [afterId] = parsePageToken(query.nextPage, 1) ?? [0]
	const keys = await listKeys(c.env.DB, c.var.user.organizationId, getOwnerFilter(c), pageSize + 1, afterId!)
	const page = keys.slice(0, pageSize)
	setPageHeaders(c, {
		returned: page.length,
		total: null,
		next: keys.length > pageSize ? formatPageToken([page.at(-1)!.id]) : null,
	})
	return page.map((key) => toApiKeyResponse(key, c.var.services.now()))
}

/** `POST /accounts/api-keys`. */
export async function createApiKey(
	c: CallerContext,
	body: z.output<typeof ApiKeyBody>,
): Promise<z.input<typeof NewApiKeyResponse>> {
	const nowMs = c.var.services.now()
	const expiresMs = toExpiryMs(body, nowMs)
	const { key, made: created } = await createKey(
		c.env.DB,
		getActor(c),
		{ name: body.name, scopes: body.scopes, expiresMs },
		nowMs,
	)
	return { ...toApiKeyResponse(created, nowMs), key }
}

/** `DELETE /accounts/api-keys/{id}`. */
export async function deleteApiKey(c: CallerContext, id: string): Promise<undefined> {
	const keyId = parseId(id)
	if (!(await deleteKey(c.env.DB, getActor(c), keyId, getOwnerFilter(c), c.var.services.now())))
		throw new NotFound(`No API key ${keyId}`)
}

/** The user whose keys the caller manages: null for admins, who manage all, otherwise the caller. */
function getOwnerFilter(c: CallerContext): number | null {
	return c.var.user.role === 'admin' ? null : c.var.user.id
}

function toExpiryMs({ expiresDate, expiresDays }: z.output<typeof ApiKeyBody>, nowMs: number): number | null {
	if (expiresDays != null) return nowMs + Math.round(expiresDays * DAY_MS)
	const expiresMs = parseTimeParameter('expiresDate', expiresDate ?? undefined)
	if (expiresMs !== null && expiresMs <= nowMs) throw new BadRequest('expiresDate: expected a time in the future')
	return expiresMs
}

function toApiKeyResponse(
	{ createdMs, expiresMs, lastUsedMs, ...key }: ApiKey,
	nowMs: number,
): z.input<typeof ApiKeyResponse> {
	return {
		...key,
		createdDate: toIsoSeconds(createdMs),
		expiresDate: expiresMs === null ? null : toIsoSeconds(expiresMs),
		expired: expiresMs !== null && expiresMs <= nowMs,
		lastUsedDate: lastUsedMs === null ? null : toIsoSeconds(lastUsedMs),
	}
}
