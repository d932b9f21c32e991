/** Asking an instance's Durable Object. */
import type { InstanceContext } from './environment.ts'
import type { WatcherRpc } from '../../rpc/watcher.ts'
import type { OrUnknown } from '../../rpc/known.ts'
import type { Services } from '../../instances/services.ts'

/** Asks the instance's object. */
export async function callWatcher<T extends object | null>(
	c: InstanceContext,
	call: (watcher: WatcherRpc) => Promise<OrUnknown<T>>,
): Promise<T> {
	return await callWatcherById(c.var.services, c.var.instance.id, call)
}

/**
 * Asks an object. One that knows nothing although its row is ready has lost its storage: it is made again and asked
 * once more.
 */
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
	if (answer === 'unknown') throw new Error('an object stays unknown after it was made')
	return answer
}
