/** An instance's signature key: shown, changed with a time in which both keys sign, and that time ended. */
import type * as z from 'zod'
import { auditStatement } from '../../accounts/audit.ts'
import type { Instance } from '../../instances/records.ts'
import { endRotation, openKeys, rotateSignatureKey, type OpenKeys } from '../../instances/rotation.ts'
import { GRACE_SECONDS, whsecOf } from '../../instances/signature.ts'
import type { InstanceContext } from '../http/environment.ts'
import { toIsoSeconds } from '../http/times.ts'
import type { RotateBody, SignatureKeyAnswer } from './schema.ts'

type Shown = z.output<typeof SignatureKeyAnswer>

/** `GET …/signature-key`. Shows secrets, and leaves an audit row that says so. */
export async function signatureKey(c: InstanceContext): Promise<Shown> {
	const { services, instance, user, requestId } = c.var
	const keys = await openKeys(services, instance)
	if (keys.current !== null) {
		await services.env.DB.batch([
			auditStatement(
				services.env.DB,
				{ organizationId: instance.organizationId, userId: user.id, requestId },
				{
					action: 'instance.signature-key.show',
					objectType: 'instance',
					objectId: instance.id,
					detail: { keys: keys.next === null ? 1 : 2 },
				},
				services.now(),
			),
		])
	}
	return show(keys)
}

/** `POST …/signature-key/rotate`. */
export async function rotate(c: InstanceContext, body: z.output<typeof RotateBody>): Promise<Shown> {
	const wish = { key: body.key ?? null, graceSeconds: body.grace ?? GRACE_SECONDS }
	return await answer(c, await rotateSignatureKey(c.var.services, c.var.instance, c.var.user, c.var.requestId, wish))
}

/** `POST …/signature-key/rotate/end`. */
export async function endRotate(c: InstanceContext): Promise<Shown> {
	return await answer(c, await endRotation(c.var.services, c.var.instance, c.var.user, c.var.requestId))
}

async function answer(c: InstanceContext, changed: Instance): Promise<Shown> {
	return show(await openKeys(c.var.services, changed))
}

function show({ current, next, fromMs }: OpenKeys): Shown {
	return {
		key: current,
		whsec: current === null ? null : whsecOf(current),
		next: next === null || fromMs === null ? null : { key: next, whsec: whsecOf(next), from: toIsoSeconds(fromMs) },
	}
}
