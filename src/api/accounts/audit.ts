/** Handler of the audit log. */
import type * as z from 'zod'
import { listAuditRows } from '../../accounts/audit.ts'
import { BadRequest } from '../../lib/errors.ts'
import type { CallerContext } from '../http/environment.ts'
import { formatPageToken, MAX_PAGE_SIZE, parsePageToken, setPageHeaders } from '../http/paging.ts'
import { parseTimeParameter, toIsoSeconds } from '../http/times.ts'
import type { AuditResponse, AuditQuery } from './schema.ts'

/** `GET /accounts/audit`. */
export async function listAudit(
	c: CallerContext,
	query: z.output<typeof AuditQuery>,
): Promise<z.input<typeof AuditResponse>[]> {
	const fromMs = parseTimeParameter('from', query.from)
	const toMs = parseTimeParameter('to', query.to)
	if (fromMs !== null && toMs !== null && toMs < fromMs) throw new BadRequest('to: expected a time after from')
	const position = parsePageToken(query.nextPage, 2)
	const { rows, next } = await listAuditRows(
		c.env.DB,
		c.var.user.organizationId,
		{
			fromMs,
			toMs,
			userId: query.userId ?? null,
			action: query.action ?? null,
			objectType: query.objectType ?? null,
			objectId: query.objectId ?? null,
		},
		query.pageSize ?? MAX_PAGE_SIZE,
		position === null ? null : { atMs: position[0]!, id: position[1]! },
	)
	setPageHeaders(c, {
		returned: rows.length,
		total: null,
		next: next === null ? null : formatPageToken([next.atMs, next.id]),
	})
	return rows.map(({ id, atMs, userId, userEmail, action, objectType, objectId, detail, requestId }) => ({
		id,
		date: toIsoSeconds(atMs),
		user: userId === null ? null : { id: userId, email: userEmail ?? '' },
		action,
		object: { type: objectType, id: objectId },
		detail: detail as z.input<typeof AuditResponse>['detail'],
		requestId,
	}))
}
