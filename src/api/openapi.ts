/** `GET /openapi.json`: the calls as an OpenAPI 3.1 document, made of the same data that validates them. */
import { type OperationResponse, type Operation, TAGS, VERBS } from './http/contract.ts'
import { operations } from './operations.ts'
import { type Api, mountOperations } from './http/serve.ts'
import { documentOperations } from './service/operations.ts'
import { VERSION } from '../lib/version.ts'

type Document = OperationResponse<typeof documentOperations.getDocument>

/** Made once an isolate: nothing in it changes but the address. */
const documentsByApi = new WeakMap<Api, object>()

/** What holds for all calls, in Markdown: what a newcomer reads first. */
const INTRODUCTION = `Rings when something changes in a shop. The calls are those of Cloud Elements’ event framework, and some more.
The [guide](/guide) leads from the first key to the first notification; here is every call.
Pages for people (\`/connect/…\`, \`/accept/…\`, \`/guide\`, \`/docs\`) answer with HTML and are not among them.

## Authorization

Whoever calls presents \`Authorization: User <user secret>, Organization <organization secret>\`. *Get your secrets* shows both to whoever has
signed in. A program may use an API key instead: \`Authorization: Bearer <API key>\`.

## By id and by token

Most calls about one instance exist twice: by id, \`/instances/{id}/health\`, and by token, \`/instances/health\` with
\`Authorization: User <user secret>, Element <instance token>\`, where the token says which instance is meant. The hub goes by token alone.

## Lists

A list is an array. \`pageSize\` says how much of it is wanted. While there is more, the answer's header \`Elements-Next-Page-Token\` holds what \`nextPage\`
takes; \`Elements-Returned-Count\` and, where it is known, \`Elements-Total-Count\` count.

## Times and ids

Times are UTC. \`eventId\` and \`objectId\` are texts, other ids numbers: that of a notification is its instance's number × 10⁹ and a counter.

## Refusals

Every refusal is \`{message, requestId}\`: the message names the field and what was expected, the id finds the request in the log and is also in
\`Elements-Request-Id\`. Where the store said something, \`providerMessage\` is that.`

/** Mounts the document. It needs no authorization: it says nothing about anybody. */
export function mountOpenApi(app: Api): void {
	app.openAPIRegistry.registerComponent('securitySchemes', 'secrets', {
		type: 'apiKey',
		in: 'header',
		name: 'Authorization',
		description:
			'`User <user secret>, Organization <organization secret>`; calls about one store also `User <user secret>, Element <instance token>`. In any order, also all three.',
	})
	app.openAPIRegistry.registerComponent('securitySchemes', 'token', {
		type: 'apiKey',
		in: 'header',
		name: 'Authorization',
		description:
			'`User <user secret>, Element <instance token>`, or `Bearer <API key>, Element <instance token>`: the token says which store.',
	})
	app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
		type: 'http',
		scheme: 'bearer',
		description: 'An API key (`sbk_…`), or the token of `POST /authentication`.',
	})
	mountOperations(app, documentOperations, {
		getDocument: (c) =>
			({ ...buildDocument(app), servers: [{ url: c.env.PUBLIC_URL || new URL(c.req.url).origin }] }) as Document,
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

/** What is read and written of a document's paths. */
type Paths = Record<string, Record<string, { operationId: string }>>

/**
 * The calls in the order in which one meets them. The methods of a path stand together in a document, but not in that
 * order, so each call also carries its place as `x-order`, by which the reference sorts.
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

/**
 * By tag, then by what a call is about, as the tables first name it, then by verb; that by the token after that by id.
 */
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

/** What a call is about: its path without the instance that it is beneath, and without the id at its end. */
function getSubjectPath({ path }: Operation): string {
	return path.replace(/^\/instances\/\{id\}/, '/instances').replace(/\/\{\w+\}$/, '')
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
	const firstDifference = a.findIndex((part, index) => part !== b[index])
	return firstDifference === -1 ? 0 : a[firstDifference]! - b[firstDifference]!
}
