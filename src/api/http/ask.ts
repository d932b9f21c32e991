/** Asking an instance's Durable Object. */
import type { InstanceContext } from './environment.ts'
import type { WatcherRpc } from '../../rpc/watcher.ts'
import type { Known } from '../../rpc/known.ts'
import type { Services } from '../../instances/services.ts'

/** Asks the instance's object. */
export async function ask<T extends object | null>(c: InstanceContext, question: (watcher: WatcherRpc) => Promise<Known<T>>): Promise<T> {
	return await askObject(c.var.services, c.var.instance.id, question)
}

/** Asks an object. One that knows nothing although its row is ready has lost its storage: it is made again and asked once more. */
export async function askObject<T>(
	services: Services,
	instanceId: number,
	question: (watcher: WatcherRpc) => Promise<Known<T>>,
): Promise<T> {
	const watcher = services.watcher(instanceId)
	let answer = await question(watcher)
	if (answer === 'unknown') {
		await watcher.create(instanceId)
		answer = await question(watcher)
	}
	if (answer === 'unknown') throw new Error('an object stays unknown after it was made')
	return answer
}
