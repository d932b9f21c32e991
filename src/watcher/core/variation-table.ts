/**
 * The tables `variations` and `variation_owners`: the variations of products with their last accepted state, and the
 * products that have some, with the reads of their variations that are due. This file contains all of their SQL.
 */
import type { ObjectId } from '../../elements/store.ts'
import type { Ports } from './ports.ts'
import type { Tx } from './tx.ts'

/** `trashed`: the store has it in the trash. One that is gone has no row. */
export type VariationStatus = 'live' | 'trashed'

/** A row of `variations`; `shape` and `fields` as in `objects`. */
export interface VariationRow {
	owner: ObjectId
	id: ObjectId
	/** Modified date, GMT, seconds. */
	stamp: number | null
	hash: string
	shape: number
	fields: string
	hash_version: number
	state: VariationStatus
	/** When the accepted read was started, epoch ms. */
	as_of: number
}

/** Why an object's variations are read again, and the results of earlier reads. Stored as JSON. Times epoch ms. */
export interface VariationDoubt {
	/** Since when variations are missing from the list. */
	missingMs?: number
	/** Variations that showed an older date, with their content, and when. */
	older?: { hash: string; sinceMs: number }
	/** Since when reads prove noise. */
	noiseMs?: number
	/** Reads that failed, and the last reason as a clause. */
	failed?: { tries: number; reason: string }
}

/** Which source the events of a read have. */
export type VariationSource = 'poll' | 'webhook' | 'reread'

/** An object that has, or had, variations. Times epoch ms. */
export interface VariationOwner {
	id: ObjectId
	/** When its variations were read last; null: never, so that the first read sends nothing. */
	readMs: number | null
	/** When they are read; null: with the next look at everything. */
	dueMs: number | null
	/** When that was asked for last. */
	sinceMs: number
	source: VariationSource
	doubt: VariationDoubt
}

interface OwnerRow {
	id: ObjectId
	read: number | null
	due: number | null
	since: number
	source: VariationSource
	doubt: string
}

const OWNER_COLUMNS = 'id, read, due, since, source, doubt'
const VARIATION_COLUMNS = 'owner, id, stamp, hash, shape, fields, hash_version, state, as_of'

/** Owns the tables. */
export class VariationTable {
	readonly #ports: Pick<Ports, 'sql'>

	constructor(ports: Pick<Ports, 'sql'>) {
		this.#ports = ports
	}

	/** Those of these objects that have a row. */
	getOwners(resource: number, ids: readonly ObjectId[]): Map<ObjectId, VariationOwner> {
		if (ids.length === 0) return new Map()
		const rows = this.#ports.sql.all<OwnerRow>(
			`SELECT o.id, read, due, since, source, doubt
			FROM json_each(?) wanted CROSS JOIN variation_owners o ON o.resource = ? AND o.id = wanted.value`,
			JSON.stringify(ids),
			resource,
		)
		return new Map(rows.map((row) => [row.id, toOwner(row)]))
	}

	/** Writes an object's row. */
	writeOwner(_tx: Tx, resource: number, owner: VariationOwner): void {
		this.#ports.sql.run(
			`INSERT INTO variation_owners (resource, ${OWNER_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (resource, id) DO UPDATE SET read = excluded.read, due = excluded.due, since = excluded.since,
				source = excluded.source, doubt = excluded.doubt`,
			resource,
			owner.id,
			owner.readMs,
			owner.dueMs,
			owner.sinceMs,
			owner.source,
			JSON.stringify(owner.doubt),
		)
	}

	/** Asks for a read of an object's variations, at the latest at `dueMs`. Objects without a row are left out. */
	queue(
		_tx: Tx,
		resource: number,
		id: ObjectId,
		read: { dueMs: number; sinceMs: number; source: VariationSource },
	): void {
		this.#ports.sql.run(
			`UPDATE variation_owners SET since = ?, source = CASE WHEN due IS NULL THEN ? ELSE source END,
				due = min(coalesce(due, ?), ?)
			WHERE resource = ? AND id = ?`,
			read.sinceMs,
			read.source,
			read.dueMs,
			read.dueMs,
			resource,
			id,
		)
	}

	/** Removes an object and its variations. */
	removeOwner(_tx: Tx, resource: number, id: ObjectId): void {
		const { sql } = this.#ports
		sql.run(`DELETE FROM variations WHERE resource = ? AND owner = ?`, resource, id)
		sql.run(`DELETE FROM variation_owners WHERE resource = ? AND id = ?`, resource, id)
	}

	/** Removes at most so many variations of a resource, and with the last one its objects. True: nothing is left. */
	removeSlice(_tx: Tx, resource: number, limit: number): boolean {
		const { sql } = this.#ports
		sql.run(
			`DELETE FROM variations WHERE resource = ? AND (owner, id) IN (
				SELECT owner, id FROM variations WHERE resource = ? LIMIT ?)`,
			resource,
			resource,
			limit,
		)
		if (sql.all(`SELECT id FROM variations WHERE resource = ? LIMIT 1`, resource).length > 0) return false
		sql.run(`DELETE FROM variation_owners WHERE resource = ?`, resource)
		return true
	}

	/** When the next read of a resource is due; null: none is asked for. */
	nextDueMs(resource: number): number | null {
		return this.#nextDue(resource)?.dueMs ?? null
	}

	/** The read of a resource that has been due for longest; null: none is due. */
	nextDue(resource: number, nowMs: number): VariationOwner | null {
		const owner = this.#nextDue(resource)
		return owner !== null && (owner.dueMs ?? 0) <= nowMs ? owner : null
	}

	#nextDue(resource: number): VariationOwner | null {
		const row = this.#ports.sql.all<OwnerRow>(
			`SELECT ${OWNER_COLUMNS} FROM variation_owners WHERE resource = ? AND due IS NOT NULL ORDER BY due LIMIT 1`,
			resource,
		)[0]
		return row === undefined ? null : toOwner(row)
	}

	/** How many reads of a resource are asked for, counted up to a limit. */
	countQueued(resource: number, limit: number): number {
		return this.#count(
			`SELECT count(*) AS n FROM (
				SELECT 1 FROM variation_owners WHERE resource = ? AND due IS NOT NULL LIMIT ?)`,
			resource,
			limit,
		)
	}

	/** The object whose variations were read longest ago, those that never were first; null: there is none. */
	getOldest(resource: number): VariationOwner | null {
		const row = this.#ports.sql.all<OwnerRow>(
			`SELECT ${OWNER_COLUMNS} FROM variation_owners WHERE resource = ? ORDER BY read LIMIT 1`,
			resource,
		)[0]
		return row === undefined ? null : toOwner(row)
	}

	/** A whole look has shown the variations of the objects that were never read. */
	completeFirstReads(_tx: Tx, resource: number, readMs: number): void {
		this.#ports.sql.run(`UPDATE variation_owners SET read = ? WHERE resource = ? AND read IS NULL`, readMs, resource)
	}

	/**
	 * Objects with variations; those of them whose variations were ever read; those whose reads are asked for, and with
	 * them those that were read before a time; and the variations.
	 */
	count(
		resource: number,
		beforeMs: number,
	): { owners: number; indexed: number; pending: { queued: number; unread: number }; rows: number } {
		const row = this.#ports.sql.all<{ owners: number; indexed: number; queued: number; unread: number }>(
			`SELECT count(*) AS owners, count(read) AS indexed, count(due) AS queued,
				count(CASE WHEN due IS NOT NULL OR read IS NULL OR read < ? THEN 1 END) AS unread
			FROM variation_owners WHERE resource = ?`,
			beforeMs,
			resource,
		)[0]
		const { owners = 0, indexed = 0, queued = 0, unread = 0 } = row ?? {}
		const rows = this.#count(`SELECT count(*) AS n FROM variations WHERE resource = ?`, resource)
		return { owners, indexed, pending: { queued, unread }, rows }
	}

	/** Objects whose variations could not be read more than once, by id. */
	listFailed(resource: number): { id: ObjectId; reason: string }[] {
		return this.#ports.sql.all(
			`SELECT id, json_extract(doubt, '$.failed.reason') AS reason FROM variation_owners
			WHERE resource = ? AND due IS NOT NULL AND json_extract(doubt, '$.failed.tries') > 1 ORDER BY id`,
			resource,
		)
	}

	/** The variations of an object. */
	readOwn(resource: number, owner: ObjectId): VariationRow[] {
		return this.#ports.sql.all(
			`SELECT ${VARIATION_COLUMNS} FROM variations WHERE resource = ? AND owner = ?`,
			resource,
			owner,
		)
	}

	/** The variations with these ids. */
	readByIds(resource: number, ids: readonly ObjectId[]): VariationRow[] {
		return this.#ports.sql.all(
			`SELECT v.owner, v.id, stamp, hash, shape, fields, hash_version, state, as_of
			FROM json_each(?) wanted CROSS JOIN variations v ON v.resource = ? AND v.id = wanted.value`,
			JSON.stringify(ids),
			resource,
		)
	}

	/** Live variations between two ids (exclusive, inclusive; null: open), last accepted before a time. */
	findBetween(
		resource: number,
		after: ObjectId | null,
		upTo: ObjectId | null,
		beforeMs: number,
	): { owner: ObjectId; id: ObjectId }[] {
		return this.#ports.sql.all(
			`SELECT owner, id FROM variations
			WHERE resource = ?${after === null ? '' : ' AND id > ?'}${upTo === null ? '' : ' AND id <= ?'}
				AND state = 'live' AND as_of < ?`,
			resource,
			...(after === null ? [] : [after]),
			...(upTo === null ? [] : [upTo]),
			beforeMs,
		)
	}

	write(_tx: Tx, resource: number, row: VariationRow): void {
		this.#ports.sql.run(
			`INSERT INTO variations (resource, ${VARIATION_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (resource, owner, id) DO UPDATE SET stamp = excluded.stamp, hash = excluded.hash,
				shape = excluded.shape, fields = excluded.fields, hash_version = excluded.hash_version,
				state = excluded.state, as_of = excluded.as_of`,
			resource,
			row.owner,
			row.id,
			row.stamp,
			row.hash,
			row.shape,
			row.fields,
			row.hash_version,
			row.state,
			row.as_of,
		)
	}

	remove(_tx: Tx, resource: number, owner: ObjectId, id: ObjectId): void {
		this.#ports.sql.run(`DELETE FROM variations WHERE resource = ? AND owner = ? AND id = ?`, resource, owner, id)
	}

	/** Numbers of the content profiles of a resource's variations. Reads every row. */
	findProfilesInUse(resource: number): number[] {
		return this.#ports.sql
			.all<{ number: number }>(`SELECT DISTINCT hash_version AS number FROM variations WHERE resource = ?`, resource)
			.map(({ number }) => number)
	}

	#count(query: string, ...values: (number | string)[]): number {
		return this.#ports.sql.all<{ n: number }>(query, ...values)[0]?.n ?? 0
	}
}

function toOwner({ read, due, since, doubt, ...row }: OwnerRow): VariationOwner {
	return { ...row, readMs: read, dueMs: due, sinceMs: since, doubt: JSON.parse(doubt) as VariationDoubt }
}
