/** Calls to an instance's Durable Object. */
import type { InstanceContext } from './environment.ts'
import type { WatcherRpc } from '../../rpc/watcher.ts'
import type { OrUnknown } from '../../rpc/known.ts'
import type { Services } from '../../instances/services.ts'

/** Calls the object of the request's instance. */
export async function callWatcher<T extends object | null>(
	c: InstanceContext,
	call: (watcher: WatcherRpc) => Promise<OrUnknown<T>>,
): Promise<T> {
	return await callWatcherById(c.var.services, c.var.instance.id, call)
}

/** Calls an object. One that answers `unknown` although its row is ready has lost its storage: it is created again. */
export async function callWatcherById<T>(
	services: Services,
	instanceId: number,
	call: (watcher: WatcherRpc) => Promise<OrUnknown<T>>,
): Promise<T> {
	const watcher = services.watcher(instanceId)
	let answer = await call(watcher)
	if (answer === 'unknown') {
		await watcher.create(instanceId)
		answer = await call(watcher)
	}
	if (answer === 'unknown') throw new Error('the Durable Object does not exist after its creation')
	return answer
}
