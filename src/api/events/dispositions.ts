/** What became of events: the messages that told of them (contract, section 6). */
import type * as z from 'zod'
import { parseNotificationId } from '../../events/ids.ts'
import type { EventRow } from '../../rpc/log.ts'
import type { CallerContext, InstanceContext, KnownContext } from '../http/environment.ts'
import type { Owned } from '../http/merge.ts'
import { formatPageToken, setPageHeaders } from '../http/paging.ts'
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
	const { entries } = page
	const shown: Disposition[] = []
	// One notification often tells of several events in a row.
	const bodies = new Map<number, string | null>()
	let held = 0
	let size = 0
	for (const [index, { instanceId, row }] of entries.entries()) {
		// What the rest of the page needs of the same instance comes with it, so that an instance is asked once and not once a message.
		while (missing(bodies, [{ row }]).length > 0 && (held < MESSAGES_SIZE || shown.length === 0)) {
			const own = entries.slice(index).filter((one) => one.instanceId === instanceId)
			const wanted = missing(bodies, own)
			const read = await bodiesOf(c, instanceId, wanted, MESSAGES_SIZE - held)
			for (const [at, body] of read.entries()) {
				bodies.set(wanted[at]!, body)
				held += body?.length ?? 0
			}
		}
		const messages = row.notifications.flatMap(({ id }) => bodies.get(id) ?? [])
		size += messages.reduce((sum, body) => sum + body.length, 0)
		if (shown.length > 0 && (size > MESSAGES_SIZE || missing(bodies, [{ row }]).length > 0)) break
		shown.push({
			eventId: row.eventId,
			elementInstanceId: instanceId,
			notificationData: messages.map((body) => ({ message: (JSON.parse(body) as Disposition['notificationData'][number]).message })),
		})
	}
	const cut = shown.length < entries.length
	setPageHeaders(c, { returned: shown.length, total: null, next: cut ? tokenOf(entries[shown.length - 1]!) : page.next })
	return shown
}

/** Notifications of these events whose body was not read yet, each once. */
function missing(bodies: ReadonlyMap<number, unknown>, entries: readonly { row: EventRow }[]): number[] {
	return [...new Set(entries.flatMap(({ row }) => row.notifications.map(({ id }) => id)))].filter((id) => !bodies.has(id))
}

/** The bodies of the first of these notifications, one at least; null where one has left the log meanwhile. */
async function bodiesOf(c: KnownContext, instanceId: number, ids: readonly number[], characters: number): Promise<(string | null)[]> {
	const counters = ids.map((id) => parseNotificationId(id)?.counter ?? 0)
	const read = await c.var.services.watcher(instanceId).bodies(counters, characters)
	return read === 'unknown' ? ids.map(() => null) : read
}
