/** The object index: one row per object with its last accepted state. */
import type { Core } from '../core/core.ts'
import type { KnownObject, ObjectState } from './gate-types.ts'
import type { Sql } from '../core/ports.ts'
import type { Tx } from '../core/tx.ts'
import { isLargeNumericId } from '../../elements/values.ts'
import type { ObjectId } from '../../elements/store.ts'

/** An index row with the number of events of the object. */
export interface IndexRow extends KnownObject {
	/** `objectSequence` of its last event; 0: none. */
	sequence: number
	/** Log sequence of its last event. */
	lastEventSequence: number | null
}

interface ObjectRow {
	id: ObjectId
	stamp: number | null
	created: number | null
	hash: string
	shape: number
	fields: string
	hash_version: number
	state: ObjectState
	as_of: number
	sequence: number
	last_event: number | null
	identity: string | null
	earlier: string | null
}

/** Reads the rows of these ids. */
export function readIndexRows(core: Core, resource: number, ids: readonly ObjectId[]): Map<ObjectId, IndexRow> {
	const rows = new Map<ObjectId, IndexRow>()
	if (ids.length === 0) return rows
	// A join reads two rows per id; IN reads a third one, for the list that it builds first.
	const query = `SELECT o.id, stamp, created, hash, shape, fields, hash_version, state, as_of, sequence, last_event,
			identity, earlier
		FROM json_each(?) wanted CROSS JOIN objects o ON o.resource = ? AND o.id = wanted.value`
	for (const row of core.ports.sql.each<ObjectRow>(query, JSON.stringify(ids), resource))
		rows.set(row.id, toIndexRow(core, row))
	return rows
}

function toIndexRow(core: Core, row: ObjectRow): IndexRow {
	return {
		modifiedSec: row.stamp,
		createdSec: row.created,
		identityHash: row.identity,
		content: { hash: row.hash, fieldNames: getShapeNames(core, row.shape), fieldHashes: row.fields },
		profile: row.hash_version,
		state: row.state,
		asOfMs: row.as_of,
		sequence: row.sequence,
		lastEventSequence: row.last_event,
		earlier: parseEarlier(row.earlier),
	}
}

function parseEarlier(text: string | null): IndexRow['earlier'] {
	const [, returns, hash] = /^(\d+):(.+)$/.exec(text ?? '') ?? []
	return hash === undefined ? null : { hash, returns: Number(returns) }
}

/** Field names of some object of a resource and its profile; null when none is known. */
export function getSampleFieldNames(core: Core, resource: number): { names: string[]; profile: number } | null {
	const row = core.ports.sql.all<{ shape: number; hash_version: number }>(
		`SELECT shape, hash_version FROM objects WHERE resource = ? AND state = 'live' LIMIT 1`,
		resource,
	)[0]
	return row === undefined ? null : { names: getShapeNames(core, row.shape), profile: row.hash_version }
}

/** Ids of listed objects between two ids (exclusive, inclusive) that were last accepted before a request. */
export function findListedBetween(
	sql: Sql,
	resource: number,
	afterId: ObjectId | null,
	upToId: ObjectId | null,
	requestedAtMs: number,
): ObjectId[] {
	const [after, upTo] = [
		toBound('>', afterId ?? Number.MIN_SAFE_INTEGER),
		upToId === null ? null : toBound('<=', upToId),
	]
	return sql
		.all<{ id: ObjectId }>(
			`SELECT id FROM objects WHERE resource = ? AND ${after.condition}${upTo === null ? '' : ` AND ${upTo.condition}`}
				AND state IN ('live', 'hidden') AND as_of < ?`,
			resource,
			...after.values,
			...(upTo?.values ?? []),
			requestedAtMs,
		)
		.map((row) => row.id)
}

/** SQL for the ids on one side of an id, as `compareIds` orders them: to SQL, large numbers are texts. */
function toBound(operator: '>' | '<=', id: ObjectId): { condition: string; values: (string | number)[] } {
	if (!isLargeNumericId(id)) return { condition: `id ${operator} ?`, values: [id] }
	const numbers = operator === '>' ? '' : `typeof(id) <> 'text' OR `
	return {
		condition: `(${numbers}typeof(id) = 'text' AND (length(id) ${operator[0]} ? OR length(id) = ? AND id ${operator} ?))`,
		values: [id.length, id.length, id],
	}
}

/** Numbers of the profiles of a resource's objects that are compared with what the store shows. Reads every row. */
export function findProfilesInUse(sql: Sql, resource: number): number[] {
	return sql
		.all<{ number: number }>(
			`SELECT DISTINCT hash_version AS number FROM objects
			WHERE resource = ? AND state IN ('live', 'hidden', 'unlisted')`,
			resource,
		)
		.map((row) => row.number)
}

/** The highest ids of live objects. */
export function findNewestIds(sql: Sql, resource: number, limit: number): ObjectId[] {
	return sql
		.all<{ id: ObjectId }>(
			`SELECT id FROM objects WHERE resource = ? AND state = 'live' ORDER BY id DESC LIMIT ?`,
			resource,
			limit,
		)
		.map((row) => row.id)
}

/** Ids of objects that exist without being listed. */
export function findUnlisted(sql: Sql, resource: number, limit: number): ObjectId[] {
	return sql
		.all<{ id: ObjectId }>(`SELECT id FROM objects WHERE resource = ? AND state = 'unlisted' LIMIT ?`, resource, limit)
		.map((row) => row.id)
}

/** Writes an index row, or removes it. */
export function writeIndexRow(tx: Tx, core: Core, resource: number, id: ObjectId, row: IndexRow | null): void {
	const { sql } = core.ports
	if (row === null) {
		sql.run(`DELETE FROM objects WHERE resource = ? AND id = ?`, resource, id)
		return
	}
	sql.run(
		`INSERT OR REPLACE INTO objects
			(resource, id, stamp, created, hash, shape, fields, hash_version, state, as_of, sequence, last_event,
			identity, earlier)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		resource,
		id,
		row.modifiedSec,
		row.createdSec,
		row.content.hash,
		findOrCreateShape(tx, core, row.content.fieldNames),
		row.content.fieldHashes,
		row.profile,
		row.state,
		row.asOfMs,
		row.sequence,
		row.lastEventSequence,
		row.identityHash,
		row.earlier == null ? null : `${row.earlier.returns}:${row.earlier.hash}`,
	)
}

/** Whether a state counts towards the listed total. */
export function isListed(state: ObjectState | undefined): boolean {
	return state === 'live' || state === 'hidden'
}

/** The listed numeric ids by rank, held as numbers only: 8 bytes an object. `except`: ids that lists do not show. */
export function loadIdRanks(sql: Sql, resource: number, except: readonly ObjectId[] = []): IdRanks {
	const left = new Set(except)
	let ids = new Float64Array(1024)
	let size = 0
	for (const row of sql.each<{ id: ObjectId }>(
		`SELECT id FROM objects WHERE resource = ? AND state IN ('live', 'hidden') ORDER BY id`,
		resource,
	)) {
		if (typeof row.id !== 'number' || left.has(row.id)) continue
		if (size === ids.length) {
			const larger = new Float64Array(size * 2)
			larger.set(ids)
			ids = larger
		}
		ids[size++] = row.id
	}
	const sortedIds = ids.subarray(0, size)
	return {
		size,
		countUpTo: (id) => {
			let low = 0
			let high = size
			while (low < high) {
				const middle = (low + high) >> 1
				if ((sortedIds[middle] as number) <= id) low = middle + 1
				else high = middle
			}
			return low
		},
		slice: (from, to) => Array.from(sortedIds.subarray(Math.max(0, from), Math.max(0, to))),
	}
}

/** The number of a list of field names. */
export function findOrCreateShape(_tx: Tx, core: Core, names: string[]): number {
	const text = names.join('\n')
	for (const [number, known] of loadShapes(core))
		if (known.length === names.length && known.join('\n') === text) return number
	const number = core.shapes.size === 0 ? 1 : Math.max(...core.shapes.keys()) + 1
	core.ports.sql.run(`INSERT INTO shapes (id, names) VALUES (?, ?)`, number, text)
	core.shapes.set(number, names)
	return number
}

/** The list of field names with this number. */
export function getShapeNames(core: Core, number: number): string[] {
	return loadShapes(core).get(number) ?? []
}

function loadShapes(core: Core): Map<number, string[]> {
	if (core.shapes.size === 0) {
		for (const row of core.ports.sql.all<{ id: number; names: string }>(`SELECT id, names FROM shapes`))
			core.shapes.set(row.id, row.names === '' ? [] : row.names.split('\n'))
	}
	return core.shapes
}

/** Known listed ids in ascending order, by rank. */
export interface IdRanks {
	/** How many known listed ids there are. */
	readonly size: number
	/** How many of them are ≤ id. */
	countUpTo(id: number): number
	/** The ids of ranks from … to − 1. */
	slice(from: number, to: number): number[]
}
