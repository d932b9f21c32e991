/** The calls about this deployment. */
import * as z from 'zod'
import { Email, Password, PersonName } from '../accounts/fields.ts'
import { LinkResponse } from '../accounts/links.ts'
import { defineOperation, TAGS } from '../http/contract.ts'
import { SERVICE_URL } from '../http/examples.ts'
import { SETUP } from '../instances/examples.ts'
import { VERSION } from '../../lib/version.ts'

const HealthzResponse = z
	.strictObject({
		status: z.enum(['ok', 'failing']),
		version: z.string(),
		database: z.boolean().meta({ description: 'Whether D1 responds and has its tables' }),
		setUp: z.boolean().meta({ description: 'Whether the first organization exists' }),
		dnsResolver: z.boolean().meta({
			description: 'Whether names of stores and callbacks are resolved before they are reached (DNS_RESOLVER_URL)',
		}),
		keys: z.array(z.string()).meta({ description: 'Ids of MASTER_KEYS, the key that seals first' }),
		keysInUse: z.array(z.string()).meta({
			description: 'Keys that sealed values or webhooks still depend on. Others can be removed',
		}),
	})
	.meta({
		id: 'Healthz',
		examples: [
			{
				status: 'ok',
				version: VERSION,
				database: true,
				setUp: true,
				dnsResolver: false,
				keys: ['2026a'],
				keysInUse: ['2026a'],
			},
		],
	})

const SetupResponse = z
	.strictObject({
		organization: z.strictObject({ id: z.number(), name: z.string() }),
		user: z.strictObject({ id: z.number(), emailAddress: z.string(), firstName: z.string(), lastName: z.string() }),
		organizationSecret: z.string(),
		userSecret: z.string(),
		invitation: LinkResponse.nullable().meta({
			description: 'Link with which the user sets a password; null if the request set one',
		}),
	})
	.meta({ id: 'Setup', examples: [SETUP] })

const DocumentPart = z.record(z.string(), z.unknown()).meta({
	id: 'OpenApiPart',
	examples: [{ title: 'Shopbell', version: VERSION }],
	description: 'As defined by OpenAPI 3.1',
})
const DocumentResponse = z
	.strictObject({
		openapi: z.literal('3.1.0'),
		info: DocumentPart,
		servers: z.array(z.strictObject({ url: z.string() })),
		security: z.array(DocumentPart),
		tags: z.array(z.strictObject({ name: z.string(), description: z.string() })),
		paths: z.record(z.string(), DocumentPart),
		components: z.record(z.string(), DocumentPart),
		webhooks: DocumentPart.optional(),
	})
	.meta({
		id: 'OpenApiDocument',
		examples: [
			{
				openapi: '3.1.0',
				info: { title: 'Shopbell', version: VERSION },
				servers: [{ url: SERVICE_URL }],
				security: [{ secrets: [] }, { bearer: [] }],
				tags: [{ name: 'Service', description: TAGS.Service }],
				paths: { '/healthz': { get: { operationId: 'healthz', summary: 'Check this deployment' } } },
				components: { schemas: {} },
			},
		],
	})

/** `POST /setup`. */
export const SetupBody = z.looseObject({
	token: z.string().optional().meta({ description: 'SETUP_TOKEN, unless it is sent as Authorization: Bearer' }),
	organizationName: PersonName.default('My organization'),
	email: Email.default('admin@example.com'),
	firstName: PersonName.default('First'),
	lastName: PersonName.default('User'),
	password: Password.optional().meta({
		description: 'Password of the user; without it, the response holds an invitation',
	}),
})

export const serviceOperations = {
	healthz: defineOperation({
		method: 'get',
		path: '/healthz',
		root: true,
		tag: 'Service',
		summary: 'Check this deployment',
		description: 'Returns 503 if D1 does not respond, or MASTER_KEYS or DNS_RESOLVER_URL is invalid.',
		access: 'public',
		answer: HealthzResponse,
		status: [200, 503],
	}),
	setup: defineOperation({
		method: 'post',
		path: '/setup',
		root: true,
		tag: 'Service',
		summary: 'Create the first organization',
		description:
			'Creates the organization and its first user, once. Send `Authorization: Bearer <SETUP_TOKEN>`, or `token` in the ' +
			'body. 404 without it, and once there is an organization. 409 without `password` if PUBLIC_URL is not set. ' +
			'All fields of the body are optional.',
		access: 'public',
		body: SetupBody,
		bodyOptional: true,
		// The token is checked first.
		bodyUnchecked: true,
		example: { organizationName: 'My organization', email: 'admin@example.com' },
		answer: SetupResponse,
		errors: [404, 409],
	}),
}

/** The document itself, mounted by openapi.ts. */
export const documentOperations = {
	getDocument: defineOperation({
		method: 'get',
		path: '/openapi.json',
		root: true,
		tag: 'Service',
		summary: 'Get this document',
		description: 'Returns this API as an OpenAPI 3.1 document. It is public.',
		access: 'public',
		answer: DocumentResponse,
	}),
}
