/** Handlers that read the event log of one instance or across instances, and one event by its id. */
import { NotFound } from '../../lib/errors.ts'
import { parseEventId, verifyEventTag, type EventIdParts } from '../../events/ids.ts'
import { findOwnerId } from '../../instances/organizations.ts'
import { findInstance } from '../../instances/rows.ts'
import { parseMasterKeys } from '../../lib/sealing.ts'
import type { LogFilter, EventReport } from '../../rpc/log.ts'
import type { CallerContext, InstanceContext, CallerOrInstanceContext } from '../http/environment.ts'
import {
	mergeRows,
	mergePages,
	type ReadBudget,
	type MergePosition,
	type InstanceRow,
	type GetPosition,
	type ReadPage,
} from '../http/merge.ts'
import { formatPageToken, parsePageToken, setPageHeaders } from '../http/paging.ts'
import { parseEventFilter } from './filter.ts'
import { toInstanceContext, resolveEventInstances } from './event-instances.ts'
import { toEventResponse, type EventView } from './view.ts'
import { callWatcher } from '../http/ask.ts'

const DEFAULT_PAGE_SIZE = 100
/** All records of a page across instances together, unless it has a single event; also of one read of each instance. */
const MAX_PAGE_CHARACTERS = 8_000_000

/** The query of a list. */
export interface EventListQuery {
	pageSize?: number | undefined
	nextPage?: string | undefined
	from?: string | undefined
	to?: string | undefined
	objectId?: string | undefined
	text?: string | undefined
	searchText?: string | undefined
}

/** Events and the token of the next page. */
export interface EventPage {
	entries: InstanceRow<EventReport>[]
	next: string | null
}

/** `GET /instances/events`. */
export async function listEventsAcrossInstances(c: CallerContext, query: EventListQuery): Promise<EventView[]> {
	const page = await readPageAcrossInstances(c, query, parseEventFilter(c, query))
	const entries: InstanceRow<EventReport>[] = []
	for (const entry of page.entries) entries.push(await withRecord(c, entry))
	return respondWithEvents(c, { ...page, entries })
}

/** `GET /instances/{id}/events`. */
export async function listInstanceEvents(c: InstanceContext, query: EventListQuery): Promise<EventView[]> {
	return respondWithEvents(c, await readInstancePage(c, query, parseEventFilter(c, query)))
}

/** A page of one instance's log. */
export async function readInstancePage(
	c: InstanceContext,
	query: Pick<EventListQuery, 'pageSize' | 'nextPage'>,
	filter: LogFilter,
): Promise<EventPage> {
	const before = parsePageToken(query.nextPage, 1)?.[0]
	const page = await callWatcher(c, (watcher) =>
		watcher.events({ ...filter, pageSize: query.pageSize ?? DEFAULT_PAGE_SIZE, before }),
	)
	return {
		entries: page.events.map((row) => ({ instanceId: c.var.instance.id, row })),
		next: page.next === null ? null : formatPageToken([page.next.number]),
	}
}

/** A page across the call's instances, or of the token's own. Large records may be left out (`withRecord`). */
export async function readPageAcrossInstances(
	c: CallerContext,
	query: EventListQuery,
	filter: LogFilter,
): Promise<EventPage> {
	const instanceContext = toInstanceContext(c)
	if (instanceContext !== null) return await readInstancePage(instanceContext, query, filter)
	const range = toMergeRange(query.nextPage, filter)
	const ids = await resolveEventInstances(c, query, filter.fromMs ?? null)
	const { entries, next } = await mergePages<EventReport>(
		ids,
		{ ...range, pageSize: query.pageSize ?? DEFAULT_PAGE_SIZE },
		getEventPosition,
		createPageReader(c, ids.length, filter),
		{ sizeOf: (row) => row.withheld ?? row.record?.length ?? 0, limit: MAX_PAGE_CHARACTERS },
	)
	return { entries, next: next === null ? null : formatPositionToken(next) }
}

/** All events across instances after a page token, newest first. Large records may be left out (`withRecord`). */
export function readAllEvents(
	c: CallerContext,
	ids: readonly number[],
	nextPage: string | undefined,
	filter: LogFilter,
	budget: ReadBudget,
): AsyncGenerator<InstanceRow<EventReport>, MergePosition | null> {
	return mergeRows<EventReport>(
		ids,
		toMergeRange(nextPage, filter),
		getEventPosition,
		createPageReader(c, ids.length, filter),
		budget,
	)
}

/** Reads a record that was left out. An event that has left the log meanwhile has none. */
export async function withRecord(
	c: CallerOrInstanceContext,
	entry: InstanceRow<EventReport>,
): Promise<InstanceRow<EventReport>> {
	if (entry.row.withheld === undefined) return entry
	const row = await c.var.services.watcher(entry.instanceId).event(entry.row.sequence)
	return row === 'unknown' || row === null ? entry : { ...entry, row }
}

/** The page token for everything after a position. */
export function formatPositionToken(position: MergePosition): string {
	return formatPageToken([position.atMs, position.instanceId, position.number])
}

/** An event's position in its log. */
export const getEventPosition: GetPosition<EventReport> = (row) => ({ atMs: row.recordedMs, number: row.sequence })

function toMergeRange(
	nextPage: string | undefined,
	filter: LogFilter,
): { after: MergePosition | null; fromMs: number | null; toMs: number | null } {
	const position = parsePageToken(nextPage, 3)
	return {
		after: position === null ? null : { atMs: position[0]!, instanceId: position[1]!, number: position[2]! },
		fromMs: filter.fromMs ?? null,
		toMs: filter.toMs ?? null,
	}
}

function createPageReader(c: CallerContext, instances: number, filter: LogFilter): ReadPage<EventReport> {
	// One page of each instance is in memory at a time.
	const characters = Math.floor(MAX_PAGE_CHARACTERS / Math.max(1, instances))
	return async (id, part) => {
		const page = await c.var.services.watcher(id).events({ ...filter, ...part, characters })
		return page === 'unknown' ? null : { rows: page.events, next: page.next }
	}
}

function respondWithEvents(c: CallerOrInstanceContext, { entries, next }: EventPage): EventView[] {
	setPageHeaders(c, { returned: entries.length, total: null, next })
	return entries.map(({ instanceId, row }) => toEventResponse(instanceId, row))
}

/**
 * One event; its id names its instance. The id's tag is verified before any object is called, so that guessed ids
 * create no objects. `instanceId`: the path's; null: any of the caller's.
 */
export async function getEventById(
	c: CallerOrInstanceContext,
	eventId: string,
	instanceId: number | null,
): Promise<EventView> {
	const position = parseVerifiedEventId(c, eventId)
	if (position === null || (instanceId !== null && position.instanceId !== instanceId))
		throw new NotFound('No such event')
	const tokenInstance = c.var.tokenInstance
	const proven =
		tokenInstance?.id === position.instanceId ||
		(c.var.organizationProven && (await belongsToOrganization(c, position.instanceId)))
	if (!proven) throw new NotFound('No such event')
	;(c as CallerContext).set('instanceId', position.instanceId)
	const row = await c.var.services.watcher(position.instanceId).event(position.sequence)
	if (row === 'unknown' || row === null || row.eventId !== eventId) throw new NotFound('No such event')
	return toEventResponse(position.instanceId, row)
}

/** The parts of an event id; null: we did not issue it. */
export function parseVerifiedEventId(c: CallerOrInstanceContext, eventId: string): EventIdParts | null {
	const position = parseEventId(eventId)
	const keys = parseMasterKeys(c.env.MASTER_KEYS).map((key) => key.bytes)
	return position !== null && verifyEventTag(keys, position) ? position : null
}

/** Whether an id is that of the organization's instances or own object (`POST /notifications`, operator events). */
async function belongsToOrganization(c: CallerOrInstanceContext, id: number): Promise<boolean> {
	const { organizationId } = c.var.user
	return (
		(await findInstance(c.env.DB, organizationId, id)) !== null || (await findOwnerId(c.env.DB, organizationId)) === id
	)
}
