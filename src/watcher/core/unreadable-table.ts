/**
 * The `unreadable` table: objects that spoil each list that shows them, so that lists are asked without them. They are
 * read by id now and then. This file contains all of its SQL.
 */
import type { ObjectId } from '../../elements/store.ts'
import type { Ports } from './ports.ts'
import type { Tx } from './tx.ts'

/** An object that lists cannot show. Times epoch ms. */
export interface UnreadableObject {
	resource: number
	id: ObjectId
	sinceMs: number
	dueMs: number
	/** Reads by id that failed. */
	tries: number
	/** What the store answers, as a clause. */
	reason: string
	/** It was there before watching began, unless its dates say otherwise. */
	fromBaseline: boolean
	/** The cursor when it was found (store clock). */
	cursorMs: number
}

interface UnreadableRow {
	resource: number
	id: ObjectId
	since: number
	due: number
	tries: number
	reason: string
	baseline: number
	cursor: number
}

/** Owns the table. */
export class UnreadableTable {
	readonly #ports: Pick<Ports, 'sql'>

	constructor(ports: Pick<Ports, 'sql'>) {
		this.#ports = ports
	}

	/** Adds an object, or gives one that is there its new reason. */
	add(_tx: Tx, object: UnreadableObject): void {
		this.#ports.sql.run(
			`INSERT INTO unreadable (resource, id, since, due, tries, reason, baseline, cursor)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (resource, id) DO UPDATE SET reason = excluded.reason`,
			object.resource,
			object.id,
			object.sinceMs,
			object.dueMs,
			object.tries,
			object.reason,
			Number(object.fromBaseline),
			object.cursorMs,
		)
	}

	/** A read failed: when the next one is due. */
	postpone(_tx: Tx, resource: number, id: ObjectId, dueMs: number, reason: string): void {
		this.#ports.sql.run(
			`UPDATE unreadable SET due = ?, tries = tries + 1, reason = ? WHERE resource = ? AND id = ?`,
			dueMs,
			reason,
			resource,
			id,
		)
	}

	/** Makes these objects due. `ids`: a JSON array. */
	hurry(_tx: Tx, resource: number, ids: string, dueMs: number): void {
		this.#ports.sql.run(
			`UPDATE unreadable SET due = min(due, ?) WHERE resource = ? AND id IN (SELECT value FROM json_each(?))`,
			dueMs,
			resource,
			ids,
		)
	}

	remove(_tx: Tx, resource: number, id: ObjectId): void {
		this.#ports.sql.run(`DELETE FROM unreadable WHERE resource = ? AND id = ?`, resource, id)
	}

	removeResource(_tx: Tx, resource: number): void {
		this.#ports.sql.run(`DELETE FROM unreadable WHERE resource = ?`, resource)
	}

	/** The object that has been due for longest, due or not; null: there is none. */
	next(): UnreadableObject | null {
		const row = this.#ports.sql.all<UnreadableRow>(`SELECT * FROM unreadable ORDER BY due LIMIT 1`)[0]
		return row === undefined ? null : toObject(row)
	}

	/** All of a resource, by id. */
	list(resource: number): UnreadableObject[] {
		return this.#ports.sql
			.all<UnreadableRow>(`SELECT * FROM unreadable WHERE resource = ? ORDER BY id`, resource)
			.map(toObject)
	}

	/** Those of a resource that were there before watching began. */
	getFromBaseline(resource: number): Set<ObjectId> {
		const rows = this.#ports.sql.all<{ id: ObjectId }>(
			`SELECT id FROM unreadable WHERE resource = ? AND baseline = 1`,
			resource,
		)
		return new Set(rows.map(({ id }) => id))
	}

	/** How many of these ids are listed objects of the index. `ids`: a JSON array. */
	countListed(resource: number, ids: string): number {
		const row = this.#ports.sql.all<{ n: number }>(
			`SELECT count(*) AS n FROM json_each(?) wanted CROSS JOIN objects o
			ON o.resource = ? AND o.id = wanted.value WHERE o.state IN ('live', 'hidden')`,
			ids,
			resource,
		)[0]
		return row?.n ?? 0
	}
}

function toObject(row: UnreadableRow): UnreadableObject {
	const { since, due, baseline, cursor, ...others } = row
	return { ...others, sinceMs: since, dueMs: due, fromBaseline: baseline === 1, cursorMs: cursor }
}
