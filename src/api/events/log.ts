/** Handlers that read the event log of one instance or across instances, and one event by its id. */
import { parseExact } from '../../elements/json.ts'
import { NotFound } from '../../lib/errors.ts'
import { parseEventId, verifyEventTag, type EventIdParts } from '../../events/ids.ts'
import { maskOperatorMessage } from '../../events/operator-message.ts'
import { findOwner } from '../../instances/organizations.ts'
import { findInstance } from '../../instances/rows.ts'
import type { ObjectRef } from '../../lib/incarnation.ts'
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
import { canSeeSecrets } from '../http/access.ts'
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
	/** The instances that were read, by id. */
	instances: ReadonlyMap<number, ObjectRef>
	entries: InstanceRow<EventReport>[]
	next: string | null
}

/** `GET /instances/events`. */
export async function listEventsAcrossInstances(c: CallerContext, query: EventListQuery): Promise<EventView[]> {
	const page = await readPageAcrossInstances(c, query, parseEventFilter(c, query))
	const entries: InstanceRow<EventReport>[] = []
	for (const entry of page.entries) entries.push(await withRecord(c, page.instances, entry))
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
		instances: toInstanceMap([c.var.instance]),
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
	const instances = toInstanceMap(await resolveEventInstances(c, query, filter.fromMs ?? null))
	const { entries, next } = await mergePages<EventReport>(
		[...instances.keys()],
		{ ...range, pageSize: query.pageSize ?? DEFAULT_PAGE_SIZE },
		getEventPosition,
		createPageReader(c, instances, filter),
		{ sizeOf: getSize, limit: MAX_PAGE_CHARACTERS },
	)
	return { instances, entries, next: next === null ? null : formatPositionToken(next) }
}

function getSize({ withheld, record, variationRecords }: EventReport): number {
	return withheld ?? (record?.length ?? 0) + (variationRecords?.length ?? 0)
}

/** All events across instances after a page token, newest first. Large records may be left out (`withRecord`). */
export function readAllEvents(
	c: CallerContext,
	instances: ReadonlyMap<number, ObjectRef>,
	nextPage: string | undefined,
	filter: LogFilter,
	budget: ReadBudget,
): AsyncGenerator<InstanceRow<EventReport>, MergePosition | null> {
	return mergeRows<EventReport>(
		[...instances.keys()],
		toMergeRange(nextPage, filter),
		getEventPosition,
		createPageReader(c, instances, filter),
		budget,
	)
}

/** Reads a record that was left out. An event that has left the log meanwhile has none. */
export async function withRecord(
	c: CallerOrInstanceContext,
	instances: ReadonlyMap<number, ObjectRef>,
	entry: InstanceRow<EventReport>,
): Promise<InstanceRow<EventReport>> {
	if (entry.row.withheld === undefined) return entry
	const row = await c.var.services.watcher(instances.get(entry.instanceId)!).event(entry.row.sequence)
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

/** Instances by id. */
export function toInstanceMap(instances: readonly ObjectRef[]): Map<number, ObjectRef> {
	return new Map(instances.map((instance) => [instance.id, instance]))
}

function createPageReader(
	c: CallerContext,
	instances: ReadonlyMap<number, ObjectRef>,
	filter: LogFilter,
): ReadPage<EventReport> {
	// One page of each instance is in memory at a time.
	const characters = Math.floor(MAX_PAGE_CHARACTERS / Math.max(1, instances.size))
	return async (id, part) => {
		const page = await c.var.services.watcher(instances.get(id)!).events({ ...filter, ...part, characters })
		return page === 'unknown' ? null : { rows: page.events, next: page.next }
	}
}

function respondWithEvents(
	c: CallerOrInstanceContext,
	{ entries, next }: Pick<EventPage, 'entries' | 'next'>,
): EventView[] {
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
	const position = parseEventId(eventId)
	if (position === null || (instanceId !== null && position.instanceId !== instanceId))
		throw new NotFound('No such event')
	const owner = await findEventOwner(c, position.instanceId)
	if (owner === null || !isOwnEvent(c, owner, position)) throw new NotFound('No such event')
	;(c as CallerContext).set('instanceId', position.instanceId)
	const row = await c.var.services.watcher(owner).event(position.sequence)
	if (row === 'unknown' || row === null || row.eventId !== eventId) throw new NotFound('No such event')
	const isShownWhole = owner.isInstance || row.record === null || canSeeSecrets(c)
	return toEventResponse(position.instanceId, isShownWhole ? row : { ...row, record: maskRecord(row) })
}

/** The record of an operator event, whose URL can hold tokens; those of other notices as they are. */
function maskRecord({ objectType, record }: EventReport): string {
	const message = parseExact(record ?? '{}')
	const masked = maskOperatorMessage(objectType, message)
	return masked === message ? (record ?? '{}') : JSON.stringify(masked)
}

/** Whether the parts of an event id are those of an event of this instance: we issued it. */
export function isOwnEvent(c: CallerOrInstanceContext, owner: ObjectRef, position: EventIdParts): boolean {
	const keys = parseMasterKeys(c.env.MASTER_KEYS).map((key) => key.bytes)
	return position.instanceId === owner.id && verifyEventTag(keys, owner.incarnation, position)
}

/**
 * The token's instance, or the organization's instance or own object (`POST /notifications`, operator events) of this
 * id; null: the caller has none.
 */
async function findEventOwner(
	c: CallerOrInstanceContext,
	id: number,
): Promise<(ObjectRef & { isInstance: boolean }) | null> {
	const { tokenInstance, organizationProven, user } = c.var
	if (tokenInstance?.id === id) return { ...tokenInstance, isInstance: true }
	if (!organizationProven) return null
	const instance = await findInstance(c.env.DB, user.organizationId, id)
	if (instance !== null) return { ...instance, isInstance: true }
	const owner = await findOwner(c.env.DB, user.organizationId)
	return owner?.id === id ? { ...owner, isInstance: false } : null
}
