/** Handlers of health, poller, polls on demand, held deletions and held mass changes. */
import { Conflict } from '../../lib/errors.ts'
import { maskUrl } from '../../lib/url-masks.ts'
import { canSeeSecrets } from '../http/access.ts'
import { audit, toAuditObject } from '../http/audit.ts'
import type { OperationResponse } from '../http/contract.ts'
import type { InstanceContext } from '../http/environment.ts'
import type { watchingOperations } from './monitoring-operations.ts'
import { callWatcher } from '../http/ask.ts'

/** `GET …/health`. */
export async function getHealth(c: InstanceContext): Promise<OperationResponse<typeof watchingOperations.getHealth>> {
	const report = await callWatcher(c, (watcher) => watcher.health())
	const { webhooks } = report
	const health = {
		...report,
		store: report.store ?? null,
		resources: report.resources.map((resource) => ({ ...resource, noise: resource.noise ?? [] })),
		webhooks: webhooks === null ? null : { ...webhooks, checkedAt: webhooks.checkedAt ?? null },
	}
	const { callback } = health
	return canSeeSecrets(c) || callback.url === null
		? health
		: { ...health, callback: { ...callback, url: maskUrl(callback.url) } }
}

/** `GET …/poller`. */
export async function getPoller(c: InstanceContext): Promise<OperationResponse<typeof watchingOperations.getPoller>> {
	const report = await callWatcher(c, (watcher) => watcher.poller())
	const resources = report.resources.map((resource) => ({
		...resource,
		noise: resource.noise ?? [],
		unknownLags: resource.unknownLags ?? 0,
		massChanges: resource.massChanges ?? [],
		heldChanges: resource.heldChanges ?? 0,
	}))
	return { ...report, resources }
}

/** `GET …/unchecked`. */
export async function listUncheckedObjects(
	c: InstanceContext,
): Promise<OperationResponse<typeof watchingOperations.listUncheckedObjects>> {
	return await callWatcher(c, (watcher) => watcher.unchecked())
}

/** `PUT …/unchecked`. */
export async function decideUncheckedObjects(
	c: InstanceContext,
	decision: 'emit' | 'forget',
): Promise<OperationResponse<typeof watchingOperations.decideUncheckedObjects>> {
	const answer = await callWatcher(c, (watcher) => watcher.decideUnchecked(decision))
	await audit(c, {
		action: 'instance.unchecked',
		...toAuditObject(c, c.var.instance.id),
		detail: { decision, decided: answer.decided },
	})
	return answer
}

/** `PUT …/poll`: 202 with the run. 409 when this instance does not poll. */
export async function startPoll(
	c: InstanceContext,
	depth: 'window' | 'reread',
): Promise<OperationResponse<typeof watchingOperations.pollNow>> {
	const { instance } = c.var
	if (!instance.enabled) throw new Conflict('This instance is disabled; enable it to poll')
	if (!instance.eventsEnabled)
		throw new Conflict('This instance has no events; set event.notification.enabled to true to poll')
	const run = await callWatcher(c, (watcher) => watcher.poll(depth))
	return { ...run, notBefore: run.notBefore ?? null }
}

/** `GET …/deletions`. */
export async function listHeldDeletions(
	c: InstanceContext,
): Promise<OperationResponse<typeof watchingOperations.listHeldDeletions>> {
	return await callWatcher(c, (watcher) => watcher.deletions())
}

/** `PUT …/deletions`. */
export async function decideHeldDeletions(
	c: InstanceContext,
	decision: 'emit' | 'forget',
): Promise<OperationResponse<typeof watchingOperations.decideHeldDeletions>> {
	const answer = await callWatcher(c, (watcher) => watcher.decide(decision))
	await audit(c, {
		action: 'instance.deletions',
		...toAuditObject(c, c.var.instance.id),
		detail: { decision, decided: answer.decided },
	})
	return answer
}

/** `GET …/mass-changes`. */
export async function listHeldMassChanges(
	c: InstanceContext,
): Promise<OperationResponse<typeof watchingOperations.listHeldMassChanges>> {
	return await callWatcher(c, (watcher) => watcher.massChanges())
}

/** `PUT …/mass-changes`. */
export async function decideHeldMassChanges(
	c: InstanceContext,
	decision: 'emit' | 'forget',
): Promise<OperationResponse<typeof watchingOperations.decideHeldMassChanges>> {
	const answer = await callWatcher(c, (watcher) => watcher.decideMassChanges(decision))
	await audit(c, {
		action: 'instance.mass-changes',
		...toAuditObject(c, c.var.instance.id),
		detail: { decision, decided: answer.decided },
	})
	return answer
}
