/** `GET /openapi.json`: the OpenAPI 3.1 document, generated from the data that validates the calls. */
import { type OperationResponse, type Operation, TAGS, VERBS } from './http/contract.ts'
import { findOwnAddress } from '../instances/addresses.ts'
import { operations } from './operations.ts'
import { type Api, mountOperations } from './http/serve.ts'
import { documentOperations } from './service/operations.ts'
import { VERSION } from '../lib/version.ts'

type Document = OperationResponse<typeof documentOperations.getDocument>

/** Built once per isolate: only the server's address varies. */
const documentsByApi = new WeakMap<Api, object>()

/** The introduction of the reference, in Markdown. */
const INTRODUCTION = `Shopbell sends a signed notification when something changes in a store. The API is that of Cloud
Elements’ event framework, with additions. The [guide](/guide) takes you from the first key to the first notification;
this reference describes every call. Pages for people (\`/connect/…\`, \`/accept/…\`, \`/guide\`, \`/docs\`) return HTML
and are not part of it.

## Authorization

Send \`Authorization: User <user secret>, Organization <organization secret>\`. Once signed in, *Get your secrets*
returns both. Programs can use an API key instead: \`Authorization: Bearer <API key>\`.

## By id and by token

Most calls about one instance exist twice: by id, \`/instances/{id}/health\`, and by token, \`/instances/health\` with
\`Authorization: User <user secret>, Element <instance token>\`, where the token identifies the instance. Hub calls only
exist by token.

## Lists

A list is an array. Set its length with \`pageSize\`. If there are more items, the response header
\`Elements-Next-Page-Token\` holds the value of \`nextPage\` for the next page. \`Elements-Returned-Count\` is the
number of items in the page and \`Elements-Total-Count\`, if known, the number in all.

## Times and ids

Times are in UTC. \`eventId\` and \`objectId\` are strings, other ids are numbers. The id of a notification is its
instance’s id × 10⁹ plus a counter.

## Errors

Every error is \`{message, requestId}\`. The message names the field and what was expected. The request id identifies
the request in the log and is also in \`Elements-Request-Id\`. \`providerMessage\` holds the store’s error message, if
there is one.`

/** Mounts the document, which is public. */
export function mountOpenApi(app: Api): void {
	app.openAPIRegistry.registerComponent('securitySchemes', 'secrets', {
		type: 'apiKey',
		in: 'header',
		name: 'Authorization',
		description:
			'`User <user secret>, Organization <organization secret>`. Calls about one store also accept ' +
			'`User <user secret>, Element <instance token>`. All three may be sent, in any order.',
	})
	app.openAPIRegistry.registerComponent('securitySchemes', 'token', {
		type: 'apiKey',
		in: 'header',
		name: 'Authorization',
		description:
			'`User <user secret>, Element <instance token>` or `Bearer <API key>, Element <instance token>`. ' +
			'The token identifies the store.',
	})
	app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
		type: 'http',
		scheme: 'bearer',
		description: 'An API key (`sbk_…`) or the token of `POST /authentication`.',
	})
	mountOperations(app, documentOperations, {
		getDocument: (c) =>
			({ ...buildDocument(app), servers: [{ url: findOwnAddress(c.env, c.req.url) ?? '/' }] }) as Document,
	})
}

/** The document without its address. */
export function buildDocument(app: Api): object {
	const cached = documentsByApi.get(app)
	if (cached !== undefined) return cached
	const document = app.getOpenAPI31Document({
		openapi: '3.1.0',
		info: {
			title: 'Shopbell',
			version: VERSION,
			description: INTRODUCTION,
			license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
		},
		security: [{ secrets: [] }, { bearer: [] }],
		tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
	})
	const sorted = { ...document, paths: sortPaths(document.paths as Paths) }
	documentsByApi.set(app, sorted)
	return sorted
}

/** The part of a document's paths that sorting needs. */
type Paths = Record<string, Record<string, { operationId: string }>>

/**
 * Sorts the calls for readers. A document groups methods by path, which is another order, so each call also has its
 * position as `x-order`, by which the reference sorts.
 */
function sortPaths(paths: Paths): Paths {
	const positionById = new Map(getSortedOperationIds().map((id, index) => [id, index + 1]))
	const getPosition = ({ operationId }: { operationId: string }): number =>
		positionById.get(operationId) ?? positionById.size + 1
	const sorted = Object.entries(paths).map(([path, methods]) => {
		const calls = Object.entries(methods).map(
			([method, call]) => [method, { ...call, 'x-order': getPosition(call) }] as const,
		)
		return [path, calls.sort(([, a], [, b]) => a['x-order'] - b['x-order'])] as const
	})
	sorted.sort(([, [a]], [, [b]]) => a![1]['x-order'] - b![1]['x-order'])
	return Object.fromEntries(sorted.map(([path, calls]) => [path, Object.fromEntries(calls)]))
}

/** By tag, then by resource in the order of the tables, then by verb; a call by token follows the one by id. */
function getSortedOperationIds(): string[] {
	const entries = Object.entries(operations as Record<string, Operation>)
	const tags = Object.keys(TAGS)
	const subjects = [...new Set(entries.map(([, operation]) => getSubjectPath(operation)))]
	const keys = entries.map(([id, operation], index) => ({
		id,
		key: [
			tags.indexOf(operation.tag),
			subjects.indexOf(getSubjectPath(operation)),
			VERBS.indexOf(operation.summary.split(' ')[0]!),
			operation.access === 'token' ? 1 : 0,
			index,
		],
	}))
	return keys.sort((a, b) => compareKeys(a.key, b.key)).map(({ id }) => id)
}

/** The resource of a call: its path without a leading instance and without the id at its end. */
function getSubjectPath({ path }: Operation): string {
	return path.replace(/^\/instances\/\{id\}/, '/instances').replace(/\/\{\w+\}$/, '')
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
	const firstDifference = a.findIndex((part, index) => part !== b[index])
	return firstDifference === -1 ? 0 : a[firstDifference]! - b[firstDifference]!
}
