/** What there is to know of an instance's webhooks: secrets for those made by hand, what the store has, what was refused, who saw changes first. */
import { auditStatement } from '../../accounts/audit.ts'
import { BadRequest } from '../../lib/errors.ts'
import { receiverUrl } from '../../instances/addresses.ts'
import { desiredHooks, wantsHooks } from '../../instances/webhooks.ts'
import { rotateHooks } from '../../instances/lifecycle.ts'
import type { HookWork, Instance } from '../../instances/records.ts'
import { joined } from '../../instances/rejections.ts'
import { elementOf } from '../../instances/stores.ts'
import type { AnswerOf } from '../http/contract.ts'
import type { InstanceContext } from '../http/environment.ts'
import { readMoment, toIsoSeconds } from '../http/times.ts'
import type { CoverageReport } from '../../rpc/watcher.ts'
import type { watchingOperations } from './watching-operations.ts'
import { ask, askObject } from '../http/ask.ts'

/** `coverage` looks back this far when nothing is asked for. */
const DAY_MS = 86_400_000

/** `GET …/webhooks`. Shows secrets, and leaves an audit row that says so. */
export async function webhooks(c: InstanceContext): Promise<AnswerOf<typeof watchingOperations.getWebhooks>> {
	const { services, instance, user, requestId } = c.var
	const report = await ask(c, (watcher) => watcher.webhooks())
	const kept = wantsHooks(instance)
	const topics = kept ? showTopics(c, instance) : []
	if (kept) {
		await services.env.DB.batch([
			auditStatement(
				services.env.DB,
				{ organizationId: instance.organizationId, userId: user.id, requestId },
				{
					action: 'instance.webhooks.show',
					objectType: 'instance',
					objectId: instance.id,
					detail: { topics: topics.length, version: instance.hookVersion },
				},
				services.now(),
			),
		])
	}
	return { ...showVersion(c, instance, kept), topics, ...report }
}

/** `POST …/webhooks/rotate`. */
export async function rotate(c: InstanceContext): Promise<AnswerOf<typeof watchingOperations.rotateWebhookSecrets>> {
	const { instance, done } = await rotateHooks(c.var.services, c.var.instance, c.var.user, c.var.requestId)
	if (!done) c.status(202)
	return { ...showVersion(c, instance, true), pending: done ? null : 'ensure' }
}

/** `GET …/webhooks/rejected`: what the object was told, and what this isolate has counted since. */
export async function rejected(c: InstanceContext): Promise<AnswerOf<typeof watchingOperations.listRejectedDeliveries>> {
	const kept = await ask(c, (watcher) => watcher.rejections())
	const { sinceMs, counts, samples } = joined(kept, c.var.services.rejections.pending(c.var.instance.id))
	const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
	return {
		since: total === 0 ? null : toIsoSeconds(sinceMs),
		total,
		counts,
		samples: samples.map(({ atMs, ...sample }) => ({ at: toIsoSeconds(atMs), ...sample })),
	}
}

/** `GET …/coverage`: the last day unless it is asked otherwise. 400 for a time with more than 20 000 events. */
export async function coverage(
	c: InstanceContext,
	query: { from?: string | undefined; to?: string | undefined },
): Promise<AnswerOf<typeof watchingOperations.getCoverage>> {
	const to = readMoment('to', query.to) ?? c.var.services.now()
	const from = readMoment('from', query.from) ?? to - DAY_MS
	if (to < from) throw new BadRequest('to: expected a moment after from')
	const report = await askObject<CoverageReport | 'too-many'>(c.var.services, c.var.instance.id, (watcher) => watcher.coverage(from, to))
	if (report === 'too-many')
		throw new BadRequest('from, to: expected a shorter time; at most 20000 events are counted, and more were recorded in this one')
	return { from: toIsoSeconds(from), to: toIsoSeconds(to), ...report }
}

function showTopics(c: InstanceContext, instance: Instance): { topic: string; secret: string; resources: string[] }[] {
	const element = elementOf(instance.elementKey)
	const { secrets } = desiredHooks(c.env, instance, false)
	const paths = Object.keys(instance.connection.collections)
	return Object.entries(secrets).map(([topic, secret]) => ({
		topic,
		secret,
		resources: paths.filter((path) => element.hooks?.topicsOf(path).includes(topic) === true),
	}))
}

function showVersion(
	c: InstanceContext,
	instance: Instance,
	kept: boolean,
): { deliveryUrl: string | null; version: number; previousUntil: string | null; pending: HookWork | null } {
	const url = receiverUrl(c.env, instance.elementKey, instance.id, instance.hookVersion)
	const until = instance.hookPreviousUntilMs
	return {
		deliveryUrl: !kept || url === '' ? null : url,
		version: instance.hookVersion,
		previousUntil: until === null || until <= c.var.services.now() ? null : toIsoSeconds(until),
		pending: instance.hookWork,
	}
}
