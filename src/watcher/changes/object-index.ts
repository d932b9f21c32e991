/** The object index: reads and writes the rows that say what is known of each object. */
import type { Core } from '../core/core.ts'
import type { Known, ObjectState } from './gate.ts'
import type { Sql } from '../core/ports.ts'
import type { ObjectId } from '../../elements/store.ts'

/** An index row: what the gate knows, and how many events the object has had. */
export interface IndexRow extends Known {
	/** `objectSequence` of its last event; 0: none. */
	sequence: number
	/** Log sequence of its last event. */
	lastEvent: number | null
}

interface Row {
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
}

/** Reads the rows of these ids. */
export function readRows(core: Core, resource: number, ids: readonly ObjectId[]): Map<ObjectId, IndexRow> {
	const rows = new Map<ObjectId, IndexRow>()
	if (ids.length === 0) return rows
	// A join reads two rows an id, IN a third for the list that it makes of the ids first.
	const query = `SELECT o.id, stamp, created, hash, shape, fields, hash_version, state, as_of, sequence, last_event FROM json_each(?) wanted CROSS JOIN objects o ON o.resource = ? AND o.id = wanted.value`
	for (const row of core.ports.sql.each<Row>(query, JSON.stringify(ids), resource)) rows.set(row.id, rowOf(core, row))
	return rows
}

function rowOf(core: Core, row: Row): IndexRow {
	return {
		stampSec: row.stamp,
		createdSec: row.created,
		content: { hash: row.hash, names: shapeNames(core, row.shape), hashes: row.fields },
		hashVersion: row.hash_version,
		state: row.state,
		asOfMs: row.as_of,
		sequence: row.sequence,
		lastEvent: row.last_event,
	}
}

/** Field names of some object of a resource; null when none is known. */
export function sampleNames(core: Core, resource: number): string[] | null {
	const row = core.ports.sql.all<{ shape: number }>(`SELECT shape FROM objects WHERE resource = ? AND state = 'live' LIMIT 1`, resource)[0]
	return row === undefined ? null : shapeNames(core, row.shape)
}

/** Ids known to be listed between two ids (exclusive, inclusive) and not accepted after `askedAtMs`. */
export function listedBetween(sql: Sql, resource: number, above: ObjectId | null, upTo: ObjectId | null, askedAtMs: number): ObjectId[] {
	const low = above ?? Number.MIN_SAFE_INTEGER
	const rows =
		upTo === null
			? sql.all<{ id: ObjectId }>(
					`SELECT id FROM objects WHERE resource = ? AND id > ? AND state IN ('live', 'hidden') AND as_of < ?`,
					resource,
					low,
					askedAtMs,
				)
			: sql.all<{ id: ObjectId }>(
					`SELECT id FROM objects WHERE resource = ? AND id > ? AND id <= ? AND state IN ('live', 'hidden') AND as_of < ?`,
					resource,
					low,
					upTo,
					askedAtMs,
				)
	return rows.map((row) => row.id)
}

/** Ids that exist but are not listed: a re-read looks at each of them. */
export function unlisted(sql: Sql, resource: number, limit: number): ObjectId[] {
	return sql
		.all<{ id: ObjectId }>(`SELECT id FROM objects WHERE resource = ? AND state = 'unlisted' LIMIT ?`, resource, limit)
		.map((row) => row.id)
}

/** Writes an index row, or removes it. */
export function writeRow(core: Core, resource: number, id: ObjectId, row: IndexRow | null): void {
	const { sql } = core.ports
	if (row === null) {
		sql.run(`DELETE FROM objects WHERE resource = ? AND id = ?`, resource, id)
		return
	}
	sql.run(
		`INSERT OR REPLACE INTO objects (resource, id, stamp, created, hash, shape, fields, hash_version, state, as_of, sequence, last_event) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		resource,
		id,
		row.stampSec,
		row.createdSec,
		row.content.hash,
		shapeNumber(core, row.content.names),
		row.content.hashes,
		row.hashVersion,
		row.state,
		row.asOfMs,
		row.sequence,
		row.lastEvent,
	)
}

/** Whether a state counts towards the listed total. */
export function isListed(state: ObjectState | undefined): boolean {
	return state === 'live' || state === 'hidden'
}

/** The listed numeric ids by rank, held as numbers only: 8 bytes an object. */
export function loadRanks(sql: Sql, resource: number): Ranks {
	let ids = new Float64Array(1024)
	let size = 0
	for (const row of sql.each<{ id: ObjectId }>(
		`SELECT id FROM objects WHERE resource = ? AND state IN ('live', 'hidden') ORDER BY id`,
		resource,
	)) {
		if (typeof row.id !== 'number') continue
		if (size === ids.length) {
			const larger = new Float64Array(size * 2)
			larger.set(ids)
			ids = larger
		}
		ids[size++] = row.id
	}
	const held = ids.subarray(0, size)
	return {
		size,
		upTo: (id) => {
			let low = 0
			let high = size
			while (low < high) {
				const middle = (low + high) >> 1
				if ((held[middle] as number) <= id) low = middle + 1
				else high = middle
			}
			return low
		},
		slice: (from, to) => Array.from(held.subarray(Math.max(0, from), Math.max(0, to))),
	}
}

function shapeNumber(core: Core, names: string[]): number {
	const text = names.join('\n')
	for (const [number, known] of allShapes(core)) if (known.length === names.length && known.join('\n') === text) return number
	const number = core.shapes.size === 0 ? 1 : Math.max(...core.shapes.keys()) + 1
	core.ports.sql.run(`INSERT INTO shapes (id, names) VALUES (?, ?)`, number, text)
	core.shapes.set(number, names)
	return number
}

function shapeNames(core: Core, number: number): string[] {
	return allShapes(core).get(number) ?? []
}

function allShapes(core: Core): Map<number, string[]> {
	if (core.shapes.size === 0) {
		for (const row of core.ports.sql.all<{ id: number; names: string }>(`SELECT id, names FROM shapes`))
			core.shapes.set(row.id, row.names === '' ? [] : row.names.split('\n'))
	}
	return core.shapes
}

/** Known listed ids in ascending order, looked up by rank. */
export interface Ranks {
	/** How many known listed ids there are. */
	readonly size: number
	/** How many of them are ≤ id. */
	upTo(id: number): number
	/** The ids of ranks from … to − 1. */
	slice(from: number, to: number): number[]
}
