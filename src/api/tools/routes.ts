/** What helps whoever builds a receiver. */
import * as z from 'zod'
import { explainSignature } from '../../delivery/explain.ts'
import { BadRequest } from '../../errors.ts'
import { openKeys } from '../../instances/rotation.ts'
import { atMost, LIMITS } from '../../limits.ts'
import { findCallersInstance } from '../access.ts'
import { declare, type Api } from '../contract.ts'
import type { CallerContext } from '../environment.ts'

const HeaderValue = z.union([z.string(), z.array(z.string()), z.number()], 'expected text')

/** `POST /tools/verify-signature`. */
export const VerifyBody = z.strictObject({
	key: z
		.string('expected text')
		.min(1, 'expected a key')
		.max(LIMITS.toolKey.value, atMost('toolKey'))
		.nullish()
		.meta({ description: 'The key that the receiver uses, as it stands there' }),
	instanceId: z
		.int('expected the id of an instance')
		.positive('expected the id of an instance')
		.nullish()
		.meta({ description: 'The instance that sent it: its own keys are tried' }),
	headers: z.record(z.string(), HeaderValue, 'expected an object of names and texts').meta({ description: 'Of the request that came' }),
	body: z.string('expected text').meta({ description: 'Of the request that came, byte for byte' }),
})

/** What it answers. */
export const VerifyAnswer = z.object({
	matches: z.boolean().meta({ description: 'A verifier that is given the same accepts' }),
	matched: z.array(z.object({ header: z.string(), key: z.enum(['current', 'next']) })),
	reasons: z.array(
		z.object({
			reason: z.string(),
			header: z.string().nullable(),
			certain: z.boolean().meta({ description: 'It was tried: with this put right the signature fits' }),
			message: z.string(),
		}),
	),
})

/** Declares the calls. */
export function declareTools(api: Api): void {
	declare(api, {
		method: 'post',
		path: '/tools/verify-signature',
		summary: 'Why a signature matches or does not',
		access: 'caller',
		body: VerifyBody,
		answer: VerifyAnswer,
		handle: (c, { body }) => verifySignature(c, body),
	})
}

async function verifySignature(c: CallerContext, body: z.output<typeof VerifyBody>): Promise<Response> {
	const { services } = c.var
	const key = body.key ?? null
	const instanceId = body.instanceId ?? null
	if (key === null && instanceId === null) throw new BadRequest('key: expected a key, or instanceId')
	const headers = readHeaders(body.headers)
	const named = instanceId === null ? null : await findCallersInstance(c, instanceId)
	if (named !== null) c.set('instanceId', named.id)
	const instance = named === null ? null : await openKeys(services, named)
	return c.json(explainSignature({ key, instance, headers, body: body.body, nowMs: services.now() }), 200)
}

/** Headers as frameworks show them: texts, lists of texts, numbers. */
function readHeaders(given: z.output<typeof VerifyBody>['headers']): Record<string, string> {
	const entries = Object.entries(given)
	if (entries.length > LIMITS.toolHeaders.value) throw new BadRequest(`headers: ${atMost('toolHeaders')}`)
	return Object.fromEntries(
		entries.map(([name, value]) => {
			const text = Array.isArray(value) ? value.join(', ') : String(value)
			if (name.length > LIMITS.toolHeaderName.value) throw new BadRequest(`headers: ${atMost('toolHeaderName')} in a name`)
			if (text.length > LIMITS.toolHeader.value) throw new BadRequest(`headers.${name}: ${atMost('toolHeader')}`)
			return [name, text]
		}),
	)
}
