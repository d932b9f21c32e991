/** Handlers that show and rotate an instance's signature key. */
import type * as z from 'zod'
import type { Instance } from '../../instances/rows.ts'
import {
	endKeyRotation,
	openSignatureKeys,
	rotateSignatureKey,
	type OpenSignatureKeys,
} from '../../instances/signature-rotation.ts'
import { DEFAULT_GRACE_SECONDS, toWhsec } from '../../instances/signature.ts'
import { audit, toAuditObject } from '../http/audit.ts'
import type { InstanceContext } from '../http/environment.ts'
import { toIsoSeconds } from '../http/times.ts'
import type { RotateSignatureKeyBody, SignatureKeyResponse } from './schema.ts'

type SignatureKeyView = z.output<typeof SignatureKeyResponse>

/** `GET …/signature-key`. Shows secrets, so it writes an audit row. */
export async function getSignatureKey(c: InstanceContext): Promise<SignatureKeyView> {
	const { services, instance } = c.var
	const keys = await openSignatureKeys(services, instance)
	if (keys.current !== null)
		await audit(c, {
			action: 'instance.signature-key.show',
			...toAuditObject(c, instance.id),
			detail: { keys: keys.next === null ? 1 : 2 },
		})
	return toSignatureKeyResponse(keys)
}

/** `POST …/signature-key/rotate`. */
export async function rotateKey(
	c: InstanceContext,
	body: z.output<typeof RotateSignatureKeyBody>,
): Promise<SignatureKeyView> {
	const change = { key: body.key ?? null, graceSeconds: body.grace ?? DEFAULT_GRACE_SECONDS }
	return await toChangedResponse(
		c,
		await rotateSignatureKey(c.var.services, c.var.instance, c.var.user, c.var.requestId, change),
	)
}

/** `POST …/signature-key/rotate/end`. */
export async function finishRotation(c: InstanceContext): Promise<SignatureKeyView> {
	return await toChangedResponse(c, await endKeyRotation(c.var.services, c.var.instance, c.var.user, c.var.requestId))
}

async function toChangedResponse(c: InstanceContext, changed: Instance): Promise<SignatureKeyView> {
	return toSignatureKeyResponse(await openSignatureKeys(c.var.services, changed))
}

function toSignatureKeyResponse({ current, next, fromMs }: OpenSignatureKeys): SignatureKeyView {
	return {
		key: current,
		whsec: current === null ? null : toWhsec(current),
		next: next === null || fromMs === null ? null : { key: next, whsec: toWhsec(next), from: toIsoSeconds(fromMs) },
	}
}
