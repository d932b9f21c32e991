/** What became of events: the messages that told of them (contract, section 6). */
import type * as z from 'zod'
import { parseNotificationId } from '../../events/ids.ts'
import type { EventRow } from '../../watcher/log-rpc.ts'
import type { CallerContext, InstanceContext, KnownContext } from '../environment.ts'
import type { Owned } from '../merge.ts'
import { formatPageToken, setPageHeaders } from '../paging.ts'
import { readRange } from './filter.ts'
import { pageOf, pageOfAny, placeOf, placeToken, type ListQuery, type Page } from './log.ts'
import { asInstance } from './reach.ts'
import type { DispositionAnswer } from './schema.ts'

/** Events of a page unless asked otherwise: each may bring a whole message. */
const DEFAULT_PAGE_SIZE = 20
/** Characters that the messages of a page hold together, unless it is a single event's. */
const MESSAGES_SIZE = 8_000_000

type Disposition = z.input<typeof DispositionAnswer>

/** `GET /instances/events/dispositions`. */
export async function dispositionsOfAny(c: CallerContext, query: ListQuery): Promise<Disposition[]> {
	const own = asInstance(c)
	if (own !== null) return await dispositionsOf(own, query)
	const page = await pageOfAny(c, { ...query, pageSize: query.pageSize ?? DEFAULT_PAGE_SIZE }, rangeFilter(query))
	return await showPage(c, page, ({ instanceId, row }) => placeToken({ instanceId, ...placeOf(row) }))
}

/** `GET /instances/{id}/events/dispositions`. */
export async function dispositionsOf(c: InstanceContext, query: ListQuery): Promise<Disposition[]> {
	const page = await pageOf(c, { ...query, pageSize: query.pageSize ?? DEFAULT_PAGE_SIZE }, rangeFilter(query))
	return await showPage(c, page, ({ row }) => formatPageToken([row.sequence]))
}

function rangeFilter(query: ListQuery): { fromMs?: number; toMs?: number } {
	const { fromMs, toMs } = readRange(query)
	return { ...(fromMs === null ? {} : { fromMs }), ...(toMs === null ? {} : { toMs }) }
}

async function showPage(c: KnownContext, page: Page, tokenOf: (last: Owned<EventRow>) => string): Promise<Disposition[]> {
	const shown: Disposition[] = []
	// One notification often tells of several events in a row.
	const bodies = new Map<number, string | null>()
	let size = 0
	for (const { instanceId, row } of page.entries) {
		const messages: string[] = []
		for (const { id } of row.notifications) {
			if (!bodies.has(id)) bodies.set(id, await bodyOf(c, instanceId, id))
			const body = bodies.get(id)
			if (body !== null && body !== undefined) messages.push(body)
		}
		size += messages.reduce((sum, body) => sum + body.length, 0)
		if (shown.length > 0 && size > MESSAGES_SIZE) break
		shown.push({
			eventId: row.eventId,
			elementInstanceId: instanceId,
			notificationData: messages.map((body) => ({ message: (JSON.parse(body) as Disposition['notificationData'][number]).message })),
		})
	}
	const cut = shown.length < page.entries.length
	setPageHeaders(c, { returned: shown.length, total: null, next: cut ? tokenOf(page.entries[shown.length - 1]!) : page.next })
	return shown
}

/** The body of a notification; null when it has left the log meanwhile. */
async function bodyOf(c: KnownContext, instanceId: number, id: number): Promise<string | null> {
	const counter = parseNotificationId(id)?.counter
	const report = counter === undefined ? null : await c.var.services.watcher(instanceId).notification(counter)
	return report === null || report === 'unknown' ? null : report.body
}
