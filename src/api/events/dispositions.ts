/** Dispositions: the messages that carried events (docs/contract.md §6). */
import { parseExact } from '../../elements/json.ts'
import type * as z from 'zod'
import type { ObjectRef } from '../../lib/incarnation.ts'
import { parseNotificationId } from '../../events/ids.ts'
import { logError } from '../../lib/log.ts'
import type { NotificationOutcome } from '../../rpc/delivery.ts'
import type { EventReport } from '../../rpc/log.ts'
import type { CallerContext, InstanceContext, CallerOrInstanceContext } from '../http/environment.ts'
import type { InstanceRow } from '../http/merge.ts'
import { formatPageToken, setPageHeaders } from '../http/paging.ts'
import { toOutcomeText } from './delivery-status.ts'
import { parseTimeRange } from './filter.ts'
import {
	readInstancePage,
	readPageAcrossInstances,
	getEventPosition,
	formatPositionToken,
	type EventListQuery,
	type EventPage,
} from './log.ts'
import { requireOwnAccountIds, toInstanceContext } from './event-instances.ts'
import type { DispositionResponse } from './schema.ts'

/** Small, since each event may bring a whole message. */
const DEFAULT_PAGE_SIZE = 20
/** All messages of a page together, unless it has a single event. */
const MAX_MESSAGES_CHARACTERS = 8_000_000

type Disposition = z.input<typeof DispositionResponse>

/** `GET /instances/events/dispositions`. */
export async function listDispositionsAcrossInstances(c: CallerContext, query: EventListQuery): Promise<Disposition[]> {
	requireOwnAccountIds(c)
	const own = toInstanceContext(c)
	if (own !== null) return await listInstanceDispositions(own, query)
	const page = await readPageAcrossInstances(
		c,
		{ ...query, pageSize: query.pageSize ?? DEFAULT_PAGE_SIZE },
		toRangeFilter(query),
	)
	return await respondWithDispositions(c, page, ({ instanceId, row }) =>
		formatPositionToken({ instanceId, ...getEventPosition(row) }),
	)
}

/** `GET /instances/{id}/events/dispositions`. */
export async function listInstanceDispositions(c: InstanceContext, query: EventListQuery): Promise<Disposition[]> {
	requireOwnAccountIds(c)
	const page = await readInstancePage(
		c,
		{ ...query, pageSize: query.pageSize ?? DEFAULT_PAGE_SIZE },
		toRangeFilter(query),
	)
	return await respondWithDispositions(c, page, ({ row }) => formatPageToken([row.sequence]))
}

function toRangeFilter(query: EventListQuery): { fromMs?: number; toMs?: number } {
	const { fromMs, toMs } = parseTimeRange(query)
	return { ...(fromMs === null ? {} : { fromMs }), ...(toMs === null ? {} : { toMs }) }
}

async function respondWithDispositions(
	c: CallerOrInstanceContext,
	page: EventPage,
	formatToken: (last: InstanceRow<EventReport>) => string,
): Promise<Disposition[]> {
	const { entries, instances } = page
	const outcomes = await readOutcomes(c, page)
	const dispositions: Disposition[] = []
	// One notification often carries several events in a row.
	const bodies = new Map<number, string | null>()
	let bodyCharacters = 0
	let size = 0
	for (const [index, { instanceId, row }] of entries.entries()) {
		// Also reads the bodies of the same instance that the rest of the page needs, to call each object once.
		while (
			findMissingIds(bodies, [{ row }]).length > 0 &&
			(bodyCharacters < MAX_MESSAGES_CHARACTERS || dispositions.length === 0)
		) {
			const instanceEntries = entries.slice(index).filter((entry) => entry.instanceId === instanceId)
			const missingIds = findMissingIds(bodies, instanceEntries)
			const bodiesRead = await readBodies(
				c,
				instances.get(instanceId)!,
				missingIds,
				MAX_MESSAGES_CHARACTERS - bodyCharacters,
			)
			for (const [at, body] of bodiesRead.entries()) {
				bodies.set(missingIds[at]!, body)
				bodyCharacters += body?.length ?? 0
			}
		}
		const sent = row.notifications.flatMap(({ id, status }) => {
			const body = bodies.get(id) ?? null
			return body === null ? [] : [{ id, status, body }]
		})
		size += sent.reduce((sum, { body }) => sum + body.length, 0)
		if (dispositions.length > 0 && (size > MAX_MESSAGES_CHARACTERS || findMissingIds(bodies, [{ row }]).length > 0))
			break
		dispositions.push({
			eventId: row.eventId,
			elementInstanceId: instanceId,
			notificationData: sent.map(({ id, status, body }) => ({
				notificationId: id,
				message: toOutcomeText(`event ${row.eventId}`, { status, last: outcomes.get(id)?.last }),
				payload: (parseExact(body) as { message: Disposition['notificationData'][number]['payload'] }).message,
			})),
		})
	}
	const isTruncated = dispositions.length < entries.length
	setPageHeaders(c, {
		returned: dispositions.length,
		total: null,
		next: isTruncated ? formatToken(entries[dispositions.length - 1]!) : page.next,
	})
	return dispositions
}

/** How the notifications of a page ended, by id; those of an object that does not know are missing. */
async function readOutcomes(c: CallerOrInstanceContext, page: EventPage): Promise<Map<number, NotificationOutcome>> {
	const found = new Map<number, NotificationOutcome>()
	for (const [instanceId, entries] of Map.groupBy(page.entries, (entry) => entry.instanceId)) {
		const ids = [...new Set(entries.flatMap(({ row }) => row.notifications.map(({ id }) => id)))]
		if (ids.length === 0) continue
		const watcher = c.var.services.watcher(page.instances.get(instanceId)!)
		// An object that still runs an earlier version does not have this call.
		const read = await watcher
			.outcomes(ids.map((id) => parseNotificationId(id)?.counter ?? 0))
			.catch((error: unknown) => (logError('dispositions.outcomes', error, { instance: instanceId }), null))
		if (read === null || read === 'unknown') continue
		for (const [index, outcome] of read.entries()) if (outcome !== null) found.set(ids[index]!, outcome)
	}
	return found
}

/** Ids of the events' notifications whose body was not read yet. */
function findMissingIds(bodies: ReadonlyMap<number, unknown>, entries: readonly { row: EventReport }[]): number[] {
	return [...new Set(entries.flatMap(({ row }) => row.notifications.map(({ id }) => id)))].filter(
		(id) => !bodies.has(id),
	)
}

/** Bodies of the first of these notifications, at least one; null: it has left the log. */
async function readBodies(
	c: CallerOrInstanceContext,
	instance: ObjectRef,
	ids: readonly number[],
	characters: number,
): Promise<(string | null)[]> {
	const counters = ids.map((id) => parseNotificationId(id)?.counter ?? 0)
	const read = await c.var.services.watcher(instance).bodies(counters, characters)
	return read === 'unknown' ? ids.map(() => null) : read
}
