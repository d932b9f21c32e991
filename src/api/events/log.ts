/** Reading the log: of one instance, across instances, one event by its id, what notifications carried. */
import { NotFound } from '../../lib/errors.ts'
import { parseEventId, verifyEventTag, type EventPosition } from '../../events/ids.ts'
import { findOwner } from '../../instances/organizations.ts'
import { findInstance } from '../../instances/records.ts'
import { masterKeys } from '../../lib/sealing.ts'
import type { EventFilter, EventRow } from '../../rpc/log.ts'
import type { CallerContext, InstanceContext, KnownContext } from '../http/environment.ts'
import { merge, mergePages, type Effort, type MergePlace, type Owned, type PlaceOf, type ReadPage } from '../http/merge.ts'
import { formatPageToken, parsePageToken, setPageHeaders } from '../http/paging.ts'
import { readEventFilter } from './filter.ts'
import { asInstance, reachedByEvents } from './reach.ts'
import { showEvent, type ShownEvent } from './view.ts'
import { ask } from '../http/ask.ts'

/** Events of a page unless asked otherwise. */
const DEFAULT_PAGE_SIZE = 100
/** Characters that the records of a page across instances hold together, unless it is a single one, and those of one read of each of them. */
const PAGE_CHARACTERS = 8_000_000

/** The query of a list. */
export interface ListQuery {
	pageSize?: number | undefined
	nextPage?: string | undefined
	from?: string | undefined
	to?: string | undefined
	objectId?: string | undefined
	text?: string | undefined
	searchText?: string | undefined
}

/** Events with what names the next page. */
export interface Page {
	entries: Owned<EventRow>[]
	next: string | null
}

/** `GET /instances/events`. */
export async function listAny(c: CallerContext, query: ListQuery): Promise<ShownEvent[]> {
	const page = await pageOfAny(c, query, readEventFilter(c, query))
	const entries: Owned<EventRow>[] = []
	for (const one of page.entries) entries.push(await completed(c, one))
	return showPage(c, { ...page, entries })
}

/** `GET /instances/{id}/events`. */
export async function listOf(c: InstanceContext, query: ListQuery): Promise<ShownEvent[]> {
	return showPage(c, await pageOf(c, query, readEventFilter(c, query)))
}

/** A page of one instance's log. */
export async function pageOf(c: InstanceContext, query: Pick<ListQuery, 'pageSize' | 'nextPage'>, filter: EventFilter): Promise<Page> {
	const before = parsePageToken(query.nextPage, 1)?.[0]
	const page = await ask(c, (watcher) => watcher.events({ ...filter, pageSize: query.pageSize ?? DEFAULT_PAGE_SIZE, before }))
	return {
		entries: page.events.map((row) => ({ instanceId: c.var.instance.id, row })),
		next: page.next === null ? null : formatPageToken([page.next.number]),
	}
}

/** A page across the instances that a call means; of the token's own where it has one. Large records may be left out (`completed`). */
export async function pageOfAny(c: CallerContext, query: ListQuery, filter: EventFilter): Promise<Page> {
	const own = asInstance(c)
	if (own !== null) return await pageOf(own, query, filter)
	const range = rangeOf(query.nextPage, filter)
	const ids = await reachedByEvents(c, query, filter.fromMs ?? null)
	const { entries, next } = await mergePages<EventRow>(
		ids,
		{ ...range, pageSize: query.pageSize ?? DEFAULT_PAGE_SIZE },
		placeOf,
		reader(c, ids.length, filter),
		{ sizeOf: (row) => row.withheld ?? row.record?.length ?? 0, limit: PAGE_CHARACTERS },
	)
	return { entries, next: next === null ? null : placeToken(next) }
}

/** Every event across instances behind a page token, newest first. Large records may be left out (`completed`). */
export function eventsOfAll(
	c: CallerContext,
	ids: readonly number[],
	nextPage: string | undefined,
	filter: EventFilter,
	effort: Effort,
): AsyncGenerator<Owned<EventRow>, MergePlace | null> {
	return merge<EventRow>(ids, rangeOf(nextPage, filter), placeOf, reader(c, ids.length, filter), effort)
}

/** An event with its record, where that was left out of what was read of many instances. One that has left the log meanwhile has none. */
export async function completed(c: KnownContext, one: Owned<EventRow>): Promise<Owned<EventRow>> {
	if (one.row.withheld === undefined) return one
	const row = await c.var.services.watcher(one.instanceId).event(one.row.sequence)
	return row === 'unknown' || row === null ? one : { ...one, row }
}

/** The page token of what comes behind a place. */
export function placeToken(place: MergePlace): string {
	return formatPageToken([place.atMs, place.instanceId, place.number])
}

/** Where an event stands in its log. */
export const placeOf: PlaceOf<EventRow> = (row) => ({ atMs: row.recordedMs, number: row.sequence })

function rangeOf(
	nextPage: string | undefined,
	filter: EventFilter,
): { after: MergePlace | null; fromMs: number | null; toMs: number | null } {
	const place = parsePageToken(nextPage, 3)
	return {
		after: place === null ? null : { atMs: place[0]!, instanceId: place[1]!, number: place[2]! },
		fromMs: filter.fromMs ?? null,
		toMs: filter.toMs ?? null,
	}
}

function reader(c: CallerContext, instances: number, filter: EventFilter): ReadPage<EventRow> {
	// One page of each is held at a time.
	const characters = Math.floor(PAGE_CHARACTERS / Math.max(1, instances))
	return async (id, part) => {
		const page = await c.var.services.watcher(id).events({ ...filter, ...part, characters })
		return page === 'unknown' ? null : { rows: page.events, next: page.next }
	}
}

function showPage(c: KnownContext, { entries, next }: Page): ShownEvent[] {
	setPageHeaders(c, { returned: entries.length, total: null, next })
	return entries.map(({ instanceId, row }) => showEvent(instanceId, row))
}

/**
 * One event: its id says which instance it is of. The tag is checked before any object is touched, so that guessed ids find nothing.
 * `instanceId`: the path's; null: any of the caller's.
 */
export async function showOne(c: KnownContext, eventId: string, instanceId: number | null): Promise<ShownEvent> {
	const position = provenPosition(c, eventId)
	if (position === null || (instanceId !== null && position.instanceId !== instanceId)) throw new NotFound('No such event')
	const own = c.var.tokenInstance
	const proven = own?.id === position.instanceId || (c.var.organizationProven && (await isOwn(c, position.instanceId)))
	if (!proven) throw new NotFound('No such event')
	;(c as CallerContext).set('instanceId', position.instanceId)
	const row = await c.var.services.watcher(position.instanceId).event(position.sequence)
	if (row === 'unknown' || row === null || row.eventId !== eventId) throw new NotFound('No such event')
	return showEvent(position.instanceId, row)
}

/** What an event's id says; null where we did not make it. */
export function provenPosition(c: KnownContext, eventId: string): EventPosition | null {
	const position = parseEventId(eventId)
	const keys = masterKeys(c.env.MASTER_KEYS).map((key) => key.bytes)
	return position !== null && verifyEventTag(keys, position) ? position : null
}

/** Whether an id is of one of the organization's instances, or of its own object (`POST /notifications`, operator events). */
async function isOwn(c: KnownContext, id: number): Promise<boolean> {
	const { organizationId } = c.var.user
	return (await findInstance(c.env.DB, organizationId, id)) !== null || (await findOwner(c.env.DB, organizationId)) === id
}
