/**
 * Exports of the log as CSV or NDJSON: streamed, page by page as the reader takes it, so that no more than a page is
 * ever held. A stream that fails on the way breaks off, and does not look complete.
 */
import type { EventReport } from '../../rpc/log.ts'
import type { CallerContext, InstanceContext, CallerOrInstanceContext } from '../http/environment.ts'
import type { InstanceRow } from '../http/merge.ts'
import { formatPageToken, parsePageToken } from '../http/paging.ts'
import { formatCsvRecord } from './csv.ts'
import { parseEventFilter } from './filter.ts'
import { withRecord, readAllEvents, getEventPosition, formatPositionToken, type EventListQuery } from './log.ts'
import { toInstanceContext, resolveEventInstances } from './event-instances.ts'
import { toEventResponse, type EventView } from './view.ts'
import { callWatcher } from '../http/ask.ts'

/** Events of an export; then it says where the next one goes on. */
const MAX_EVENTS = 100_000
/**
 * Reads of objects that an export makes, where a filter finds little or records are large; then it says where the next
 * one goes on. All of `MOST_EVENTS` are 500 reads; a request may make a thousand calls.
 */
const MAX_READS = 800
/** … of these for single events, whose records are too large to be read with others of many instances. */
const MAX_SINGLE_READS = 200
/** Events read at a time. */
const READ_SIZE = 200
/** … of each of many instances, to begin with. */
const READ_SIZE_PER_INSTANCE = 20
/** Text is handed on in pieces of about so many characters. */
const CHUNK_CHARACTERS = 64_000

/** The forms. */
export type ExportFormat = 'csv' | 'ndjson'

/** The query of an export. */
export interface ExportQuery extends Omit<EventListQuery, 'pageSize'> {
	format?: ExportFormat | undefined
}

/** Events as they are found; at the end the page token of what was not looked at, null where that is nothing. */
type EventGenerator = AsyncGenerator<InstanceRow<EventReport>, string | null>

/** `GET /instances/{id}/events/export`. */
export async function exportInstanceEvents(c: InstanceContext, query: ExportQuery): Promise<Response> {
	const filter = parseEventFilter(c, query)
	let before = parsePageToken(query.nextPage, 1)?.[0]
	const { id } = c.var.instance
	async function* events(): EventGenerator {
		for (let reads = 0; reads < MAX_READS; reads++) {
			const page = await callWatcher(c, (watcher) => watcher.events({ ...filter, pageSize: READ_SIZE, before }))
			for (const row of page.events) yield { instanceId: id, row }
			if (page.next === null) return null
			before = page.next.number
		}
		return formatPageToken([before!])
	}
	return await toStreamResponse(c, query.format ?? 'ndjson', `events-${id}`, events(), ({ row }) =>
		formatPageToken([row.sequence]),
	)
}

/** `GET /instances/events/export`. */
export async function exportEvents(c: CallerContext, query: ExportQuery): Promise<Response> {
	const instanceContext = toInstanceContext(c)
	if (instanceContext !== null) return await exportInstanceEvents(instanceContext, query)
	const filter = parseEventFilter(c, query)
	const ids = await resolveEventInstances(c, query, filter.fromMs ?? null)
	const budget = {
		rows: ids.length === 1 ? READ_SIZE : READ_SIZE_PER_INSTANCE,
		pages: MAX_READS - MAX_SINGLE_READS - ids.length,
	}
	const formatToken = ({ instanceId, row }: InstanceRow<EventReport>): string =>
		formatPositionToken({ instanceId, ...getEventPosition(row) })
	async function* events(): EventGenerator {
		const rows = readAllEvents(c, ids, query.nextPage, filter, budget)
		let last: InstanceRow<EventReport> | null = null
		for (let singleReads = 0; ;) {
			const step = await rows.next()
			if (step.done === true) return step.value === null ? null : formatPositionToken(step.value)
			if (step.value.row.withheld !== undefined && ++singleReads > MAX_SINGLE_READS) return formatToken(last!)
			last = step.value
			yield await withRecord(c, last)
		}
	}
	return await toStreamResponse(c, query.format ?? 'ndjson', 'events', events(), formatToken)
}

/**
 * The answer, whose body is read on as the caller takes it. What fails before its first piece is an error like any
 * other.
 */
async function toStreamResponse(
	c: CallerOrInstanceContext,
	format: ExportFormat,
	name: string,
	events: EventGenerator,
	formatToken: (last: InstanceRow<EventReport>) => string,
): Promise<Response> {
	const chunks = exportText(format, events, formatToken)
	const first = await chunks.next()
	const encoder = new TextEncoder()
	const body = new ReadableStream<Uint8Array>(
		{
			start(controller) {
				if (first.done !== true) controller.enqueue(encoder.encode(first.value))
			},
			async pull(controller) {
				const chunk = await chunks.next()
				if (chunk.done === true) controller.close()
				else controller.enqueue(encoder.encode(chunk.value))
			},
			async cancel() {
				await chunks.return(undefined)
			},
		},
		{ highWaterMark: 1 },
	)
	const day = new Date(c.var.services.now()).toISOString().slice(0, 10)
	return new Response(body, {
		headers: {
			'Content-Type': format === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/x-ndjson',
			'Content-Disposition': `attachment; filename="${name}-${day}.${format}"`,
		},
	})
}

/** The columns of a CSV export: what identifies a change and how it fares. Records are in NDJSON alone. */
const COLUMNS: readonly [name: string, of: (event: EventView) => string | number][] = [
	['id', (event) => event.id],
	['recordedDate', (event) => event.recordedDate],
	['eventDate', (event) => event.eventDate],
	['status', (event) => event.status],
	['elementInstanceId', (event) => event.elementInstanceId],
	['elementKey', (event) => event.event.elementKey],
	['objectType', (event) => event.objectType],
	['objectId', (event) => event.objectId],
	['eventType', (event) => event.eventType],
	['sequence', (event) => event.sequence],
	['objectSequence', (event) => event.objectSequence],
	['source', (event) => event.source],
	['changedFields', (event) => event.event.changedFields?.join(' ') ?? ''],
	['notificationIds', (event) => event.notifiedData.map(({ id }) => id).join(' ')],
]

/**
 * The text of an export in pieces. It ends with what says so: in NDJSON a line `{"complete": true, "events": n}`, or
 * after 100 000 events, or as many reads as one may make, `{"truncated": true, "events": n, "nextPage": …}`; a CSV that
 * was cut has a last record whose first field says where it goes on.
 */
export async function* exportText(
	format: ExportFormat,
	events: EventGenerator,
	formatToken: (last: InstanceRow<EventReport>) => string,
	maxEvents = MAX_EVENTS,
): AsyncGenerator<string, undefined> {
	let text = format === 'csv' ? formatCsvRecord(COLUMNS.map(([name]) => name)) : ''
	let last: InstanceRow<EventReport> | null = null
	for (let count = 0; ; count++) {
		const step = await events.next()
		if (step.done === true || (count === maxEvents && last !== null)) {
			const nextPage = step.done === true ? step.value : formatToken(last!)
			if (format === 'ndjson')
				text += `${JSON.stringify(nextPage === null ? { complete: true, events: count } : { truncated: true, events: count, nextPage })}\n`
			else if (nextPage !== null)
				text += formatCsvRecord([`truncated: nextPage=${nextPage}`, ...COLUMNS.slice(1).map(() => '')])
			await events.return(null)
			yield text
			return
		}
		last = step.value
		const event = toEventResponse(last.instanceId, last.row)
		text += format === 'csv' ? formatCsvRecord(COLUMNS.map(([, of]) => of(event))) : `${JSON.stringify(event)}\n`
		if (text.length >= CHUNK_CHARACTERS) {
			yield text
			text = ''
		}
	}
}
