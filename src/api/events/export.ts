/**
 * Exports of the log as CSV or NDJSON, streamed page by page, so that one page is in memory at a time. A stream that
 * fails is cut off and has no last line, so it does not look complete.
 */
import type { EventReport } from '../../rpc/log.ts'
import type { CallerContext, InstanceContext, CallerOrInstanceContext } from '../http/environment.ts'
import type { InstanceRow } from '../http/merge.ts'
import { formatPageToken, parsePageToken } from '../http/paging.ts'
import { formatCsvRecord } from './csv.ts'
import { parseEventFilter } from './filter.ts'
import {
	toInstanceMap,
	withRecord,
	readAllEvents,
	getEventPosition,
	formatPositionToken,
	type EventListQuery,
} from './log.ts'
import { toInstanceContext, resolveEventInstances } from './event-instances.ts'
import { toEventResponse, type EventView } from './view.ts'
import { callWatcher } from '../http/ask.ts'

/** Further events are left to a next export. */
const MAX_EVENTS = 100_000
/** Calls to objects per export; `MAX_EVENTS` need 500, and the platform allows 1,000 per request. */
const MAX_READS = 800
/** Of these, for single events with large records. */
const MAX_SINGLE_READS = 200
/** Events per read. */
const READ_SIZE = 200
/** Events per first read of each of many instances. */
const READ_SIZE_PER_INSTANCE = 20
/** Approximate size of a chunk. */
const CHUNK_CHARACTERS = 64_000

type ExportFormat = 'csv' | 'ndjson'

/** The query of an export. */
export interface ExportQuery extends Omit<EventListQuery, 'pageSize'> {
	format?: ExportFormat | undefined
}

/** Yields events; returns the page token of what was not read, or null. */
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
	const instances = toInstanceMap(await resolveEventInstances(c, query, filter.fromMs ?? null))
	const budget = {
		rows: instances.size === 1 ? READ_SIZE : READ_SIZE_PER_INSTANCE,
		pages: MAX_READS - MAX_SINGLE_READS - instances.size,
	}
	const formatToken = ({ instanceId, row }: InstanceRow<EventReport>): string =>
		formatPositionToken({ instanceId, ...getEventPosition(row) })
	async function* events(): EventGenerator {
		const rows = readAllEvents(c, instances, query.nextPage, filter, budget)
		let last: InstanceRow<EventReport> | null = null
		for (let singleReads = 0; ;) {
			const step = await rows.next()
			if (step.done === true) return step.value === null ? null : formatPositionToken(step.value)
			if (step.value.row.withheld !== undefined && ++singleReads > MAX_SINGLE_READS) return formatToken(last!)
			last = step.value
			yield await withRecord(c, instances, last)
		}
	}
	return await toStreamResponse(c, query.format ?? 'ndjson', 'events', events(), formatToken)
}

/** The response, read as the caller takes it. A failure before the first chunk is a normal error response. */
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

/** Columns of a CSV export. Only NDJSON has records. */
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
 * The text of an export in chunks. The last line of NDJSON is `{"complete": true, "events": n}` or, after `maxEvents`
 * or too many reads, `{"truncated": true, "events": n, "nextPage": …}`. A truncated CSV ends with a record that
 * names the next page.
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
				text += `${JSON.stringify(
					nextPage === null ? { complete: true, events: count } : { truncated: true, events: count, nextPage },
				)}\n`
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
