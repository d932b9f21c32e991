/**
 * Exports of the log as CSV or NDJSON: streamed, page by page as the reader takes it, so that no more than a page is ever held. A stream
 * that fails on the way breaks off, and does not look complete.
 */
import type { EventRow } from '../../rpc/log.ts'
import type { CallerContext, InstanceContext, KnownContext } from '../http/environment.ts'
import type { Owned } from '../http/merge.ts'
import { formatPageToken, parsePageToken } from '../http/paging.ts'
import { csvRecord } from './csv.ts'
import { readEventFilter } from './filter.ts'
import { completed, eventsOfAll, placeOf, placeToken, type ListQuery } from './log.ts'
import { asInstance, reachedByEvents } from './reach.ts'
import { showEvent, type ShownEvent } from './view.ts'
import { ask } from '../http/ask.ts'

/** Events of an export; then it says where the next one goes on. */
const MOST_EVENTS = 100_000
/**
 * Reads of objects that an export makes, where a filter finds little or records are large; then it says where the next one goes on.
 * All of `MOST_EVENTS` are 500 reads; a request may make a thousand calls.
 */
const MOST_READS = 800
/** … of these for single events, whose records are too large to be read with others of many instances. */
const MOST_APART = 200
/** Events read at a time. */
const READ_SIZE = 200
/** … of each of many instances, to begin with. */
const READ_SIZE_OF_MANY = 20
/** Text is handed on in pieces of about so many characters. */
const PIECE = 64_000

/** The forms. */
export type ExportFormat = 'csv' | 'ndjson'

/** The query of an export. */
export interface ExportQuery extends Omit<ListQuery, 'pageSize'> {
	format?: ExportFormat | undefined
}

/** Events as they are found; at the end the page token of what was not looked at, null where that is nothing. */
type Found = AsyncGenerator<Owned<EventRow>, string | null>

/** `GET /instances/{id}/events/export`. */
export async function exportOf(c: InstanceContext, query: ExportQuery): Promise<Response> {
	const filter = readEventFilter(c, query)
	let before = parsePageToken(query.nextPage, 1)?.[0]
	const { id } = c.var.instance
	async function* events(): Found {
		for (let reads = 0; reads < MOST_READS; reads++) {
			const page = await ask(c, (watcher) => watcher.events({ ...filter, pageSize: READ_SIZE, before }))
			for (const row of page.events) yield { instanceId: id, row }
			if (page.next === null) return null
			before = page.next.number
		}
		return formatPageToken([before!])
	}
	return await answer(c, query.format ?? 'ndjson', `events-${id}`, events(), ({ row }) => formatPageToken([row.sequence]))
}

/** `GET /instances/events/export`. */
export async function exportAny(c: CallerContext, query: ExportQuery): Promise<Response> {
	const own = asInstance(c)
	if (own !== null) return await exportOf(own, query)
	const filter = readEventFilter(c, query)
	const ids = await reachedByEvents(c, query, filter.fromMs ?? null)
	const effort = { rows: ids.length === 1 ? READ_SIZE : READ_SIZE_OF_MANY, pages: MOST_READS - MOST_APART - ids.length }
	const tokenOf = ({ instanceId, row }: Owned<EventRow>): string => placeToken({ instanceId, ...placeOf(row) })
	async function* events(): Found {
		const found = eventsOfAll(c, ids, query.nextPage, filter, effort)
		let last: Owned<EventRow> | null = null
		for (let apart = 0; ;) {
			const step = await found.next()
			if (step.done === true) return step.value === null ? null : placeToken(step.value)
			if (step.value.row.withheld !== undefined && ++apart > MOST_APART) return tokenOf(last!)
			last = step.value
			yield await completed(c, last)
		}
	}
	return await answer(c, query.format ?? 'ndjson', 'events', events(), tokenOf)
}

/** The answer, whose body is read on as the caller takes it. What fails before its first piece is an error like any other. */
async function answer(
	c: KnownContext,
	format: ExportFormat,
	name: string,
	events: Found,
	tokenOf: (last: Owned<EventRow>) => string,
): Promise<Response> {
	const pieces = exportText(format, events, tokenOf)
	const first = await pieces.next()
	const encoder = new TextEncoder()
	const body = new ReadableStream<Uint8Array>(
		{
			start(controller) {
				if (first.done !== true) controller.enqueue(encoder.encode(first.value))
			},
			async pull(controller) {
				const piece = await pieces.next()
				if (piece.done === true) controller.close()
				else controller.enqueue(encoder.encode(piece.value))
			},
			async cancel() {
				await pieces.return(undefined)
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
const COLUMNS: readonly [name: string, of: (event: ShownEvent) => string | number][] = [
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
 * The text of an export in pieces. It ends with what says so: in NDJSON a line `{"complete": true, "events": n}`, or after 100 000 events,
 * or as many reads as one may make, `{"truncated": true, "events": n, "nextPage": …}`; a CSV that was cut has a last record whose first field says where it goes on.
 */
export async function* exportText(
	format: ExportFormat,
	events: Found,
	tokenOf: (last: Owned<EventRow>) => string,
	most = MOST_EVENTS,
): AsyncGenerator<string, undefined> {
	let text = format === 'csv' ? csvRecord(COLUMNS.map(([name]) => name)) : ''
	let last: Owned<EventRow> | null = null
	for (let count = 0; ; count++) {
		const step = await events.next()
		if (step.done === true || (count === most && last !== null)) {
			const nextPage = step.done === true ? step.value : tokenOf(last!)
			if (format === 'ndjson')
				text += `${JSON.stringify(nextPage === null ? { complete: true, events: count } : { truncated: true, events: count, nextPage })}\n`
			else if (nextPage !== null) text += csvRecord([`truncated: nextPage=${nextPage}`, ...COLUMNS.slice(1).map(() => '')])
			await events.return(null)
			yield text
			return
		}
		last = step.value
		const shown = showEvent(last.instanceId, last.row)
		text += format === 'csv' ? csvRecord(COLUMNS.map(([, of]) => of(shown))) : `${JSON.stringify(shown)}\n`
		if (text.length >= PIECE) {
			yield text
			text = ''
		}
	}
}
