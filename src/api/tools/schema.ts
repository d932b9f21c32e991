/** The shapes of what helps whoever builds a receiver. */
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
		.meta({ description: 'The key that the receiver uses, as it stands there' }),
	instanceId: z
		.int('expected the id of an instance')
		.positive('expected the id of an instance')
		.nullish()
		.meta({ description: 'The instance that sent it: its own keys are tried' }),
	headers: z
		.record(z.string(), HeaderValue, 'expected an object of names and texts')
		.meta({ description: 'Of the request that came' }),
	body: z.string('expected text').meta({ description: 'Of the request that came, byte for byte' }),
})

/** What it answers. */
export const VerifyResponse = z
	.strictObject({
		matches: z.boolean().meta({ description: 'A verifier that is given the same accepts' }),
		matched: z.array(z.strictObject({ header: z.string(), key: z.enum(['current', 'next']) })),
		reasons: z.array(
			z.strictObject({
				reason: z.string(),
				header: z.string().nullable(),
				certain: z.boolean().meta({ description: 'It was tried: with this put right the signature fits' }),
				message: z.string(),
			}),
		),
	})
	.meta({
		examples: [{ matches: true, matched: [{ header: 'Elements-Webhook-Signature', key: 'current' }], reasons: [] }],
	})
