/** The operations that generated calls are made of, and a plain call of each. */
import * as fc from 'fast-check'
import type { Schema } from '@cfworker/json-schema'
import type { Operation } from '../../../src/api/http/contract.ts'
import { operations } from '../../../src/api/operations.ts'
import { document, type Declared } from './document.ts'
import { BASE_PATH, filled, type Asked, type House, idsFor } from './house.ts'
import { fitting } from './samples.ts'

/** Every run makes the same calls. */
export const SEED = 20_261_124

/** An operation with everything that the document says of it. */
export interface Tried {
	id: string
	one: Operation
	path: string
	declared: Declared
	bodySchema: Schema | null
}

/** All operations, as their table has them. */
export const all: Tried[] = Object.entries(operations as Record<string, Operation>).map(([id, one]) => {
	const path = `${one.root ? '' : BASE_PATH}${one.path}`
	const declared = document.paths[path]![one.method]!
	return { id, one, path, declared, bodySchema: declared.requestBody?.content['application/json']?.schema ?? null }
})

/** A plain call that ought to be fine. */
export function plain(house: House, tried: Tried, body: unknown, query: [string, string][]): Asked {
	return {
		method: tried.one.method.toUpperCase(),
		path: filled(tried.path, idsFor(tried.path, house.mine.ids)),
		query,
		headers: authorizationOf(house, tried),
		...(tried.bodySchema === null ? {} : { body: JSON.stringify(body) }),
	}
}

function authorizationOf({ mine }: House, { one }: Tried): Record<string, string> {
	if (one.access === 'public') return {}
	return { Authorization: one.access === 'token' ? mine.tokenAuthorization : mine.authorization }
}

/** A query out of values by name: a list is a parameter that is given several times. */
export function queryOf(values: Record<string, unknown>): [string, string][] {
	return Object.entries(values).flatMap(([name, value]): [string, string][] =>
		value === undefined ? [] : Array.isArray(value) ? value.map((one) => [name, String(one)]) : [[name, String(value)]],
	)
}

/** What must stand in the query of an operation. */
export function requiredQuery({ declared }: Tried): [string, string][] {
	const required = (declared.parameters ?? []).filter((one) => one.in === 'query' && one.required === true)
	return queryOf(
		Object.fromEntries(
			required.map((one) => [one.name, fc.sample(fitting(one.schema, document.components.schemas), { numRuns: 1, seed: SEED })[0]]),
		),
	)
}
