/** Schemas of the calls that help to build a receiver. */
import * as z from 'zod'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'

const HeaderValue = z.union([z.string(), z.array(z.string()), z.number()], 'expected text')

/** `POST /tools/verify-signature`. */
export const VerifyBody = z.strictObject({
	key: z
		.string('expected text')
		.min(1, 'expected a key')
		.max(LIMITS.toolKey.value, expectedAtMost('toolKey'))
		.nullish()
		.meta({ description: 'The key that the receiver uses' }),
	instanceId: z
		.int('expected the id of an instance')
		.positive('expected the id of an instance')
		.nullish()
		.meta({ description: 'The instance that sent the request; its keys are tried too' }),
	headers: z
		.record(z.string(), HeaderValue, 'expected an object of names and texts')
		.meta({ description: 'Headers of the received request' }),
	body: z.string('expected text').meta({ description: 'Body of the received request, byte for byte' }),
})

/** The response. */
export const VerifyResponse = z
	.strictObject({
		matches: z.boolean().meta({ description: 'Whether a verifier with this key accepts the request' }),
		matched: z.array(z.strictObject({ header: z.string(), key: z.enum(['current', 'next']) })),
		reasons: z.array(
			z.strictObject({
				reason: z.string(),
				header: z.string().nullable(),
				certain: z
					.boolean()
					.meta({ description: 'true: undoing it was tried, and the signature matched. false: a guess' }),
				message: z.string(),
			}),
		),
	})
	.meta({
		examples: [{ matches: true, matched: [{ header: 'Elements-Webhook-Signature', key: 'current' }], reasons: [] }],
	})
