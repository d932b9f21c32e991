/** Handler of `DELETE /notifications/{id}`. */
import { Conflict, NotFound } from '../../lib/errors.ts'
import { audit, toAuditObject } from '../http/audit.ts'
import type { CallerContext } from '../http/environment.ts'
import { toDeliveryStatus } from '../events/delivery-status.ts'
import { requireNotification } from './deliveries.ts'
import { callOwner } from './owners.ts'
import { getInstanceId } from './view.ts'

/** Deletes a settled notification; 409 while a delivery of it is to be sent. */
export async function deleteNotification(c: CallerContext, id: string): Promise<undefined> {
	const { owner, counter, report } = await requireNotification(c, id)
	const result = await callOwner(c, owner, (watcher) => watcher.deleteNotification(counter))
	if (result === 'missing') throw new NotFound('No such notification')
	if (result === 'unsettled') {
		const unsettled = (report.deliveries ?? [report]).filter(({ nextTryMs }) => nextTryMs !== null)
		const states = unsettled.map(
			({ status, subscription }) => `${toDeliveryStatus(status)} at subscription ${subscription ?? 'unknown'}`,
		)
		throw new Conflict(
			`This notification is still to be sent (${states.length === 0 ? 'by a replay or release' : states.join(', ')}); ` +
				'delete it when it is delivered, queued or dropped',
		)
	}
	await audit(c, {
		action: 'notification.delete',
		...toAuditObject(c, getInstanceId(owner)),
		detail: { notification: report.id, status: toDeliveryStatus(report.status) },
	})
}
