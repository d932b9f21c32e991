/** Calls to an instance's Durable Object. */
import type { InstanceContext } from './environment.ts'
import type { ObjectRef } from '../../lib/incarnation.ts'
import type { WatcherRpc } from '../../rpc/watcher.ts'
import type { OrUnknown } from '../../rpc/known.ts'
import type { Services } from '../../instances/services.ts'

/** Calls the object of the request's instance. */
export async function callWatcher<T extends object | null>(
	c: InstanceContext,
	call: (watcher: WatcherRpc) => Promise<OrUnknown<T>>,
): Promise<T> {
	return await callWatcherOf(c.var.services, c.var.instance, call)
}

/** Calls an object. One that answers `unknown` although its row is ready has lost its storage: it is created again. */
export async function callWatcherOf<T>(
	services: Services,
	ref: ObjectRef,
	call: (watcher: WatcherRpc) => Promise<OrUnknown<T>>,
): Promise<T> {
	const watcher = services.watcher(ref)
	let answer = await call(watcher)
	if (answer === 'unknown') {
		await watcher.create(ref.id, ref.incarnation, { again: true })
		answer = await call(watcher)
	}
	if (answer === 'unknown') throw new Error('the Durable Object does not exist after its creation')
	return answer
}
