/** The `lookups` table: objects to be read by id, with the reason. This file contains all of its SQL. */
import { parseExact } from '../../elements/json.ts'
import type { ObjectId, VendorRecord } from '../../elements/store.ts'
import type { Ports } from './ports.ts'
import type { Tx } from './tx.ts'

/** Why an object is read again, and the results of earlier reads. Stored as JSON. Times epoch ms. */
export interface PendingCheck {
	/** The store refused the read, perhaps as everything of this resource. */
	refused?: boolean
	/** Reads that failed for reasons of the object's own, since when, and the last reason as a clause. */
	failed?: { tries: number; sinceMs: number; reason: string }
	/** The id was missing from a list. */
	missing?: boolean
	/** A person decided that its deletion is sent: the mass-deletion guard does not hold it again. */
	decided?: boolean
	/** When the first JSON 404 came. */
	goneAtMs?: number
	/** A webhook asked for the read and is the source of the resulting events. */
	hook?: boolean
	/** A webhook's payload to compare with the read; `profile`: which the hash is under, absent: 1. */
	probe?: { hash: string; stampSec: number | null; profile?: number }
	/** Payloads of webhooks that wait for the read, oldest first: they are recorded if the read is newer. */
	payloads?: { record: VendorRecord; receivedMs: number }[]
	/** A read older than the index row showed this content, for the first time at `staleAtMs`. */
	staleHash?: string
	staleAtMs?: number
	/** How many looks since then have shown it again, if more than one is needed. `staleAtMs` is that of the last. */
	staleLooks?: number
}

/** An object that is due to be read. */
interface Lookup {
	resource: number
	id: ObjectId
	check: PendingCheck
}

interface LookupRow {
	resource: number
	id: ObjectId
	due: number
	since: number
	doubt: string
}

/** Owns the table. Times epoch ms. */
export class LookupTable {
	readonly #ports: Pick<Ports, 'sql' | 'now'>

	constructor(ports: Pick<Ports, 'sql' | 'now'>) {
		this.#ports = ports
	}

	/** Queues an object to be read by id. Existing entries of a queued check are kept. */
	queue(_tx: Tx, resource: number, id: ObjectId, dueMs: number, check: PendingCheck): void {
		this.#ports.sql.run(
			`INSERT INTO lookups (resource, id, due, since, doubt) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (resource, id) DO UPDATE
			SET due = excluded.due, since = excluded.since, doubt = json_patch(doubt, excluded.doubt)`,
			resource,
			id,
			dueMs,
			this.#ports.now(),
			JSON.stringify(check),
		)
	}

	/** Removes the payloads that wait for reads of these objects. `ids`: a JSON array. */
	removePayloads(_tx: Tx, resource: number, ids: string): void {
		this.#ports.sql.run(
			`UPDATE lookups SET doubt = json_remove(doubt, '$.payloads')
			WHERE resource = ? AND id IN (SELECT value FROM json_each(?)) AND json_extract(doubt, '$.payloads') IS NOT NULL`,
			resource,
			ids,
		)
	}

	/** Moves a queued read to another time. */
	postpone(_tx: Tx, resource: number, id: ObjectId, dueMs: number): void {
		this.#ports.sql.run(`UPDATE lookups SET due = ? WHERE resource = ? AND id = ?`, dueMs, resource, id)
	}

	/** Makes a resource's reads due that the store refused. */
	releaseRefused(_tx: Tx, resource: number): void {
		this.#ports.sql.run(
			`UPDATE lookups SET due = min(due, ?), doubt = json_remove(doubt, '$.refused')
			WHERE resource = ? AND json_extract(doubt, '$.refused')`,
			this.#ports.now(),
			resource,
		)
	}

	/** Removes a lookup that a request answered. One that was queued after the request started stays. */
	resolve(_tx: Tx, resource: number, id: ObjectId, requestedAtMs: number): void {
		this.#ports.sql.run(`DELETE FROM lookups WHERE resource = ? AND id = ? AND since <= ?`, resource, id, requestedAtMs)
	}

	remove(_tx: Tx, resource: number, id: ObjectId): void {
		this.#ports.sql.run(`DELETE FROM lookups WHERE resource = ? AND id = ?`, resource, id)
	}

	removeResource(_tx: Tx, resource: number): void {
		this.#ports.sql.run(`DELETE FROM lookups WHERE resource = ?`, resource)
	}

	/**
	 * Removes the lookups of listed objects that were missing from a list, and returns their ids. Those that a person has
	 * decided stay.
	 */
	takeMissing(_tx: Tx, resource: number): ObjectId[] {
		return this.#ports.sql
			.all<Pick<LookupRow, 'id'>>(
				`DELETE FROM lookups WHERE resource = ? AND ${UNDECIDED_MISSING}
					AND id IN (SELECT id FROM objects WHERE resource = ? AND state IN ('live', 'hidden'))
				RETURNING id`,
				resource,
				resource,
			)
			.map(({ id }) => id)
	}

	/**
	 * When the next read is due; null: none is queued. `held`: numbers of resources whose missing objects are not read
	 * now.
	 */
	nextDueMs(held: readonly number[]): number | null {
		const [condition, ...values] = toReadableCondition(held)
		const row = this.#ports.sql.all<{ due: number | null }>(
			`SELECT min(due) AS due FROM lookups${condition === '' ? '' : ` WHERE ${condition}`}`,
			...values,
		)[0]
		return row?.due ?? null
	}

	/** The read that has been due for longest; null: none is due. */
	nextDue(nowMs: number, held: readonly number[]): Lookup | null {
		const [condition, ...values] = toReadableCondition(held)
		const row = this.#ports.sql.all<LookupRow>(
			`SELECT resource, id, doubt FROM lookups WHERE due <= ?${condition === '' ? '' : ` AND ${condition}`}
			ORDER BY due LIMIT 1`,
			nowMs,
			...values,
		)[0]
		return row === undefined ? null : { resource: row.resource, id: row.id, check: toCheck(row) }
	}

	/** The pending checks of these objects. */
	getChecks(resource: number, ids: readonly ObjectId[]): Map<ObjectId, PendingCheck> {
		const requestedIds = new Set(ids)
		const rows = this.#ports.sql
			.all<LookupRow>(`SELECT id, doubt FROM lookups WHERE resource = ?`, resource)
			.filter(({ id }) => requestedIds.has(id))
		return new Map(rows.map((row) => [row.id, toCheck(row)]))
	}

	/** One object's lookup; null: none is queued. */
	find(resource: number, id: ObjectId): { dueMs: number; sinceMs: number; check: PendingCheck } | null {
		const row = this.#ports.sql.all<LookupRow>(
			`SELECT due, since, doubt FROM lookups WHERE resource = ? AND id = ?`,
			resource,
			id,
		)[0]
		return row === undefined ? null : { dueMs: row.due, sinceMs: row.since, check: toCheck(row) }
	}

	/** A read did not fail. */
	clearFailed(_tx: Tx, resource: number, id: ObjectId): void {
		this.#ports.sql.run(
			`UPDATE lookups SET doubt = json_remove(doubt, '$.failed') WHERE resource = ? AND id = ?`,
			resource,
			id,
		)
	}

	/** Objects of a resource whose reads have failed more than once, by id. */
	listFailed(resource: number): { id: ObjectId; reason: string }[] {
		return this.#ports.sql.all(
			`SELECT id, json_extract(doubt, '$.failed.reason') AS reason FROM lookups
			WHERE resource = ? AND json_extract(doubt, '$.failed.tries') > 1 ORDER BY id`,
			resource,
		)
	}

	/** How many reads are queued. */
	count(): number {
		return this.#ports.sql.all<{ n: number }>(`SELECT count(*) AS n FROM lookups`)[0]?.n ?? 0
	}

	/** The number of listed objects of a resource that are expected to be gone: a list or a read did not show them. */
	countMissing(resource: number): number {
		// CROSS JOIN keeps the order of the tables: a row is read for each lookup, not for each object.
		const row = this.#ports.sql.all<{ missing: number }>(
			`SELECT count(*) AS missing
			FROM lookups l CROSS JOIN objects o ON o.resource = l.resource AND o.id = l.id
			WHERE l.resource = ? AND o.state IN ('live', 'hidden')
				AND (json_extract(l.doubt, '$.missing') OR json_extract(l.doubt, '$.goneAtMs') IS NOT NULL)`,
			resource,
		)[0]
		return row?.missing ?? 0
	}
}

/** SQL: an object was missing from a list, and nobody has decided about its deletion. */
const UNDECIDED_MISSING = `json_extract(doubt, '$.missing') AND NOT coalesce(json_extract(doubt, '$.decided'), 0)`

/** SQL: lookups that may be read now, and its parameters; '' where all may. */
function toReadableCondition(held: readonly number[]): [condition: string, ...values: string[]] {
	if (held.length === 0) return ['']
	return [
		`NOT (resource IN (SELECT value FROM json_each(?)) AND coalesce(${UNDECIDED_MISSING}, 0))`,
		JSON.stringify(held),
	]
}

function toCheck(row: Pick<LookupRow, 'doubt'>): PendingCheck {
	return parseExact(row.doubt) as PendingCheck
}
