/** What an instance's object says of its watching: health, poller, held deletions, and a poll on demand. */
import { auditStatement } from '../../accounts/audit.ts'
import { Conflict } from '../../lib/errors.ts'
import type { Health, PollerReport } from '../../rpc/watcher.ts'
import type { AnswerOf } from '../http/contract.ts'
import type { InstanceContext } from '../http/environment.ts'
import type { watchingOperations } from './watching-operations.ts'
import { ask } from '../http/ask.ts'

/** `GET …/health`. */
export async function health(c: InstanceContext): Promise<Health> {
	return await ask(c, (watcher) => watcher.health())
}

/** `GET …/poller`. */
export async function poller(c: InstanceContext): Promise<PollerReport> {
	return await ask(c, (watcher) => watcher.poller())
}

/** `PUT …/poll`: 202 with the run. 409 when this instance does not poll. */
export async function poll(c: InstanceContext, depth: 'window' | 'reread'): Promise<AnswerOf<typeof watchingOperations.pollNow>> {
	const { instance } = c.var
	if (!instance.enabled) throw new Conflict('This instance is disabled; enable it to poll')
	if (!instance.eventsEnabled) throw new Conflict('This instance has no events; set event.notification.enabled to true to poll')
	return await ask(c, (watcher) => watcher.poll(depth))
}

/** `GET …/deletions`. */
export async function deletions(c: InstanceContext): Promise<AnswerOf<typeof watchingOperations.listHeldDeletions>> {
	return await ask(c, (watcher) => watcher.deletions())
}

/** `PUT …/deletions`. */
export async function decide(
	c: InstanceContext,
	decision: 'emit' | 'forget',
): Promise<AnswerOf<typeof watchingOperations.decideHeldDeletions>> {
	const { services, instance, user, requestId } = c.var
	const answer = await ask(c, (watcher) => watcher.decide(decision))
	await services.env.DB.batch([
		auditStatement(
			services.env.DB,
			{ organizationId: instance.organizationId, userId: user.id, requestId },
			{ action: 'instance.deletions', objectType: 'instance', objectId: instance.id, detail: { decision, decided: answer.decided } },
			services.now(),
		),
	])
	return answer
}
