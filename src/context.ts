/** What this Worker has: its bindings and settings, each with one line of meaning. */
import type { Callback } from './delivery/callback.ts'
import type { Watcher } from './watcher/watcher.ts'

/** A doorbell: "something is due at this instance"; never a body (design, The way of a change, 5). */
export interface Doorbell {
	version: 1
	instance: number
}

/** Bindings and settings, as wrangler.toml names them. */
export interface Env {
	/** D1: what is small and asked for across instances. */
	DB: D1Database
	/** One Durable Object per instance, by name: the instance id. */
	WATCHER: DurableObjectNamespace<Watcher>
	/** One Durable Object per organization and callback origin, by name: `<organization id> <origin>`. It is called only while a callback fails or has a rate. */
	CALLBACK: DurableObjectNamespace<Callback>
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
