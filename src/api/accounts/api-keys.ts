/** API keys over HTTP. */
import type * as z from 'zod'
import { createKey, deleteKey, listKeys, type ApiKey } from '../../accounts/api-keys.ts'
import { BadRequest, NotFound } from '../../lib/errors.ts'
import { actorOf, readId } from '../http/access.ts'
import type { CallerContext } from '../http/environment.ts'
import { formatPageToken, PAGE_LIMIT, parsePageToken, setPageHeaders } from '../http/paging.ts'
import { readMoment, toIsoSeconds } from '../http/times.ts'
import type { ApiKeyAnswer, ApiKeyBody, NewApiKeyAnswer } from './schema.ts'

const DAY_MS = 86_400_000

/** `GET /accounts/api-keys`. */
export async function listApiKeys(
	c: CallerContext,
	query: { pageSize?: number | undefined; nextPage?: string | undefined },
): Promise<z.input<typeof ApiKeyAnswer>[]> {
	const pageSize = query.pageSize ?? PAGE_LIMIT
	const [afterId] = parsePageToken(query.nextPage, 1) ?? [0]
	const keys = await listKeys(c.env.DB, c.var.user.organizationId, onlyOwn(c), pageSize + 1, afterId!)
	const shown = keys.slice(0, pageSize)
	setPageHeaders(c, { returned: shown.length, total: null, next: keys.length > pageSize ? formatPageToken([shown.at(-1)!.id]) : null })
	return shown.map((key) => show(key, c.var.services.now()))
}

/** `POST /accounts/api-keys`. */
export async function createApiKey(c: CallerContext, body: z.output<typeof ApiKeyBody>): Promise<z.input<typeof NewApiKeyAnswer>> {
	const nowMs = c.var.services.now()
	const expiresMs = expiryOf(body, nowMs)
	const { key, made } = await createKey(c.env.DB, actorOf(c), { name: body.name, scopes: body.scopes, expiresMs }, nowMs)
	return { ...show(made, nowMs), key }
}

/** `DELETE /accounts/api-keys/{id}`. */
export async function deleteApiKey(c: CallerContext, id: string): Promise<undefined> {
	const number = readId(id)
	if (!(await deleteKey(c.env.DB, actorOf(c), number, onlyOwn(c), c.var.services.now()))) throw new NotFound(`No API key ${number}`)
}

/** An admin looks after all keys, others after their own: null, or whose. */
function onlyOwn(c: CallerContext): number | null {
	return c.var.user.role === 'admin' ? null : c.var.user.id
}

function expiryOf({ expiresDate, expiresDays }: z.output<typeof ApiKeyBody>, nowMs: number): number | null {
	if (expiresDays != null) return nowMs + Math.round(expiresDays * DAY_MS)
	const expiresMs = readMoment('expiresDate', expiresDate ?? undefined)
	if (expiresMs !== null && expiresMs <= nowMs) throw new BadRequest('expiresDate: expected a time that is still to come')
	return expiresMs
}

function show({ createdMs, expiresMs, lastUsedMs, ...key }: ApiKey, nowMs: number): z.input<typeof ApiKeyAnswer> {
	return {
		...key,
		createdDate: toIsoSeconds(createdMs),
		expiresDate: expiresMs === null ? null : toIsoSeconds(expiresMs),
		expired: expiresMs !== null && expiresMs <= nowMs,
		lastUsedDate: lastUsedMs === null ? null : toIsoSeconds(lastUsedMs),
	}
}
