/**
 * The table `waiting`: events without a notification, in lanes (docs/architecture.md, Mass changes). Other files write
 * it only through this one, except to remove rows with their event or subscription.
 */
import type { EventType } from '../../events/event.ts'
import { objectKey } from '../../events/batching.ts'
import type { Assignment, Candidate } from './chaining.ts'
import type { Core } from '../core/core.ts'
import { LANES, MASS, type Lane, type Mass } from '../core/lanes.ts'
import type { Subscription } from '../core/rows.ts'
import type { Tx } from '../core/tx.ts'
import type { NewEvent } from '../log/event-log.ts'
import type { ObjectId } from '../../elements/store.ts'

/** The lanes that are sent without a decision, in this order. */
export const SENT_LANES: readonly Lane[] = [LANES.ordinary, LANES.behind]

/** SQL: the notification of a subscription that an event got while it waits. */
const RESERVED_ID_SQL = `(SELECT n.id FROM json_each(e.notifications) AS j JOIN notifications AS n ON n.id = j.value
	WHERE n.subscription = w.subscription)`

/** SQL: the rows behind the first lane. `lane > 0` must stay as it is for the index to be used. */
const BEHIND_SQL = `waiting INDEXED BY waiting_behind WHERE lane > 0`
const HELD_SQL = `${BEHIND_SQL} AND lane = ${LANES.held} AND mass = ${MASS.member} AND resource = ?`

/** A new event and where it waits for a subscription. */
export interface PlacedEvent {
	event: NewEvent
	lane: Lane
	mass: Mass
}

/** Whether an event of a lane waits for a subscription. */
export function hasWaitingIn(core: Core, subscription: number, lane: Lane): boolean {
	return (
		core.ports.sql.all(`SELECT sequence FROM waiting WHERE subscription = ? AND lane = ? LIMIT 1`, subscription, lane)
			.length > 0
	)
}

/**
 * Places new events so that none overtakes an earlier one of its object: waiting events behind it move forward with it.
 * An event that is not sent (`isSent`) is no reason to send what waits, and waits with it.
 */
export function placeEvents(
	tx: Tx,
	core: Core,
	subscription: Subscription,
	events: readonly NewEvent[],
	isSent: (event: NewEvent) => boolean,
): PlacedEvent[] {
	const isAnyBehind = events.length > 0 && core.ports.sql.all(`SELECT lane FROM ${BEHIND_SQL} LIMIT 1`).length > 0
	return events.map((event) => {
		const waiting = isAnyBehind ? getObjectLane(core, subscription, event) : null
		const wanted = event.lane ?? LANES.ordinary
		if (waiting === null && wanted === LANES.ordinary) return { event, lane: wanted, mass: MASS.none }
		if (!isSent(event)) return { event, lane: waiting ?? LANES.ordinary, mass: MASS.none }
		if (waiting !== null && wanted < waiting) moveObject(tx, core, subscription, event, wanted)
		const lane = waiting !== null && waiting < wanted ? waiting : wanted
		return { event, lane, mass: wanted === LANES.ordinary ? MASS.none : MASS.undecided }
	})
}

/** The lane of an object's waiting events behind the first one; null: there are none. */
function getObjectLane(core: Core, { id }: Subscription, { resourceNumber, objectId }: NewEvent): Lane | null {
	return (
		core.ports.sql.all<{ lane: Lane }>(
			`SELECT lane FROM ${BEHIND_SQL} AND resource = ? AND object_id = ? AND subscription = ? LIMIT 1`,
			resourceNumber,
			objectId,
			id,
		)[0]?.lane ?? null
	)
}

function moveObject(
	_tx: Tx,
	core: Core,
	{ id }: Subscription,
	{ resourceNumber, objectId }: NewEvent,
	lane: Lane,
): void {
	core.ports.sql.run(
		`UPDATE waiting INDEXED BY waiting_behind SET lane = ?
		WHERE lane > 0 AND resource = ? AND object_id = ? AND subscription = ?`,
		lane,
		resourceNumber,
		objectId,
		id,
	)
}

/** Adds an event that cannot be sent yet. */
export function insertWaiting(_tx: Tx, core: Core, subscription: number, { event, lane, mass }: PlacedEvent): void {
	core.ports.sql.run(
		`INSERT INTO waiting (subscription, lane, sequence, resource, object_id, mass) VALUES (?, ?, ?, ?, ?, ?)`,
		subscription,
		lane,
		event.sequence,
		event.resourceNumber,
		event.objectId,
		mass,
	)
}

interface WaitingRow {
	sequence: number
	resource: number
	object_id: ObjectId
	mass: Mass
	object_type: string
	type: EventType
	previous: number | null
	previous_event: number | null
	changed: string | null
	size: number | null
	variations: number
	record: string | null
	reserved: number | null
}

/** Waiting events of a subscription in a lane, ascending. */
export function readWaiting(
	core: Core,
	subscription: Subscription,
	lane: Lane,
	afterSequence: number,
	limit: number,
): Candidate[] {
	// Only conditions need the records here.
	const recordSql = core.config.delivery.filter.where === null ? 'NULL' : 'e.record'
	const reservedSql = core.kind.takesNotices ? RESERVED_ID_SQL : 'NULL'
	const rows = core.ports.sql.all<WaitingRow>(
		`SELECT w.sequence, w.resource, w.object_id, w.mass, e.object_type, e.type, e.previous, e.previous_event, e.changed,
			length(e.record) AS size, coalesce(length(e.variations), 0) AS variations, ${recordSql} AS record,
			${reservedSql} AS reserved
		FROM waiting w JOIN events e ON e.sequence = w.sequence
		WHERE w.subscription = ? AND w.lane = ? AND w.sequence > ? ORDER BY w.sequence LIMIT ?`,
		subscription.id,
		lane,
		afterSequence,
		limit,
	)
	return rows.map((row) => ({
		sequence: row.sequence,
		resource: row.object_type,
		resourceNumber: row.resource,
		objectId: row.object_id,
		object: objectKey(String(row.resource), row.object_id),
		type: row.type,
		previousSequence: row.previous,
		previousEvent: row.previous_event,
		changedFields: row.changed === null ? null : (JSON.parse(row.changed) as string[]),
		size: (row.size ?? 0) + row.variations,
		hasVariations: row.variations > 0,
		record: row.record,
		reserved: row.reserved,
		lane,
		merges: row.mass === MASS.member,
		dismissed: row.mass === MASS.dismissed,
	}))
}

/** Records in the log which notifications carry assigned events; assigned and omitted events no longer wait. */
export function removeWaiting(
	_tx: Tx,
	core: Core,
	subscription: Subscription,
	candidates: readonly Candidate[],
	{ assigned, omitted }: Assignment,
): void {
	const { sql } = core.ports
	const reservedIds = new Set(candidates.map((candidate) => candidate.reserved))
	for (const [sequence, notification] of assigned)
		if (!reservedIds.has(notification))
			sql.run(
				`UPDATE events SET notifications = json_insert(coalesce(notifications, '[]'), '$[#]', ?) WHERE sequence = ?`,
				notification,
				sequence,
			)
	for (const { sequence, lane } of candidates)
		if (assigned.has(sequence) || omitted.has(sequence))
			sql.run(
				`DELETE FROM waiting WHERE subscription = ? AND lane = ? AND sequence = ?`,
				subscription.id,
				lane,
				sequence,
			)
}

/**
 * A look has ended: its waiting edits with these sets of fields (JSON) are mass changes, and merge. The others are
 * ordinary events, and take the waiting ones of their objects along.
 */
export function decideLook(_tx: Tx, core: Core, resource: number, sets: readonly string[]): void {
	const { sql } = core.ports
	if (sets.length > 0)
		sql.run(
			`UPDATE waiting INDEXED BY waiting_behind SET mass = ${MASS.member}
			WHERE lane > 0 AND resource = ? AND mass = ${MASS.undecided}
			AND (SELECT changed FROM events AS e WHERE e.sequence = waiting.sequence) IN (SELECT value FROM json_each(?))`,
			resource,
			JSON.stringify(sets),
		)
	sql.run(
		`UPDATE waiting INDEXED BY waiting_behind SET lane = ${LANES.ordinary}
		WHERE lane > 0 AND resource = ?
		AND object_id IN (SELECT object_id FROM ${BEHIND_SQL} AND resource = ? AND mass = ${MASS.undecided})`,
		resource,
		resource,
	)
}

/** A person has decided: the held changes of a resource wait to be sent, or are never sent. */
export function decideHeld(_tx: Tx, core: Core, resource: number, decision: 'emit' | 'forget'): void {
	const isSent = decision === 'emit'
	core.ports.sql.run(
		`UPDATE waiting INDEXED BY waiting_behind
		SET lane = ?, mass = CASE WHEN mass = ${MASS.member} THEN ? ELSE mass END
		WHERE lane > 0 AND lane = ${LANES.held} AND resource = ? AND object_id IN (SELECT object_id FROM ${HELD_SQL})`,
		isSent ? LANES.behind : LANES.ordinary,
		isSent ? MASS.member : MASS.dismissed,
		resource,
		resource,
	)
}

/** A resource is watched no longer: nobody can decide about its held changes, and nothing of it waits behind. */
export function releaseLanes(tx: Tx, core: Core, resource: number): void {
	decideHeld(tx, core, resource, 'forget')
	core.ports.sql.run(
		`UPDATE waiting INDEXED BY waiting_behind
		SET lane = ${LANES.ordinary} WHERE lane > 0 AND resource = ?`,
		resource,
	)
}

/** How many objects of a resource have held changes. */
export function countHeldChanges(core: Core, resource: number): number {
	return (
		core.ports.sql.all<{ n: number }>(`SELECT count(DISTINCT object_id) AS n FROM ${HELD_SQL}`, resource)[0]?.n ?? 0
	)
}

/** Objects with held changes by id, at most `limit`, and which of their fields differ. */
export function readHeldChanges(core: Core, resource: number, limit: number): { id: ObjectId; fields: string[] }[] {
	const rows = core.ports.sql.all<{ id: ObjectId; changed: string }>(
		`SELECT held.object_id AS id, json_group_array(DISTINCT json(e.changed)) AS changed
		FROM (SELECT object_id, sequence FROM ${HELD_SQL}) AS held JOIN events AS e ON e.sequence = held.sequence
		GROUP BY held.object_id ORDER BY held.object_id LIMIT ?`,
		resource,
		limit,
	)
	return rows.map(({ id, changed }) => ({
		id,
		fields: [...new Set((JSON.parse(changed) as (string[] | null)[]).flatMap((fields) => fields ?? []))].sort(),
	}))
}
