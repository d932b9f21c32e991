/** Which collections of a store answer a read: its index lists also those that the key may not read, or that fail. */
import { mapConcurrent } from '../../lib/concurrency.ts'
import { getCollection } from './collections.ts'
import { isGoneFailure } from './failures.ts'
import { isRecord, toObjectId } from '../values.ts'
import type { Failure, StoreClient } from '../store.ts'

/** Reads in one call, and at a time. Collections beyond count as answering. */
const MAX_READS = 100
const CONCURRENT_READS = 4

/** How a collection answered. `row`: the id of its first row, for the collections below; null: none. */
type Reading = { answers: true; row: string | null } | { answers: false; failure: Failure } | { answers: 'unknown' }

/**
 * The paths out of `paths` that answer; `{id}` stands for a parent object, whose first one is read. `complete`: false
 * if the store did not say about all of them. A failure if the store refuses everything.
 */
export async function findAnsweringPaths(
	client: StoreClient,
	paths: readonly string[],
): Promise<{ ok: true; paths: Set<string>; complete: boolean } | Failure> {
	const readings = new Map<string, Reading>()
	let reads = 0
	let isHalted = false
	const read = async (path: string): Promise<void> => {
		const target = resolveParent(path, readings)
		if (typeof target !== 'string') readings.set(path, target)
		else if (isHalted || reads >= MAX_READS) readings.set(path, { answers: 'unknown' })
		else {
			reads++
			const reading = await readCollection(client, target)
			// A store that is overloaded or away is not asked further.
			if (reading.answers === 'unknown') isHalted = true
			readings.set(path, reading)
		}
	}
	// Those below an object come second: they need one.
	for (const isBelow of [false, true])
		await mapConcurrent(
			paths.filter((path) => path.includes('{id}') === isBelow),
			CONCURRENT_READS,
			read,
		)
	const all = [...readings.values()]
	const refused = all.find((reading) => reading.answers === false)
	if (refused?.answers === false && !all.some((reading) => reading.answers === true)) return refused.failure
	return {
		ok: true,
		paths: new Set(paths.filter((path) => readings.get(path)?.answers !== false)),
		complete: all.every((reading) => reading.answers !== 'unknown'),
	}
}

/** The path to read: below the first object of the parent. A reading if that is enough to decide. */
function resolveParent(path: string, readings: ReadonlyMap<string, Reading>): string | Reading {
	const at = path.indexOf('/{id}')
	if (at < 0) return path
	const parent = readings.get(path.slice(0, at))
	// A parent that is no list, or has no object, says nothing about what is below its objects.
	if (parent === undefined) return { answers: true, row: null }
	if (parent.answers !== true || parent.row === null) return parent
	return path.replace('{id}', encodeURIComponent(parent.row))
}

async function readCollection(client: StoreClient, path: string): Promise<Reading> {
	const collection = getCollection(path, null)
	const answer = await client.call('GET', path, {
		...collection.baseQuery,
		...(collection.paged ? { per_page: '1' } : {}),
		_fields: collection.idField,
	})
	if (!answer.ok) {
		if (isGoneFailure(path, answer)) return { answers: true, row: null }
		return isUnavailable(answer) ? { answers: 'unknown' } : { answers: false, failure: answer }
	}
	const first: unknown = Array.isArray(answer.body) ? answer.body[0] : undefined
	const id = isRecord(first) ? toObjectId(first[collection.idField]) : null
	return { answers: true, row: id === null ? null : String(id) }
}

/** Whether a failure is one of the store as a whole, which passes. */
function isUnavailable({ kind, status }: Failure): boolean {
	return kind === 'throttled' || kind === 'timeout' || status === null || [502, 503, 504].includes(status)
}
