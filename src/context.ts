/** The bindings and settings of this Worker. */
import { toRefText, type ObjectRef } from './lib/incarnation.ts'
import type { WatcherRpc } from './rpc/watcher.ts'
import type { CallbackRpc } from './rpc/callback.ts'

/**
 * A queue message: a delivery of this instance is due. Never has content (docs/architecture.md, From change to
 * notification).
 */
export interface Doorbell {
	version: 1
	instance: number
	/** Of the instance; absent: its id as text, as earlier versions sent it. */
	incarnation?: string
}

/** Bindings and settings, as wrangler.toml names them. */
export interface Env {
	/** What is served without the Worker; it puts the guide's pages into their frame. */
	ASSETS: Fetcher
	/** D1: accounts, instances and data that is queried across them. */
	DB: D1Database
	/** One Durable Object per instance, by name: `<id>.<incarnation>`, the id alone for earlier instances. */
	WATCHER: DurableObjectNamespace<WatcherRpc & Rpc.DurableObjectBranded>
	/**
	 * One Durable Object per organization and callback origin, by name: `<organization's incarnation> <origin>`. Called
	 * only while a callback fails or has a rate.
	 */
	CALLBACK: DurableObjectNamespace<CallbackRpc & Rpc.DurableObjectBranded>
	/** Doorbells. */
	DOORBELLS: Queue<Doorbell>
	/** Secret: 32-byte keys as `id:base64,…`. The first seals and derives; all open and verify. */
	MASTER_KEYS: string
	/** Secret: the token that `POST /setup` requires, once. */
	SETUP_TOKEN: string
	/** Secret: the token of the backup calls; not set: there are none. */
	BACKUP_TOKEN?: string
	/** The public URL of this Shopbell, without trailing slash. */
	PUBLIC_URL: string
	/** `true` allows loopback and private addresses, for local use. */
	ALLOW_PRIVATE_NETWORK: string
	/**
	 * The DNS-over-HTTPS resolver (JSON) that names are resolved with before a request to a store or callback; '': names
	 * are not resolved.
	 */
	DNS_RESOLVER_URL?: string
	/** The shortest polling interval, seconds. */
	POLL_FLOOR_SECONDS: string
}

/**
 * The object of an instance. Getting the stub creates nothing; only `create()` does (docs/storage.md, The object of an
 * instance). Callers have checked the instance's organization.
 */
export function getWatcher(env: Pick<Env, 'WATCHER'>, ref: ObjectRef): WatcherRpc {
	// The platform's stub type cannot follow unions such as `OrUnknown<T>`.
	return env.WATCHER.getByName(toRefText(ref))
}

/** The object of a callback origin. `organization`: its incarnation. */
export function getCallbackObject(env: Pick<Env, 'CALLBACK'>, organization: string, origin: string): CallbackRpc {
	return env.CALLBACK.getByName(`${organization} ${origin}`)
}
