/** What helps whoever builds a receiver. */
import type * as z from 'zod'
import { explainSignature } from './explain.ts'
import { BadRequest, NotFound } from '../../lib/errors.ts'
import { openKeys } from '../../instances/rotation.ts'
import { atMost, LIMITS } from '../../lib/limits.ts'
import { callersInstance } from '../http/access.ts'
import { serve, type Api } from '../http/serve.ts'
import type { CallerContext } from '../http/environment.ts'
import { toolOperations } from './operations.ts'
import type { VerifyAnswer, VerifyBody } from './schema.ts'

/** Mounts the calls. */
export function declareTools(api: Api): void {
	serve(api, toolOperations, { verifySignature: (c, { body }) => verifySignature(c, body) })
}

async function verifySignature(c: CallerContext, body: z.output<typeof VerifyBody>): Promise<z.output<typeof VerifyAnswer>> {
	const { services } = c.var
	const key = body.key ?? null
	const instanceId = body.instanceId ?? null
	if (key === null && instanceId === null) throw new BadRequest('key: expected a key, or instanceId')
	const headers = readHeaders(body.headers)
	const named = instanceId === null ? null : await callersInstance(c, instanceId)
	if (instanceId !== null && named === null) throw new NotFound(`No instance ${instanceId}`)
	if (named !== null) c.set('instanceId', named.id)
	const instance = named === null ? null : await openKeys(services, named)
	return explainSignature({ key, instance, headers, body: body.body, nowMs: services.now() })
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
