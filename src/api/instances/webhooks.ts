/** Handlers of webhooks, rejected deliveries and coverage. */
import { DAY_MS } from '../../lib/time.ts'
import { BadRequest } from '../../lib/errors.ts'
import { receiverUrlFor } from '../../instances/addresses.ts'
import { getDesiredWebhooks, wantsWebhooks } from '../../instances/webhooks.ts'
import { rotateInstanceWebhooks } from '../../instances/lifecycle.ts'
import type { WebhookTask, Instance } from '../../instances/rows.ts'
import { mergeRejections } from '../../instances/rejection-buffer.ts'
import { getElement } from '../../instances/stores.ts'
import { audit, toAuditObject } from '../http/audit.ts'
import type { OperationResponse } from '../http/contract.ts'
import type { InstanceContext } from '../http/environment.ts'
import { parseTimeParameter, toIsoSeconds } from '../http/times.ts'
import type { CoverageReport, LagReport } from '../../rpc/watcher.ts'
import type { watchingOperations } from './monitoring-operations.ts'
import { callWatcher, callWatcherOf } from '../http/ask.ts'

/** `GET …/webhooks`. Shows secrets, so it writes an audit row. */
export async function getWebhooks(
	c: InstanceContext,
): Promise<OperationResponse<typeof watchingOperations.getWebhooks>> {
	const { instance } = c.var
	const report = await callWatcher(c, (watcher) => watcher.webhooks())
	const usesWebhooks = wantsWebhooks(instance)
	const topics = usesWebhooks ? toTopics(c, instance) : []
	if (usesWebhooks)
		await audit(c, {
			action: 'instance.webhooks.show',
			...toAuditObject(c, instance.id),
			detail: { topics: topics.length, version: instance.webhookVersion },
		})
	return { ...toSecretVersion(c, instance, usesWebhooks), topics, ...report }
}

/** `POST …/webhooks/rotate`. */
export async function rotateWebhookSecrets(
	c: InstanceContext,
): Promise<OperationResponse<typeof watchingOperations.rotateWebhookSecrets>> {
	const { instance, done } = await rotateInstanceWebhooks(c.var.services, c.var.instance, c.var.user, c.var.requestId)
	if (!done) c.status(202)
	return { ...toSecretVersion(c, instance, true), pending: done ? null : 'ensure' }
}

/** `GET …/webhooks/rejected`: what the object stored, and what this isolate has counted since. */
export async function listRejected(
	c: InstanceContext,
): Promise<OperationResponse<typeof watchingOperations.listRejectedDeliveries>> {
	const stored = await callWatcher(c, (watcher) => watcher.rejections())
	const { sinceMs, counts, samples } = mergeRejections(stored, c.var.services.rejectionBuffer.pending(c.var.instance))
	const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
	return {
		since: total === 0 ? null : toIsoSeconds(sinceMs),
		total,
		counts,
		samples: samples.map(({ atMs, ...sample }) => ({ at: toIsoSeconds(atMs), ...sample })),
	}
}

/** `GET …/coverage`. 400 for a range with more than 20,000 events. */
export async function getCoverage(
	c: InstanceContext,
	query: { from?: string | undefined; to?: string | undefined },
): Promise<OperationResponse<typeof watchingOperations.getCoverage>> {
	const to = parseTimeParameter('to', query.to) ?? c.var.services.now()
	const from = parseTimeParameter('from', query.from) ?? to - DAY_MS
	if (to < from) throw new BadRequest('to: expected a time after from')
	const report = await callWatcherOf<CoverageReport | 'too-many'>(c.var.services, c.var.instance, (watcher) =>
		watcher.coverage(from, to),
	)
	if (report === 'too-many')
		throw new BadRequest('from, to: expected a shorter range; this one has more than 20000 events')
	const { webhook, poll, recovered } = report.lag
	const lag = { webhook: toLag(webhook), poll: toLag(poll), recovered: toLag(recovered) }
	return { from: toIsoSeconds(from), to: toIsoSeconds(to), ...report, lag }
}

const toLag = (lag: LagReport) => ({ ...lag, unknown: lag.unknown ?? 0 })

function toTopics(c: InstanceContext, instance: Instance): { topic: string; secret: string; resources: string[] }[] {
	const element = getElement(instance.elementKey)
	const { secrets } = getDesiredWebhooks(c.env, instance, false)
	const paths = Object.keys(instance.connection.collections)
	return Object.entries(secrets).map(([topic, secret]) => ({
		topic,
		secret,
		resources: paths.filter((path) => element.webhooks?.topicsFor(path).includes(topic) === true),
	}))
}

function toSecretVersion(
	c: InstanceContext,
	instance: Instance,
	usesWebhooks: boolean,
): { deliveryUrl: string | null; version: number; previousUntil: string | null; pending: WebhookTask | null } {
	const url = receiverUrlFor(c.env, instance.elementKey, instance, instance.webhookVersion)
	const previousUntilMs = instance.webhookPreviousUntilMs
	return {
		deliveryUrl: !usesWebhooks || url === '' ? null : url,
		version: instance.webhookVersion,
		previousUntil:
			previousUntilMs === null || previousUntilMs <= c.var.services.now() ? null : toIsoSeconds(previousUntilMs),
		pending: instance.webhookTask,
	}
}
