/** Handlers of health, poller, polls on demand, held deletions and held mass changes. */
import { Conflict } from '../../lib/errors.ts'
import { maskUrl } from '../../lib/url-masks.ts'
import { canSeeSecrets } from '../http/access.ts'
import { audit, toAuditObject } from '../http/audit.ts'
import type { OperationResponse } from '../http/contract.ts'
import type { InstanceContext } from '../http/environment.ts'
import type { watchingOperations } from './monitoring-operations.ts'
import { callWatcher } from '../http/ask.ts'
import type { OrUnknown } from '../../rpc/known.ts'
import type { WatcherRpc } from '../../rpc/watcher.ts'

/** `GET …/health`. */
export async function getHealth(c: InstanceContext): Promise<OperationResponse<typeof watchingOperations.getHealth>> {
	const report = await callWatcher(c, (watcher) => watcher.health())
	const { webhooks } = report
	const health = {
		...report,
		store: report.store ?? null,
		resources: report.resources.map((resource) => ({
			...resource,
			noise: resource.noise ?? [],
			limits: resource.limits ?? [],
		})),
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
		limits: resource.limits ?? [],
		findings: resource.findings ?? [],
		unknownLags: resource.unknownLags ?? 0,
		massChanges: resource.massChanges ?? [],
		heldChanges: resource.heldChanges ?? 0,
	}))
	return { ...report, resources }
}

/** Tells the object what a person decided about what it holds, and writes that to the audit log. */
async function decide(
	c: InstanceContext,
	action: 'instance.unchecked' | 'instance.deletions' | 'instance.mass-changes',
	decision: 'emit' | 'forget',
	call: (watcher: WatcherRpc) => Promise<OrUnknown<{ decided: number }>>,
): Promise<{ decided: number }> {
	const answer = await callWatcher(c, call)
	await audit(c, { action, ...toAuditObject(c, c.var.instance.id), detail: { decision, decided: answer.decided } })
	return answer
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
	return await decide(c, 'instance.unchecked', decision, (watcher) => watcher.decideUnchecked(decision))
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
	return await decide(c, 'instance.deletions', decision, (watcher) => watcher.decide(decision))
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
	return await decide(c, 'instance.mass-changes', decision, (watcher) => watcher.decideMassChanges(decision))
}
