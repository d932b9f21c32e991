/** Handlers of the calls that help to build a receiver. */
import type * as z from 'zod'
import { explainSignature } from './explain.ts'
import { BadRequest, NotFound } from '../../lib/errors.ts'
import { openSignatureKeys } from '../../instances/signature-rotation.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { findAccessibleInstance } from '../http/access.ts'
import { mountOperations, type Api } from '../http/serve.ts'
import type { CallerContext } from '../http/environment.ts'
import { toolOperations } from './operations.ts'
import type { VerifyResponse, VerifyBody } from './schema.ts'

/** Mounts the calls. */
export function mountToolRoutes(api: Api): void {
	mountOperations(api, toolOperations, { verifySignature: (c, { body }) => verifySignature(c, body) })
}

async function verifySignature(
	c: CallerContext,
	body: z.output<typeof VerifyBody>,
): Promise<z.output<typeof VerifyResponse>> {
	const { services } = c.var
	const key = body.key ?? null
	const instanceId = body.instanceId ?? null
	if (key === null && instanceId === null) throw new BadRequest('key: expected a key, or instanceId')
	const headers = parseHeaders(body.headers)
	const foundInstance = instanceId === null ? null : await findAccessibleInstance(c, instanceId)
	if (instanceId !== null && foundInstance === null) throw new NotFound(`No instance ${instanceId}`)
	if (foundInstance !== null) c.set('instanceId', foundInstance.id)
	const instance = foundInstance === null ? null : await openSignatureKeys(services, foundInstance)
	return explainSignature({ key, instance, headers, body: body.body, nowMs: services.now() })
}

/** Headers as frameworks represent them: strings, lists of strings, numbers. */
function parseHeaders(headers: z.output<typeof VerifyBody>['headers']): Record<string, string> {
	const entries = Object.entries(headers)
	if (entries.length > LIMITS.toolHeaders.value) throw new BadRequest(`headers: ${expectedAtMost('toolHeaders')}`)
	return Object.fromEntries(
		entries.map(([name, value]) => {
			const text = Array.isArray(value) ? value.join(', ') : String(value)
			if (name.length > LIMITS.toolHeaderName.value)
				throw new BadRequest(`headers: ${expectedAtMost('toolHeaderName')} in a name`)
			if (text.length > LIMITS.toolHeader.value)
				throw new BadRequest(`headers.${name}: ${expectedAtMost('toolHeader')}`)
			return [name, text]
		}),
	)
}
