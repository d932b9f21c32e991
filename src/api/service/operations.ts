/** The calls about this deployment itself. */
import * as z from 'zod'
import { LinkAnswer } from '../accounts/links.ts'
import { operation } from '../contract.ts'
import { SETUP } from '../instances/examples.ts'
import { VERSION } from '../../version.ts'

const HealthzAnswer = z
	.strictObject({
		status: z.enum(['ok', 'failing']),
		version: z.string(),
		database: z.boolean().meta({ description: 'D1 answers and its tables are there' }),
		keys: z.array(z.string()).meta({ description: 'Ids of MASTER_KEYS, the one that seals first' }),
		keysInUse: z
			.array(z.string())
			.meta({ description: 'Those of them that something sealed or a webhook still depends on: another one may leave' }),
	})
	.meta({ id: 'Healthz', examples: [{ status: 'ok', version: VERSION, database: true, keys: ['2026a'], keysInUse: ['2026a'] }] })

const SetupAnswer = z
	.strictObject({
		organization: z.strictObject({ id: z.number(), name: z.string() }),
		user: z.strictObject({ id: z.number(), emailAddress: z.string(), firstName: z.string(), lastName: z.string() }),
		organizationSecret: z.string(),
		userSecret: z.string(),
		invitation: LinkAnswer.nullable().meta({ description: 'With which the user sets their password; null when one was given' }),
	})
	.meta({ id: 'Setup', examples: [SETUP] })

/** All of them. */
export const serviceOperations = {
	healthz: operation({
		method: 'get',
		path: '/healthz',
		root: true,
		tag: 'Service',
		summary: 'Check this deployment',
		description: 'Whether it works. 503 when D1 does not answer or the ring of keys cannot be read.',
		access: 'public',
		answer: HealthzAnswer,
		status: [200, 503],
	}),
	setup: operation({
		method: 'post',
		path: '/setup',
		root: true,
		tag: 'Service',
		summary: 'Create the first organization',
		description:
			'`Authorization: Bearer <SETUP_TOKEN>`, or `token` in the body. Without it, and once there is an organization, this call does not exist (404). With its first user. Everything in the body may be left out: `organizationName`, `email`, `firstName`, `lastName`, and `password`, instead of which an invitation is answered.',
		access: 'public',
		answer: SetupAnswer,
		errors: [400, 404],
	}),
}
