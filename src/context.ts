/** What this Worker has: its bindings and settings, each with one line of meaning. */
import type { WatcherRpc } from './rpc/watcher.ts'
import type { CallbackRpc } from './rpc/callback.ts'

/** A doorbell: "something is due at this instance"; never a body (docs/architecture.md, The way of a change). */
export interface Doorbell {
	version: 1
	instance: number
}

/** Bindings and settings, as wrangler.toml names them. */
export interface Env {
	/** D1: what is small and asked for across instances. */
	DB: D1Database
	/** One Durable Object per instance, by name: the instance id. */
	WATCHER: DurableObjectNamespace<WatcherRpc & Rpc.DurableObjectBranded>
	/**
	 * One Durable Object per organization and callback origin, by name: `<organization id> <origin>`. It is called only
	 * while a callback fails or has a rate.
	 */
	CALLBACK: DurableObjectNamespace<CallbackRpc & Rpc.DurableObjectBranded>
	/** Doorbells. */
	DOORBELLS: Queue<Doorbell>
	/** Secret: a ring `id:base64,…` of 32-byte keys: the first seals and derives, all open and verify. */
	MASTER_KEYS: string
	/** Secret: what `POST /setup` must present, once. */
	SETUP_TOKEN: string
	/** The address that stores and people reach, without trailing slash. */
	PUBLIC_URL: string
	/** `true` opens loopback and private addresses for local use. */
	ALLOW_PRIVATE_NETWORK: string
	/** Floor of every polling interval, seconds. */
	POLL_FLOOR_SECONDS: string
}

/**
 * The object of an instance. Naming one brings nothing to life: only `create()` does (docs/storage.md, The object of an
 * instance). Callers have checked the instance's organization.
 */
export function getWatcher(env: Pick<Env, 'WATCHER'>, instanceId: number): WatcherRpc {
	// The platform's stub type wraps every answer anew and cannot follow unions such as `Known<T>`; the interface says the
	// same in plain words.
	return env.WATCHER.getByName(String(instanceId))
}

/** The object of an organization's callback origin. */
export function getCallback(env: Pick<Env, 'CALLBACK'>, organizationId: number, origin: string): CallbackRpc {
	return env.CALLBACK.getByName(`${organizationId} ${origin}`)
}
