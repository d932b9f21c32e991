/** How the rest of Shopbell reaches an instance's Durable Object: by its id, and by this function only. */
import type { Env } from '../context.ts'
import type { WatcherRpc } from '../rpc/watcher.ts'

/** The object of an instance. Naming one brings nothing to life: only `create()` does (design, State). Callers have checked the instance's organization. */
export function watcherOf(env: Pick<Env, 'WATCHER'>, instanceId: number): WatcherRpc {
	// The platform's stub type wraps every answer anew and cannot follow unions such as `Known<T>`; the interface says the same in plain words.
	return env.WATCHER.getByName(String(instanceId))
}
