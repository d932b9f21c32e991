/** `GET /openapi.json`: the calls as an OpenAPI 3.1 document, made of the same data that validates them. */
import { TAGS } from './contract.ts'
import type { AnswerOf } from './contract.ts'
import { type Api, serve } from './serve.ts'
import { documentOperations } from './service/operations.ts'
import { VERSION } from '../version.ts'

type Document = AnswerOf<typeof documentOperations.getDocument>

/** Made once an isolate: nothing in it changes but the address. */
const made = new WeakMap<Api, object>()

/** Mounts the document. It needs no authorization: it says nothing about anybody. */
export function declareOpenapi(app: Api): void {
	app.openAPIRegistry.registerComponent('securitySchemes', 'secrets', {
		type: 'apiKey',
		in: 'header',
		name: 'Authorization',
		description:
			'`User <user secret>, Organization <organization secret>`; calls about one store `User <user secret>, Element <instance token>`. In any order, also all three.',
	})
	app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
		type: 'http',
		scheme: 'bearer',
		description: 'An API key (`sbk_…`), or the token of `POST /authentication`.',
	})
	serve(app, documentOperations, {
		getDocument: (c) => ({ ...documentOf(app), servers: [{ url: c.env.PUBLIC_URL || new URL(c.req.url).origin }] }) as Document,
	})
}

/** The document without its address. */
export function documentOf(app: Api): object {
	const known = made.get(app)
	if (known !== undefined) return known
	const document = app.getOpenAPI31Document({
		openapi: '3.1.0',
		info: {
			title: 'Shopbell',
			version: VERSION,
			description:
				'Rings when something changes in a shop. The calls are those of Cloud Elements’ event framework, and some more. Pages for people (`/connect/…`, `/accept/…`, `/guide`, `/docs`) answer with HTML and are not among them.',
			license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
		},
		security: [{ secrets: [] }, { bearer: [] }],
		tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
	})
	made.set(app, document)
	return document
}
