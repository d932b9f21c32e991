/** The timeline of one object: its index row, its events with their deliveries, its pending check. */
import { getAttempts } from '../log/attempts.ts'
import type { Core } from '../core/core.ts'
import { getHeldSinceMs } from '../core/held-table.ts'
import { getNotificationReport } from './deliveries.ts'
import { getNotificationIds, getRecordsLength, toStoredIds } from '../log/event-log.ts'
import {
	toEventReport,
	EVENT_LOG_COLUMNS,
	MAX_PAGE_CHARACTERS,
	getNotificationStatuses,
	type EventLogRow,
} from './log-pages.ts'
import type { TimelineReport } from '../../rpc/log.ts'

/** Without bodies and responses of callbacks: `GET /notifications/{id}` has them. */
type Deliveries = TimelineReport['events'][number]['deliveries']

type ChainRow = EventLogRow & { confirmed: number | null; previous_event: number | null }

interface ObjectRow {
	id: number | string
	stamp: number | null
	created: number | null
	state: string
	as_of: number
	sequence: number
	last_event: number | null
}

/**
 * The timeline of an object of a watched resource; null: the object is not known. Its events are found by the chain
 * from its row to its last event, and from each event to the one before it: nothing else of the log is read.
 */
export function getTimelineReport(
	core: Core,
	resource: string,
	objectId: string,
	query: { pageSize: number; before?: number | undefined },
): TimelineReport | null {
	const { sql } = core.ports
	const watched = core.state.resources.find((resourceState) => resourceState.objectType === resource)
	if (watched === undefined) return null
	const row = sql.all<ObjectRow>(
		`SELECT id, stamp, created, state, as_of, sequence, last_event FROM objects
		WHERE resource = ? AND id IN (SELECT value FROM json_each(?))`,
		watched.number,
		toStoredIds(objectId),
	)[0]
	if (row === undefined) return null
	const { rows, next } = readChain(core, watched.number, row, query)
	const notificationStatuses = getNotificationStatuses(core, rows.flatMap(getNotificationIds))
	const lookup = core.lookups.find(watched.number, row.id)
	const first = rows.find((event) => event.previous_event === null)
	return {
		objectType: resource,
		objectId: String(row.id),
		state: row.state,
		createdMs: row.created === null ? null : row.created * 1000,
		stampMs: row.stamp === null ? null : row.stamp * 1000,
		acceptedMs: row.as_of,
		objectSequence: row.sequence,
		firstSeenMs: first?.type === 'CREATED' ? first.recorded : null,
		heldSinceMs: getHeldSinceMs(core, watched.number, row.id),
		lookup:
			lookup === null ? null : { dueMs: lookup.dueMs, sinceMs: lookup.sinceMs, reasons: Object.keys(lookup.check) },
		events: rows.toReversed().map((event) => ({
			...toEventReport(core, event, notificationStatuses),
			confirmedMs: event.confirmed,
			deliveries: getDeliveries(core, event),
		})),
		next,
	}
}

/** A page of an object's chain of events, newest first. It ends early if its records have too many characters. */
function readChain(
	core: Core,
	resource: number,
	object: ObjectRow,
	{ pageSize, before }: { pageSize: number; before?: number | undefined },
): { rows: ChainRow[]; next: TimelineReport['next'] } {
	const readEvent = (sequence: number): ChainRow | undefined =>
		core.ports.sql.all<ChainRow>(
			`SELECT ${EVENT_LOG_COLUMNS}, confirmed, previous_event FROM events
			WHERE sequence = ? AND resource = ? AND object_id = ?`,
			sequence,
			resource,
			object.id,
		)[0]
	const rows: ChainRow[] = []
	let remaining = MAX_PAGE_CHARACTERS
	// A page continues where the previous one ended, if that is an event of this object.
	const start = before !== undefined && readEvent(before) !== undefined ? before : object.last_event
	for (let sequence = start; sequence !== null;) {
		const event = readEvent(sequence)
		// The rest has left the log.
		if (event === undefined) break
		if (before === undefined || event.sequence < before) {
			if (rows.length === pageSize || remaining < 0)
				return { rows, next: { number: rows.at(-1)!.sequence, atMs: rows.at(-1)!.recorded } }
			rows.push(event)
			remaining -= getRecordsLength(event)
		}
		sequence = event.previous_event
	}
	return { rows, next: null }
}

function getDeliveries(core: Core, event: EventLogRow): Deliveries {
	return getNotificationIds(event).flatMap((id) => {
		const report = getNotificationReport(core, id, false)
		if (report === null) return []
		const attempts = getAttempts(core.ports.sql, id) ?? []
		return [{ ...report, tries: attempts.map((attempt) => ({ ...attempt, body: '' })) }]
	})
}
