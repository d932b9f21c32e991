/** The operations that generated calls are made of, and a plain call of each. */
import * as fc from 'fast-check'
import type { Schema } from '@cfworker/json-schema'
import type { Operation } from '../../../src/api/http/contract.ts'
import { operations } from '../../../src/api/operations.ts'
import { openApiDocument, type DeclaredOperation } from './document.ts'
import { BASE_PATH, fillPath, type ApiRequest, type ContractWorld, pathParametersFor } from './world.ts'
import { arbitraryFor } from '../../support/arbitraries.ts'

/** Every run makes the same calls. */
export const SEED = 20_261_124

/** An operation with everything that the document says of it. */
export interface TestedOperation {
	id: string
	one: Operation
	path: string
	declared: DeclaredOperation
	bodySchema: Schema | null
}

/** All operations, as their table has them. */
export const testedOperations: TestedOperation[] = Object.entries(operations as Record<string, Operation>).map(
	([id, operation]) => {
		const path = `${operation.root ? '' : BASE_PATH}${operation.path}`
		const declared = openApiDocument.paths[path]![operation.method]!
		return {
			id,
			one: operation,
			path,
			declared,
			bodySchema: declared.requestBody?.content['application/json']?.schema ?? null,
		}
	},
)

/** A plain call that ought to be fine. */
export function plainRequest(
	world: ContractWorld,
	tested: TestedOperation,
	body: unknown,
	query: [string, string][],
): ApiRequest {
	return {
		method: tested.one.method.toUpperCase(),
		path: fillPath(tested.path, pathParametersFor(tested.path, world.own.ids)),
		query,
		headers: authorizationFor(world, tested),
		...(tested.bodySchema === null ? {} : { body: JSON.stringify(body) }),
	}
}

function authorizationFor({ own }: ContractWorld, { one: operation }: TestedOperation): Record<string, string> {
	if (operation.access === 'public') return {}
	return { Authorization: operation.access === 'token' ? own.tokenAuthorization : own.authorization }
}

/** A query out of values by name: a list is a parameter that is given several times. */
export function toQuery(values: Record<string, unknown>): [string, string][] {
	return Object.entries(values).flatMap(([name, value]): [string, string][] =>
		value === undefined
			? []
			: Array.isArray(value)
				? value.map((item) => [name, String(item)])
				: [[name, String(value)]],
	)
}

/** What must stand in the query of an operation. */
export function requiredQueryFor({ declared }: TestedOperation): [string, string][] {
	const required = (declared.parameters ?? []).filter(
		(parameter) => parameter.in === 'query' && parameter.required === true,
	)
	return toQuery(
		Object.fromEntries(
			required.map((parameter) => [
				parameter.name,
				fc.sample(arbitraryFor(parameter.schema, openApiDocument.components.schemas), { numRuns: 1, seed: SEED })[0],
			]),
		),
	)
}
