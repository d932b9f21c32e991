/** The calls about this deployment itself. */
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
		database: z.boolean().meta({ description: 'D1 answers and its tables are there' }),
		keys: z.array(z.string()).meta({ description: 'Ids of MASTER_KEYS, the one that seals first' }),
		keysInUse: z.array(z.string()).meta({
			description: 'Those of them that something sealed or a webhook still depends on: another one may leave',
		}),
	})
	.meta({
		id: 'Healthz',
		examples: [{ status: 'ok', version: VERSION, database: true, keys: ['2026a'], keysInUse: ['2026a'] }],
	})

const SetupResponse = z
	.strictObject({
		organization: z.strictObject({ id: z.number(), name: z.string() }),
		user: z.strictObject({ id: z.number(), emailAddress: z.string(), firstName: z.string(), lastName: z.string() }),
		organizationSecret: z.string(),
		userSecret: z.string(),
		invitation: LinkResponse.nullable().meta({
			description: 'With which the user sets their password; null when one was given',
		}),
	})
	.meta({ id: 'Setup', examples: [SETUP] })

/** A part of the document, as OpenAPI 3.1 has it. */
const DocumentPart = z
	.record(z.string(), z.unknown())
	.meta({ id: 'OpenApiPart', examples: [{ title: 'Shopbell', version: VERSION }], description: 'As OpenAPI 3.1 says' })
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

/** What the first organization and user are called. */
export const SetupBody = z.looseObject({
	token: z.string().optional().meta({ description: 'SETUP_TOKEN, unless it comes as Authorization: Bearer' }),
	organizationName: PersonName.default('My organization'),
	email: Email.default('admin@example.com'),
	firstName: PersonName.default('First'),
	lastName: PersonName.default('User'),
	password: Password.optional().meta({ description: 'Without it an invitation is answered, with which they set one' }),
})

/** All of them. */
export const serviceOperations = {
	healthz: defineOperation({
		method: 'get',
		path: '/healthz',
		root: true,
		tag: 'Service',
		summary: 'Check this deployment',
		description: 'Whether it works. 503 when D1 does not answer or the ring of keys cannot be read.',
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
			'`Authorization: Bearer <SETUP_TOKEN>`, or `token` in the body. Without it, and once there is an organization, this call does not exist (404). Also makes its first user. Everything in the body may be left out.',
		access: 'public',
		body: SetupBody,
		bodyOptional: true,
		// The token is looked at first.
		bodyUnchecked: true,
		example: { organizationName: 'My organization', email: 'admin@example.com' },
		answer: SetupResponse,
		errors: [404],
	}),
}

/** The document itself, which is mounted by what makes it (openapi.ts). */
export const documentOperations = {
	getDocument: defineOperation({
		method: 'get',
		path: '/openapi.json',
		root: true,
		tag: 'Service',
		summary: 'Get this document',
		description: 'OpenAPI 3.1. It needs no authorization and says nothing about anybody.',
		access: 'public',
		answer: DocumentResponse,
	}),
}
